//! Every event of a run in a table, with filters by host, process, kind and text.

use std::collections::{BTreeSet, HashMap};

use maud::{Markup, html};

use super::head::observer;
use crate::event::{Cause, Event, Kind, Packet, PacketId, SocketKey};
use crate::model::millis;
use crate::report::arrow::{LabelDetail, packet_label};
use crate::report::datagram;
use crate::report::rows;
use crate::report::svg::measure::legible;
use crate::report::text::{count, escape, visible};
use crate::run::{Run, Verdict};

/// A text longer than this is folded away, in characters.
const LONG: usize = 400;

/// The packets of a run by their numbers: a run may have very many.
type Packets<'a> = HashMap<PacketId, &'a Packet>;

/// One row of the table.
struct Row {
    at: String,
    step: usize,
    source: &'static str,
    /// The hosts and the processes or endpoints that it is about: of a packet both its ends.
    hosts: Vec<String>,
    who: Vec<String>,
    kind: &'static str,
    text: String,
    /// A failed expectation points here.
    pointed: bool,
}

/// The table and its filters; nothing when nothing happened.
pub(super) fn section(run: &Run, id: &str, name: &str) -> Option<Markup> {
    let events = run.timeline.events();
    let mut told = rows::words(run).into_iter();
    let packets = run.timeline.packets().iter();
    let packets: Packets = packets.map(|fate| (fate.packet.id, &fate.packet)).collect();
    let failed: BTreeSet<usize> = run
        .checks()
        .filter_map(|(_, check)| match &check.verdict {
            Verdict::Fail(mismatch) => Some(&mismatch.events),
            _ => None,
        })
        .flatten()
        .copied()
        .collect();
    let rows: Vec<Row> = events
        .iter()
        .enumerate()
        .map(|(index, event)| Row {
            pointed: failed.contains(&index),
            ..row(run, &packets, event, told.next().flatten())
        })
        .collect();
    let values = |of: fn(&Row) -> &[String]| -> BTreeSet<&str> {
        rows.iter()
            .flat_map(of)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
            .collect()
    };
    (!rows.is_empty()).then(|| {
        html! {
            form class="filters" hidden="" role="search" aria-label=(format!("Filter the events of {name}"))
                data-filters=(format!("{id}-table")) {
                (choice("host", "Host", &values(|row| &row.hosts), id))
                (choice("who", "Process or endpoint", &values(|row| &row.who), id))
                (choice("kind", "Kind", &rows.iter().map(|row| row.kind).collect(), id))
                label for=(format!("{id}-text")) { "Text"
                    input id=(format!("{id}-text")) type="search" name="text" autocomplete="off";
                }
                button type="reset" { "Show all" }
                p role="status" aria-live="polite" { (count(rows.len(), "event")) }
            }
            div class="wide" tabindex="0" role="group" aria-label="Events, can be scrolled" {
                table id=(format!("{id}-table")) {
                    caption {
                        span data-count="" { "All " (count(rows.len(), "event")) } " in order; times in milliseconds since the run began"
                    }
                    thead {
                        tr {
                            @for title in ["ms", "Step", "Host", "Process or endpoint", "Kind", "What happened", "Seen by"] {
                                th scope="col" { (title) }
                            }
                        }
                    }
                    tbody {
                        @for (at, row) in rows.iter().enumerate() { (draw(row, at, id)) "\n" }
                    }
                }
            }
        }
    })
}

fn choice(name: &str, title: &str, values: &BTreeSet<&str>, id: &str) -> Markup {
    let id = format!("{id}-{name}");
    html! {
        label for=(id) { (title)
            select id=(id) name=(name) {
                option value="" { "all" }
                @for value in values { option value=(value) { (value) } }
            }
        }
    }
}

fn draw(row: &Row, at: usize, id: &str) -> Markup {
    // One that is linked from a failure has a name.
    let name = row.pointed.then(|| format!("{id}-event-{at}"));
    html! {
        tr id=[name] class=[row.pointed.then_some("pointed")] data-host=(row.hosts.join("\n"))
            data-who=(row.who.join("\n")) data-kind=(row.kind) {
            td class="number" { (row.at) }
            td class="number" { (row.step) }
            td { (row.hosts.join(" → ")) }
            td { (row.who.join(" → ")) }
            td { (row.kind) }
            td class="what" {
                @if row.pointed { b { "a failed expectation points here: " } }
                @if row.text.chars().count() > LONG {
                    details {
                        summary { (row.text.chars().take(80).collect::<String>()) "…" }
                        div { (row.text) }
                    }
                } @else { (row.text) }
            }
            td { (row.source) }
        }
    }
}

fn row(run: &Run, packets: &Packets, event: &Event, told: Option<String>) -> Row {
    let (kind, who) = subject(run, packets, &event.kind);
    let shown = |names: Vec<String>| -> Vec<String> {
        let names = names.into_iter().filter(|name| !name.is_empty());
        names.map(|name| legible(&escape(&name))).collect()
    };
    Row {
        at: millis(event.at),
        step: event.step + 1,
        source: observer(event.source),
        hosts: shown(hosts(run, packets, &event.kind)),
        who: shown(who),
        kind,
        text: legible(&words(run, event, told)),
        pointed: false,
    }
}

