//! What came of it.

use std::fmt;
use std::path::Path;

use crate::check::{self, Sight};
use crate::model::{EndpointName, TcpState};
use crate::report::format::Format;
use crate::report::{self, Detail, Look, WireDetail};
use crate::run::{self, Checked, Mismatch, Outcome, Place, Verdict};
use crate::scenario::{Expectation, Paths};
use crate::suite::Case;
use crate::timeline::Timeline;

use super::{Error, ErrorKind};

/// How the texts for panics look: a test's output is often a file.
const LOOK: Look = Look {
    width: 100,
    color: false,
    unicode: true,
};

/// A run of a scenario: what happened, and the verdicts.
///
/// `Display` gives what `sockscope run` prints: the table and, where an expectation failed, the
/// error that points into the scenario.
#[derive(Clone)]
#[must_use = "what failed says so only when it is asked: see `assert_passed`"]
pub struct Run {
    run: run::Run,
}

impl Run {
    pub(super) fn new(run: run::Run) -> Run {
        Run { run }
    }

    /// Checks that every expectation passed. Gives the run back for more.
    ///
    /// # Panics
    /// When an expectation failed, and when it is inconclusive: what nobody could see is not
    /// passed. The message is the whole report.
    #[track_caller]
    pub fn assert_passed(&self) -> &Run {
        let outcome = self.outcome();
        assert!(
            outcome == Outcome::Passed,
            "scenario {} {}\n\n{self}",
            self.run.header.scenario,
            outcome.word(),
        );
        self
    }

    /// Checks all states that an endpoint went through in the whole run, from the first sight on,
    /// as scenario files write a path: `A > B` leaves nothing out, `A >> B` allows states between.
    ///
    /// ```
    /// # fn main() -> Result<(), sockscope::Error> {
    /// # if let Err(why) = sockscope::wire() {
    /// #     eprintln!("not tested here: {why}");
    /// #     return Ok(());
    /// # }
    /// sockscope::Scenario::builtin("normal-close")?
    ///     .run()?
    ///     .assert_passed()
    ///     .assert_path("server.conn", "SYN_RECV > ESTABLISHED >> LAST_ACK > CLOSE")
    ///     .assert_path("server.listener", "LISTEN");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the path was another, when the endpoint never existed, when states may have been
    /// missed (they were only sampled, or an observer says that it has a gap), and when `path` is
    /// none. The message is the whole report.
    #[track_caller]
    pub fn assert_path(&self, endpoint: &str, path: &str) -> &Run {
        let wanted = match Expectation::parse(&format!("{endpoint} {path}")) {
            Ok(Expectation::Path { endpoint, path }) => (endpoint, path),
            Ok(_) => panic!("`{endpoint} {path}` is no path of states"),
            Err(fault) => panic!("`{endpoint} {path}`: {}", fault.message),
        };
        let (endpoint, path) = wanted;
        // Strict, also where the scenario is content with settled states: this asks for all.
        let sight = Sight {
            place: self.run.header.place,
            blind: &self.run.header.blind,
            paths: Paths::Complete,
            telling: &[],
        };
        match check::whole_path(&endpoint, &path, self.timeline(), &sight) {
            Verdict::Fail(Mismatch {
                expected, observed, ..
            }) => panic!("expected: {expected}\nobserved: {observed}\n\n{self}"),
            Verdict::Inconclusive { why, remedy } => {
                let remedy =
                    remedy.map_or_else(String::new, |remedy| format!("; remedy: {remedy}"));
                panic!("{endpoint} {path}: inconclusive, {why}{remedy}\n\n{self}");
            }
            Verdict::Pass(_) | Verdict::Waived => self,
        }
    }

    /// All states that an endpoint was seen in, in their order; nothing for one that never was.
    pub fn path(&self, endpoint: &str) -> Option<Vec<TcpState>> {
        let endpoint = self.timeline().endpoint(&EndpointName::from(endpoint))?;
        let mut states: Vec<TcpState> = endpoint.history.iter().map(|c| c.state).collect();
        states.dedup();
        Some(states)
    }

    /// What the run comes to.
    pub fn outcome(&self) -> Outcome {
        self.run.outcome()
    }

    /// Where the programs ran.
    pub fn place(&self) -> Place {
        self.run.header.place
    }

