//! What a network namespace counts: `/proc/PID/net/snmp` and `/proc/PID/net/netstat`
//! (`proc_pid_net(5)`): a line of names, a line of numbers.

use crate::diagnose::growth::Counters;
use crate::observe::process::ProcRoot;

/// Reads what the namespace of a process counts; the calling thread's own without one. Nothing
/// where it cannot be read.
pub(super) fn read(root: &ProcRoot, pid: Option<i32>) -> Option<Counters> {
    let process = pid.map_or_else(|| "thread-self".to_owned(), |pid| pid.to_string());
    let net = root.path().join(process).join("net");
    let snmp = std::fs::read_to_string(net.join("snmp")).ok()?;
    let netstat = std::fs::read_to_string(net.join("netstat")).ok()?;
    parse(&snmp, &netstat)
}

fn parse(snmp: &str, netstat: &str) -> Option<Counters> {
    Some(Counters {
        resets: counter(snmp, "Tcp", "EstabResets")?,
        refused: counter(snmp, "Tcp", "AttemptFails")?,
        timeouts: counter(netstat, "TcpExt", "TCPAbortOnTimeout")?,
        resets_sent: counter(snmp, "Tcp", "OutRsts")?,
        overflows: counter(netstat, "TcpExt", "ListenOverflows")?,
        drops: counter(netstat, "TcpExt", "ListenDrops")?,
    })
}

fn counter(text: &str, group: &str, name: &str) -> Option<u64> {
    let of_group = |line: &&str| {
        line.split_once(':')
            .is_some_and(|(before, _)| before == group)
    };
    let mut lines = text.lines().filter(of_group);
    let (names, numbers) = (lines.next()?, lines.next()?);
    let at = names
        .split_ascii_whitespace()
        .position(|word| word == name)?;
    numbers.split_ascii_whitespace().nth(at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_names() {
        let snmp =
            "Ip: A B\nIp: 1 2\nTcp: MaxConn AttemptFails EstabResets OutRsts\nTcp: -1 3 4 5\n";
        let netstat = "TcpExt: ListenOverflows X ListenDrops TCPAbortOnTimeout\nTcpExt: 6 0 7 8\n";
        assert_eq!(
            parse(snmp, netstat),
            Some(Counters {
                resets: 4,
                refused: 3,
                timeouts: 8,
                resets_sent: 5,
                overflows: 6,
                drops: 7,
            })
        );
    }

    #[test]
    fn what_is_not_there_is_not_zero() {
        assert_eq!(parse("", ""), None);
        assert_eq!(parse("Tcp: EstabResets\n", "TcpExt:"), None);
        assert_eq!(counter("Tcp: A\nTcp: x\n", "Tcp", "A"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(snmp in ".*", netstat in ".*") {
            let _ = parse(&snmp, &netstat);
        }
    }
}
