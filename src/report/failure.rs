//! What went wrong, as a compiler prints errors: where in the scenario, expected, observed, and
//! the rows of the timeline around it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::grid::wrap;
use super::ladder::Ladder;
use super::palette::Tone;
use super::rows::{Row, RowKind, select};
use super::snippet::snippet;
use super::text::{count, cut, visible};
use super::{Detail, Look, WireDetail};
use crate::event::{Kind, Stream};
use crate::run::{Checked, Mismatch, Mistake, Outcome, Polarity, Run, Stopped, Verdict};

/// The excerpt looks as the table does unless it is asked for more.
const DETAIL: Detail = Detail {
    all: false,
    wire: WireDetail::Flags,
};

/// Rows that are shown before and after those that show the failure.
const AROUND: usize = 2;

/// Lines of output that are shown of each program.
const OUTPUT: usize = 20;

/// Every failed expectation, and why the run stopped where it did. Empty when all is well; ends
/// in a newline otherwise.
pub fn render(run: &Run, look: &Look) -> String {
    let report = Failure {
        run,
        look,
        rows: select(run, &DETAIL),
    };
    let mut blocks = Vec::new();
    for (index, step) in run.steps.iter().enumerate() {
        let before = blocks.len();
        for check in &step.checks {
            if let Verdict::Fail(mismatch) = &check.verdict {
                blocks.push(report.expectation(index, check, mismatch));
            }
        }
        let stopped_here = index + 1 == run.steps.len() && run.stopped.is_some();
        if stopped_here {
            blocks.extend(report.stopped());
        }
        if blocks.len() > before {
            blocks.extend(report.output(index));
        }
    }
    if run.steps.is_empty() {
        blocks.extend(report.stopped());
    }
    let mut text = blocks
        .into_iter()
        .map(|block| block.join("\n"))
        .collect::<Vec<_>>()
        .join("\n\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

struct Failure<'a> {
    run: &'a Run,
    look: &'a Look,
    rows: Vec<Row>,
}

impl Failure<'_> {
    fn headline(&self, text: &str) -> Vec<String> {
        let mut lines = wrap(self.look, "error: ", text, Tone::Strong);
        if let Some(first) = lines.first_mut()
            && self.look.color
        {
            // The word in its own colour, the rest bold.
            *first = first.replacen("error:", &self.look.paint(Tone::Bad, "error:"), 1);
        }
        lines
    }

    fn expectation(&self, step: usize, check: &Checked, mismatch: &Mismatch) -> Vec<String> {
        let mut lines = self.headline(match check.polarity {
            Polarity::Expect => "expectation failed",
            Polarity::Never => "this must never hold, but it did",
        });
        let header = &self.run.header;
        let text = self.run.steps.get(step).map_or("", |s| s.text.as_str());
        let label = if text.is_empty() {
            format!("in step {}", step + 1)
        } else {
            format!("in step {}: {text}", step + 1)
        };
        lines.extend(snippet(
            &header.file,
            &header.text,
            &check.span,
            &label,
            self.look,
        ));
        lines.extend(self.remark("expected", &mismatch.expected));
        lines.extend(self.remark("observed", &mismatch.observed));
        lines.push(String::new());
        lines.extend(self.excerpt(step, &mismatch.events));
        if !mismatch.notes.is_empty() {
            lines.push(String::new());
        }
        for note in &mismatch.notes {
            lines.extend(self.remark("note", note));
        }
        lines
    }

    /// Why the run stopped, a block for each mistake of a scenario that has several.
    fn stopped(&self) -> Vec<Vec<String>> {
        // Whoever pressed Ctrl-C or q knows why.
        let told = |stopped: &&Stopped| stopped.outcome != Outcome::Interrupted;
        let Some(stopped) = self.run.stopped.as_ref().filter(told) else {
            return Vec::new();
        };
        let first = self.mistake(&stopped.why, stopped.span.as_ref(), stopped.help.as_deref());
        let more = stopped.more.iter().map(|mistake| {
            let Mistake { why, span, help } = mistake;
            self.mistake(why, span.as_ref(), help.as_deref())
        });
        std::iter::once(first).chain(more).collect()
    }

    fn mistake(&self, why: &str, span: Option<&Range<usize>>, help: Option<&str>) -> Vec<String> {
        let mut lines = self.headline(&visible(why));
        let header = &self.run.header;
        if let Some(span) = span {
            lines.extend(snippet(&header.file, &header.text, span, "", self.look));
        }
        if let Some(help) = help {
            lines.extend(self.remark("help", help));
        }
        lines
    }

    /// `   = note: …`
    fn remark(&self, kind: &str, text: &str) -> Vec<String> {
        let indent = format!("   = {kind}: ");
        let tone = match kind {
            "observed" => Tone::Bad,
            _ => Tone::Plain,
        };
        // A tab that looks like blanks would hide the difference.
        let text = visible(&text.replace('\t', "\\t"));
        wrap(self.look, &indent, &text, tone)
    }

    /// The rows that show `events`, with a few around them and the heading of the step.
    fn excerpt(&self, step: usize, events: &[usize]) -> Vec<String> {
        let rows = &self.rows;
        let mut marked: BTreeSet<usize> = events.iter().filter_map(|e| self.row_of(*e)).collect();
        let mut wanted = BTreeSet::new();
        if marked.is_empty() {
            // Nothing shows it: the end of the step does best.
            let last = rows.iter().rposition(|row| row.step == step);
            wanted.extend(
                last.map(|at| at.saturating_sub(2 * AROUND)..=at)
                    .into_iter()
                    .flatten(),
            );
        }
        for at in &marked {
            wanted.extend(at.saturating_sub(AROUND)..=(at + AROUND).min(rows.len() - 1));
        }
        wanted.extend(
            rows.iter()
                .position(|row| row.step == step && matches!(row.kind, RowKind::Step(_))),
        );
        // The rows of other steps are shown only where the events are theirs.
        wanted.retain(|at| rows[*at].step == step || marked.contains(at));
        marked.retain(|at| wanted.contains(at));

        let ladder = Ladder::fit(self.run, rows, self.look, &DETAIL);
        let mut lines = ladder.head();
        let wanted: Vec<usize> = wanted.into_iter().collect();
        let mut from = 0;
        for to in 1..=wanted.len() {
            let together = wanted
                .get(to)
                .is_some_and(|next| *next == wanted[to - 1] + 1);
            if together {
                continue;
            }
            let (first, last) = (wanted[from], wanted[to - 1]);
            let sign = |row: &Row| marked.iter().any(|at| std::ptr::eq(&rows[*at], row));
            lines.extend(ladder.lines(&rows[first..=last], &sign));
            if to < wanted.len() {
                let left_out = wanted[to] - last - 1;
                let text = format!("… {}", count(left_out, "row"));
                let indent = " ".repeat(ladder.indent());
                lines.extend(wrap(self.look, &indent, &text, Tone::Faint));
            }
            from = to;
        }
        lines
    }

    /// The row that shows an event, or the last one before it.
    fn row_of(&self, event: usize) -> Option<usize> {
        let exact = self.rows.iter().position(|row| row.events.contains(&event));
        exact.or_else(|| {
            self.rows
                .iter()
                .rposition(|row| row.events.iter().any(|shown| *shown <= event))
        })
    }

    /// The last lines that each program wrote in a step.
    fn output(&self, step: usize) -> Vec<Vec<String>> {
        let mut programs: Vec<(&str, Vec<(Stream, &str)>)> = Vec::new();
        for (_, event) in self.run.timeline.events_in(step) {
            let Kind::Output {
                process,
                stream,
                text,
            } = &event.kind
            else {
                continue;
            };
            let name = process.as_str();
            let line = (*stream, text.as_str());
            match programs.iter_mut().find(|(known, _)| *known == name) {
                Some((_, lines)) => lines.push(line),
                None => programs.push((name, vec![line])),
            }
        }
        programs
            .into_iter()
            .map(|(name, lines)| self.output_of(name, step, &lines))
            .collect()
    }

    fn output_of(&self, name: &str, step: usize, output: &[(Stream, &str)]) -> Vec<String> {
        let last = output.len().saturating_sub(OUTPUT);
        let shown = if last > 0 {
            format!(", the last {OUTPUT} of {}", count(output.len(), "line"))
        } else {
            String::new()
        };
        let mut title = self.look.glyphs(&visible(name));
        title.push_str(&format!(" wrote in step {}{shown}:", step + 1));
        let mut lines = vec![self.look.paint(Tone::Strong, &title)];
        for (stream, text) in &output[last..] {
            let stream = match stream {
                Stream::Stdout => "  stdout | ",
                Stream::Stderr => "  stderr | ",
            };
            let room = self.look.columns().saturating_sub(stream.len() + 2);
            let text = self
                .look
                .glyphs(&cut(&self.look.glyphs(&visible(text)), room));
            let line = format!("{}{text}", self.look.paint(Tone::Faint, stream));
            lines.push(line.trim_end().to_owned());
        }
        lines
    }
}
