//! The command line, turned once into typed options.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use anstream::AutoStream;
use anstream::ColorChoice;
use clap::{Args, Parser, Subcommand, ValueEnum};
use sockscope::driver::events;
use sockscope::lab;
use sockscope::model::ProgramName;
use sockscope::report::format::Format;
use sockscope::report::style::Style;
use sockscope::report::{Detail, Look, WireDetail};
use sockscope::run::Place;

mod report_to;

pub(crate) use report_to::ReportTo;
use report_to::{formats, report_to};

const EXIT_CODES: &str = "\
Exit codes:
    0  every expectation passed
    1  an expectation failed
    2  the call or the scenario file is wrong
    3  it could not run, or could not be observed (inconclusive)
    4  no built-in scenario matches the topic or pattern
  130  interrupted";

const TRACE_EXIT_CODES: &str = "Exit codes:
    the command's own; 128 and the signal's number where a signal ended it
  125  it could not be watched
  126  the command is there and cannot be executed
  127  the command was not found";

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
    /// Explain a scenario by an actual run of it, or a TCP state
    Explain(Explain),
    /// Write a commented scenario file for a server of your own
    New(New),
    /// Print the JSON Schema of scenario files, for editors
    Schema,
    /// Run a built-in server or client by hand; without a name, list them
    Program(Program),
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
    scenarios: Vec<String>,
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
    #[arg(long, value_name = "N", default_value = "0", conflicts_with_all = ["step", "quiz"])]
    retries: usize,
    /// Exit with 1 when a scenario is flaky
    #[arg(long)]
    fail_on_flaky: bool,
    /// Stop before each step and each segment and ask what shall happen
    #[arg(long)]
    step: bool,
    /// As --step, and ask what netstat will show next before it is revealed
    #[arg(long)]
    quiz: bool,
    /// Print each sample of a single scenario as this tool would
    #[arg(long, value_name = "TOOL", conflicts_with_all = ["format", "retries"])]
    style: Option<ToolStyle>,
    /// Print this instead of the table
    #[arg(long, value_name = "FORMAT", value_parser = formats(), conflicts_with_all = ["step", "quiz"])]
    format: Option<Format>,
    /// Write this as well; FILE `-` is standard output, in place of the table; may be repeated
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report_to)]
    report: Vec<ReportTo>,
    /// Write the packets that crossed the wire to FILE as pcapng, for Wireshark; each is told
    /// with the states that it changed
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Write what was observed into the scenario file: in place of expectations that failed, and
    /// into steps without any
    #[arg(long, conflicts_with_all = ["step", "quiz", "style", "format", "report", "retries", "pcap"])]
    bless: bool,
    /// How much of each segment to show
    #[arg(long, value_name = "DETAIL", default_value = "flags")]
    wire: WireColumns,
    #[command(flatten)]
    look: LookArguments,
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
    /// Write the timeline to this file instead of standard error
    #[arg(long, short, value_name = "FILE")]
    output: Option<std::path::PathBuf>,
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
pub(crate) struct List {
    /// List only these: a topic (`zombie/`), a pattern (`'*-reaped'`), or a part of the name
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) look: LookArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Name of a built-in scenario, or path of a scenario file
    pub(crate) scenario: String,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Name of a built-in scenario, path of a scenario file, or a TCP state (CLOSE_WAIT)
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
pub(crate) struct Program {
    /// Its name
    pub(crate) name: Option<String>,
    /// Its arguments; --help shows them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct LookArguments {
    /// Columns to fill; by default the terminal's, and 100 where there is none
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(60..))]
    width: Option<u16>,
    /// When to use colour (NO_COLOR is heeded by `auto`)
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: When,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
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

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WireColumns {
    /// Flags, sequence numbers, length and window
    Full,
    /// Flags and length
    Flags,
    /// No segments
    Off,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ToolStyle {
    Lsof,
    Ss,
    Netstat,
    Ps,
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
    pub(crate) output: Option<std::path::PathBuf>,
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
            output: trace.output,
            scenario: trace.scenario,
            detail: Detail {
                all: trace.all,
                wire: WireDetail::Flags,
            },
            look,
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
    pub(crate) scenarios: Vec<String>,
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
    pub(crate) style: Option<Style>,
    pub(crate) format: Option<Format>,
    pub(crate) reports: Vec<ReportTo>,
    pub(crate) pcap: Option<PathBuf>,
    pub(crate) bless: bool,
    pub(crate) detail: Detail,
    pub(crate) look: Look,
    /// How what goes to a file looks.
    pub(crate) file_look: Look,
}

impl From<Run> for RunOptions {
    fn from(run: Run) -> RunOptions {
        let every_builtin = run.all && run.scenarios.is_empty();
        RunOptions {
            programs: replaced(&run),
            net: run.net.map(Place::from),
            settled: run.settled,
            events: match run.events {
                EventsWhen::Auto => events::When::Auto,
                EventsWhen::On => events::When::On,
                EventsWhen::Off => events::When::Off,
            },
            syscalls: run.syscalls,
            timeout_scale: run.timeout_scale,
            jobs: run.jobs,
            retries: run.retries,
            fail_on_flaky: run.fail_on_flaky,
            step: run.step || run.quiz,
            quiz: run.quiz,
            style: run.style.map(|style| match style {
                ToolStyle::Lsof => Style::Lsof,
                ToolStyle::Ss => Style::Ss,
                ToolStyle::Netstat => Style::Netstat,
                ToolStyle::Ps => Style::Ps,
            }),
            detail: Detail {
                all: run.all && !every_builtin,
                wire: match run.wire {
                    WireColumns::Full => WireDetail::Full,
                    WireColumns::Flags => WireDetail::Flags,
                    WireColumns::Off => WireDetail::Off,
                },
            },
            format: run.format,
            reports: run.report,
            pcap: run.pcap,
            bless: run.bless,
            look: (&run.look).into(),
            file_look: run.look.of_file(),
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

/// The columns of what is not printed on a terminal.
const NO_TERMINAL: u16 = 100;

impl LookArguments {
    fn of_file(&self) -> Look {
        Look {
            width: usize::from(self.width.unwrap_or(NO_TERMINAL)),
            color: false,
            unicode: is_utf8_locale(),
        }
    }

    fn of_stderr(&self) -> Look {
        let terminal = columns_of_stderr();
        self.of(AutoStream::choice(&std::io::stderr()), terminal)
    }

    fn of(&self, choice: ColorChoice, terminal: Option<u16>) -> Look {
        let width = self.width.or(terminal).unwrap_or(NO_TERMINAL);
        Look {
            width: usize::from(width),
            color: match self.color {
                When::Always => true,
                When::Never => false,
                When::Auto => !matches!(choice, ColorChoice::Never),
            },
            unicode: is_utf8_locale(),
        }
    }
}

/// The columns of the terminal that standard error is.
fn columns_of_stderr() -> Option<u16> {
    let mut table = comfy_table::Table::new();
    table.use_stderr();
    table.width()
}

impl From<&LookArguments> for Look {
    fn from(arguments: &LookArguments) -> Look {
        let terminal = comfy_table::Table::new().width();
        arguments.of(AutoStream::choice(&std::io::stdout()), terminal)
    }
}

/// Whether the locale's character set is UTF-8 (`locale(7)`: LC_ALL, then LC_CTYPE, then LANG).
fn is_utf8_locale() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(std::env::var_os)
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_string_lossy().to_ascii_uppercase();
            value.contains("UTF-8") || value.contains("UTF8")
        })
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