/// What kind of event it is, and the processes or endpoints that it is about.
fn subject(run: &Run, packets: &Packets, kind: &Kind) -> (&'static str, Vec<String>) {
    let endpoint = |key: &SocketKey| {
        let endpoint = run.timeline.endpoint_by_key(*key);
        endpoint.map(|e| e.name.to_string()).into_iter().collect()
    };
    match kind {
        Kind::StepBegan => ("step", Vec::new()),
        Kind::Acted { .. } => ("action", Vec::new()),
        Kind::Quiet => ("quiet", Vec::new()),
        Kind::Spawned { process, .. }
        | Kind::Forked { process, .. }
        | Kind::ProcessState { process, .. }
        | Kind::Exited { process, .. }
        | Kind::Reaped { process, .. }
        | Kind::Adopted { process, .. }
        | Kind::Renamed { process, .. }
        | Kind::Executed { process, .. } => ("process", vec![process.to_string()]),
        Kind::Signal { process, .. } => ("signal", vec![process.to_string()]),
        Kind::Output { process, .. } => ("output", vec![process.to_string()]),
        Kind::Called { process, .. } => ("call", vec![process.to_string()]),
        Kind::Socket { key, .. } => ("state", endpoint(key)),
        Kind::Datagram { key, .. } => ("socket", endpoint(key)),
        Kind::Gauges { key, .. } => ("gauges", endpoint(key)),
        Kind::Holders { key, .. } => ("holders", endpoint(key)),
        Kind::Told { key, .. } => ("segment", key.as_ref().map_or_else(Vec::new, endpoint)),
        Kind::Sent(_) | Kind::Delivered { .. } | Kind::Held { .. } | Kind::Dropped { .. } => {
            let ends = packet(packets, kind).map(|packet| run.timeline.ends(packet));
            let ends = ends.into_iter().flatten().flatten();
            ("segment", ends.map(|e| e.name.to_string()).collect())
        }
        Kind::Note { .. } => ("note", Vec::new()),
        Kind::Gap { .. } => ("gap", Vec::new()),
    }
}

/// The packet that an event is about.
fn packet<'a>(packets: &Packets<'a>, kind: &'a Kind) -> Option<&'a Packet> {
    match kind {
        Kind::Sent(packet) => Some(packet),
        Kind::Delivered { packet } | Kind::Held { packet } | Kind::Dropped { packet, .. } => {
            packets.get(packet).copied()
        }
        _ => None,
    }
}

fn hosts(run: &Run, packets: &Packets, kind: &Kind) -> Vec<String> {
    let of_process = |name| {
        let process = run.timeline.process(name);
        process.map(|p| p.host.to_string()).into_iter().collect()
    };
    match kind {
        Kind::Spawned { host, .. } | Kind::Socket { host, .. } | Kind::Datagram { host, .. } => {
            vec![host.to_string()]
        }
        Kind::Forked { process, .. }
        | Kind::ProcessState { process, .. }
        | Kind::Exited { process, .. }
        | Kind::Reaped { process, .. }
        | Kind::Adopted { process, .. }
        | Kind::Renamed { process, .. }
        | Kind::Executed { process, .. }
        | Kind::Signal { process, .. }
        | Kind::Output { process, .. }
        | Kind::Called { process, .. } => of_process(process),
        Kind::Gauges { key, .. }
        | Kind::Holders { key, .. }
        | Kind::Told { key: Some(key), .. } => {
            let endpoint = run.timeline.endpoint_by_key(*key);
            endpoint.map(|e| e.host.to_string()).into_iter().collect()
        }
        _ => packet(packets, kind).map_or_else(Vec::new, |packet| {
            let to = packet.to.as_ref().map(ToString::to_string);
            [packet.from.to_string()].into_iter().chain(to).collect()
        }),
    }
}

/// The event in words; `told`: as rows tell it.
fn words(run: &Run, event: &Event, told: Option<String>) -> String {
    match &event.kind {
        Kind::StepBegan => {
            let text = run.steps.get(event.step).map_or("", |step| &step.text);
            format!("step {} begins: {}", event.step + 1, visible(text))
        }
        Kind::Socket {
            state,
            evidence,
            cause,
            ..
        } => {
            let cause = match cause {
                Some(Cause::Sent(id)) => format!(", by sending packet {}", id.0),
                Some(Cause::Received(id)) => format!(", by receiving packet {}", id.0),
                Some(Cause::Timer) => ", a timer expired".to_owned(),
                None => String::new(),
            };
            format!("{state} ({evidence}){cause}")
        }
        Kind::Datagram { state, facts, .. } => {
            datagram::words(*state, facts.as_ref().map(|facts| facts.tuple))
        }
        Kind::Sent(packet) => {
            let label = packet_label(packet, LabelDetail::Window);
            let to = packet.to.as_ref().map_or("nowhere", |to| to.as_str());
            format!("packet {} leaves for {}: {label}", packet.id.0, escape(to))
        }
        Kind::Held { packet } => format!("packet {} is held", packet.0),
        Kind::Dropped { packet, why } => format!("packet {} dropped: {}", packet.0, escape(why)),
        Kind::Output { text, stream, .. } => {
            let how = match stream {
                crate::event::Stream::Stdout => "prints",
                crate::event::Stream::Stderr => "prints to stderr",
            };
            format!("{how} \"{}\"", escape(text))
        }
        _ => told.unwrap_or_default(),
    }
}
