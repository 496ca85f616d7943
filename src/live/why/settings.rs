//! What the kernel is set to (`sysctl(8)`), of the network namespace in which sockscope runs.

use crate::diagnose::picture::Settings;
use crate::observe::process::ProcRoot;

/// Reads it; what is not there, or not readable, is not known.
pub(super) fn read(root: &ProcRoot) -> Settings {
    let text = |name: &str| {
        let path = root.path().join("sys/net/ipv4").join(name);
        std::fs::read_to_string(path).ok()
    };
    let number = |name: &str| text(name)?.trim().parse().ok();
    Settings {
        syn_retries: number("tcp_syn_retries"),
        syn_linear: number("tcp_syn_linear_timeouts"),
        ephemeral: text("ip_local_port_range").as_deref().and_then(range),
    }
}

/// Whether the kernel tells of sockets that are bound and neither listen nor connect, as it does
/// since Linux 6.8.
pub(super) fn tells_of_bound(root: &ProcRoot) -> bool {
    let release = std::fs::read_to_string(root.path().join("sys/kernel/osrelease"));
    release.is_ok_and(|release| version(&release) >= Some((6, 8)))
}

/// `6.8.0-31-generic`
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Two numbers with white space between them.
fn range(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_ascii_whitespace();
    let both = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    numbers.next().is_none().then_some(both)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = ProcRoot::at(folder.path());
        assert_eq!(read(&root), Settings::default());
        let ipv4 = folder.path().join("sys/net/ipv4");
        std::fs::create_dir_all(&ipv4).expect("folders");
        std::fs::write(ipv4.join("tcp_syn_retries"), "6\n").expect("written");
        std::fs::write(ipv4.join("ip_local_port_range"), "1024\t65000\n").expect("written");
        assert_eq!(
            read(&root),
            Settings {
                syn_retries: Some(6),
                syn_linear: None,
                ephemeral: Some((1024, 65_000)),
            }
        );
    }

    #[test]
    fn a_release_is_a_version() {
        assert_eq!(version("6.8.0-31-generic\n"), Some((6, 8)));
        assert_eq!(version("5.15.0"), Some((5, 15)));
        assert!(version("6.18-rc1") >= Some((6, 8)));
        assert_eq!(version("x"), None);
        assert_eq!(version("6"), None);
    }

    #[test]
    fn a_range_has_two_numbers() {
        assert_eq!(range("1 2"), Some((1, 2)));
        assert_eq!(range("1"), None);
        assert_eq!(range("1 2 3"), None);
        assert_eq!(range("1 x"), None);
    }
}
