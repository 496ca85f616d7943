//! What `/proc` says of a process beyond its name: state, signals, where it waits, the flags of
//! its descriptors.

use std::fs;

use crate::model::ProcState;
use crate::observe::process::{ProcRoot, ProcessWatch, SignalMasks};

/// `O_CLOEXEC` in the octal `flags` of `/proc/PID/fdinfo/FD` (`proc_pid_fdinfo(5)`).
const O_CLOEXEC: u32 = 0o2_000_000;

/// What a process is and does.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) ppid: i32,
    pub(super) start_ticks: u64,
    pub(super) state: Option<ProcState>,
    pub(super) zombie: bool,
    pub(super) signals: Option<SignalMasks>,
    pub(super) waits_in: Option<String>,
    pub(super) executes: Option<String>,
}

/// Nothing when it is gone; what may not be read is not known.
pub(super) fn known(root: &ProcRoot, pid: i32) -> Option<Known> {
    let watch = ProcessWatch::open(root, pid).ok()??;
    let stat = watch.stat().ok()??;
    Some(Known {
        ppid: stat.ppid,
        start_ticks: stat.start_ticks,
        state: Some(stat.state),
        zombie: stat.state == ProcState::Zombie && stat.threads <= 1,
        signals: watch.signals().ok().flatten(),
        waits_in: waits_in(root, pid),
        executes: executes(root, pid),
        name: stat.comm,
    })
}

/// `/proc/PID/wchan`: `0` where it runs or where one may not know.
fn waits_in(root: &ProcRoot, pid: i32) -> Option<String> {
    let path = root.path().join(pid.to_string()).join("wchan");
    let name = fs::read_to_string(path).ok()?;
    let symbol = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    (symbol && !name.is_empty() && name != "0").then_some(name)
}

/// The file that a process executes (`/proc/PID/exe`), where that may be read.
fn executes(root: &ProcRoot, pid: i32) -> Option<String> {
    let file = fs::read_link(root.path().join(pid.to_string()).join("exe")).ok()?;
    Some(file.to_string_lossy().into_owned())
}

/// The children of a process that ended and were not waited for.
pub(super) fn zombie_children(root: &ProcRoot, pid: i32) -> Vec<i32> {
    let children = || ProcessWatch::open(root, pid).ok()??.children().ok();
    let children = children().unwrap_or_default();
    let is_zombie = |child: &i32| known(root, *child).is_some_and(|known| known.zombie);
    children.into_iter().filter(is_zombie).collect()
}

/// Whether a descriptor is closed by `execve(2)`. Nothing where it may not be read.
pub(super) fn close_on_exec(root: &ProcRoot, pid: i32, fd: i32) -> Option<bool> {
    let path = root.path().join(format!("{pid}/fdinfo/{fd}"));
    flag(&fs::read_to_string(path).ok()?)
}

fn flag(fdinfo: &str) -> Option<bool> {
    let flags = fdinfo
        .lines()
        .find_map(|line| line.strip_prefix("flags:"))?;
    let flags = u32::from_str_radix(flags.trim(), 8).ok()?;
    Some(flags & O_CLOEXEC != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_of_close_on_exec() {
        assert_eq!(flag("pos:\t0\nflags:\t02000002\nmnt_id:\t9\n"), Some(true));
        assert_eq!(flag("pos:\t0\nflags:\t02\n"), Some(false));
        assert_eq!(flag("pos:\t0\n"), None);
        assert_eq!(flag("flags:\tx\n"), None);
    }
}
