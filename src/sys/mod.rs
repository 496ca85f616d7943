//! The only unsafe code: system calls that no safe crate wraps.
//!
//! Each file wraps one thing of the kernel's and is safe to call.

#![expect(unsafe_code, reason = "the only place for it")]

pub(crate) mod accept;
pub mod batch;
pub(crate) mod before_main;
pub mod clock;
pub mod entries;
pub mod fdpass;
pub(crate) mod fork;
pub(crate) mod inherit;
pub mod kcmp;
pub mod link;
pub mod mounting;
pub mod perf;
pub mod pidfd;
pub(crate) mod place;
pub(crate) mod ptrace;
pub(crate) mod seccomp;
pub(crate) mod sigchld;
pub(crate) mod signals;
pub mod spawn;
pub(crate) mod tcp;
pub mod tun;
pub(crate) mod wait;
pub(crate) mod xattr;
