//! [`Session`]: a lab while a scenario runs in it. It waits for whatever happens next, lets one
//! packet at a time go, and samples at quiet points.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::pilot::{Choice, Moment, Pilot};
use super::recorder::Recorder;
use super::still::Still;
use super::streams::{Input, Lines};
use crate::event::{Cause, Kind, Segment, Source, TcpFlags};
use crate::lab::wire::Wire;
use crate::lab::{Lab, LabError, ProgramPipes};
use crate::model::ProgramName;
use crate::observe::processes::Processes;
use crate::observe::sockets::{self, Sockets, Touched};
use crate::observe::syscalls::Tracing;
use crate::programs::channel::Receiver;
use crate::run::Place;
use crate::tolerance;

mod calls;
mod copies;
mod hearing;
pub(super) mod kernel;
mod packets;

/// The pipes of a program that was started.
#[derive(Debug)]
pub(super) struct Pipes {
    pub(super) program: ProgramName,
    pub(super) input: Input,
    stdout: Lines,
    stderr: Lines,
}

/// A lab while a scenario runs in it.
pub(super) struct Session<'a> {
    pub(super) pen: Recorder,
    pub(super) lab: Lab,
    /// Ends when the lab's processes have, so it stands behind the lab.
    tracing: Option<Tracing>,
    place: Place,
    /// The signals that sockscope sent: to which pid, which.
    sent: Vec<(i32, i32)>,
    pub(super) wire: Option<Wire>,
    pub(super) processes: Processes,
    pub(super) sockets: Sockets,
    pub(super) pipes: Vec<Pipes>,
    /// Ends with the session, on the thread that began it.
    pub(super) still: Option<Still>,
    pilot: Option<&'a mut dyn Pilot>,
    /// How long the pilot was thinking, all in all.
    pub(super) thought: Duration,
    /// SYNs, where there is or was a pilot.
    copies: Option<copies::Copies>,
    /// The steps in which the pilot dropped a packet.
    pub(super) dropped_in: Vec<usize>,
    /// What the kernel records, where it is asked to.
    pub(super) kernel: Option<kernel::KernelEar>,
    channel: Receiver,
    /// Pids that told something and were gone before anyone could look.
    unmet: Vec<i32>,
    interrupt: Option<BorrowedFd<'a>>,
    settle_for: Duration,
}

/// A moment that waiting begins at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    begun: Instant,
    /// How long the pilot had been thinking by then.
    thought: Duration,
}

/// What there was to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drained {
    Nothing,
    /// The tracer told of calls and the like.
    OnlyNews,
    /// Something else, or that too.
    More,
}

/// The run has to end now.
#[derive(Debug)]
pub(super) enum Halt {
    /// Ctrl-C, SIGTERM or SIGHUP.
    Interrupted,
    /// The lab broke.
    Lab(LabError),
    /// Waiting or the wire failed.
    Io(std::io::Error),
}

impl From<LabError> for Halt {
    fn from(error: LabError) -> Halt {
        Halt::Lab(error)
    }
}

impl From<std::io::Error> for Halt {
    fn from(error: std::io::Error) -> Halt {
        Halt::Io(error)
    }
}

impl From<nix::Error> for Halt {
    fn from(error: nix::Error) -> Halt {
        Halt::Io(error.into())
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(
        place: Place,
        lab: Lab,
        wire: Option<Wire>,
        sockets: Sockets,
        channel: Receiver,
        interrupt: Option<BorrowedFd<'a>>,
        scale: f64,
    ) -> Session<'a> {
        Session {
            pen: Recorder::default(),
            lab,
            tracing: None,
            place,
            sent: Vec::new(),
            wire,
            processes: Processes::default(),
            sockets,
            pipes: Vec::new(),
            still: None,
            pilot: None,
            thought: Duration::ZERO,
            copies: None,
            dropped_in: Vec::new(),
            kernel: None,
            channel,
            unmet: Vec::new(),
            interrupt,
            settle_for: tolerance::SETTLE.mul_f64(scale.max(1.0)),
        }
    }

    /// A tracer tells of the lab's processes.
    pub(super) fn trace(&mut self, tracing: Tracing) {
        self.processes.are_traced(true);
        self.tracing = Some(tracing);
    }

