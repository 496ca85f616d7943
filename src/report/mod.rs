//! stub
#![allow(missing_docs)]
use crate::run::Run;
#[derive(Debug)]
pub struct Look {
    pub width: usize,
    pub color: bool,
    pub unicode: bool,
}
#[derive(Debug)]
pub struct Detail {
    pub all: bool,
    pub wire: WireDetail,
}
#[derive(Debug)]
pub enum WireDetail {
    Full,
    Flags,
    Off,
}
pub mod style {
    #[derive(Clone, Copy, Debug)]
    pub enum Style {
        Lsof,
        Ss,
        Netstat,
        Ps,
    }
    pub fn render(_: &crate::run::Run, _: Style, _: &super::Look) -> String {
        String::new()
    }
}
pub mod list {
    pub struct Entry {
        pub topic: String,
        pub name: String,
        pub title: String,
    }
    pub fn render(e: &[Entry], _: &super::Look) -> String {
        e.iter()
            .map(|e| format!("{} {} {}\n", e.topic, e.name, e.title))
            .collect()
    }
}
pub mod table {
    use super::*;
    pub fn render(run: &Run, _: &Look, _: &Detail) -> String {
        let mut s = String::new();
        for e in run.timeline.events() {
            s += &format!(
                "{:>7} {} {:?}\n",
                crate::model::millis(e.at),
                e.step,
                e.kind
            );
        }
        for (i, c) in run.checks() {
            s += &format!(
                "step {} {:?} {} => {:?}\n",
                i, c.polarity, c.text, c.verdict
            );
        }
        s += &format!(
            "{:?} {:?} {:?} took {:?}\n",
            run.outcome(),
            run.stopped,
            run.header.place,
            run.took
        );
        s
    }
}
pub mod summary {
    use super::*;
    pub fn line(r: &Run, _: &Look) -> String {
        format!("{} {:?} {:?}\n", r.header.scenario, r.outcome(), r.took)
    }
    pub fn closing(r: &[Run], l: &Look, d: &Detail) -> String {
        r.iter()
            .filter(|r| r.outcome() != crate::run::Outcome::Passed)
            .map(|r| table::render(r, l, d))
            .collect()
    }
}
