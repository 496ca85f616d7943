//! sockscope executed anew: how the lab's first process and the built-in programs are started, in
//! the `sockscope` command and in every other executable that links this library.
//!
//! Both are processes of their own that begin with `execve(2)`: one has to enter namespaces and
//! fork, the others have to be found by their command lines. A test executable has no `sockscope`
//! beside it that could be executed, and its `main` is the test harness's. So this library looks
//! at the process before `main` (`before_main`, called by the C library) and takes it over when
//! all of these hold:
//!
//! - the environment has the marker (`SOCKSCOPE_TAKES_OVER`), with this version in it,
//! - `argv[0]` is `sockscope`, and `argv[1]` names a role,
//! - the process has no rights that its starter lacks (no set-user-ID program).
//!
//! Every other process pays for one look into the environment. The marker is not passed on to the
//! programs of a scenario.
//!
//! That the executable does look is known from having looked itself: [`own_executable`] names it
//! only then, so that a test executable can never start itself by mistake. `SOCKSCOPE_BIN` names
//! a `sockscope` command to use instead.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::Signal;

use super::init;
use crate::programs;
use crate::sys::before_main::is_privileged;
use crate::sys::{fork, signals};

/// The role of the lab's first process: [`init`].
pub const FIRST_PROCESS: &str = "lab-init";

/// The role of a built-in program; its name and arguments follow.
pub const PROGRAM: &str = "program";

/// The role that does nothing, for a process that shall only end.
pub const NOTHING: &str = "--version";

/// The environment variable by which a process knows that sockscope started it to be sockscope.
const MARKER: &str = "SOCKSCOPE_TAKES_OVER";

/// The environment variable that names a `sockscope` command to execute.
const OVERRIDE: &str = "SOCKSCOPE_BIN";

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `argv[0]` of whatever is executed anew.
const NAME: &str = "sockscope";

/// Exit code of a process that cannot play its role.
const CANNOT: i32 = 3;

/// Whether [`before_main`] was called in this process.
static LOOKED: AtomicBool = AtomicBool::new(false);

/// Makes `command` a process that plays a role, instead of whatever its executable is.
pub fn take_over(command: &mut Command) -> &mut Command {
    command.arg0(NAME).env(MARKER, VERSION)
}

/// Makes sure that `command` is what it is, whatever started the calling process.
pub fn leave_alone(command: &mut Command) -> &mut Command {
    command.env_remove(MARKER)
}

/// Called before `main`: does not return where this process was started to play a role.
pub(crate) fn before_main() {
    LOOKED.store(true, Ordering::Relaxed);
    let Some(version) = std::env::var_os(MARKER) else {
        return;
    };
    if is_privileged() {
        return;
    }
    // The standard library knows the arguments so early with glibc, but not with musl.
    let Ok(line) = fs::read("/proc/self/cmdline") else {
        return;
    };
    let words: Vec<OsString> = words(&line);
    let [name, role, arguments @ ..] = words.as_slice() else {
        return;
    };
    if name != NAME {
        return;
    }
    let play: fn(&[OsString]) -> i32 = match role.to_str() {
        Some(FIRST_PROCESS) => |_| be_first_process(),
        Some(PROGRAM) => be_program,
        Some(NOTHING) => |_| 0,
        _ => return,
    };
    if version != VERSION {
        let asked = version.to_string_lossy();
        let _ = writeln!(
            io::stderr(),
            "sockscope: this is version {VERSION}, and a part of version {asked:?} was asked for"
        );
        fork::exit_now(CANNOT);
    }
    let status = play(arguments);
    let _ = io::stdout().flush();
    // Nothing of the executable's own has begun: nothing of it shall run at the end either.
    fork::exit_now(status);
}

/// The arguments as `proc_pid_cmdline(5)` has them, each followed by a 0.
fn words(line: &[u8]) -> Vec<OsString> {
    let line = line.strip_suffix(b"\0").unwrap_or(line);
    line.split(|byte| *byte == 0)
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect()
}

/// Serves the lab whose control socket is standard input.
pub fn be_first_process() -> i32 {
    // As the standard library has it from `main` on: a peer that is gone is an error, not a death.
    if signals::set_ignored(Signal::SIGPIPE).is_err() {
        return CANNOT;
    }
    match io::stdin().as_fd().try_clone_to_owned() {
        Ok(control) => {
            // The copy is the only one from here on: its closing is what ends the lab.
            let _ = nix::unistd::close(0);
            i32::from(init::run(control))
        }
        Err(_) => CANNOT,
    }
}

fn be_program(arguments: &[OsString]) -> i32 {
    match arguments {
        [name, arguments @ ..] => programs::run(&name.to_string_lossy(), arguments),
        [] => CANNOT,
    }
}

/// There is no executable that could be the lab's first process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoExecutable {
    /// This library is part of a shared library, or its look before `main` was left out.
    #[error(
        "sockscope is not part of this executable itself and cannot start a lab from it\n  = help: \
         install the sockscope command ({VERSION}) and set {OVERRIDE} to its path"
    )]
    NotLinked,
    /// What `SOCKSCOPE_BIN` names does not run.
    #[error("{OVERRIDE} is {path:?}, and that cannot be executed: {why}")]
    NotRun {
        /// What it names.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// What `SOCKSCOPE_BIN` names is not this version of sockscope.
    #[error(
        "{OVERRIDE} is {path:?}, and that is not sockscope {VERSION}: `--version` says {said:?}\n  \
         = help: unset {OVERRIDE}, or install sockscope {VERSION}"
    )]
    OtherVersion {
        /// What it names.
        path: PathBuf,
        /// Its answer.
        said: String,
    },
}

