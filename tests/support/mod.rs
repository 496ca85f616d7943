//! What the tests share: sockscope as a command, scenarios as text, and a look for leftovers.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use sockscope::driver::Options;
use sockscope::run::{Place, Run};
use sockscope::scenario::{Scenario, SourceText, builtin};

pub(crate) mod ordinary;

/// The built executable.
pub(crate) const SOCKSCOPE: &str = env!("CARGO_BIN_EXE_sockscope");

/// sockscope as a command, in a plain environment.
pub(crate) fn sockscope(arguments: &[&str]) -> Command {
    let mut command = Command::new(SOCKSCOPE);
    command
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .env_remove("NO_COLOR")
        // The tests may run in CI themselves.
        .env_remove("GITHUB_ACTIONS")
        .env_remove("GITHUB_STEP_SUMMARY")
        .stdin(Stdio::null());
    command
}

/// What a command printed, and its exit code.
pub(crate) struct Said {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        Said {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        }
    }
}

/// Runs sockscope to its end.
pub(crate) fn say(arguments: &[&str]) -> Said {
    sockscope(arguments)
        .output()
        .expect("sockscope runs")
        .into()
}

/// The options of a plain run.
pub(crate) fn options(net: Option<Place>) -> Options {
    Options {
        executable: PathBuf::from(SOCKSCOPE),
        net,
        timeout_scale: 1.0,
        settled: false,
        events: Default::default(),
        syscalls: false,
        programs: Default::default(),
    }
}

/// Whether the wire can be had here. Where it cannot, tests that need it say so and pass, unless
/// the environment demands it as CI does.
pub(crate) fn wire() -> bool {
    let missing = sockscope::driver::abilities::abilities(SOCKSCOPE.as_ref())
        .into_iter()
        .find_map(|ability| Some((ability.name, ability.missing?)));
    match missing {
        None => true,
        Some((name, missing)) if std::env::var_os("SOCKSCOPE_REQUIRE_WIRE").is_none() => {
            eprintln!("not tested here: no {name}: {}", missing.why);
            false
        }
        Some((name, missing)) => panic!("no {name}: {}", missing.why),
    }
}

/// A scenario from its text.
pub(crate) fn scenario(text: &str) -> Scenario {
    let source = SourceText {
        name: "test.toml".into(),
        text: text.into(),
    };
    Scenario::parse(source.clone(), "test", "")
        .unwrap_or_else(|error| panic!("{}", error.render(&source, false)))
}

/// A built-in scenario.
pub(crate) fn built_in(name: &str) -> Scenario {
    sockscope::scenario::load(name).unwrap_or_else(|error| panic!("{}", error.render(false)))
}

/// The names of all built-in scenarios.
pub(crate) fn all_names() -> Vec<&'static str> {
    builtin::all().iter().map(|known| known.name).collect()
}

/// Runs a scenario from its text on the best place.
pub(crate) fn run(text: &str) -> Run {
    sockscope::driver::run(&scenario(text), &options(None), None)
}

/// A mark that a run's processes inherit in their environment.
pub(crate) struct Mark(String);

impl Mark {
    pub(crate) const NAME: &'static str = "SOCKSCOPE_TEST_MARK";

    /// A mark that no other test has.
    pub(crate) fn new(test: &str) -> Mark {
        Mark(format!("{test}-{}", std::process::id()))
    }

    pub(crate) fn value(&self) -> &str {
        &self.0
    }

    /// The processes that carry it, zombies (which have no environment) aside.
    pub(crate) fn bearers(&self) -> Vec<i32> {
        let wanted = format!("{}={}", Mark::NAME, self.0);
        let own = std::process::id() as i32;
        std::fs::read_dir("/proc")
            .expect("/proc")
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
            .filter(|pid| *pid != own)
            .filter(|pid| {
                std::fs::read(format!("/proc/{pid}/environ"))
                    .is_ok_and(|env| env.split(|b| *b == 0).any(|v| v == wanted.as_bytes()))
            })
            .collect()
    }

    /// Waits until nobody carries it; the kernel ends a pid namespace in its own time.
    ///
    /// # Panics
    /// When somebody still does after a long while.
    pub(crate) fn assert_gone(&self) {
        let begun = std::time::Instant::now();
        loop {
            let bearers = self.bearers();
            if bearers.is_empty() {
                return;
            }
            assert!(
                begun.elapsed() < std::time::Duration::from_secs(20),
                "left behind: {bearers:?}"
            );
            std::thread::yield_now();
        }
    }
}
