//! The command line, turned once into typed options.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use sockscope::compare::Part;
use sockscope::driver::events;
use sockscope::lab;
use sockscope::model::ProgramName;
use sockscope::report::{Detail, Look, WireDetail};
use sockscope::run::Place;

#[macro_use]
mod filters;
mod ls;
mod report;
mod report_to;
mod watch;
mod why;

pub(crate) use ls::{Ls, LsOptions};
pub(crate) use report::{LookArguments, ReportArguments, ReportOptions};
pub(crate) use watch::{Watch, WatchOptions};
pub(crate) use why::{Why, WhyFormat, WhyOptions};

const EXIT_CODES: &str = "\
Exit codes:
    0  every expectation passed
    1  an expectation failed
    2  the call or the scenario file is wrong
    3  it could not run, or could not be observed (inconclusive)
    4  no built-in scenario matches the topic or pattern
  130  interrupted
  141  nobody read on: the rest was not run";

const TRACE_EXIT_CODES: &str = "Exit codes:
    the command's own; 128 and the signal's number where a signal ended it
  125  it could not be watched
  126  the command is there and cannot be executed
  127  the command was not found";
const DIFF_EXIT_CODES: &str = "\
Exit codes:
    0  the same
    1  they differ
    2  the call or a record is wrong
    3  a record could not be read, or the runs are the same only in what both show";

/// Run real TCP programs through scripted lifecycles and see every step of their connections.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenarios and print what happened, with verdicts
    #[command(after_help = EXIT_CODES)]
    Run(Run),
    /// Run a command and print what its sockets, processes, system calls and signals did
    #[command(after_help = TRACE_EXIT_CODES)]
    Trace(Trace),
    /// List the built-in scenarios by topic
    #[command(after_help = EXIT_CODES)]
    List(List),
    /// Print a scenario's file
    Show(Show),
    /// Report a saved record again, as the run itself did
    #[command(after_help = EXIT_CODES)]
    Replay(Replay),
    /// Compare two saved records and show where they differ first
    #[command(after_help = DIFF_EXIT_CODES)]
    Diff(Diff),
    /// Explain a scenario by an actual run of it, a TCP state, or a diagnosis
    Explain(Explain),
    /// Write a commented scenario file for a server of your own
    New(New),
    /// Print the JSON Schema of scenario files, for editors, of records, or of what why prints
    Schema(Schema),
    /// Run a built-in server or client by hand; without a name, list them
    Program(Program),
    /// List the machine's sockets and every process that holds them, as lsof, ss and netstat do
    #[command(after_help = ls::FILTERS)]
    Ls(Ls),
    /// Print what changes in the machine's TCP sockets, a line for each change of state
    #[command(after_help = watch::EXIT_CODES)]
    Watch(Watch),
    /// Say what is wrong with sockets and processes that run already, with evidence and a fix
    #[command(after_help = why::HELP)]
    Why(Why),
    /// Say what sockscope can see on this machine, and what stands in its way
    Doctor,
    /// The first process of a lab
    #[command(hide = true, name = lab::FIRST_PROCESS)]
    LabInit,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Names of built-in scenarios, topics (`zombie/`), patterns (`'*-reaped'`), or paths of
    /// scenario files
    #[arg(required_unless_present = "all", value_name = "SCENARIO")]
    scenarios: Vec<OsString>,
    /// Run every built-in scenario; with a SCENARIO: print every sample, not only what changed
    #[arg(long)]
    all: bool,
    /// Command to run in place of the scenario's program `server`, e.g. './server {port}'
    #[arg(long, value_name = "CMD")]
    server: Option<String>,
    /// Command to run in place of the scenario's program `client`
    #[arg(long, value_name = "CMD")]
    client: Option<String>,
    /// Command to run in place of any program of the scenario
    #[arg(long, value_name = "NAME=CMD")]
    program: Vec<String>,
    /// Where the programs run; by default the first of these that can be had
    #[arg(long)]
    net: Option<Net>,
    /// Where complete paths cannot be observed, be content with settled states, and do not judge
    /// what is said of segments where there is no wire
    #[arg(long)]
    settled: bool,
    /// Whether to record what the kernel tells itself of sockets, signals and processes (root or
    /// CAP_PERFMON)
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    events: EventsWhen,
    /// Trace the programs' system calls and signals with ptrace(2)
    #[arg(long)]
    syscalls: bool,
    /// Multiply every `within` by this, for slow machines
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = factor)]
    timeout_scale: f64,
    /// How many scenarios run at the same time
    #[arg(long, short, value_name = "N", default_value = "1", value_parser = at_least_one)]
    jobs: usize,
    /// How often to run a scenario again that did not pass; one that passes then is called flaky
    #[arg(long, value_name = "N", default_value = "0", conflicts_with_all = ["step", "quiz", "style"])]
    retries: usize,
    /// Exit with 1 when a scenario is flaky
    #[arg(long)]
    fail_on_flaky: bool,
    /// Stop before each step and each segment and ask what shall happen
    #[arg(long, conflicts_with = "format")]
    step: bool,
    /// As --step, and ask what netstat will show next before it is revealed
    #[arg(long, conflicts_with = "format")]
    quiz: bool,
    /// Keep the record in FILE, for `sockscope replay` and `diff`: as --report jsonl=FILE
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Write the packets that crossed the wire to FILE as pcapng, for Wireshark; each is told
    /// with the states that it changed. FILE `-` is standard output; the table goes to standard
    /// error then
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Write what was observed into the scenario file: in place of expectations that failed, and
    /// into steps without any
    #[arg(long, conflicts_with_all = ["step", "quiz", "style", "format", "report", "save", "retries", "pcap"])]
    bless: bool,
    #[command(flatten)]
    report: ReportArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// A record: what `sockscope run --save FILE` wrote; `-` is standard input
    pub(crate) file: PathBuf,
    /// Report only this one of several scenarios
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Option<String>,
    /// Report also what is left of a record that is cut or damaged, and records that are doubtful: of
    /// a newer format, or with a scenario of another hash
    #[arg(long)]
    pub(crate) partial: bool,
    /// Print every sample, not only what changed
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) report: ReportArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// The command and its arguments; in a lab {port}, {server} and so on stand for what is there
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CMD"
    )]
    command: Vec<String>,
    /// A second command, started when the first one waits; in a lab it is the client
    #[arg(long, value_name = "CMD")]
    with: Option<String>,
    /// Where they run; by default this machine's own network
    #[arg(long)]
    net: Option<Net>,
    /// When to record kernel events; `auto`: where there is no wire, if they can be had
    #[arg(long, value_enum, default_value_t = EventsWhen::Auto, value_name = "WHEN")]
    events: EventsWhen,
    /// Write the timeline to this file instead of standard error
    #[arg(long, short, value_name = "FILE")]
    output: Option<std::path::PathBuf>,
    /// Keep the record in this file, for `sockscope replay` and `sockscope diff`
    #[arg(long, value_name = "FILE")]
    save: Option<std::path::PathBuf>,
    /// Write a scenario that asserts what was seen
    #[arg(long, value_name = "FILE")]
    scenario: Option<std::path::PathBuf>,
    /// Print also what changes nothing
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    look: LookArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// A record; `-` is standard input
    #[arg(value_name = "A")]
    pub(crate) left: PathBuf,
    /// Another one
    #[arg(value_name = "B")]
    pub(crate) right: PathBuf,
    /// A state that one run saw and the other inferred is a difference
    #[arg(long)]
    pub(crate) evidence: bool,
    /// Compare without these
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    pub(crate) ignore: Vec<IgnoredPart>,
    #[command(flatten)]
    pub(crate) look: LookArguments,
}

