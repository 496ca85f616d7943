//! What came of it.

use std::fmt;

use crate::model::{EndpointName, TcpState};
use crate::report::{self, Detail, Look, WireDetail};
use crate::run::{self, Checked, Outcome, Place};
use crate::scenario::Expectation;
use crate::timeline::Timeline;

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
    /// missed (there was no wire), and when `path` is none. The message is the whole report.
    #[track_caller]
    pub fn assert_path(&self, endpoint: &str, path: &str) -> &Run {
        let wanted = match Expectation::parse(&format!("{endpoint} {path}")) {
            Ok(Expectation::Path { endpoint, path }) => (endpoint, path),
            Ok(_) => panic!("`{endpoint} {path}` is no path of states"),
            Err(fault) => panic!("`{endpoint} {path}`: {}", fault.message),
        };
        let (endpoint, path) = wanted;
        let place = self.run.header.place;
        assert!(
            place == Place::Wire,
            "{endpoint} {path}: inconclusive, since states were only sampled (on the {})\n\n{self}",
            place.word(),
        );
        let Some(states) = self.path(endpoint.as_str()) else {
            panic!("{endpoint} never existed\n\n{self}");
        };
        assert!(
            path.fits(&states),
            "expected: {endpoint} {path}\nobserved: {endpoint} {}\n\n{self}",
            in_words(&states),
        );
        self
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
}

fn in_words(states: &[TcpState]) -> String {
    let words: Vec<&str> = states.iter().map(|state| state.name()).collect();
    words.join(" > ")
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
