//! What asks the kernel: the observers' building blocks.
//!
//! | file | asks | of |
//! |---|---|---|
//! | [`inet_diag`] | nobody: bytes in and out | the INET_DIAG protocol |
//! | [`diag`] | `sock_diag(7)` | sockets: exact, or all |
//! | [`process`] | `/proc/PID` | processes |
//! | [`descriptors`] | `/proc/PID/fd` | which descriptors are sockets |
//! | [`holders`] | [`descriptors`] | who has a socket open |
//! | [`processes`] | the above | the processes of a run, as events |
//! | [`sockets`] | the above | the sockets of a run, as events |
//! | [`inventory`] | netstat2 | all TCP sockets of a host |
//! | [`tracepoints`] | tracefs, perf rings | what the kernel itself records |
//!
//! They answer with plain values of [`crate::model`]. Something that vanished is no error;
//! something that could not be read is never reported as absent.

pub mod descriptors;
pub mod diag;
pub mod holders;
pub mod inet_diag;
pub mod inventory;
pub mod process;
pub mod processes;
pub mod sockets;
mod stat;
pub mod syscalls;
pub mod tracepoints;
