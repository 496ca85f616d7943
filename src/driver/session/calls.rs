//! What the tracer tells, as events.

use super::Session;
use crate::event::{Aspect, Call, CallResult, Kind, SignalFate, SignalOrigin, Source};
use crate::model::{Holder, ProcessName};
use crate::observe::syscalls::{Disposition, News, Seen, What};
use crate::run::Place;

/// The child whose status a call collected.
fn collected(call: &Call) -> Option<i32> {
    match call.result {
        CallResult::Value(child @ 1..) if call.name == "wait4" => i32::try_from(child).ok(),
        _ => None,
    }
}

impl Session<'_> {
    /// Hears the tracer. Says whether there was anything.
    pub(super) fn hear_tracer(&mut self) -> bool {
        let Some(tracing) = &self.tracing else {
            return false;
        };
        let is_over = tracing.is_over();
        let all = tracing.heard();
        let any = !all.is_empty();
        if is_over && !any {
            self.processes.are_traced(false);
        }
        for news in all {
            self.take_news(news);
        }
        any
    }

    fn take_news(&mut self, News { at, pid, what }: News) {
        self.hear_kernel_until(at);
        // A program that could not be started has no name.
        let Some(process) = self.processes.name_of(pid).cloned() else {
            return;
        };
        let kind = match what {
            What::Called { call, seen } => {
                let collected = collected(&call);
                self.look_at_socket(&process, &call, seen);
                let told = Kind::Called { process, call };
                self.pen.emit_at(at, Source::Syscalls, told);
                if let Some(child) = collected {
                    self.processes.collected(pid, child, &mut self.pen);
                }
                return;
            }
            What::Executed { command } => Kind::Executed { process, command },
            What::Signal {
                signal,
                code,
                sender,
                disposition,
            } => Kind::Signal {
                from: self.origin(pid, signal, code, sender),
                process,
                signal,
                fate: match disposition {
                    Disposition::Caught { .. } => SignalFate::Caught,
                    Disposition::Ignored => SignalFate::Ignored,
                    Disposition::Default => SignalFate::Delivered,
                },
            },
            What::Accepted {
                signal,
                code,
                sender,
            } => Kind::Signal {
                from: self.origin(pid, signal, code, sender),
                process,
                signal,
                fate: SignalFate::Accepted,
            },
            What::Renamed { comm } => {
                return self.processes.renamed(pid, comm, at, &mut self.pen);
            }
            What::Note(text) => Kind::Note {
                text: format!("{process}: {text}"),
            },
            What::Gap(why) => Kind::Gap {
                aspect: Aspect::Calls,
                why: format!("{process}: {why}"),
            },
            What::Forked {
                child,
                inner,
                pidfd,
            } => {
                let child = (child, inner);
                return self.processes.forked(pid, child, pidfd, &mut self.pen);
            }
            What::Looked { inode, seen } => {
                return self.sockets.looked_at(seen, inode, None, &mut self.pen);
            }
            What::Stopped => return self.processes.stopped(pid, true, &mut self.pen),
            What::Continued => return self.processes.stopped(pid, false, &mut self.pen),
            What::Ended(status) => {
                return self.processes.end_traced(pid, status, &mut self.pen);
            }
        };
        self.pen.emit_at(at, Source::Syscalls, kind);
    }

    fn look_at_socket(&mut self, process: &ProcessName, call: &Call, seen: Option<Seen>) {
        let (Some(seen), Some(inode)) = (seen, call.opened.or(call.inode)) else {
            return;
        };
        let returned = match call.result {
            CallResult::Value(value) if call.opened.is_some() => i32::try_from(value).ok(),
            _ => call.fd,
        };
        let process = process.clone();
        let holder = returned.map(|fd| Holder { process, fd });
        self.sockets.looked_at(seen, inode, holder, &mut self.pen);
    }

    /// Who sent a signal (`si_code`, `si_pid` of `sigaction(2)`).
    fn origin(&self, pid: i32, signal: i32, code: i32, sender: i32) -> SignalOrigin {
        // A process sent it if the code says so: SI_USER is 0, SI_QUEUE and SI_TKILL are below.
        if code > 0 {
            return SignalOrigin::Kernel;
        }
        let own = nix::unistd::getpid().as_raw();
        let from: Option<&ProcessName> = self.processes.name_of_inner(sender);
        let itself = self.processes.name_of(pid);
        match from {
            // The kernel sends SIGPIPE in the name of the process that writes.
            Some(_) if from == itself && signal == libc::SIGPIPE => SignalOrigin::Kernel,
            Some(name) => SignalOrigin::Process(name.clone()),
            // From outside of the lab's pid namespace it has no number.
            None if sender == 0 && self.was_sent(pid, signal) => SignalOrigin::Sockscope,
            None if sender == own && self.place == Place::Host => SignalOrigin::Sockscope,
            None if sender == 0 => SignalOrigin::Unknown,
            None => SignalOrigin::Stranger { pid: sender },
        }
    }

    /// sockscope is about to send a signal.
    pub(in crate::driver) fn will_send(&mut self, to: &ProcessName, signal: i32) {
        if let Some(pid) = self.processes.pid_of(to) {
            self.sent.push((pid, signal));
        }
    }

    fn was_sent(&self, pid: i32, signal: i32) -> bool {
        self.sent.contains(&(pid, signal))
    }
}
