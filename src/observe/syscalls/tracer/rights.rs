//! Rights that a program would have got from its file and does not get traced (`execve(2)`,
//! `ptrace(2)`).

use std::ffi::CString;
use std::os::unix::fs::MetadataExt;

use nix::unistd::{getegid, geteuid};

use crate::sys::xattr;

/// What to say of the program that a process runs now: one sentence for each thing that it lacks.
/// Nothing where sockscope's own rights let it have them.
pub(super) fn missing(pid: i32) -> Vec<String> {
    let exe = format!("/proc/{pid}/exe");
    let Ok(file) = std::fs::metadata(&exe) else {
        return Vec::new();
    };
    if geteuid().is_root() {
        return Vec::new();
    }
    let has_capabilities = CString::new(exe)
        .is_ok_and(|exe| xattr::has(&exe, c"security.capability").unwrap_or(false));
    let group = libc::S_ISGID | libc::S_IXGRP;
    let lacks = [
        (
            file.mode() & libc::S_ISUID != 0 && file.uid() != geteuid().as_raw(),
            "it is a set-user-ID program: traced, it runs without its owner's rights (ptrace(2))",
        ),
        (
            file.mode() & group == group && file.gid() != getegid().as_raw(),
            "it is a set-group-ID program: traced, it runs without its group's rights (ptrace(2))",
        ),
        (
            has_capabilities,
            "its file has capabilities: traced, it runs without them (ptrace(2))",
        ),
    ];
    let told = lacks.into_iter().filter(|(lacks, _)| *lacks);
    told.map(|(_, text)| text.to_owned()).collect()
}