/// What to execute for the lab's first process and the built-in programs: the `sockscope` command
/// that `SOCKSCOPE_BIN` names, else the executable of this process. Asked once a process.
///
/// # Errors
/// Where neither can be.
pub fn own_executable() -> Result<PathBuf, NoExecutable> {
    static FOUND: OnceLock<Result<PathBuf, NoExecutable>> = OnceLock::new();
    FOUND
        .get_or_init(|| match std::env::var_os(OVERRIDE) {
            Some(path) if !path.is_empty() => named(PathBuf::from(path)),
            _ => itself(),
        })
        .clone()
}

fn named(path: PathBuf) -> Result<PathBuf, NoExecutable> {
    let output = leave_alone(Command::new(&path).arg("--version"))
        .stdin(Stdio::null())
        .output();
    let said = match output {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => {
            let why = error.to_string();
            return Err(NoExecutable::NotRun { path, why });
        }
    };
    match said == format!("{NAME} {VERSION}") {
        true => Ok(path),
        false => Err(NoExecutable::OtherVersion { path, said }),
    }
}

fn itself() -> Result<PathBuf, NoExecutable> {
    let path = std::env::current_exe().map_err(|_| NoExecutable::NotLinked)?;
    if !LOOKED.load(Ordering::Relaxed) || !is_part_of(&path) {
        return Err(NoExecutable::NotLinked);
    }
    // Built anew while it runs: the old file has no name any more, but it is still there.
    match path.exists() {
        true => Ok(path),
        false => Ok(PathBuf::from("/proc/self/exe")),
    }
}

/// Whether this code is in the executable itself and not in a shared library that it loaded, by
/// the name of the mapping that holds it (`proc_pid_maps(5)`).
fn is_part_of(executable: &Path) -> bool {
    let here = before_main as fn() as usize;
    let Ok(maps) = fs::read("/proc/self/maps") else {
        return false;
    };
    maps.split(|byte| *byte == b'\n')
        .any(|line| holds(line, here) && file_of(line) == executable.as_os_str())
}

/// Whether a line of `/proc/self/maps` is about the mapping with this address.
fn holds(line: &[u8], address: usize) -> bool {
    let bounds = || {
        let range = line.split(|byte| *byte == b' ').next()?;
        let (from, to) = std::str::from_utf8(range).ok()?.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        Some(number(from)?..number(to)?)
    };
    bounds().is_some_and(|range| range.contains(&address))
}

/// The file of a mapping: what stands behind address, rights, offset, device and inode.
fn file_of(line: &[u8]) -> &OsStr {
    let mut rest = line;
    for _ in 0..5 {
        rest = rest.trim_ascii_start();
        let end = rest.iter().position(|byte| *byte == b' ');
        rest = &rest[end.unwrap_or(rest.len())..];
    }
    OsStr::from_bytes(rest.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_an_executable_that_looks() {
        assert_eq!(itself(), Ok(std::env::current_exe().expect("a path")));
    }

    #[test]
    fn the_marker_alone_takes_nothing_over() {
        let this = std::env::current_exe().expect("a path");
        for name in [None, Some(NAME)] {
            let mut command = Command::new(&this);
            command
                .arg("--list")
                .arg("no such test")
                .env(MARKER, VERSION);
            command.args(["--format", "terse"]);
            if let Some(name) = name {
                command.arg0(name);
            }
            let output = command.output().expect("it runs");
            assert!(output.status.success());
            assert!(output.stderr.is_empty(), "{output:?}");
        }
    }

    #[test]
    fn a_role_is_played_only_with_the_marker_and_the_name() {
        let this = std::env::current_exe().expect("a path");
        let run = |prepare: &dyn Fn(&mut Command)| {
            let mut command = Command::new(&this);
            command.args([PROGRAM, "echo-client", "--help"]);
            prepare(&mut command);
            let output = command.output().expect("it runs");
            String::from_utf8_lossy(&output.stdout).contains("Usage: sockscope program echo-client")
        };
        assert!(run(&|command| _ = take_over(command)));
        assert!(!run(&|command| _ = command.env(MARKER, VERSION)));
        assert!(!run(&|command| _ = command.arg0(NAME)));
        assert!(!run(&|command| _ = leave_alone(take_over(command))));
    }

    #[test]
    fn another_version_is_refused() {
        let mut command = Command::new(std::env::current_exe().expect("a path"));
        let output = take_over(command.arg(FIRST_PROCESS))
            .env(MARKER, "0.0.0-other")
            .stdin(Stdio::null())
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(CANNOT));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("0.0.0-other") && said.contains(VERSION),
            "{said}"
        );
    }

    #[test]
    fn only_this_version_of_the_command_will_do() {
        assert!(matches!(
            named("/nonexistent/sockscope".into()),
            Err(NoExecutable::NotRun { .. })
        ));
        assert!(matches!(
            named("/bin/true".into()),
            Err(NoExecutable::OtherVersion { .. })
        ));
    }

    #[test]
    fn lines_of_maps() {
        let line = b"55d0c0000000-55d0c0100000 r-xp 00001000 fe:01 42    /a b/test (deleted)";
        assert!(holds(line, 0x55d0_c000_0000));
        assert!(!holds(line, 0x55d0_c010_0000));
        assert_eq!(file_of(line), "/a b/test (deleted)");
        assert_eq!(file_of(b"7ff0-7ff1 rw-p 0 0:0 0"), "");
        assert!(!holds(b"", 0) && !holds(b"zz-yy", 0));
    }

    #[test]
    fn command_lines() {
        assert_eq!(
            words(b"sockscope\0program\0\0"),
            ["sockscope", "program", ""]
        );
        assert_eq!(words(b"sockscope"), ["sockscope"]);
    }
}
