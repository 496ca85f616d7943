//! The kernel's interfaces that safe Rust cannot reach. Every function here is safe to call.

#![expect(unsafe_code, reason = "the only place for it")]

pub(crate) mod accept;
pub(crate) mod fork;
pub(crate) mod inherit;
pub(crate) mod sigchld;
pub(crate) mod signals;
pub(crate) mod wait;