    /// Everything that happened, for assertions of your own.
    ///
    /// ```
    /// use sockscope::event::Reaper;
    ///
    /// # fn main() -> Result<(), sockscope::Error> {
    /// let run = sockscope::Scenario::builtin("zombie")?.settled().run()?;
    /// let processes = run.timeline().processes().iter();
    /// let adopted = processes.filter(|process| process.reaped == Some(Reaper::Init));
    /// assert!(adopted.filter(|process| process.name.is_child()).count() == 3, "{run}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn timeline(&self) -> &Timeline {
        &self.run.timeline
    }

    /// Every expectation of the steps that were begun, with the index of its step and its verdict.
    pub fn verdicts(&self) -> impl Iterator<Item = (usize, &Checked)> {
        self.run.checks()
    }

    /// Keeps the record in a file (JSON Lines), for `sockscope replay` and `sockscope diff`. The
    /// file is written completely or not at all.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] when the folder or the disk does not take it.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.report("jsonl", path)
    }

    /// Writes a report to a file, in a format of `sockscope run --report`: `table`, `junit`,
    /// `html`, `svg` and so on. The file is written completely or not at all.
    ///
    /// ```
    /// # fn main() -> Result<(), sockscope::Error> {
    /// # let folder = tempfile::tempdir().expect("a folder");
    /// # let page = folder.path().join("zombie.html");
    /// let run = sockscope::Scenario::builtin("zombie")?.settled().run()?;
    /// // Before the assertion: of a run that failed it is wanted most.
    /// run.report("html", &page)?;
    /// run.assert_passed();
    /// # assert!(std::fs::read_to_string(&page).expect("it is there").contains("zombie"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Format`] when there is no such format, [`ErrorKind::Output`] when the folder or
    /// the disk does not take it.
    pub fn report(&self, format: &str, path: impl AsRef<Path>) -> Result<(), Error> {
        let found = Format::named(format).ok_or_else(|| Error::no_format(format))?;
        let detail = Detail {
            wire: WireDetail::Flags,
            ..Detail::default()
        };
        let cases = [Case::from(self.run.clone())];
        let output = |error: &dyn std::error::Error| Error::new(ErrorKind::Output, error);
        let text = report::format::render(found, &cases, &LOOK, &detail)
            .map_err(|error| output(&error))?;
        crate::output::write(path.as_ref(), text.as_bytes()).map_err(|error| output(&error))
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = Detail {
            wire: WireDetail::Flags,
            ..Detail::default()
        };
        f.write_str(&report::table::render(&self.run, &LOOK, &detail))?;
        let failure = report::failure::render(&self.run, &LOOK);
        match failure.is_empty() {
            true => Ok(()),
            false => write!(f, "\n{failure}"),
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::{Aspect, Event, Kind, SocketKey, Source};
    use crate::model::Evidence;
    use crate::run::{Blind, Header};

    const WHY: &str = "an answer was cut";

    fn blind() -> Blind {
        Blind {
            aspect: Aspect::Paths,
            why: WHY.to_owned(),
            remedy: Some("--net wire".to_owned()),
        }
    }

    /// A run in which the server listened, and what an observer missed.
    fn run(place: Place, blind: Vec<Blind>, gap: Option<(Aspect, Source)>) -> Run {
        let mut timeline = Timeline::default();
        let mut push = |source, kind| {
            timeline.push(Event {
                at: Duration::ZERO,
                step: 0,
                source,
                kind,
            });
        };
        push(
            Source::Sampler,
            Kind::Socket {
                key: SocketKey(0),
                host: "server".into(),
                state: TcpState::Listen,
                evidence: Evidence::Seen,
                facts: None,
                owner: Some("server".into()),
                cause: None,
            },
        );
        if let Some((aspect, source)) = gap {
            let why = WHY.to_owned();
            push(source, Kind::Gap { aspect, why });
        }
        let header = Header {
            sockscope: String::new(),
            scenario: "x".into(),
            title: String::new(),
            file: String::new(),
            text: String::new(),
            place,
            hosts: Vec::new(),
            kernel: String::new(),
            machine: None,
            began: None,
            asked: None,
            observers: Vec::new(),
            blind,
            settings: Vec::new(),
        };
        Run::new(run::Run {
            header,
            timeline,
            steps: Vec::new(),
            stopped: None,
            took: Duration::ZERO,
        })
    }

    fn listens(run: &Run) -> Result<(), String> {
        asserts(run, "server.listener", "LISTEN")
    }

    fn asserts(run: &Run, endpoint: &str, path: &str) -> Result<(), String> {
        let checked = std::panic::AssertUnwindSafe(|| {
            run.assert_path(endpoint, path);
        });
        std::panic::catch_unwind(checked)
            .map_err(|panic| panic.downcast_ref::<String>().expect("a text").clone())
    }

    #[test]
    fn a_path_is_known_where_every_state_was_seen() {
        for place in [Place::Wire, Place::Loopback, Place::Host] {
            assert_eq!(listens(&run(place, Vec::new(), None)), Ok(()));
            let other = Some((Aspect::Processes, Source::Sampler));
            assert_eq!(listens(&run(place, Vec::new(), other)), Ok(()));
            let said = asserts(&run(place, Vec::new(), None), "server.listener", "CLOSE");
            let said = said.expect_err("another path");
            assert!(
                said.contains("expected: server.listener CLOSE\nobserved: server.listener LISTEN"),
                "{said}"
            );
        }
    }

    #[test]
    fn with_a_gap_no_path_is_known() {
        let place = Place::Wire;
        for source in [Source::Sampler, Source::Driver, Source::Kernel] {
            let run = run(place, Vec::new(), Some((Aspect::Paths, source)));
            for endpoint in ["server.listener", "server.conn"] {
                let said = asserts(&run, endpoint, "LISTEN").expect_err("inconclusive");
                assert!(said.contains("inconclusive, cannot see "), "{said}");
            }
            assert!(listens(&run).expect_err("inconclusive").contains(WHY));
        }
        // What the kernel did not tell may be what does not fit.
        let kernel = run(place, Vec::new(), Some((Aspect::Paths, Source::Kernel)));
        let said = asserts(&kernel, "server.listener", "CLOSE").expect_err("inconclusive");
        assert!(said.contains("inconclusive, cannot see "), "{said}");
        let sampler = run(place, Vec::new(), Some((Aspect::Paths, Source::Sampler)));
        let said = asserts(&sampler, "server.listener", "CLOSE").expect_err("another path");
        assert!(said.contains("observed: server.listener LISTEN"), "{said}");
    }

    #[test]
    fn sampled_states_are_no_path() {
        for place in [Place::Wire, Place::Host] {
            let said = listens(&run(place, vec![blind()], None)).expect_err("inconclusive");
            assert!(
                said.contains("inconclusive, cannot see ") && said.contains("remedy: --net wire"),
                "{said}"
            );
        }
    }
}
