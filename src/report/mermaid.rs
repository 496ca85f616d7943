//! The ladder as a sequence diagram of [mermaid](https://mermaid.js.org), for READMEs and pull
//! requests.

use super::Detail;
use super::arrow::{self, LabelDetail};
use super::attempt::{Attempt, attempts};
use super::lane::{lane_text, meaning, occurs};
use super::rows::{Arrow, Class, End, Happening, Lanes, Leg, Row, RowKind, Rung, Side, select};
use super::table;
use super::text::{cut, escape, visible, width};
use crate::model::Evidence;
use crate::run::{Run, Verdict};
use crate::suite::Case;

/// GitHub draws no diagram of more characters than 50,000 (mermaid's `maxTextSize`). What stands
/// below the rows needs some of them.
const LIMIT: usize = 40_000;

/// Failed expectations that are named, and columns of what was expected and observed.
const FAILURES: usize = 5;
const FAILURE: usize = 60;

/// Columns of a line of a note.
const NOTE: usize = 36;

/// The colour of a step, on light and on dark paper.
const STEP: &str = "rect rgba(127, 127, 127, 0.12)";

/// One diagram; of several runs a Markdown text with a diagram of each. Ends in a newline.
pub fn render(cases: &[Case], detail: &Detail) -> String {
    match attempts(cases).as_slice() {
        [only] => diagram(only.run, detail),
        several => several
            .iter()
            .map(|attempt| block(attempt, detail))
            .collect::<Vec<String>>()
            .join("\n"),
    }
}

fn block(attempt: &Attempt, detail: &Detail) -> String {
    let run = attempt.run;
    let name = escape(&run.header.scenario).replace('`', "'");
    let label = attempt
        .label
        .as_ref()
        .map_or_else(String::new, |label| format!(", {label}"));
    let (word, _) = table::word(run);
    format!(
        "`{name}`{label}: {word}\n\n```mermaid\n{}```\n",
        diagram(run, detail)
    )
}

fn diagram(run: &Run, detail: &Detail) -> String {
    let rows = select(run, detail);
    let mut writer = Writer::new(run);
    let mut left_out = 0;
    for (at, row) in rows.iter().enumerate() {
        if writer.text.len() > LIMIT {
            left_out = rows.len() - at;
            break;
        }
        writer.row(row);
    }
    writer.finish(run, &rows, left_out)
}

struct Writer {
    text: String,
    /// The names of the life lines, left to right.
    lives: Vec<Option<String>>,
    /// Whether a step's rectangle is open.
    open: bool,
    /// The lines of the note that is being written, and where it stands.
    note: Option<(String, Vec<String>)>,
}

impl Writer {
    fn new(run: &Run) -> Writer {
        let hosts = &run.header.hosts;
        let lanes = Lanes::of(run);
        let mut text = "sequenceDiagram\n".to_owned();
        text.push_str(&format!(
            "  title {}\n",
            inert(&escape(&run.header.scenario))
        ));
        let (lives, titles): (Vec<Option<String>>, Vec<String>) = match hosts.len() {
            0..=2 => [Side::Left, Side::Right]
                .map(|side| (None, lanes.title(side)))
                .into_iter()
                .unzip(),
            _ => hosts
                .iter()
                .map(|host| (Some(host.to_string()), escape(host.as_str())))
                .unzip(),
        };
        for (at, title) in titles.iter().enumerate() {
            let title = match title.as_str() {
                "" => "-",
                title => title,
            };
            text.push_str(&format!("  participant h{at} as {}\n", name(title)));
        }
        let mut writer = Writer {
            text,
            lives,
            open: false,
            note: None,
        };
        // A title is never broken, so the long one is a note.
        let across = writer.across();
        writer.note(across, &visible(&run.header.title));
        writer
    }

    /// The life line of a host, or the nearest of the side.
    fn life(&self, host: Option<&str>, side: Side) -> usize {
        let own = self
            .lives
            .iter()
            .position(|life| life.is_some() && life.as_deref() == host);
        own.unwrap_or(match side {
            Side::Left => self.lives.len().saturating_sub(2),
            Side::Right => self.lives.len().saturating_sub(1),
        })
    }

