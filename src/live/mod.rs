//! `ls`, `watch` and `why`: the observers on programs that already run.
//!
//! | file | what it is for |
//! |---|---|
//! | [`filter`] | which sockets somebody means |
//! | [`socket`] | a socket of the machine, its holders, why nobody holds it |
//! | [`inventory`] | all sockets of a namespace, filtered by the kernel |
//! | [`netns`] | the namespaces whose sockets are looked at |
//! | [`owners`] | who holds which socket |
//! | [`listing`] | the join of sockets and holders: what `ls` shows |
//! | [`sort`] | in which order |
//! | [`names`] | words for numbers |
//! | [`watch`] | what changes, by kernel events or by sampling |
//! | [`why`] | what is wrong, and who has to do what |

pub mod filter;
pub mod inventory;
pub mod listing;
pub mod names;
pub mod netns;
pub mod owners;
pub mod socket;
pub mod sort;
pub mod watch;
pub mod why;
