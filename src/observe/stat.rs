//! The line of `/proc/PID/stat` (`proc_pid_stat(5)`), and of a thread's.

use procfs::FromRead;

use crate::model::{ExitStatus, ProcState};

/// What `/proc/PID/stat` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The pid.
    pub pid: i32,
    /// The command's name, at most 15 bytes. Anything may be in it: spaces, parentheses, escape
    /// codes; bytes that are no UTF-8 are replaced by U+FFFD.
    pub comm: String,
    /// The state. A process whose first thread ended while others go on is a zombie with
    /// [`Stat::threads`] above 1.
    pub state: ProcState,
    /// The parent's pid; 0 when it is outside of the pid namespace of this `/proc`.
    pub ppid: i32,
    /// When the process started, in clock ticks since boot. With the pid it names the process
    /// for good.
    pub start_ticks: u64,
    /// How many threads it has.
    pub threads: i64,
    /// How it ended, when it is a zombie and the reader may know: the kernel tells it to whom it
    /// would let `ptrace(2)` the process, and shows 0 to others.
    pub exit: Option<ExitStatus>,
}

/// The line has not the shape that `proc_pid_stat(5)` describes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a process's stat line cannot be read: {0}")]
pub struct BadStat(String);

impl Stat {
    /// Reads the line.
    ///
    /// # Errors
    /// When it has not the shape that `proc_pid_stat(5)` describes.
    pub fn parse(line: &[u8]) -> Result<Stat, BadStat> {
        if !has_comm_in_parentheses(line) {
            return Err(BadStat(String::from_utf8_lossy(line).into_owned()));
        }
        let raw =
            procfs::process::Stat::from_read(line).map_err(|error| BadStat(error.to_string()))?;
        let state = ProcState::from_letter(raw.state);
        let ended = matches!(state, ProcState::Zombie | ProcState::Dead) && raw.num_threads <= 1;
        // Of an ended process wchan is 1 for a reader who may know, 0 (as exit_code is) for
        // others: without it "exited 0" and "not told" would look the same.
        let told = raw.wchan != 0;
        Ok(Stat {
            pid: raw.pid,
            comm: raw.comm,
            state,
            ppid: raw.ppid,
            start_ticks: raw.starttime,
            threads: raw.num_threads,
            exit: raw
                .exit_code
                .filter(|_| ended && told)
                .map(ExitStatus::from_wait),
        })
    }
}

/// Whether the line begins `PID (` and goes on behind its last `)`: procfs's parser takes that
/// for granted.
fn has_comm_in_parentheses(line: &[u8]) -> bool {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let Some(close) = line.iter().rposition(|byte| *byte == b')') else {
        return false;
    };
    let behind = &line[close + 1..];
    digits > 0
        && line[digits..].starts_with(b" (")
        && behind.first() == Some(&b' ')
        && behind.get(1).is_some_and(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A line with 52 fields, of which these matter here.
    fn line(comm: &[u8], state: char, threads: i64, wchan: u64, exit_code: i32) -> Vec<u8> {
        let mut line = b"42 (".to_vec();
        line.extend_from_slice(comm);
        line.extend_from_slice(
            format!(
                ") {state} 7 42 42 0 -1 4227148 0 0 0 0 0 0 0 0 20 0 {threads} 0 1234 0 0 \
                 18446744073709551615 0 0 0 0 0 0 0 0 0 {wchan} 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 \
                 {exit_code}\n"
            )
            .as_bytes(),
        );
        line
    }

    #[test]
    fn a_zombie_with_its_status() {
        let stat = Stat::parse(&line(b"chat-server", 'Z', 1, 1, 3 << 8)).expect("stat");
        assert_eq!(
            stat,
            Stat {
                pid: 42,
                comm: "chat-server".to_owned(),
                state: ProcState::Zombie,
                ppid: 7,
                start_ticks: 1234,
                threads: 1,
                exit: Some(ExitStatus::Exited(3)),
            }
        );
    }

    #[test]
    fn a_status_that_is_not_told_is_not_success() {
        let exit = |state, threads, wchan| {
            Stat::parse(&line(b"x", state, threads, wchan, 0))
                .expect("stat")
                .exit
        };
        assert_eq!(exit('Z', 1, 0), None);
        assert_eq!(exit('Z', 1, 1), Some(ExitStatus::Exited(0)));
        assert_eq!(exit('S', 1, 1), None, "it lives");
        assert_eq!(exit('Z', 2, 1), None, "its other threads live");
    }

    #[test]
    fn hostile_names_change_nothing() {
        for comm in [
            &b"a b) R 1 1 1"[..],
            b") Z (",
            b"\x1b[31m\xff\xfe",
            b"((((",
            b"))))",
            b"",
            b" ",
            b"\n) X 0 (",
        ] {
            let stat = Stat::parse(&line(comm, 'S', 3, 0, 0)).expect("stat");
            assert_eq!(stat.comm, String::from_utf8_lossy(comm));
            assert_eq!(
                (stat.pid, stat.state, stat.ppid, stat.threads),
                (42, ProcState::Sleeping, 7, 3)
            );
        }
    }

    #[test]
    fn an_unknown_letter_is_kept() {
        let stat = Stat::parse(&line(b"x", 'Q', 1, 0, 0)).expect("stat");
        assert_eq!(stat.state, ProcState::Unknown('Q'));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Stat::parse(&bytes);
        }

        #[test]
        fn a_line_cut_off_anywhere_is_read_or_refused(cut in 0usize..200) {
            let whole = line(b"a) (b", 'S', 1, 0, 0);
            let _ = Stat::parse(&whole[..cut.min(whole.len())]);
        }

        #[test]
        fn any_shape_near_the_real_one(text in "[0-9]{0,4}[ (]{0,3}[a-z()\u{e9} ]{0,8}[) ]{0,3}[A-Z0-9 -]{0,80}") {
            let _ = Stat::parse(text.as_bytes());
        }
    }
}