    fn line(&mut self, text: &str) {
        self.flush();
        self.text.push_str(&format!("  {text}\n"));
    }

    /// A line of a note; it joins the note before it, where that stands at the same place.
    fn note(&mut self, place: String, text: &str) {
        if self
            .note
            .as_ref()
            .is_some_and(|(before, _)| *before != place)
        {
            self.flush();
        }
        let (_, lines) = self.note.get_or_insert_with(|| (place, Vec::new()));
        lines.extend(broken(text));
    }

    fn flush(&mut self) {
        if let Some((place, lines)) = self.note.take() {
            let lines: Vec<String> = lines.iter().map(|line| inert(line)).collect();
            self.text
                .push_str(&format!("  Note {place}: {}\n", lines.join("<br/>")));
        }
    }

    fn beside(&self, side: Side) -> String {
        match side {
            Side::Left => "left of h0".to_owned(),
            Side::Right => format!("right of h{}", self.lives.len() - 1),
        }
    }

    fn across(&self) -> String {
        format!("over h0,h{}", self.lives.len() - 1)
    }

    fn row(&mut self, row: &Row) {
        match &row.kind {
            RowKind::Step(head) => {
                self.close();
                self.line(STEP);
                self.open = true;
                let mut text = format!("{}. {}", head.number, head.text);
                for (number, sign) in [
                    (head.failed, "✗"),
                    (head.inconclusive, "?"),
                    (head.passed, "✓"),
                ] {
                    if number > 0 {
                        text.push_str(&format!(" {sign} {number}"));
                    }
                }
                let across = self.across();
                self.note(across, &text);
                self.flush();
            }
            RowKind::Rung(rung) => self.rung(rung),
            RowKind::Happening(happening) => self.happening(happening),
            RowKind::Skipped(text) => {
                let across = self.across();
                self.note(across, text);
            }
        }
    }

    fn rung(&mut self, rung: &Rung) {
        if let Some(arrow) = &rung.arrow {
            self.arrow(arrow);
        }
        for side in [Side::Left, Side::Right] {
            let Some(cell) = rung.cell(side) else {
                continue;
            };
            if cell.state.is_some() || rung.arrow.is_none() {
                // States of other hosts of the left stand there as well: their labels name them.
                let place = self.beside(side);
                self.flush();
                self.note(place, &lane_text(cell));
                self.flush();
            }
        }
    }

    fn arrow(&mut self, arrow: &Arrow) {
        let from = self.life(Some(arrow.packet.from.as_str()), arrow.toward.other());
        let to = arrow.packet.to.as_ref().map(|host| host.as_str());
        let to = self.life(to, arrow.toward);
        let (way, fate) = match (arrow.leg, arrow.end) {
            (_, End::Dropped) => ("-x", ", lost"),
            (_, End::Held) => ("", ", held on the wire"),
            (_, End::Underway) => ("", ", on its way"),
            (Leg::Arrives, End::Delivered) => ("-->>", ", arrives"),
            (_, End::Delivered) => ("->>", ""),
        };
        let label = arrow::label(arrow, LabelDetail::Flags);
        if matches!(arrow.end, End::Held | End::Underway) {
            // An arrow would reach the other life line, where the packet is not yet.
            let across = self.across();
            let from = arrow.packet.from.as_str();
            self.note(across, &format!("{label} from {}{fate}", escape(from)));
            self.flush();
            return;
        }
        self.line(&format!("h{from}{way}h{to}: {}{fate}", inert(&label)));
    }

    fn happening(&mut self, happening: &Happening) {
        let place = match (happening.class, happening.side) {
            (Class::Event | Class::Output, Some(side)) => self.beside(side),
            _ => self.across(),
        };
        let text = match happening.class {
            Class::Note => format!("note: {}", happening.text),
            Class::Gap => format!("! {}", happening.text),
            Class::Event | Class::Output | Class::Action => happening.text.clone(),
        };
        self.note(place, &text);
    }

    fn close(&mut self) {
        self.flush();
        if std::mem::take(&mut self.open) {
            self.line("end");
        }
    }