    /// Whether a tracer tells of the lab's processes.
    pub(super) fn is_traced(&self) -> bool {
        self.tracing.is_some()
    }

    /// Somebody to ask before each step and packet.
    pub(super) fn ask(&mut self, pilot: &'a mut dyn Pilot) {
        self.pilot = Some(pilot);
        self.copies = Some(copies::Copies::default());
    }

    /// A step is about to begin.
    pub(super) fn ask_step(&mut self, step: usize, text: &str) -> Result<(), Halt> {
        self.ask_pilot(step, |pilot, moment| pilot.step(moment, text))
            .map(drop)
    }

    fn ask_pilot(
        &mut self,
        step: usize,
        question: impl FnOnce(&mut dyn Pilot, &Moment<'_>) -> Choice,
    ) -> Result<Choice, Halt> {
        let Some(pilot) = self.pilot.as_mut() else {
            return Ok(Choice::Go);
        };
        let timeline = self.pen.timeline();
        let begun = Instant::now();
        let choice = question(&mut **pilot, &Moment { timeline, step });
        self.thought += begun.elapsed();
        match choice {
            Choice::Quit => return Err(Halt::Interrupted),
            Choice::RunOn => self.pilot = None,
            Choice::Go | Choice::Drop => {}
        }
        Ok(choice)
    }

    /// Connects the pipes of a program that was just started.
    pub(super) fn connect(&mut self, program: ProgramName, pipes: ProgramPipes) {
        self.pipes.retain(|pipes| pipes.program != program);
        self.pipes.push(Pipes {
            program,
            input: Input::new(pipes.stdin),
            stdout: Lines::new(pipes.stdout),
            stderr: Lines::new(pipes.stderr),
        });
    }

    /// Lets everything run until nothing can happen by itself: every process is blocked or gone,
    /// every pipe drained, no packet in flight. Then samples. A process that stays busy is waited
    /// for only so long.
    pub(super) fn settle(&mut self) -> Result<(), Halt> {
        let begun = self.now();
        loop {
            self.come_to_rest(begun)?;
            self.sample()?;
            let last = self.pen.timeline().events().last();
            let changed = last.map(|event| &event.kind) != Some(&Kind::Quiet);
            let quiet = self.processes.look(&mut self.pen);
            // A timer may have woken a process meanwhile. When its end has been seen, what it told
            // before must be heard before anybody judges by it.
            let woke = !quiet || self.drain()? != Drained::Nothing;
            if woke && !self.is_over(begun, self.settle_for) {
                continue;
            }
            if changed && !woke {
                self.pen.emit(Source::Driver, Kind::Quiet);
            }
            return Ok(());
        }
    }

    /// This moment, as a moment that waiting begins at.
    pub(super) fn now(&self) -> Since {
        Since {
            begun: Instant::now(),
            thought: self.thought,
        }
    }

    /// Whether so much time has passed since then, without that in which the pilot was thinking.
    fn is_over(&self, since: Since, time: Duration) -> bool {
        self.left(since, time).is_zero()
    }

    /// How much of the time is left since then, without that in which the pilot was thinking.
    pub(super) fn left(&self, since: Since, time: Duration) -> Duration {
        let deadline = since.begun + time + (self.thought - since.thought);
        deadline.saturating_duration_since(Instant::now())
    }

    fn come_to_rest(&mut self, begun: Since) -> Result<(), Halt> {
        let (first_pause, mut longest) = tolerance::LOOK_AGAIN;
        let mut pause = first_pause;
        let mut quiet_before = false;
        let mut yielded = 0;
        loop {
            // Who is traced stops often, and that alone is no reason to look more often: a look
            // costs about as much as a stop.
            match self.drain()? {
                Drained::Nothing => {}
                Drained::OnlyNews => {
                    quiet_before = false;
                    longest = tolerance::LOOK_AGAIN_TRACED;
                }
                Drained::More => {
                    quiet_before = false;
                    pause = first_pause;
                }
            }
            let patience_over = self.is_over(begun, self.settle_for);
            if patience_over {
                self.processes.give_up_waiting(&mut self.pen);
            }
            let quiet = self.processes.look(&mut self.pen);
            if quiet || patience_over {
                // What a process told before it blocked stands before what it sent. Who never
                // rests always has something to tell.
                if self.hear()?
                    || self.hear_tracer() && !patience_over
                    || self.deliver_one()?
                    || self.take_packet()?
                {
                    quiet_before = false;
                    continue;
                }
                // A second look: between a child's end and its parent's waking both seem blocked.
                if patience_over || quiet_before && self.drain()? == Drained::Nothing {
                    return Ok(());
                }
                quiet_before = quiet;
                continue;
            }
            quiet_before = false;
            // On a shared CPU whoever is busy runs now, and this thread when they block. A process
            // that waits for a disk leaves the CPU to this one: then it waits too.
            if self.still.is_some() && yielded < tolerance::YIELDS {
                yielded += 1;
                std::thread::yield_now();
            } else {
                yielded = 0;
                self.wait_for(pause, false)?;
                pause = (pause * 2).min(longest);
            }
        }
    }

    /// Waits until something arrives, at most so long.
    pub(super) fn wait(&mut self, most: Duration) -> Result<(), Halt> {
        // What a process tells that never rests says nothing about anybody who does.
        let news = !self.processes.any_restless();
        self.wait_for(most, news)
    }

    fn wait_for(&mut self, most: Duration, news: bool) -> Result<(), Halt> {
        let most = match self.wire.as_ref().and_then(Wire::next_due) {
            Some(due) => most.min(due.saturating_duration_since(Instant::now())),
            None => most,
        };
        let mut fds: Vec<PollFd<'_>> = self
            .interrupt
            .into_iter()
            .chain(self.lab.fd())
            .chain(self.wire.iter().flat_map(Wire::fds))
            .chain((!self.channel.is_closed()).then(|| self.channel_fd()))
            .chain(self.tracing.iter().filter(|_| news).map(Tracing::fd))
            .chain(
                self.pipes
                    .iter()
                    .flat_map(|p| p.stdout.fd().into_iter().chain(p.stderr.fd())),
            )
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        let lives = self.processes.fds();
        fds.extend(lives.map(|(fd, wanted)| PollFd::new(fd, wanted)));
        let writers = self.pipes.iter().filter_map(|p| p.input.wants());
        fds.extend(writers.map(|fd| PollFd::new(fd, PollFlags::POLLOUT)));
        match ppoll(&mut fds, Some(TimeSpec::from_duration(most)), None) {
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let interrupted = self.interrupt.is_some() && fds[0].any().unwrap_or(false);
        match interrupted {
            true => Err(Halt::Interrupted),
            false => Ok(()),
        }
    }

    fn channel_fd(&self) -> BorrowedFd<'_> {
        use std::os::fd::AsFd;
        self.channel.as_fd()
    }

    /// Takes everything but packets that is there now.
    fn drain(&mut self) -> Result<Drained, Halt> {
        let mut more = self.hear()?;
        let news = self.hear_tracer();
        more |= self.hear_kernel();
        more |= self.read_pipes();
        while let Some((pid, status)) = self.lab.next_reaped()? {
            more = true;
            // The tracer told of the end before anybody could be reaped.
            self.hear_tracer();
            self.processes.look(&mut self.pen);
            self.processes.reaped_by_init(pid, status, &mut self.pen);
        }
        if self.processes.await_word() {
            self.lab.sync()?;
            while let Some((pid, status)) = self.lab.next_reaped()? {
                self.processes.reaped_by_init(pid, status, &mut self.pen);
            }
            self.processes.no_more_words(&mut self.pen);
            more = true;
        }
        Ok(match (news, more) {
            (_, true) => Drained::More,
            (true, false) => Drained::OnlyNews,
            (false, false) => Drained::Nothing,
        })
    }

    /// Asks the kernel for everything.
    fn sample(&mut self) -> Result<(), Halt> {
        self.processes.sample(&mut self.pen);
        let holders = self.processes.holders(&mut self.pen);
        if let Err(error) = self.sockets.sample(&holders, &mut self.pen) {
            self.pen.emit(Source::Sampler, sockets::gap(&error));
        }
        Ok(())
    }
}

fn touched(cause: Cause, segment: Segment) -> Touched {
    Touched {
        cause,
        fin: segment.flags.has(TcpFlags::FIN),
        rst: segment.flags.has(TcpFlags::RST),
    }
}
