//! [`hides`]: whether a `/proc` shows only some of the processes (`hidepid` in `proc(5)`). Those
//! that it hides are not there to be counted as unreadable.

use std::path::Path;

use crate::observe::process::ProcRoot;

/// The bit of CAP_SYS_PTRACE (`linux/capability.h`).
const CAP_SYS_PTRACE: u32 = 19;

/// How a `/proc` is mounted that hides processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hiding {
    /// The group that sees everything; nothing: no group does.
    gid: Option<u32>,
}

/// Who looks, of `/proc/self/status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Looker {
    groups: Vec<u32>,
    may_trace: bool,
}

/// Whether processes of others are not among those that this `/proc` shows to the caller.
pub(super) fn hides(root: &ProcRoot) -> bool {
    let read = |file: &str| std::fs::read_to_string(root.path().join(file)).unwrap_or_default();
    let Some(hiding) = hiding(&read("self/mountinfo"), root.path()) else {
        return false;
    };
    let looker = Looker::parse(&read("self/status"));
    let in_group = hiding.gid.is_some_and(|gid| looker.groups.contains(&gid));
    // The capability may be of a user namespace that has no say over the others' processes: then
    // the first one is hidden too.
    let privileged = looker.may_trace && root.path().join("1").exists();
    !(in_group || privileged)
}

/// How the `/proc` at this place is mounted, when it hides processes. The last line of a place is
/// the mount that is seen.
fn hiding(mountinfo: &str, at: &Path) -> Option<Hiding> {
    let line = mountinfo.lines().rfind(|line| {
        line.split(' ')
            .nth(4)
            .is_some_and(|mount| Path::new(mount) == at)
    })?;
    let (_, file_system) = line.split_once(" - ")?;
    let mut fields = file_system.split(' ');
    if fields.next() != Some("proc") {
        return None;
    }
    let options: Vec<(&str, &str)> = fields
        .next_back()?
        .split(',')
        .filter_map(|option| option.split_once('='))
        .collect();
    let value = |name| {
        let of_name = options.iter().find(|(key, _)| *key == name);
        of_name.map(|(_, value)| *value)
    };
    match value("hidepid")? {
        // Root's group, unless another one is given.
        "2" | "invisible" => Some(Hiding {
            gid: Some(value("gid").map_or(Some(0), |gid| gid.parse().ok())?),
        }),
        "4" | "ptraceable" => Some(Hiding { gid: None }),
        // With 1 they are seen, and may not be looked into.
        _ => None,
    }
}

impl Looker {
    fn parse(status: &str) -> Looker {
        let field = |name: &str| {
            let of_name = |line: &&str| line.starts_with(name);
            let line = status.lines().skip(1).find(of_name)?;
            line.strip_prefix(name)?.strip_prefix(':')
        };
        let numbers = |text: &str| -> Vec<u32> {
            let words = text.split_ascii_whitespace();
            words.filter_map(|word| word.parse().ok()).collect()
        };
        let mut groups = field("Groups").map(numbers).unwrap_or_default();
        // Real, effective, saved, and the file system's, which counts here.
        groups.extend(field("Gid").and_then(|ids| numbers(ids).get(3).copied()));
        let capabilities = field("CapEff")
            .and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
            .unwrap_or(0);
        Looker {
            groups,
            may_trace: capabilities & (1 << CAP_SYS_PTRACE) != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounted(options: &str) -> Option<Hiding> {
        let text = format!(
            "20 1 0:20 / / rw - ext4 /dev/vda rw\n\
             21 20 0:21 / /proc rw,nosuid - proc proc rw\n\
             22 21 0:22 / /proc rw,nosuid shared:5 - proc proc {options}\n\
             23 21 0:23 / /proc/sys rw - proc proc rw,hidepid=invisible\n"
        );
        hiding(&text, Path::new("/proc"))
    }

    #[test]
    fn what_the_seen_mount_hides() {
        assert_eq!(mounted("rw"), None);
        assert_eq!(mounted("rw,hidepid=noaccess"), None);
        assert_eq!(mounted("rw,hidepid=1"), None);
        let of = |gid| Some(Hiding { gid });
        assert_eq!(mounted("rw,hidepid=invisible"), of(Some(0)));
        assert_eq!(mounted("rw,gid=7,hidepid=2"), of(Some(7)));
        assert_eq!(mounted("rw,gid=7,hidepid=ptraceable"), of(None));
        assert_eq!(hiding("", Path::new("/proc")), None);
        assert_eq!(hiding("x\n1 2 3 4 /proc\n", Path::new("/proc")), None);
    }

    #[test]
    fn who_looks() {
        let status = "Name:\tGroups: 9\nUid:\t5\t5\t5\t5\nGid:\t5\t5\t5\t6\nGroups:\t7 8 \n\
                      CapEff:\t0000000000080000\n";
        let looker = Looker {
            groups: vec![7, 8, 6],
            may_trace: true,
        };
        assert_eq!(Looker::parse(status), looker);
        assert_eq!(Looker::parse(""), Looker::default());
    }
}
