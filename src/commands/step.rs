//! `sockscope run --step`: a person decides at each step and packet.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use sockscope::driver::pilot::{Choice, Moment, Pilot};
use sockscope::event::{Body, Packet};
use sockscope::model::TcpState;
use sockscope::report::github::Escapes;
use sockscope::report::{self, Look};
use sockscope::tolerance;

use super::streams::defused;

const HELP: &str = "\
 Enter  deliver the packet, begin the step
 d      drop the packet
 r      run on without stopping
 q      quit
 ?      this help
";

/// Asks on standard input, prints on standard output.
pub(crate) struct Person<'a> {
    look: Look,
    interrupt: BorrowedFd<'a>,
    quiz: Option<Score>,
    guess: Option<Guess>,
}

#[derive(Default)]
struct Score {
    right: usize,
    asked: usize,
}

struct Guess {
    answer: Option<TcpState>,
    endpoint: String,
}

impl<'a> Person<'a> {
    pub(crate) fn new(look: Look, interrupt: BorrowedFd<'a>, quiz: bool) -> Person<'a> {
        Person {
            look,
            interrupt,
            quiz: quiz.then(Score::default),
            guess: None,
        }
    }

    /// The last word on a quiz.
    pub(crate) fn score(&self) -> Option<String> {
        let score = self.quiz.as_ref()?;
        Some(format!(" quiz  {} of {} right\n", score.right, score.asked))
    }

    fn say(&self, text: &str) {
        let text = defused(text, Escapes::Visible);
        let mut stdout = io::stdout().lock();
        let _ = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
    }

    /// A line of the person's; nothing at the end of input or when the run shall end.
    fn line(&self) -> Option<String> {
        let stdin = io::stdin();
        let mut line = Vec::new();
        loop {
            let mut fds = [
                PollFd::new(stdin.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.interrupt, PollFlags::POLLIN),
            ];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(_) => return None,
            }
            if fds[1].any().unwrap_or(false) {
                return None;
            }
            // Byte by byte and unbuffered: what is typed ahead stays for the next question.
            let mut byte = [0];
            match nix::unistd::read(&stdin, &mut byte) {
                Ok(0) => return None,
                Ok(_) if byte[0] == b'\n' => {
                    return Some(String::from_utf8_lossy(&line).into_owned());
                }
                Ok(_) => line.push(byte[0]),
                Err(nix::Error::EINTR | nix::Error::EAGAIN) => {}
                Err(_) => return None,
            }
        }
    }

    fn choose(&self, prompt: &str) -> Choice {
        loop {
            self.say(prompt);
            match self.line().as_deref().map(str::trim) {
                None | Some("q") => return Choice::Quit,
                Some("") => return Choice::Go,
                Some("d") => return Choice::Drop,
                Some("r") => return Choice::RunOn,
                Some(_) => self.say(HELP),
            }
        }
    }
}

impl Pilot for Person<'_> {
    fn step(&mut self, moment: &Moment<'_>, text: &str) -> Choice {
        let text = match text {
            "" => "wait",
            text => text,
        };
        self.say(&format!(
            "\n step {}  {}\n",
            moment.step + 1,
            report::visible(text)
        ));
        self.choose(" [Enter] begin  r run on  q quit  ? help > ")
    }

    fn packet(&mut self, moment: &Moment<'_>, packet: &Packet) -> Choice {
        self.say(&report::moment::packet(moment.timeline, packet, &self.look));
        let choice = self.choose(" [Enter] deliver  d drop  r run on  q quit  ? help > ");
        if choice == Choice::Drop {
            let most = tolerance::RTO_WHILE_LOOKING.as_secs();
            self.say(&format!(
                " dropped: its sender sends it again when its timer expires, a SYN after a second, \
                 data and FIN after up to {most} s\n"
            ));
        }
        let is_tcp = matches!(packet.body, Body::Tcp(_));
        if choice == Choice::Go && self.quiz.is_some() && is_tcp {
            let [_, receiver] = report::moment::ends(moment.timeline, packet);
            let endpoint = receiver.map_or_else(
                || format!("the end at {}", packet.dst),
                |endpoint| endpoint.name.to_string(),
            );
            self.say(&format!(
                " quiz  what will netstat show for {} then? > ",
                report::escape(&endpoint)
            ));
            let answer = self.line().and_then(|line| line.trim().parse().ok());
            self.guess = Some(Guess { answer, endpoint });
        }
        choice
    }

    fn delivered(&mut self, moment: &Moment<'_>, packet: &Packet) {
        let [_, receiver] = report::moment::ends(moment.timeline, packet);
        let state = receiver.map_or(TcpState::Close, |endpoint| endpoint.state());
        if let (Some(guess), Some(score)) = (self.guess.take(), self.quiz.as_mut()) {
            score.asked += 1;
            let right = guess.answer == Some(state);
            score.right += usize::from(right);
            let verdict = if right { "right" } else { "no" };
            let text = format!(
                " {verdict}: {} is {state}\n",
                report::escape(&guess.endpoint)
            );
            self.say(&text);
        }
        self.say(&report::moment::after(moment.timeline, packet, &self.look));
    }
}
