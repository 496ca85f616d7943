//! Who holds which socket: a walk over the descriptors of every process.
//!
//! No interface of the kernel's counts the holders of a socket, so that the walk for one socket
//! goes as far as that for all: a shared socket may have one more holder in the last process.
//! Only a filter by pid bounds it.
//!
//! | file | what it is for |
//! |---|---|
//! | `directory` | one process: its descriptors, its name, by a directory that is kept open |
//! | `hiding` | whether `/proc` shows them all |
//! | `walk` | all of them, on several threads |
//! | [`copies`] | the sockets of few processes, asked for one by one |

pub mod copies;
mod directory;
mod hiding;
pub mod walk;

pub use walk::{Unread, Walk, Wanted, walk};
