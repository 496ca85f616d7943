//! [`Stirrings`]: whether anything can have happened to the sockets of a namespace, by counters
//! that cost microseconds where a dump costs milliseconds.
//!
//! A TCP socket changes its state when a segment comes or goes, when somebody opens or closes
//! one, or when the kernel removes its remains. Each of these moves a number in
//! `/proc/net/snmp` or `/proc/net/sockstat` (`proc_pid_net(5)`).

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// Larger than the files are.
const LARGEST: u64 = 64 * 1024;

/// A namespace's counters.
#[derive(Debug)]
pub(super) struct Stirrings {
    /// Nothing: what is watched changes without them.
    net: Option<PathBuf>,
    last: Option<String>,
}

impl Stirrings {
    /// Those in this folder: `/proc/PID/net`.
    pub(super) fn of(net: PathBuf) -> Stirrings {
        let net = Some(net);
        Stirrings { net, last: None }
    }

    /// Something may always have happened: queues change without any of them.
    pub(super) fn always() -> Stirrings {
        Stirrings {
            net: None,
            last: None,
        }
    }

    /// Whether anything can have happened since the last call. Yes, where nobody can tell.
    pub(super) fn any(&mut self) -> bool {
        let now = self.read();
        let quiet = now.is_some() && now == self.last;
        self.last = now;
        !quiet
    }

    fn read(&self) -> Option<String> {
        let mut numbers = String::new();
        for name in ["snmp", "sockstat", "sockstat6"] {
            let mut text = String::new();
            match File::open(self.net.as_ref()?.join(name)) {
                Ok(file) => file.take(LARGEST).read_to_string(&mut text).ok()?,
                // No IPv6 here.
                Err(_) if name == "sockstat6" => continue,
                Err(_) => return None,
            };
            numbers.push_str(&telling(&text));
        }
        Some(numbers)
    }
}

/// The numbers of TCP in these files; how much memory it takes is none of them.
fn telling(text: &str) -> String {
    let mut telling = String::new();
    for line in text.lines() {
        if let Some(segments) = line.strip_prefix("Tcp: ") {
            telling.push_str(segments);
        } else if let Some(sockets) = line.strip_prefix("TCP: ") {
            // inuse 5 orphan 0 tw 2 alloc 7 mem 1: what is open, and in TIME_WAIT.
            let words: Vec<&str> = sockets.split(' ').collect();
            for pair in words
                .chunks(2)
                .filter(|pair| ["inuse", "tw"].contains(&pair[0]))
            {
                telling.push_str(&pair.join(" "));
            }
        } else if let Some(sockets) = line.strip_prefix("TCP6: ") {
            telling.push_str(sockets);
        }
    }
    telling
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn only_what_sockets_do_counts() {
        let text =
            "sockets: used 9\nTCP: inuse 5 orphan 0 tw 2 alloc 7 mem 1\nUDP: inuse 3 mem 0\n";
        assert_eq!(telling(text), "inuse 5tw 2");
        let text = "Udp: InDatagrams\nUdp: 7\nTcp: InSegs OutSegs\nTcp: 4 5\nTCP6: inuse 1\n";
        assert_eq!(telling(text), "InSegs OutSegs4 5inuse 1");
    }

    #[test]
    fn a_listener_stirs() {
        let mut stirrings = Stirrings::of("/proc/self/net".into());
        assert!(stirrings.any(), "nobody has looked before");
        let _listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        assert!(stirrings.any());
        let mut nowhere = Stirrings::of("/nowhere".into());
        assert!(nowhere.any() && nowhere.any());
    }
}
