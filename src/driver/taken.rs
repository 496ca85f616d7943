//! Who has the port that a program of the scenario could not have.

use crate::event::{CallResult, Kind};
use crate::model::ProcessName;
use crate::observe::inventory::{Listening, who_listens};
use crate::observe::process::ProcRoot;
use crate::timeline::Timeline;

/// What programs of every language print of EADDRINUSE (`strerror(3)`).
const IN_USE: &str = "address already in use";

/// When a program found a port taken during a step: who listens there, in words. On the machine's
/// own network only: in a lab every other program is on the timeline.
pub(super) fn explain(timeline: &Timeline, step: usize) -> Option<String> {
    let mut ports: Vec<u16> = timeline
        .events_in(step)
        .flat_map(|(_, event)| match &event.kind {
            Kind::Called { call, .. } if call.result == CallResult::Errno(libc::EADDRINUSE) => {
                port_of(&call.args).into_iter().collect()
            }
            Kind::Output { process, text, .. } if text.to_lowercase().contains(IN_USE) => {
                ports_of_command(timeline, process)
            }
            _ => Vec::new(),
        })
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports.into_iter().find_map(|port| {
        let words = match who_listens(&ProcRoot::default(), port) {
            Ok(listening) => words(&listening)?,
            Err(error) => format!("who listens there cannot be told: {error}"),
        };
        Some(format!("port {port} is taken: {words}"))
    })
}

/// The port at the end of `3, [::]:9190`, or of a word of a command line.
fn port_of(text: &str) -> Option<u16> {
    let digits = text.rsplit(':').next()?;
    digits.parse().ok().filter(|port| *port != 0)
}

fn ports_of_command(timeline: &Timeline, process: &ProcessName) -> Vec<u16> {
    let command = timeline.command_of(&process.program());
    let words = command.into_iter().flatten();
    words.filter_map(|word| port_of(word)).collect()
}

/// `127.0.0.1:9190 is listened on by nc (pid 123)`; nothing when nobody listens any more.
fn words(listening: &Listening) -> Option<String> {
    let listener = listening.listeners.first()?;
    let processes: Vec<String> = listener
        .processes
        .iter()
        .map(|process| format!("{} (pid {})", process.comm, process.pid))
        .collect();
    let who = match (processes.is_empty(), listening.unreadable) {
        (false, _) => processes.join(" and "),
        (true, 0) => format!("no process any more (its user was {})", listener.uid),
        (true, _) => format!(
            "a process of user {}, whose descriptors only that user and root may read",
            listener.uid
        ),
    };
    Some(format!("{} is listened on by {who}", listener.address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::inventory::{Listener, ListeningProcess};

    #[test]
    fn ports_are_read_from_calls_and_commands() {
        assert_eq!(port_of("3, [::]:9190"), Some(9190));
        assert_eq!(port_of("9190"), Some(9190));
        assert_eq!(port_of("./server"), None);
        assert_eq!(port_of("0"), None);
    }

    #[test]
    fn unknown_owners_are_not_called_none() {
        let listener = Listener {
            address: ([127, 0, 0, 1], 80).into(),
            uid: 33,
            processes: Vec::new(),
        };
        let mut listening = Listening {
            listeners: vec![listener],
            unreadable: 1,
        };
        let text = words(&listening).expect("somebody listens");
        assert!(text.contains("a process of user 33"), "{text}");
        listening.listeners[0].processes.push(ListeningProcess {
            pid: 7,
            comm: "nginx".into(),
        });
        assert_eq!(
            words(&listening).as_deref(),
            Some("127.0.0.1:80 is listened on by nginx (pid 7)")
        );
        listening.listeners.clear();
        assert_eq!(words(&listening), None);
    }
}
