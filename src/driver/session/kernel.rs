//! What the kernel records while a scenario runs: lives of processes and signals. Its records of
//! sockets are for [`crate::observe::sockets`].

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::Session;
use crate::event::{Kind, SignalFate, SignalOrigin, Source};
use crate::model::{ProcessName, signal_name};
use crate::observe::tracepoints::shared::{Shared, Subscription};
use crate::observe::tracepoints::{KernelEvent, Signal, SignalResult, What};

/// Kernel events of a session that were not told yet.
pub(in crate::driver) struct KernelEar {
    events: Subscription,
    heard: VecDeque<KernelEvent>,
    /// The process of each thread that is not its process's first one.
    threads: HashMap<i32, i32>,
}

/// `si_code` of signals that a process sent: `SI_USER`, `SI_QUEUE`, `SI_TKILL` (`sigaction(2)`).
const BY_A_PROCESS: [i32; 3] = [0, -1, -6];

impl KernelEar {
    pub(in crate::driver) fn new(shared: &Shared) -> KernelEar {
        KernelEar {
            events: shared.subscribe(),
            heard: VecDeque::new(),
            threads: HashMap::new(),
        }
    }

    fn listen(&mut self) {
        let events = self.events.drain();
        self.heard.extend(events.into_iter().filter(|event| {
            matches!(
                event.what,
                What::Signal(_)
                    | What::Task { .. }
                    | What::Forked { .. }
                    | What::Executed { .. }
                    | What::Ended { .. }
            )
        }));
    }

    fn process_of(&self, thread: i32) -> i32 {
        self.threads.get(&thread).copied().unwrap_or(thread)
    }
}

impl Session<'_> {
    /// Tells everything that the kernel has recorded so far. Says whether any of it was the run's.
    pub(super) fn hear_kernel(&mut self) -> bool {
        let before = self.pen.timeline().events().len();
        self.hear_kernel_until(Duration::MAX);
        self.pen.timeline().events().len() > before
    }

    /// Tells what the kernel has recorded up to this time of `CLOCK_MONOTONIC`: processes and
    /// sockets in the order of time.
    pub(super) fn hear_kernel_until(&mut self, until: Duration) {
        let Some(ear) = &mut self.kernel else {
            return;
        };
        ear.listen();
        self.sockets.listen(self.processes.programs_by_pid());
        while let Some(event) = self.next_of_processes(until) {
            self.sockets.tell_traced(event.at, &mut self.pen);
            self.tell_process_event(event);
        }
        self.sockets.tell_traced(until, &mut self.pen);
    }

    fn next_of_processes(&mut self, until: Duration) -> Option<KernelEvent> {
        let heard = &mut self.kernel.as_mut()?.heard;
        heard.front().filter(|event| event.at <= until)?;
        heard.pop_front()
    }

    fn tell_process_event(&mut self, event: KernelEvent) {
        let Some(ear) = &mut self.kernel else {
            return;
        };
        // A tracer tells of forks and programs itself, and before they go on.
        let is_traced = self.tracing.is_some();
        match event.what {
            What::Forked { .. } | What::Executed { .. } if is_traced => {}
            What::Task {
                id,
                is_thread: true,
            } => {
                ear.threads.insert(id, event.pid);
            }
            What::Forked { child, .. } if !ear.threads.contains_key(&child) => {
                let (processes, pen) = (&mut self.processes, &mut self.pen);
                if processes.told_fork(event.pid, child, event.at, pen) {
                    self.sockets.listen(self.processes.programs_by_pid());
                }
            }
            What::Signal(ref signal) => {
                let to = ear.process_of(signal.to);
                if let Some(process) = self.processes.name_of(to).cloned() {
                    self.tell_signal(process, &event, signal);
                }
            }
            What::Executed { pid, file } => {
                self.processes.told_exec(pid, file, event.at, &mut self.pen);
            }
            What::Ended { thread, .. } => {
                ear.threads.remove(&thread);
            }
            _ => {}
        }
    }

    fn tell_signal(&mut self, process: ProcessName, event: &KernelEvent, signal: &Signal) {
        let fate = match signal.result {
            SignalResult::Ignored => SignalFate::Ignored,
            SignalResult::AlreadyPending | SignalResult::Overflow => {
                let name = signal_name(signal.number);
                let why = match signal.result {
                    SignalResult::Overflow => "its queue is full",
                    _ => "one was pending already, and signals of a kind do not queue",
                };
                let text = format!("another {name} for {process} is lost: {why}");
                self.pen
                    .emit_at(event.at, Source::Kernel, Kind::Note { text });
                return;
            }
            SignalResult::Delivered
            | SignalResult::WithoutInformation
            | SignalResult::Unknown(_) => SignalFate::Generated,
        };
        let from = self.recorded_sender(&process, event, signal);
        let kind = Kind::Signal {
            process,
            signal: signal.number,
            from,
            fate,
        };
        self.pen.emit_at(event.at, Source::Kernel, kind);
    }

    /// Who sent a signal. What a process sends it sends in a system call of its own.
    fn recorded_sender(
        &self,
        to: &ProcessName,
        event: &KernelEvent,
        signal: &Signal,
    ) -> SignalOrigin {
        if !BY_A_PROCESS.contains(&signal.code) || !event.in_process {
            return SignalOrigin::Kernel;
        }
        let from = self.processes.name_of(event.pid).cloned();
        // The kernel sends these to whoever writes, as if the writer had sent it to itself.
        let of_writing = [libc::SIGPIPE, libc::SIGXFSZ].contains(&signal.number);
        match from {
            Some(from) if of_writing && from == *to => SignalOrigin::Kernel,
            Some(from) => SignalOrigin::Process(from),
            None if event.pid == std::process::id().cast_signed()
                || event.pid == self.lab.own_pid() =>
            {
                SignalOrigin::Sockscope
            }
            None if event.pid <= 0 => SignalOrigin::Unknown,
            None => SignalOrigin::Stranger { pid: event.pid },
        }
    }
}