/// What `--ignore` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IgnoredPart(pub(crate) Part);

impl ValueEnum for IgnoredPart {
    fn value_variants<'a>() -> &'a [IgnoredPart] {
        const ALL: [IgnoredPart; Part::ALL.len()] = {
            let mut all = [IgnoredPart(Part::Place); Part::ALL.len()];
            let mut at = 0;
            while at < all.len() {
                all[at] = IgnoredPart(Part::ALL[at]);
                at += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self.0 {
            Part::Place => "where they ran, and what could be seen there",
            Part::States => "the states of sockets",
            Part::Segments => "the packets",
            Part::Processes => "how processes began and ended, and who reaped them",
            Part::Output => "what programs wrote",
            Part::Calls => "calls, their arguments and results",
            Part::Holders => "who has which socket open",
            Part::Verdicts => "what came of the expectations",
        };
        Some(PossibleValue::new(self.0.word()).help(help))
    }
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// List only these: a topic (`zombie/`), a pattern (`'*-reaped'`), or a part of the name
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) look: LookArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Name of a built-in scenario, or path of a scenario file
    pub(crate) scenario: OsString,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Name of a built-in scenario, path of a scenario file, a TCP state (CLOSE_WAIT), or a
    /// diagnosis of why (held-by-several)
    pub(crate) subject: String,
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ExplainFormat,
    #[command(flatten)]
    pub(crate) look: LookArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ExplainFormat {
    /// For a terminal
    Text,
    /// For a page
    Markdown,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// Name of the scenario: writes NAME.toml
    pub(crate) name: String,
    /// The server's command, e.g. './server {port}'
    #[arg(long, value_name = "CMD")]
    pub(crate) server: String,
    /// The client's command, e.g. './client {server} {port}'; by default a bare TCP end
    #[arg(long, value_name = "CMD")]
    pub(crate) client: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of what
    #[arg(default_value = "scenario")]
    pub(crate) of: SchemaOf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaOf {
    /// Scenario files
    Scenario,
    /// Records: a line of --save and of --format jsonl, and the value of --format json
    Record,
    /// What why prints: the value of --format json, and the lines of --format jsonl
    Why,
}

#[derive(Debug, Args)]
pub(crate) struct Program {
    /// Its name
    pub(crate) name: Option<String>,
    /// Its arguments; --help shows them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Net {
    /// A network namespace for each host, the wire between them in sockscope's hands
    Wire,
    /// One private network namespace: states are sampled
    Loopback,
    /// The machine's own loopback, an ephemeral port: states are sampled
    Host,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EventsWhen {
    /// Where there is no wire to tell every state, if it is permitted
    Auto,
    /// Always; without permission nothing runs (exit code 3)
    On,
    /// Never
    Off,
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor.is_finite() && (0.001..=10_000.0).contains(&factor) => Ok(factor),
        _ => Err("a number from 0.001 to 10000".into()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number from 1".into()),
        Ok(number) => Ok(number),
    }
}

/// `sockscope trace`, as options.
#[derive(Debug)]
pub(crate) struct TraceOptions {
    pub(crate) command: Vec<String>,
    pub(crate) with: Result<Option<Vec<String>>, String>,
    pub(crate) net: Option<Place>,
    pub(crate) events: events::When,
    pub(crate) output: Option<std::path::PathBuf>,
    pub(crate) save: Option<std::path::PathBuf>,
    pub(crate) scenario: Option<std::path::PathBuf>,
    pub(crate) detail: Detail,
    pub(crate) look: Look,
}

impl From<Trace> for TraceOptions {
    fn from(trace: Trace) -> TraceOptions {
        let look = match &trace.output {
            Some(_) => trace.look.of_file(),
            None => trace.look.of_stderr(),
        };
        TraceOptions {
            command: trace.command,
            with: trace.with.map(|with| words("--with", &with)).transpose(),
            net: trace.net.map(Place::from),
            events: trace.events.into(),
            output: trace.output,
            save: trace.save,
            scenario: trace.scenario,
            detail: Detail {
                all: trace.all,
                wire: WireDetail::Flags,
            },
            look,
        }
    }
}

impl From<EventsWhen> for events::When {
    fn from(when: EventsWhen) -> events::When {
        match when {
            EventsWhen::Auto => events::When::Auto,
            EventsWhen::On => events::When::On,
            EventsWhen::Off => events::When::Off,
        }
    }
}

impl From<Net> for Place {
    fn from(net: Net) -> Place {
        match net {
            Net::Wire => Place::Wire,
            Net::Loopback => Place::Loopback,
            Net::Host => Place::Host,
        }
    }
}

/// A command line as words.
fn words(whose: &str, command: &str) -> Result<Vec<String>, String> {
    match shlex::split(command) {
        None => Err(format!(
            "the command for `{whose}` ends inside a quotation: {command}"
        )),
        Some(words) if words.is_empty() => Err(format!("the command for `{whose}` is empty")),
        Some(words) => Ok(words),
    }
}

/// `sockscope run`, as options.
#[derive(Debug)]
pub(crate) struct RunOptions {
    pub(crate) scenarios: Vec<OsString>,
    pub(crate) every_builtin: bool,
    pub(crate) programs: Result<BTreeMap<ProgramName, Vec<String>>, String>,
    pub(crate) net: Option<Place>,
    pub(crate) settled: bool,
    pub(crate) events: events::When,
    pub(crate) syscalls: bool,
    pub(crate) timeout_scale: f64,
    pub(crate) jobs: usize,
    pub(crate) retries: usize,
    pub(crate) fail_on_flaky: bool,
    pub(crate) step: bool,
    pub(crate) quiz: bool,
    pub(crate) bless: bool,
    pub(crate) report: ReportOptions,
}

impl From<Run> for RunOptions {
    fn from(run: Run) -> RunOptions {
        let every_builtin = run.all && run.scenarios.is_empty();
        RunOptions {
            programs: replaced(&run),
            net: run.net.map(Place::from),
            settled: run.settled,
            events: run.events.into(),
            syscalls: run.syscalls,
            timeout_scale: run.timeout_scale,
            jobs: run.jobs,
            retries: run.retries,
            fail_on_flaky: run.fail_on_flaky,
            step: run.step || run.quiz,
            quiz: run.quiz,
            report: {
                let all = run.all && !every_builtin;
                let mut report = run.report.options(all, run.pcap);
                report.keep(run.save);
                report
            },
            bless: run.bless,
            every_builtin,
            scenarios: run.scenarios,
        }
    }
}

/// The programs that the user replaced, as command lines.
fn replaced(run: &Run) -> Result<BTreeMap<ProgramName, Vec<String>>, String> {
    let mut given: Vec<(&str, &str)> = Vec::new();
    given.extend(
        run.server
            .iter()
            .map(|command| ("server", command.as_str())),
    );
    given.extend(
        run.client
            .iter()
            .map(|command| ("client", command.as_str())),
    );
    for program in &run.program {
        given.push(
            program
                .split_once('=')
                .ok_or_else(|| format!("`--program {program}`: write --program NAME=CMD"))?,
        );
    }
    let mut programs = BTreeMap::new();
    for (name, command) in given {
        let words = words(name, command)?;
        if programs.insert(ProgramName::new(name), words).is_some() {
            return Err(format!("program `{name}` is replaced twice"));
        }
    }
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }
}