    fn finish(mut self, run: &Run, rows: &[Row], left_out: usize) -> String {
        if left_out > 0 {
            let across = self.across();
            let text = format!("… {left_out} rows more: too many for one diagram");
            self.note(across, &text);
        }
        self.close();
        let across = self.across();
        let (word, _) = table::word(run);
        self.note(across.clone(), &format!("{word}: {}", table::tale(run)));
        for text in failures(run).take(FAILURES) {
            self.note(across.clone(), &text);
        }
        let more = failures(run).count().saturating_sub(FAILURES);
        if more > 0 {
            self.note(across.clone(), &format!("✗ and {more} more"));
        }
        for blind in &run.header.blind {
            self.note(across.clone(), &table::unseen(blind));
        }
        for (evidence, sign) in [(Evidence::Inferred, "~"), (Evidence::Traced, "^")] {
            if occurs(rows, evidence) {
                self.note(across.clone(), &format!("{sign} {}", meaning(evidence)));
            }
        }
        self.flush();
        self.text
    }
}

/// The failed expectations, shortened so that a diagram stays small enough.
fn failures(run: &Run) -> impl Iterator<Item = String> {
    run.checks()
        .filter_map(|(step, check)| match &check.verdict {
            Verdict::Fail(mismatch) => Some(format!(
                "✗ step {}: expected {}; observed {}",
                step + 1,
                cut(&visible(&mismatch.expected), FAILURE),
                cut(&visible(&mismatch.observed), FAILURE)
            )),
            _ => None,
        })
}

/// `text` in lines.
fn broken(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_inclusive(' ') {
        for piece in pieces(word) {
            match lines.last_mut() {
                Some(line) if width(line) + width(piece.trim_end()) <= NOTE => {
                    line.push_str(&piece);
                }
                _ => lines.push(piece),
            }
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    lines.iter().map(|line| line.trim().to_owned()).collect()
}

/// A word in pieces that fit in a line.
fn pieces(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    letters
        .chunks(NOTE / 2)
        .map(|chunk| chunk.iter().collect())
        .collect()
}

/// `text` in which nothing means anything to mermaid, to HTML or to Markdown: whatever is no
/// letter and no harmless sign is written by its number.
fn inert(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        let harmless = match c {
            ' ' | ',' | '.' | ':' | '_' | '/' | '(' | ')' | '=' | '+' | '\'' => true,
            // Two of them begin an arrow or end a comment.
            '-' => !safe.ends_with('-'),
            c => is_plain_letter(c),
        };
        write(c, harmless, &mut safe);
    }
    safe
}

/// The same for what a life line is called, where more signs mean something.
fn name(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        write(
            c,
            matches!(c, ' ' | '.' | '_') || is_plain_letter(c),
            &mut safe,
        );
    }
    safe
}

fn write(c: char, harmless: bool, into: &mut String) {
    match harmless {
        true => into.push(c),
        false => into.push_str(&format!("#{};", u32::from(c))),
    }
}

/// Whether a letter stands for itself. Four are mermaid's own signs for an encoded one.
fn is_plain_letter(c: char) -> bool {
    let mark = matches!(c, '→' | '…' | '▸' | '✓' | '✗' | '·');
    mark || (c.is_alphanumeric() && !matches!(c, 'ﬂ' | '°' | '¶' | 'ß'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_means_anything() {
        assert_eq!(
            inert("a;b#c<d>\"e\"%%f:{g}"),
            "a#59;b#35;c#60;d#62;#34;e#34;#37;#37;f:#123;g#125;"
        );
        assert_eq!(inert("SYN,ACK 6 bytes"), "SYN,ACK 6 bytes");
        assert_eq!(inert("a-b --> c"), "a-b -#45;#62; c");
        assert_eq!(name("a, b:c"), "a#44; b#58;c");
    }

    #[test]
    fn long_words_are_broken() {
        let lines = broken(&"x".repeat(100));
        assert!(lines.iter().all(|line| width(line) <= NOTE), "{lines:?}");
        assert_eq!(lines.concat().len(), 100);
        assert_eq!(broken("one two"), ["one two"]);
    }
}
