//! One run on its page: what it is, the ladder, what it came to.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::columns::{Columns, MARGIN};
use super::draw::{self, Anchor, Type, class, lines};
use super::layout;
use super::legend::{self, Sign};
use super::measure::{Face, Folded, Px, advance, fold, legible};
use super::scene::{Scene, Shape};
use super::state::HEIGHT;
use super::{HEADING, LABEL, NOTE, select};
use crate::report::Detail;
use crate::report::attempt::Attempt;
use crate::report::lesson::Lesson;
use crate::report::palette::Tone;
use crate::report::replaced::replaced;
use crate::report::rows::Row;
use crate::report::table;
use crate::report::text::{escape, visible};
use crate::run::{Run, Verdict};

/// From one line of a text of this size to the next.
fn leading(size: f64) -> f64 {
    (size * 1.3).max(16.0)
}

/// What stays free above a step on a sheet of its own.
const ABOVE: f64 = 6.0;

/// The size of the name.
const NAME: f64 = 17.0;

/// Lines of a text above or below the ladder at most.
const LINES: usize = 12;

/// What stands above or below the ladder: a text and its place.
struct Block {
    text: Folded,
    x: f64,
    base: f64,
    size: f64,
    face: Face,
    tone: Tone,
}

/// One run, laid out.
pub(super) struct Page {
    /// What the picture is called.
    pub(super) title: String,
    /// What it shows, in sentences.
    pub(super) story: String,
    pub(super) width: f64,
    pub(super) height: f64,
    columns: Columns,
    scene: Scene,
    /// Where the heads of the life lines are; nothing: there is no ladder.
    heads: Option<f64>,
    blocks: Vec<Block>,
    rule: Option<f64>,
    legend: Vec<(Sign, f64)>,
}

impl Page {
    /// Lays out a run. `alone`: nothing else says what it is and came to.
    pub(super) fn of(attempt: &Attempt, detail: &Detail, alone: bool) -> Page {
        let run = attempt.run;
        let rows = select(run, detail);
        let columns = Columns::fit(run, &rows, detail);
        let mut writer = Writer {
            room: columns.width - 2.0 * MARGIN,
            at: MARGIN,
            blocks: Vec::new(),
        };
        if alone {
            writer.heading(attempt);
        }
        let heads = (!rows.is_empty()).then_some(writer.at + 4.0);
        let mut scene = Scene::default();
        if let Some(heads) = heads {
            scene = layout::place(run, &rows, &columns, heads + HEIGHT + 10.0);
            writer.at = scene.bottom;
        }
        let legend = legend::legend(&rows, &scene, &mut writer.at);
        let mut rule = None;
        if alone {
            rule = Some(writer.at + 12.0);
            writer.at += 18.0;
            writer.closing(run);
        }
        Page {
            title: legible(&format!(
                "{}: {}",
                escape(&run.header.scenario),
                visible(&run.header.title)
            )),
            story: story(run, &rows),
            width: columns.width,
            height: writer.at + MARGIN,
            columns,
            scene,
            heads,
            blocks: writer.blocks,
            rule,
            legend,
        }
    }

    /// Where the middle of the wire is.
    pub(super) fn middle(&self) -> f64 {
        self.columns.wire.middle()
    }

    /// Where it may be cut: above its steps, and above its rows.
    pub(super) fn breaks(&self) -> (Vec<f64>, Vec<f64>) {
        let rows = self.scene.rows.iter();
        let steps = rows.clone().flat_map(|row| &row.shapes);
        let steps = steps.filter_map(|shape| match shape {
            Shape::Step { top, .. } => Some(top - ABOVE),
            _ => None,
        });
        let rows = rows.filter_map(|row| row.time.as_ref().map(|(base, _)| base - leading(NOTE)));
        (steps.collect(), rows.collect())
    }

    /// The page as SVG.
    pub(super) fn draw(&self) -> Markup {
        html! {
            @for block in &self.blocks {
                (lines(&block.text, block.x, block.base, leading(block.size), Type {
                    size: block.size,
                    face: block.face,
                    anchor: Anchor::Start,
                    class: class(block.tone),
                }))
                "\n"
            }
            @if let Some(top) = self.heads {
                (draw::ladder(&self.scene, &self.columns, top + HEIGHT))
                (self.draw_heads(top))
            }
            @for sign in &self.legend { (legend::draw(*sign, &self.columns)) }
            @if let Some(rule) = self.rule {
                line class="rule" x1=(Px(MARGIN)) x2=(Px(self.width - MARGIN))
                    y1=(Px(rule)) y2=(Px(rule)) {}
            }
        }
    }

    fn draw_heads(&self, top: f64) -> Markup {
        let heading = Type::heading(HEADING, "strong").anchored(Anchor::Middle);
        let unit = Type::mono(NOTE, "faint").anchored(Anchor::End);
        html! {
            (draw::line("ms", self.columns.time, top + 15.0, unit, None))
            @for (at, life) in self.columns.lives.iter().enumerate() {
                @let (text, width) = self.head(at, &life.title);
                rect class="head" x=(Px(life.x - width / 2.0)) y=(Px(top)) width=(Px(width))
                    height=(Px(HEIGHT + 2.0)) rx="4" {}
                (lines(&text, life.x, top + 16.0, 0.0, heading))
            }
            "\n"
        }
    }

