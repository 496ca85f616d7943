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
use crate::event::{Aspect, Body, Cause, Kind, Segment, SegmentRole, Source, Stream, TcpFlags};
use crate::lab::wire::{Delivery, Fate, Wire};
use crate::lab::{Lab, LabError, ProgramPipes};
use crate::model::{HostName, ProcessName, ProgramName, Tuple};
use crate::observe::processes::Processes;
use crate::observe::sockets::{self, Answer, Sockets, Touched};
use crate::programs::channel::Receiver;
use crate::programs::record::What;
use crate::tolerance;

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
    pub(super) wire: Option<Wire>,
    pub(super) processes: Processes,
    pub(super) sockets: Sockets,
    pub(super) pipes: Vec<Pipes>,
    /// Ends with the session, on the thread that began it.
    pub(super) still: Option<Still>,
    pilot: Option<&'a mut dyn Pilot>,
    /// How long the pilot was thinking, all in all.
    pub(super) thought: Duration,
    channel: Receiver,
    interrupt: Option<BorrowedFd<'a>>,
    settle_for: Duration,
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
            wire,
            processes: Processes::default(),
            sockets,
            pipes: Vec::new(),
            still: None,
            pilot: None,
            thought: Duration::ZERO,
            channel,
            interrupt,
            settle_for: tolerance::SETTLE.mul_f64(scale.max(1.0)),
        }
    }

    /// Somebody to ask before each step and packet.
    pub(super) fn ask(&mut self, pilot: &'a mut dyn Pilot) {
        self.pilot = Some(pilot);
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
        let begun = Instant::now();
        loop {
            self.come_to_rest(begun)?;
            self.sample()?;
            let last = self.pen.timeline().events().last();
            let changed = last.map(|event| &event.kind) != Some(&Kind::Quiet);
            let quiet = self.processes.look(&mut self.pen);
            // A timer may have woken a process meanwhile. When its end has been seen, what it told
            // before must be heard before anybody judges by it.
            let woke = !quiet || self.drain()?;
            if woke && begun.elapsed() <= self.settle_for {
                continue;
            }
            if changed && !woke {
                self.pen.emit(Source::Driver, Kind::Quiet);
            }
            return Ok(());
        }
    }

    fn come_to_rest(&mut self, begun: Instant) -> Result<(), Halt> {
        let mut pause = tolerance::LOOK_AGAIN.0;
        let mut quiet_before = false;
        let mut yielded = 0;
        loop {
            if self.drain()? {
                quiet_before = false;
                pause = tolerance::LOOK_AGAIN.0;
            }
            let patience_over = begun.elapsed() > self.settle_for;
            if patience_over {
                self.processes.give_up_waiting(&mut self.pen);
            }
            let quiet = self.processes.look(&mut self.pen);
            if quiet || patience_over {
                // What a process told before it blocked stands before what it sent.
                if self.hear()? || self.deliver_one()? || self.take_packet()? {
                    quiet_before = false;
                    continue;
                }
                // A second look: between a child's end and its parent's waking both seem blocked.
                if patience_over || quiet_before && !self.drain()? {
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
                self.wait(pause)?;
                pause = (pause * 2).min(tolerance::LOOK_AGAIN.1);
            }
        }
    }

    /// Waits until something arrives, at most so long.
    pub(super) fn wait(&mut self, most: Duration) -> Result<(), Halt> {
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

    /// Takes everything but packets that is there now. Says whether there was anything.
    fn drain(&mut self) -> Result<bool, Halt> {
        let mut any = self.hear()?;
        any |= self.read_pipes();
        while let Some((pid, status)) = self.lab.next_reaped()? {
            any = true;
            self.processes.look(&mut self.pen);
            self.processes.reaped_by_init(pid, status, &mut self.pen);
        }
        if self.processes.await_word() {
            self.lab.sync()?;
            while let Some((pid, status)) = self.lab.next_reaped()? {
                self.processes.reaped_by_init(pid, status, &mut self.pen);
            }
            self.processes.no_more_words(&mut self.pen);
            any = true;
        }
        Ok(any)
    }

    /// Takes the next packet that a host has sent. The others wait in its device: nothing can
    /// happen to them there. Says whether there was one.
    fn take_packet(&mut self) -> Result<bool, Halt> {
        let Some(arrival) = self.wire.as_mut().map(Wire::take).transpose()?.flatten() else {
            return Ok(false);
        };
        let packet = &arrival.packet;
        let id = packet.id;
        if packet.body == Body::Udp {
            self.look_at_datagrams(&packet.from);
        }
        self.pen.emit(Source::Wire, Kind::Sent(packet.clone()));
        // Sending changes a state only by these (RFC 9293 figure 5). Whoever sent data and closed
        // at once is in FIN_WAIT1 already, but not because of the data.
        let changes = [TcpFlags::SYN, TcpFlags::FIN, TcpFlags::RST];
        if let Body::Tcp(segment) = &packet.body
            && changes.iter().any(|flag| segment.flags.has(*flag))
        {
            let (local, remote) = (packet.src, packet.dst);
            let from = packet.from.clone();
            let answer = self.ask_for(&from, Tuple { local, remote });
            self.learn(answer, touched(Cause::Sent(id), *segment));
        }
        // While somebody looks at a SYN the kernel sends it again each second.
        let is_syn = matches!(&packet.body, Body::Tcp(segment)
            if segment.flags.has(TcpFlags::SYN) && segment.role == SegmentRole::Retransmission);
        if let (true, true, Some(wire)) = (is_syn, self.pilot.is_some(), &mut self.wire) {
            wire.drop_packet(id);
            let why = "it came again while you were looking".to_owned();
            self.pen
                .emit(Source::Wire, Kind::Dropped { packet: id, why });
            return Ok(true);
        }
        match arrival.fate {
            Fate::Ready | Fate::Delayed(_) => {}
            Fate::Held => self.pen.emit(Source::Wire, Kind::Held { packet: id }),
            Fate::Dropped(why) => {
                self.pen
                    .emit(Source::Wire, Kind::Dropped { packet: id, why });
            }
        }
        if let Some(answer) = arrival.answer {
            self.pen.emit(Source::Wire, Kind::Sent(answer));
        }
        Ok(true)
    }

    /// Hands over the next packet, if one is on its way.
    fn deliver_one(&mut self) -> Result<bool, Halt> {
        let next = self.wire.as_ref().and_then(Wire::peek).cloned();
        if let (Some(packet), true) = (&next, self.pilot.is_some()) {
            let step = self.pen.step();
            let choice = self.ask_pilot(step, |pilot, moment| pilot.packet(moment, packet))?;
            if let (Choice::Drop, Some(wire)) = (choice, &mut self.wire) {
                wire.drop_packet(packet.id);
                let (packet, why) = (packet.id, "you dropped it".to_owned());
                self.pen.emit(Source::Wire, Kind::Dropped { packet, why });
                return Ok(true);
            }
        }
        let Some(delivery) = self.wire.as_mut().and_then(Wire::deliver) else {
            return Ok(false);
        };
        match delivery {
            Delivery::Done(packet) => {
                let id = packet.id;
                let tuple = Tuple {
                    local: packet.dst,
                    remote: packet.src,
                };
                let asked = match (&packet.body, &packet.to) {
                    (Body::Tcp(segment), Some(to)) => Some((self.ask_for(to, tuple), *segment)),
                    _ => None,
                };
                self.pen.emit(Source::Wire, Kind::Delivered { packet: id });
                if let Some((answer, segment)) = asked {
                    self.learn(answer, touched(Cause::Received(id), segment));
                }
                let (step, timeline) = (self.pen.step(), self.pen.timeline());
                if let Some(pilot) = &mut self.pilot {
                    pilot.delivered(&Moment { timeline, step }, &packet);
                }
            }
            Delivery::Lost(packet, why) => {
                let packet = packet.id;
                self.pen.emit(Source::Wire, Kind::Dropped { packet, why });
            }
        }
        Ok(true)
    }

    /// Asks for the end of a connection that a segment left or reached.
    fn ask_for(&self, host: &HostName, tuple: Tuple) -> Option<Answer> {
        let host = self.sockets.host(host)?;
        Some(self.sockets.ask(host, tuple))
    }

    /// A datagram has left this host: by then its socket has a port, if it had none before.
    fn look_at_datagrams(&mut self, host: &HostName) {
        let Some(host) = self.sockets.host(host) else {
            return;
        };
        let processes = &mut self.processes;
        let mut ask_holders = |pen: &mut Recorder| {
            processes.look(pen);
            processes.holders(pen)
        };
        if let Err(error) = self
            .sockets
            .look_at_datagrams(host, &mut ask_holders, &mut self.pen)
        {
            self.pen.emit(Source::Sampler, sockets::gap(&error));
        }
    }

    fn learn(&mut self, answer: Option<Answer>, touched: Touched) {
        let Some(answer) = answer else {
            return;
        };
        let processes = &mut self.processes;
        let mut ask_holders = |pen: &mut Recorder| {
            processes.look(pen);
            processes.holders(pen)
        };
        if let Err(error) = self
            .sockets
            .learn(answer, touched, &mut ask_holders, &mut self.pen)
        {
            self.pen.emit(Source::Sampler, sockets::gap(&error));
        }
    }

    /// Reads the side channel.
    fn hear(&mut self) -> Result<bool, Halt> {
        let all = self.channel.recv()?;
        let any = !all.is_empty();
        for received in all {
            let sender = self.processes.sender(received.pid, &mut self.pen);
            match (received.record, sender) {
                (Ok(record), Some(process)) => {
                    if record.lost > 0 {
                        let why = format!("{} calls of {process} were not told", record.lost);
                        let aspect = Aspect::Calls;
                        self.pen.emit(Source::Program, Kind::Gap { aspect, why });
                    }
                    if let What::Call(call) = record.what {
                        let at = Duration::from_nanos(record.at_ns);
                        self.pen
                            .emit_at(at, Source::Program, Kind::Called { process, call });
                    }
                }
                (Ok(_), None) => self.pen.emit(
                    Source::Program,
                    Kind::Gap {
                        aspect: Aspect::Processes,
                        why: format!("process {} was gone before it could be met", received.pid),
                    },
                ),
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
    fn read_pipes(&mut self) -> bool {
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
