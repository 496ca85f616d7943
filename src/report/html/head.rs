//! What ran, where, who watched, and what nobody could see.

use maud::{Markup, html};

use super::class;
use crate::event::Source;
use crate::record::value::Utc;
use crate::report::attempt::Attempt;
use crate::report::lesson::Lesson;
use crate::report::replaced::replaced;
use crate::report::svg::measure::legible;
use crate::report::table;
use crate::report::text::{escape, visible};

/// The heading of a run that the page calls so.
pub(super) fn header(attempt: &Attempt, id: &str, name: &str) -> Markup {
    let run = attempt.run;
    let header = &run.header;
    let (word, _) = table::word(run);
    let hosts: Vec<String> = header.hosts.iter().map(|h| escape(h.as_str())).collect();
    let observers: Vec<&str> = header.observers.iter().map(|o| observer(*o)).collect();
    let settings: Vec<String> = header.settings.iter().map(|s| escape(s)).collect();
    let began = header.began.and_then(Utc::new);
    let machine = header.machine.iter().map(|machine| escape(machine));
    let facts = [
        ("Programs", replaced(run).join("; ")),
        ("Began", began.map_or_else(String::new, Utc::to_the_second)),
        ("Place", table::place(run)),
        ("Hosts", hosts.join(", ")),
        ("Kernel", machine_and(&header.kernel, machine.collect())),
        ("Observers", observers.join(", ")),
        ("Settings", settings.join("; ")),
        ("File", escape(&header.file)),
    ];
    html! {
        header {
            h1 id=(format!("{id}-name")) { (name) }
            p class="title" { (legible(&visible(&header.title))) }
            @for paragraph in Lesson::of(run).about {
                p class="story" { (legible(&visible(&paragraph))) }
            }
            p class="outcome" {
                strong class=(format!("badge {}", class(run.outcome()))) { (word) }
                " " (legible(&table::tale(run)))
            }
            @if let Some(help) = run.stopped.as_ref().and_then(|stopped| stopped.help.as_ref()) {
                p { "What would help: " (legible(&escape(help))) }
            }
            dl class="facts" {
                @for (name, value) in facts {
                    @if !value.is_empty() {
                        div { dt { (name) } dd { (legible(&value)) } }
                    }
                }
            }
            @if !header.blind.is_empty() {
                h2 { "What could not be seen" }
                ul class="blind" {
                    @for blind in &header.blind { li { (legible(&table::unseen(blind))) } }
                }
            }
        }
    }
}

/// The kernel's release, and the machine's architecture where it is known.
fn machine_and(kernel: &str, machine: String) -> String {
    match machine.is_empty() {
        true => escape(kernel),
        false => format!("{}, {machine}", escape(kernel)),
    }
}

/// An observer in words.
pub(super) fn observer(source: Source) -> &'static str {
    match source {
        Source::Driver => "driver",
        Source::Sampler => "sampler",
        Source::Wire => "wire",
        Source::Program => "programs",
        Source::Kernel => "tracepoints",
        Source::Syscalls => "system calls",
    }
}
