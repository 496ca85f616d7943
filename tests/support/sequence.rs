//! What of a run must be the same every time: states, segments and lives of processes, without
//! times, pids and ephemeral ports.

use sockscope::event::Body;
use sockscope::model::Evidence;
use sockscope::run::Run;

/// The states of each endpoint, the packets, and each process's life, one line each.
pub(crate) fn sequence(run: &Run) -> Vec<String> {
    let timeline = &run.timeline;
    let mut lines = Vec::new();
    for endpoint in timeline.endpoints() {
        for change in &endpoint.history {
            let (step, state) = (change.step + 1, change.state);
            lines.push(format!("{} step {step} {state}", endpoint.name));
        }
    }
    for fate in timeline.packets() {
        let what = match &fate.packet.body {
            Body::Tcp(segment) => format!(
                "{} seq {} ack {} {:?}",
                segment.flags, segment.seq, segment.ack, segment.role
            ),
            other => format!("{other:?}"),
        };
        lines.push(format!(
            "wire step {} {} {what} len {} {}",
            fate.step + 1,
            fate.packet.from,
            fate.packet.len,
            match (fate.delivered, fate.dropped) {
                (Some(_), _) => "delivered",
                (None, Some(_)) => "dropped",
                (None, None) => "on the wire",
            }
        ));
    }
    let mut lives: Vec<String> = timeline
        .processes()
        .iter()
        .map(|process| {
            let status = process.status.map(|status| status.to_string());
            let (reaped, adopted) = (&process.reaped, &process.adopted);
            format!("{} {status:?} {reaped:?} {adopted:?}", process.name)
        })
        .collect();
    lives.sort();
    lines.extend(lives);
    lines
}

/// How many states nobody saw. On a busy machine a state can be over before sockscope asks: then
/// it is inferred, and the sequence is the same.
pub(crate) fn inferred(run: &Run) -> usize {
    run.timeline
        .endpoints()
        .iter()
        .flat_map(|endpoint| &endpoint.history)
        .filter(|change| change.evidence == Evidence::Inferred)
        .count()
}

/// The lines in which two sequences differ first.
pub(crate) fn difference(first: &[String], second: &[String]) -> String {
    let at = first
        .iter()
        .zip(second)
        .position(|(a, b)| a != b)
        .unwrap_or(first.len().min(second.len()));
    let around = |lines: &[String]| {
        lines[at.saturating_sub(2).min(lines.len())..(at + 3).min(lines.len())].join("\n  ")
    };
    format!("  {}\nagainst\n  {}", around(first), around(second))
}
