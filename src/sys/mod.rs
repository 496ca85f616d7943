//! The only unsafe code: system calls that no safe crate wraps.
//!
//! Each file wraps one thing of the kernel's and is safe to call.

#![expect(unsafe_code, reason = "the only place for it")]

pub mod accept;
pub mod fdpass;
pub mod fork;
pub mod inherit;
pub mod pidfd;
pub mod prctl;
pub mod sigchld;
pub mod signals;
pub mod spawn;
pub mod tun;
pub mod wait;
