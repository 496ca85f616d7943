//! What stands beside a life line, placed, and the colour that the line takes from it.

use super::STATE;
use super::layout::Layout;
use super::measure::{Face, advance, fold};
use super::scene::{Bar, Form, Looked, Shape};
use crate::model::{Evidence, HostName, Role, TcpState};
use crate::report::lane::lane_text;
use crate::report::palette::Tone;
use crate::report::rows::{LaneCell, Row, Side};

impl Layout<'_> {
    /// What stands beside a life line; the line takes the colour of its connection's state.
    pub(super) fn state(&mut self, row: &Row, cell: &LaneCell, side: Side, middle: f64) -> Shape {
        let life = self.columns.life_of_cell(self.run, cell, side);
        let form = match cell.state {
            Some((state, evidence)) => {
                let event = row.events.iter().min().copied().unwrap_or_default();
                self.bar(event, life, cell, (state, evidence), middle);
                Form::State(evidence)
            }
            None if cell.tone == Tone::Faint => Form::Label,
            None => Form::Socket,
        };
        let room = self.columns.lives[life].states.width() - 14.0;
        let text = lane_text(cell);
        let mut folded = fold(&text, room, STATE, Face::Mono, 1);
        if folded.whole.is_some() {
            // The label gives way, the state does not.
            let columns = (room / advance("0", STATE, Face::Mono)) as usize;
            let shorter = crate::report::lane::fitted(cell, columns);
            folded.lines = fold(&shorter, room, STATE, Face::Mono, 1).lines;
        }
        Shape::State {
            life,
            middle,
            text: folded,
            tone: cell.tone,
            form,
        }
    }

    /// The line has the colour of the state from here on.
    fn bar(
        &mut self,
        event: usize,
        life: usize,
        cell: &LaneCell,
        (state, evidence): (TcpState, Evidence),
        at: f64,
    ) {
        let endpoints = self.run.timeline.endpoints();
        let Some(endpoint) = endpoints.iter().find(|e| e.name == cell.endpoint) else {
            return;
        };
        // With several connections on a line, its colour would be anybody's.
        if endpoint.role != Role::Connection || !cell.label.is_empty() {
            return;
        }
        if let Some(bar) = self.open[life].take() {
            self.end_bar(bar, at, event);
        }
        if state != TcpState::Close {
            self.open[life] = Some(Bar {
                life,
                from: at,
                to: at,
                tone: cell.tone,
                looked: match evidence {
                    Evidence::Inferred => Looked::Inferred,
                    Evidence::Seen | Evidence::Traced => Looked::Whole,
                },
            });
        }
    }

    /// A state was another one when `event` came. Where states are only sampled, nobody knows when
    /// it went: its colour is whole as far as the last sample saw it.
    fn end_bar(&mut self, bar: Bar, at: f64, event: usize) {
        let bar = Bar { to: at, ..bar };
        if !self.sampled {
            self.scene.bars.push(bar);
            return;
        }
        let quiet = self.quiet.partition_point(|quiet| *quiet < event);
        let sample = self.quiet[..quiet].last();
        let seen_to = sample.map_or(bar.from, |sample| self.height_of(*sample));
        let seen_to = seen_to.clamp(bar.from, at);
        self.scene.bars.push(Bar { to: seen_to, ..bar });
        self.scene.bars.push(Bar {
            from: seen_to,
            looked: Looked::Between,
            ..bar
        });
    }

    /// The states on the life lines of a host that went down are what its own kernel would say,
    /// were anybody there to ask.
    pub(super) fn crash(&mut self, host: &HostName) {
        let at = self.lowest();
        let hosts = &self.run.header.hosts;
        for (index, life) in self.columns.lives.iter().enumerate() {
            let own = match &life.host {
                Some(own) => own == host,
                None => match life.side {
                    Side::Left => hosts.first() == Some(host),
                    Side::Right => hosts.last() == Some(host),
                },
            };
            if own && let Some(bar) = self.open[index].take() {
                self.scene.bars.push(Bar { to: at, ..bar });
                self.open[index] = Some(Bar {
                    from: at,
                    looked: Looked::Down,
                    ..bar
                });
            }
        }
    }
}
