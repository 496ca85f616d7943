//! Every event of a run in a table, with filters by host, process, kind and text.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::head::observer;
use crate::event::{Cause, Event, Kind, SocketKey};
use crate::model::millis;
use crate::report::arrow::{LabelDetail, packet_label};
use crate::report::datagram;
use crate::report::rows;
use crate::report::svg::measure::legible;
use crate::report::text::{count, escape, visible};
use crate::run::{Run, Verdict};

/// A text longer than this is folded away, in characters.
const LONG: usize = 400;

/// One row of the table.
struct Row {
    at: String,
    step: usize,
    source: &'static str,
    host: String,
    who: String,
    kind: &'static str,
    text: String,
    /// A failed expectation points here.
    pointed: bool,
}

/// The table and its filters; nothing when nothing happened.
pub(super) fn section(run: &Run, id: &str, name: &str) -> Option<Markup> {
    let events = run.timeline.events();
    let mut told = rows::words(run).into_iter();
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
            ..row(run, event, told.next().flatten())
        })
        .collect();
    let values = |of: fn(&Row) -> &str| -> BTreeSet<&str> {
        rows.iter()
            .map(of)
            .filter(|value| !value.is_empty())
            .collect()
    };
    (!rows.is_empty()).then(|| {
        html! {
            form class="filters" hidden="" role="search" aria-label=(format!("Filter the events of {name}"))
                data-filters=(format!("{id}-table")) {
                (choice("host", "Host", &values(|row| &row.host), id))
                (choice("who", "Process or endpoint", &values(|row| &row.who), id))
                (choice("kind", "Kind", &values(|row| row.kind), id))
                label for=(format!("{id}-text")) { "Text"
                    input id=(format!("{id}-text")) type="search" name="text" autocomplete="off";
                }
                button type="reset" { "Show all" }
                p role="status" aria-live="polite" { (count(rows.len(), "event")) }
            }
            div class="wide" tabindex="0" role="group" aria-label="Events, can be scrolled" {
                table id=(format!("{id}-table")) {
                    caption {
                        "All " (count(rows.len(), "event")) " in order; times in milliseconds since the run began"
                    }
                    thead {
                        tr {
                            @for title in ["ms", "Step", "Host", "Process or endpoint", "Kind", "What happened", "Seen by"] {
                                th scope="col" { (title) }
                            }
                        }
                    }
                    tbody {
                        @for row in &rows { (draw(row)) "\n" }
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

fn draw(row: &Row) -> Markup {
    html! {
        tr class=[row.pointed.then_some("pointed")] data-host=(row.host) data-who=(row.who)
            data-kind=(row.kind) {
            td class="number" { (row.at) }
            td class="number" { (row.step) }
            td { (row.host) }
            td { (row.who) }
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

fn row(run: &Run, event: &Event, told: Option<String>) -> Row {
    let (kind, who) = subject(run, &event.kind);
    Row {
        at: millis(event.at),
        step: event.step + 1,
        source: observer(event.source),
        host: legible(&escape(&host(run, &event.kind))),
        who: legible(&escape(&who)),
        kind,
        text: legible(&words(run, event, told)),
        pointed: false,
    }
}

/// What kind of event it is, and the process or endpoint that it is about.
fn subject(run: &Run, kind: &Kind) -> (&'static str, String) {
    let endpoint = |key: &SocketKey| {
        let endpoint = run.timeline.endpoint_by_key(*key);
        endpoint.map_or_else(String::new, |e| e.name.to_string())
    };
    match kind {
        Kind::StepBegan => ("step", String::new()),
        Kind::Acted { .. } => ("action", String::new()),
        Kind::Quiet => ("quiet", String::new()),
        Kind::Spawned { process, .. }
        | Kind::Forked { process, .. }
        | Kind::ProcessState { process, .. }
        | Kind::Exited { process, .. }
        | Kind::Reaped { process, .. }
        | Kind::Adopted { process, .. }
        | Kind::Renamed { process, .. }
        | Kind::Executed { process, .. } => ("process", process.to_string()),
        Kind::Signal { process, .. } => ("signal", process.to_string()),
        Kind::Output { process, .. } => ("output", process.to_string()),
        Kind::Called { process, .. } => ("call", process.to_string()),
        Kind::Socket { key, .. } => ("state", endpoint(key)),
        Kind::Datagram { key, .. } => ("socket", endpoint(key)),
        Kind::Gauges { key, .. } => ("gauges", endpoint(key)),
        Kind::Holders { key, .. } => ("holders", endpoint(key)),
        Kind::Told { key, .. } => ("segment", key.as_ref().map_or_else(String::new, endpoint)),
        Kind::Sent(packet) => {
            let [sender, _] = run.timeline.ends(packet);
            (
                "segment",
                sender.map_or_else(String::new, |e| e.name.to_string()),
            )
        }
        Kind::Delivered { .. } | Kind::Held { .. } | Kind::Dropped { .. } => {
            ("segment", String::new())
        }
        Kind::Note { .. } => ("note", String::new()),
        Kind::Gap { .. } => ("gap", String::new()),
    }
}

fn host(run: &Run, kind: &Kind) -> String {
    let of_process = |name| {
        let process = run.timeline.process(name);
        process.map_or_else(String::new, |p| p.host.to_string())
    };
    match kind {
        Kind::Spawned { host, .. } | Kind::Socket { host, .. } | Kind::Datagram { host, .. } => {
            host.to_string()
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
        Kind::Gauges { key, .. } | Kind::Holders { key, .. } => {
            let endpoint = run.timeline.endpoint_by_key(*key);
            endpoint.map_or_else(String::new, |e| e.host.to_string())
        }
        Kind::Sent(packet) => packet.from.to_string(),
        _ => String::new(),
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
