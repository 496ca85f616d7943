//! The packets of a run as a pcapng file, for Wireshark and tshark.
//!
//! Each packet is in it once, when it left its host and on the interface that has the host's name,
//! as a sniffer beside the sender would have it. A second copy at the receiver's end would be read
//! as a retransmission. What became of the packet is in its comments: which states changed by it,
//! at both ends; that it never arrived, and why. Housekeeping of the hosts (neighbours, routers)
//! is left out, as in all reports.

mod block;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use block::{Item, Section, comment};

use super::text::visible;
use crate::event::{Cause, Kind, PacketId, WIRE};
use crate::model::{TcpState, millis};
use crate::run::{Capture, Run};
use crate::timeline::{PacketFate, Timeline};

/// A packet that arrives later than this was kept back on purpose, and a comment says how long.
const LATER: Duration = Duration::from_millis(10);

/// The packets of runs, one run behind the other. The interfaces of several have the scenario's
/// name before the host's: `normal-close client`.
pub fn render(runs: &[(&Run, &Capture)]) -> Vec<u8> {
    let about: Vec<String> = runs.iter().map(|(run, _)| title(run)).collect();
    let kernel = runs.first().map_or("", |(run, _)| &run.header.kernel);
    let mut section = Section::new(
        comment(&about.join("\n")),
        &format!("Linux {kernel}"),
        concat!("sockscope ", env!("CARGO_PKG_VERSION")),
    );
    let mut parts = Vec::new();
    for (run, capture) in runs {
        let senders = senders(run);
        let first = parts.iter().map(|part: &Part<'_>| part.senders.len()).sum();
        for host in &senders {
            let name = match runs {
                [_] => (*host).to_owned(),
                _ => format!("{} {host}", visible(&run.header.scenario)),
            };
            let description = match *host {
                WIRE => "messages of the wire itself".to_owned(),
                host => format!("what host {host} sends"),
            };
            section.interface(&name, &description);
        }
        parts.push(Part {
            run,
            capture,
            senders,
            first,
        });
    }
    for part in &parts {
        part.packets(&mut section);
    }
    for part in &parts {
        part.statistics(&mut section);
    }
    section.finish()
}

fn title(run: &Run) -> String {
    let (name, title) = (visible(&run.header.scenario), visible(&run.header.title));
    format!("{name}: {title} ({})", run.outcome().word())
}

/// The hosts, and the wire where it sent something itself.
fn senders(run: &Run) -> Vec<&str> {
    let mut senders: Vec<&str> = run.header.hosts.iter().map(|host| host.as_str()).collect();
    if sent_by(&run.timeline, WIRE).next().is_some() {
        senders.push(WIRE);
    }
    senders
}

fn sent_by<'a>(timeline: &'a Timeline, host: &str) -> impl Iterator<Item = &'a PacketFate> {
    let packets = timeline.packets().iter();
    packets.filter(move |fate| fate.packet.from.as_str() == host)
}

/// One run in the file.
struct Part<'a> {
    run: &'a Run,
    capture: &'a Capture,
    senders: Vec<&'a str>,
    /// The number of its first interface in the file.
    first: usize,
}

impl Part<'_> {
    fn packets(&self, section: &mut Section) {
        let timeline = &self.run.timeline;
        let mut step = None;
        for fate in timeline.packets() {
            let sender = fate.packet.from.as_str();
            let interface = self.senders.iter().position(|host| *host == sender);
            let bytes = self.capture.packets.get(&fate.packet.id);
            let (Some(interface), Some(bytes)) = (interface, bytes) else {
                continue;
            };
            let mut comments = Vec::new();
            if step.replace(fate.step) != Some(fate.step) {
                comments.push(comment(&self.step(fate.step)));
            }
            comments.extend(changes(timeline, fate.packet.id));
            comments.extend(end(timeline, fate));
            let since = timeline
                .events()
                .get(fate.sent)
                .map_or(Duration::ZERO, |e| e.at);
            let id = u64::from(fate.packet.id.0);
            let at = nanoseconds(self.capture.began + since);
            section.packet(self.interface(interface), at, id, bytes, comments);
        }
    }

    fn statistics(&self, section: &mut Section) {
        let began = self.capture.began;
        let over = (nanoseconds(began), nanoseconds(began + self.run.took));
        for (index, host) in self.senders.iter().enumerate() {
            let sent = || sent_by(&self.run.timeline, host);
            let dropped = sent().filter(|fate| fate.dropped.is_some()).count();
            let (sent, dropped) = (sent().count() as u64, dropped as u64);
            section.statistics(self.interface(index), over, sent, dropped);
        }
    }

    /// The number of the interface of the `index`th sender.
    fn interface(&self, index: usize) -> u32 {
        u32::try_from(self.first + index).unwrap_or(u32::MAX)
    }

    fn step(&self, index: usize) -> String {
        match self.run.steps.get(index).map(|step| step.text.as_str()) {
            None | Some("") => format!("step {}", index + 1),
            Some(text) => format!("step {}: {}", index + 1, visible(text)),
        }
    }
}

/// The changes of state that leaving and arriving caused: `client.conn ESTABLISHED → FIN_WAIT1`.
fn changes(timeline: &Timeline, id: PacketId) -> Option<Item> {
    let mut found = Vec::new();
    for endpoint in timeline.endpoints() {
        let mut before: Option<TcpState> = None;
        for change in &endpoint.history {
            let caused =
                matches!(change.cause, Some(Cause::Sent(by) | Cause::Received(by)) if by == id);
            if caused && before != Some(change.state) {
                let (name, state) = (&endpoint.name, change.state);
                let words = match before {
                    Some(before) => format!("{name} {before} → {state}"),
                    None => format!("{name} {state}"),
                };
                found.push((change.event, words));
            }
            before = Some(change.state);
        }
    }
    found.sort();
    let words: Vec<String> = found.into_iter().map(|(_, words)| words).collect();
    (!words.is_empty()).then(|| comment(&words.join("; ")))
}

/// What is to be said of a packet that did not simply arrive.
fn end(timeline: &Timeline, fate: &PacketFate) -> Option<Item> {
    let event = |index: usize| timeline.events().get(index);
    let words = match (fate.delivered, fate.dropped) {
        (Some(delivered), _) => {
            let late = event(delivered)?.at.saturating_sub(event(fate.sent)?.at);
            if late < LATER {
                return None;
            }
            format!("arrived {} ms later", millis(late))
        }
        (None, Some(dropped)) => match &event(dropped)?.kind {
            Kind::Dropped { why, .. } => format!("never arrived: {}", visible(why)),
            _ => "never arrived".to_owned(),
        },
        (None, None) => "still on the wire when the run ended".to_owned(),
    };
    Some(comment(&words))
}

fn nanoseconds(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
