//! Happenings placed: beside the life lines, between them, or across the picture.

use super::NOTE;
use super::layout::{LINE, Last, Layout, MIDDLE, NOTE_LINES, SAME_MOMENT, column};
use super::measure::{Face, fold};
use super::scene::{NotePlace, Shape};
use crate::model::millis;
use crate::report::palette::Tone;
use crate::report::rows::{Class, Happening, Row, Side};

impl Layout<'_> {
    pub(super) fn beside(&mut self, row: &Row, happening: &Happening, side: Side) -> f64 {
        let strip = self.columns.notes[side as usize];
        let column = column(side);
        let text = fold(
            &happening.text,
            strip.width() - 9.0,
            NOTE,
            Face::Mono,
            NOTE_LINES,
        );
        let floor = self.floors[column];
        let (top, time) = match self.last {
            Last::Rung(at) if row.at.saturating_sub(at) < SAME_MOMENT => (floor, None),
            Last::Rung(_) | Last::Other => self.timed(row, floor.max(self.floors[MIDDLE]), 11.0),
            Last::Note if millis(row.at) == self.time => (floor.max(self.last_top), None),
            Last::Note => self.timed(row, floor.max(self.last_top + LINE), 11.0),
        };
        self.floors[column] = top + LINE * text.lines.len() as f64 + 4.0;
        let shape = Shape::Note {
            top,
            place: NotePlace::Beside(side),
            text,
            tone: happening.tone,
            knots: self.columns.knots(self.run, row),
        };
        self.push(time, vec![shape]);
        self.last = Last::Note;
        self.last_top = top;
        top
    }

    pub(super) fn on_the_wire(&mut self, row: &Row, happening: &Happening) -> f64 {
        let room = self.columns.wire.width() - 24.0;
        let text = fold(&happening.text, room, NOTE, Face::Mono, NOTE_LINES);
        let order = match self.last {
            Last::Note => self.last_top + LINE,
            _ => self.last_top,
        };
        let top = self.floors[MIDDLE].max(order);
        let (top, time) = self.timed(row, top, 11.0);
        self.floors[MIDDLE] = top + LINE * text.lines.len() as f64 + 6.0;
        let shape = Shape::Note {
            top,
            place: NotePlace::Wire,
            text,
            tone: happening.tone,
            knots: Vec::new(),
        };
        self.push(time, vec![shape]);
        self.last = Last::Note;
        self.last_top = top;
        top
    }

    pub(super) fn across(
        &mut self,
        row: &Row,
        class: Option<Class>,
        text: &str,
        tone: Tone,
    ) -> f64 {
        let room = self.columns.body().width() - 40.0;
        let text = match class {
            Some(Class::Note) => format!("note: {text}"),
            Some(Class::Gap) => format!("! {text}"),
            _ => text.to_owned(),
        };
        let text = fold(&text, room, NOTE, Face::Mono, NOTE_LINES);
        let (top, time) = self.timed(row, self.lowest() + 2.0, 15.0);
        let height = 8.0 + LINE * text.lines.len() as f64;
        self.push(
            time,
            vec![Shape::Across {
                top,
                height,
                class,
                text,
                tone,
            }],
        );
        let gap = match class {
            Some(Class::Action) => -4.0,
            _ => 4.0,
        };
        self.clear(top + height + gap);
        self.last_top = top;
        top
    }
}
