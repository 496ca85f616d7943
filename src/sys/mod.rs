//! The only unsafe code: system calls that no safe crate wraps.
//!
//! Each file wraps one thing of the kernel's and is safe to call.

#![expect(unsafe_code, reason = "the only place for it")]

pub mod pidfd;
