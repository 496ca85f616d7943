//! What shall run.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Error, Run};
use crate::driver::{self, Options, replaced};
use crate::lab::reexec;
use crate::model::ProgramName;
use crate::run::Place;
use crate::scenario::{self, SourceText};

/// A scenario, and how to run it.
///
/// ```
/// use sockscope::Scenario;
///
/// # fn main() -> Result<(), sockscope::Error> {
/// Scenario::builtin("normal-close")?
///     .program("server", ["chat-server", "{port}"]) // or a server of your own
///     .settled() // content with less where there is no wire
///     .run()?
///     .assert_passed();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `run`"]
pub struct Scenario {
    scenario: scenario::Scenario,
    programs: BTreeMap<ProgramName, Vec<String>>,
    net: Option<Place>,
    timeout_scale: f64,
    settled: bool,
    syscalls: bool,
}

impl Scenario {
    /// A scenario that is part of sockscope, by its name: `normal-close`. `sockscope list` prints
    /// them all.
    ///
    /// # Errors
    /// When there is none, with the names that are near:
    ///
    /// ```
    /// let error = sockscope::Scenario::builtin("normal-clsoe").unwrap_err();
    /// assert!(error.to_string().contains("did you mean `normal-close`?"));
    /// ```
    pub fn builtin(name: &str) -> Result<Scenario, Error> {
        Ok(Scenario::new(scenario::load_builtin(name)?))
    }

    /// A scenario of your own. A relative path begins at the test's working directory; with
    /// `cargo test` that is the folder of `Cargo.toml`.
    ///
    /// # Errors
    /// When the file cannot be read, or is wrong: everything that is, each with its line.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Scenario, Error> {
        Ok(Scenario::new(scenario::load_file(path.as_ref())?))
    }

    /// A scenario from its text, the TOML of a scenario file.
    ///
    /// ```
    /// use sockscope::Scenario;
    ///
    /// # fn main() -> Result<(), sockscope::Error> {
    /// let scenario = Scenario::parse(
    ///     r#"
    ///     title = "The server greets"
    ///     [programs]
    ///     server = "hello-server {port}"
    ///     client = "hello-client {server} {port}"
    ///     [[step]]
    ///     do     = "start server"
    ///     expect = "server.listener LISTEN"
    ///     [[step]]
    ///     do     = "start client"
    ///     expect = ["client prints Hello World!", "client exited 0"]
    ///     "#,
    /// )?;
    /// scenario.run()?.assert_passed();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its line.
    pub fn parse(text: &str) -> Result<Scenario, Error> {
        let source = SourceText {
            name: "scenario".to_owned(),
            text: text.to_owned(),
        };
        Ok(Scenario::new(scenario::load_text(source, "scenario", "")?))
    }

    fn new(scenario: scenario::Scenario) -> Scenario {
        Scenario {
            scenario,
            programs: BTreeMap::new(),
            net: None,
            timeout_scale: 1.0,
            settled: false,
            syscalls: false,
        }
    }

    /// Runs `command` in place of the scenario's program `name`. The words are not split further;
    /// `{port}`, `{server}` and so on in them are filled in, and a brace itself is written twice.
    /// The first word is a path, a command in PATH or a built-in program.
    ///
    /// Cargo names the executables of the package under test:
    /// `.program("server", [env!("CARGO_BIN_EXE_myserver"), "{port}"])`.
    ///
    /// The built-in programs tell of their system calls. Others do not: what a scenario expects of
    /// their calls (`server got EOF`) is inconclusive, and that is no pass, unless they are traced
    /// ([`Scenario::syscalls`]).
    pub fn program<W: Into<String>>(
        mut self,
        name: &str,
        command: impl IntoIterator<Item = W>,
    ) -> Scenario {
        let words = command.into_iter().map(Into::into).collect();
        self.programs.insert(ProgramName::new(name), words);
        self
    }

    /// Runs there and nowhere else. Without it, the best place that can be had is taken: the wire,
    /// a private loopback, the machine's own.
    pub fn net(mut self, place: Place) -> Scenario {
        self.net = Some(place);
        self
    }

    /// Multiplies every `within` of the scenario, for slow machines. Only failures take longer by
    /// it. What is no number above 0 is taken as 1.
    pub fn timeout_scale(mut self, factor: f64) -> Scenario {
        let usable = factor.is_finite() && factor > 0.0;
        self.timeout_scale = if usable { factor } else { 1.0 };
        self
    }

    /// Where complete paths cannot be observed, is content with settled states, and does not judge
    /// what is said of segments where there is no wire.
    pub fn settled(mut self) -> Scenario {
        self.settled = true;
        self
    }

    /// Traces the system calls and signals of all programs: then those of your own tell of them,
    /// too. Where tracing is refused, what depends on it is inconclusive.
    pub fn syscalls(mut self) -> Scenario {
        self.syscalls = true;
        self
    }

    /// Runs it, to its end or to the first step that fails. Ask the [`Run`] what came of it.
    ///
    /// # Errors
    /// When a program is replaced that the scenario does not have, or sockscope cannot be executed
    /// (see [the crate's page](crate#how-a-test-starts-sockscope)). A run that went wrong is no
    /// error.
    pub fn run(&self) -> Result<Run, Error> {
        replaced::check(&self.programs, &self.scenario)?;
        let options = Options {
            executable: reexec::own_executable()?,
            net: self.net,
            timeout_scale: self.timeout_scale,
            settled: self.settled,
            syscalls: self.syscalls,
            events: Default::default(),
            programs: self.programs.clone(),
        };
        Ok(Run::new(driver::run(&self.scenario, &options, None)))
    }
}
