//! What programs say: their system calls on the side channel, their output in pipes.

use std::time::Duration;

use super::{Halt, Session};
use crate::event::{Aspect, Call, Kind, Source, Stream};
use crate::model::ProcessName;
use crate::programs::record::What;

/// The descriptor that a built-in program's call is about: its first argument, where the call has
/// one.
fn descriptor(call: &Call) -> Option<i32> {
    let first = call.args.split(',').next()?;
    let takes_none = matches!(call.name.as_str(), "wait" | "waitpid" | "kill" | "socket");
    first.trim().parse().ok().filter(|_| !takes_none)
}

impl Session<'_> {
    /// Reads the side channel.
    pub(super) fn hear(&mut self) -> Result<bool, Halt> {
        let all = self.channel.recv()?;
        let any = !all.is_empty();
        for received in all {
            if let Ok(record) = &received.record {
                self.hear_kernel_until(Duration::from_nanos(record.at_ns));
            }
            let sender = self.processes.sender(received.pid, &mut self.pen);
            match (received.record, sender) {
                (Ok(record), Some(process)) => {
                    if record.lost > 0 {
                        let why = format!("{} calls of {process} were not told", record.lost);
                        let aspect = Aspect::Calls;
                        self.pen.emit(Source::Program, Kind::Gap { aspect, why });
                    }
                    if let What::Call(mut call) = record.what {
                        call.fd = descriptor(&call);
                        let at = Duration::from_nanos(record.at_ns);
                        self.pen
                            .emit_at(at, Source::Program, Kind::Called { process, call });
                    }
                }
                (Ok(_), None) if self.unmet.contains(&received.pid) => {}
                (Ok(_), None) => {
                    self.unmet.push(received.pid);
                    let why = format!("process {} was gone before it could be met", received.pid);
                    let aspect = Aspect::Processes;
                    self.pen.emit(Source::Program, Kind::Gap { aspect, why });
                }
                (Err(error), _) => self.pen.emit(
                    Source::Program,
                    Kind::Gap {
                        aspect: Aspect::Calls,
                        why: error.to_string(),
                    },
                ),
            }
        }
        Ok(any)
    }

    /// Reads what programs wrote, and writes what they did not take yet.
    pub(super) fn read_pipes(&mut self) -> bool {
        let mut any = false;
        for pipes in &mut self.pipes {
            // Nobody reads it any more: what was typed is lost with its reader.
            let _ = pipes.input.flush();
            let process = ProcessName::new(pipes.program.as_str());
            for (stream, lines) in [
                (Stream::Stdout, &mut pipes.stdout),
                (Stream::Stderr, &mut pipes.stderr),
            ] {
                let (found, read) = lines.read();
                any |= read;
                for text in found {
                    let process = process.clone();
                    self.pen.emit(
                        Source::Driver,
                        Kind::Output {
                            process,
                            stream,
                            text,
                        },
                    );
                }
            }
        }
        any
    }
}