    /// The title of a life line as far as there is room, and the width of its box.
    fn head(&self, at: usize, title: &str) -> (Folded, f64) {
        let lives = &self.columns.lives;
        let x = lives[at].x;
        let room = lives
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .map(|(_, other)| (other.x - x).abs() - 10.0)
            .fold(2.0 * (x - self.columns.time - 4.0), f64::min)
            .min(2.0 * (self.width - MARGIN - x));
        let text = fold(title, room - 24.0, HEADING, Face::Heading, 1);
        let words = text
            .lines
            .first()
            .map_or(0.0, |line| advance(line, HEADING, Face::Heading));
        (text, (words + 24.0).max(70.0))
    }
}

/// Writes texts one below the other.
struct Writer {
    room: f64,
    at: f64,
    blocks: Vec<Block>,
}

impl Writer {
    fn write(&mut self, text: &str, size: f64, face: Face, tone: Tone) {
        let text = fold(text, self.room, size, face, LINES);
        let count = text.lines.len();
        if count == 0 {
            return;
        }
        self.at += size.max(12.0);
        self.blocks.push(Block {
            text,
            x: MARGIN,
            base: self.at,
            size,
            face,
            tone,
        });
        self.at += leading(size) * (count as f64 - 1.0) + 6.0;
    }

    /// Name, title, place, settings, and what could not be seen.
    fn heading(&mut self, attempt: &Attempt) {
        let header = &attempt.run.header;
        let mut name = escape(&header.scenario);
        if let Some(label) = &attempt.label {
            name.push_str(&format!(" ({label})"));
        }
        self.write(&name, NAME, Face::Heading, Tone::Strong);
        self.write(&visible(&header.title), LABEL, Face::Mono, Tone::Plain);
        for paragraph in Lesson::of(attempt.run).about {
            self.at += 4.0;
            self.write(&visible(&paragraph), NOTE, Face::Mono, Tone::Plain);
        }
        let mut place = table::place(attempt.run);
        if !header.settings.is_empty() {
            let settings: Vec<String> = header.settings.iter().map(|s| escape(s)).collect();
            place.push_str(&format!(" · {}", settings.join("; ")));
        }
        self.write(&place, NOTE, Face::Mono, Tone::Faint);
        for program in replaced(attempt.run) {
            self.write(&program, NOTE, Face::Mono, Tone::Faint);
        }
        for blind in &header.blind {
            self.write(&table::unseen(blind), NOTE, Face::Mono, Tone::Closing);
        }
        self.at += 6.0;
    }

    /// What failed or is in doubt, and what the run came to.
    fn closing(&mut self, run: &Run) {
        let mut told = BTreeSet::new();
        for (step, check) in run.checks() {
            if let Verdict::Fail(mismatch) = &check.verdict {
                let text = format!(
                    "✗ step {}: expected {}; observed {}",
                    step + 1,
                    visible(&mismatch.expected),
                    visible(&mismatch.observed)
                );
                self.write(&text, NOTE, Face::Mono, Tone::Bad);
                // Several failures may have one reason.
                for note in mismatch.notes.iter().filter(|note| told.insert(*note)) {
                    self.write(
                        &format!("note: {}", visible(note)),
                        NOTE,
                        Face::Mono,
                        Tone::Plain,
                    );
                }
            }
        }
        for doubt in table::doubts(run) {
            self.write(&format!("? {doubt}"), NOTE, Face::Mono, Tone::Closing);
        }
        let (word, tone) = table::word(run);
        let text = format!("{word}  {}", table::tale(run));
        self.write(&text, LABEL, Face::Mono, tone);
        for (title, text) in Lesson::of(run).after {
            self.at += 4.0;
            self.write(title, LABEL, Face::Heading, Tone::Strong);
            self.write(&visible(&text), NOTE, Face::Mono, Tone::Plain);
        }
    }
}

/// What the picture shows, for those who do not see it: the path of each endpoint.
fn story(run: &Run, rows: &[Row]) -> String {
    let (word, _) = table::word(run);
    let mut text = format!("{}: {}.", word.to_lowercase(), table::tale(run));
    let arrows = rows
        .iter()
        .filter_map(Row::rung)
        .filter(|rung| rung.arrow.is_some());
    text.push_str(&format!(
        " {} and {}.",
        crate::report::text::count(run.steps.len(), "step"),
        crate::report::text::count(arrows.count(), "segment")
    ));
    for endpoint in run.timeline.endpoints() {
        let states: Vec<String> = endpoint
            .history
            .iter()
            .map(|c| c.state.to_string())
            .collect();
        if !states.is_empty() {
            let name = escape(endpoint.name.as_str());
            text.push_str(&format!(" {name}: {}.", states.join(", ")));
        }
    }
    legible(&text)
}
