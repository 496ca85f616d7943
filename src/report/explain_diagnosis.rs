//! A diagnosis explained: what it means, what `why` finds it by, what to do, which scenarios show
//! it.

use super::Look;
use super::grid::wrap;
use super::palette::Tone;
use crate::diagnose::Diagnosis;

/// What there is to know of a diagnosis.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    meaning: &'static str,
    found_by: &'static str,
    fix: &'static str,
    /// Built-in scenarios whose story it is.
    pub scenarios: &'static [&'static str],
}

/// The explanation, ending in a newline.
pub fn render(diagnosis: &Diagnosis, look: &Look) -> String {
    let key = look.paint(Tone::Strong, diagnosis.key);
    let mut lines = vec![
        format!("{key}  {}", look.glyphs(diagnosis.title)),
        look.paint(
            Tone::Faint,
            "a diagnosis of `sockscope why`, and of failed runs",
        ),
    ];
    for (title, text) in parts(diagnosis) {
        lines.push(String::new());
        lines.push(look.paint(Tone::Strong, title));
        lines.extend(wrap(look, "  ", &text, Tone::Plain));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The same as Markdown.
pub fn markdown(diagnosis: &Diagnosis) -> String {
    let mut text = format!(
        "# {}\n\n{}, a diagnosis of `sockscope why`, and of failed runs.\n",
        diagnosis.key, diagnosis.title
    );
    for (title, part) in parts(diagnosis) {
        let (first, rest) = title.split_at(1);
        let first = first.to_uppercase();
        text.push_str(&format!("\n## {first}{rest}\n\n{part}\n"));
    }
    text
}

fn parts(diagnosis: &Diagnosis) -> Vec<(&'static str, String)> {
    let mut parts = Vec::new();
    if let Some(page) = page(diagnosis.key) {
        parts.push(("what it means", page.meaning.to_owned()));
        parts.push(("what it is found by", page.found_by.to_owned()));
        parts.push(("what to do", page.fix.to_owned()));
        let scenarios = match page.scenarios {
            [] => "no built-in scenario is about it".to_owned(),
            names => names.join(", "),
        };
        parts.push(("scenarios that show it", scenarios));
    }
    parts.push(("further reading", diagnosis.reference.to_owned()));
    parts
}

/// The page of a diagnosis. Each has one.
pub fn page(key: &str) -> Option<Page> {
    Some(match key {
        "close-wait" => Page {
            meaning: "The other end has sent its FIN, and this end's program has not closed: the \
                      connection stays in CLOSE_WAIT for as long as the program forgets, since \
                      there is no timer. With a half-close in use the program may still be \
                      answering: as long as data moves that is `half-closed`; where nothing moves for \
                      two seconds, it owes the close.",
            found_by: "Every process and descriptor that holds the socket; bytes that were not \
                       read; that nothing was sent from look to look; since when at least \
                       (tcp_info: the last ACK that came; not told where keep-alive probes are \
                       sent, whose answers are ACKs too); where the other end waits, and who \
                       holds that.",
            fix: "close() the descriptor in the process that is named, at the latest when read() \
                  returns 0. After fork(), the copy of each process counts.",
            scenarios: &["fin-wait2-stuck", "close-wait-leak", "restarted-read"],
        },
        "half-closed" => Page {
            meaning: "Nothing is wrong: one end has sent its FIN (shutdown(fd, SHUT_WR)) and the \
                      other one still sends to it. The first is in FIN_WAIT2, the second in \
                      CLOSE_WAIT, until the second has sent all and closes.",
            found_by: "Bytes that were acknowledged (bytes_acked), that came (bytes_received), or \
                       that were put into the Send-Q from look to look.",
            fix: "None is needed.",
            scenarios: &["half-close"],
        },
        "held-by-several" => Page {
            meaning: "Several processes have the same socket open, as after fork(). close() in one \
                      of them only lets go of its copy: the FIN leaves with the last one.",
            found_by: "Every process and descriptor that holds the socket, whether exec() would \
                       close it (close-on-exec, in /proc/PID/fdinfo), and whether they execute \
                       different files (/proc/PID/exe).",
            fix: "close() the copy in each process that does not need it: the connection in the \
                  parent, the listener in the child. A copy that was kept over execve() was not \
                  close-on-exec: SOCK_CLOEXEC. shutdown(fd, SHUT_WR) sends the FIN whoever \
                  else has it open, but leaves the descriptors as they are.",
            scenarios: &["close-is-not-fin", "killed-child"],
        },
        "fin-wait2" => Page {
            meaning: "This end has closed and its FIN is acknowledged; the other end's FIN does \
                      not come. Where a process still holds the socket there is no limit to it; \
                      an orphan ends after tcp_fin_timeout.",
            found_by: "The process at the other end where that is on this machine, else its \
                       address; who holds this end; what is left of an orphan's time.",
            fix: "close() the connection in the program at the other end, which is in CLOSE_WAIT.",
            scenarios: &["fin-wait2-stuck", "orphan-fin-wait2"],
        },
        "syn-sent" => Page {
            meaning: "connect() sent a SYN and nothing came back, neither a SYN,ACK nor an RST. \
                      The host is gone, the way does not lead there, a filter drops the segments, \
                      or the listener's queue is full.",
            found_by: "How often the SYN was sent again, and when it is next; who holds the socket; \
                       how long the kernel goes on (tcp_syn_retries, and tcp_syn_linear_timeouts \
                       since Linux 6.5: so many SYNs follow the first at the same distance, \
                       before each pause is twice the last).",
            fix: "See whether the host is up, is routed to, and whether a firewall lets the port \
                  through; and whether its listener accepts.",
            scenarios: &["connect-timeout", "backlog-full"],
        },
        "not-accepted" => Page {
            meaning: "The kernel has finished the handshake: the client is connected, may send, \
                      and its data is acknowledged. But no process of the server knows of it \
                      until accept() returns it.",
            found_by: "No process holds the socket for two seconds; who holds the listener that it \
                       came by; bytes that wait in it.",
            fix: "Call accept() in the server, and again for each connection.",
            scenarios: &["accept-later", "backlog-full"],
        },
        "accept-queue-full" => Page {
            meaning: "A listener's queue of connections that wait for accept() holds as many as \
                      its backlog: further SYNs and last ACKs are dropped, and clients wait in \
                      SYN_SENT.",
            found_by: "Recv-Q of the listener against its backlog (Send-Q); ListenOverflows and \
                       ListenDrops of its network namespace; what its processes do.",
            fix: "Call accept() as fast as connections come. A larger backlog in listen(), up to \
                  net.core.somaxconn, only buys time.",
            scenarios: &["backlog-full"],
        },
        "retransmitting" => Page {
            meaning: "A segment was sent, and sent again, and no acknowledgement came. The other \
                      host or the way there is gone, or a filter drops what goes or what comes \
                      back. Each pause is longer than the last, until tcp_retries2 (of a socket \
                      that no process holds, tcp_orphan_retries) ends the connection with \
                      ETIMEDOUT.",
            found_by: "The retransmission timer, how often it expired, the timeout that it has \
                       backed off to; bytes that are not acknowledged; the other end where it is \
                       in sight.",
            fix: "See whether the host is up and the way there lets segments through. \
                  TCP_USER_TIMEOUT makes the program notice sooner.",
            scenarios: &["host-crash", "host-unreachable", "lost-last-ack"],
        },
        "zero-window" => Page {
            meaning: "The other end has told a window of zero: its program does not read, its \
                      buffer is full, and this end may send nothing but probes. Both kernels are \
                      well, for as long as it takes.",
            found_by: "The probe timer, and bytes that wait to be sent (Send-Q); the other end's \
                       Recv-Q, the process that holds it, and where that waits.",
            fix: "read() in the program at the other end: look where it hangs. Where it reads, \
                  only slower than this end sends, nothing is wrong: then it is a note.",
            scenarios: &["zero-window", "stopped-server"],
        },
        "unread" => Page {
            meaning: "Data came, the kernel has acknowledged it, and the program took none of it \
                      for two seconds. It may be busy, hang, or have forgotten the connection; \
                      when the receive buffer is full the other end may not send (zero-window).",
            found_by: "Recv-Q and bytes_received from look to look: what came less what waits is \
                       what was read; the process that holds the socket, and where that waits.",
            fix: "read() in the program that is named: see what keeps it.",
            scenarios: &["zero-window"],
        },
        "stopped" => Page {
            meaning: "A process that holds a socket was stopped by a signal (SIGSTOP, SIGTSTP) or \
                      by a debugger. It accepts, reads and closes nothing, while its kernel goes \
                      on acknowledging: the other end sees nothing of it.",
            found_by: "Its state, T or t; what waits in its sockets.",
            fix: "Send it SIGCONT, or let its debugger go on.",
            scenarios: &["stopped-server", "five-at-once"],
        },
        "zombie" => Page {
            meaning: "A child has ended and its parent has not collected its status: it stays as Z \
                      <defunct>, a row of the process table, until the parent waits or ends. One \
                      that is collected within two seconds is not told of.",
            found_by: "What the parent does with SIGCHLD: caught, ignored, blocked, or nothing \
                       (SigCgt, SigIgn, SigBlk in /proc/PID/status).",
            fix: "Call waitpid(-1, &status, WNOHANG) in a loop in the handler of SIGCHLD: signals \
                  do not queue, and one of them may stand for several children.",
            scenarios: &[
                "zombie",
                "five-at-once",
                "zombie-reaped",
                "five-at-once-reaped",
            ],
        },
        "address-in-use" => Page {
            meaning: "bind() to the port fails with EADDRINUSE although nobody listens: \
                      connections of the server before are still there, in TIME_WAIT, held by \
                      one of its children or not finished yet; or a socket is bound to it that \
                      neither listens nor connects. Of a port that connect() takes from \
                      ip_local_port_range this is only a note.",
            found_by: "The sockets with this local port, their states, their holders, and what is \
                       left of their timers.",
            fix: "Set SO_REUSEADDR before bind(), in the server from its first start on: the \
                  sockets that are in the way must have had it too. It does not help against a \
                  listener, nor does it let two bound sockets listen.",
            scenarios: &["address-in-use", "address-reused"],
        },
        "port-held" => Page {
            meaning: "Nothing is wrong: somebody has the port that was asked for. A second bind() \
                      to it fails with EADDRINUSE, and SO_REUSEADDR does not help against a \
                      listener.",
            found_by: "The listeners on the port and who holds them.",
            fix: "Stop that program first, or take another port.",
            scenarios: &["address-in-use"],
        },
        "close-wait-leak" => Page {
            meaning: "The program gets more and more sockets in CLOSE_WAIT: for each connection \
                      that its peer closes, it forgets the close. In the end it has no descriptor \
                      left (EMFILE).",
            found_by: "Two looks (`why --watch`): by their cookies, all that were in CLOSE_WAIT at \
                       the first are so at the second, and more are there, which stay. Each \
                       process that holds a copy counts.",
            fix: "close() the connection when read() has returned 0, and the parent's copy after \
                  fork().",
            scenarios: &["close-wait-leak"],
        },
        "listen-overflows" => Page {
            meaning: "While sockscope looked, connections came that found a listener's queue full. \
                      Their clients send the SYN again, and are late by a second or more.",
            found_by: "ListenOverflows and ListenDrops of the network namespace at two looks \
                       (`why --watch`).",
            fix: "Call accept() as fast as connections come. A larger backlog in listen(), up to \
                  net.core.somaxconn, only buys time.",
            scenarios: &["backlog-full"],
        },
        "resets" => Page {
            meaning: "While sockscope looked, connections went from ESTABLISHED or CLOSE_WAIT to \
                      CLOSE without a FIN: by an RST, which comes of a close() with unread data, \
                      of SO_LINGER {1, 0} or of a process that is gone; or because nobody \
                      answered for too long. Where both ends are on this machine, both are \
                      counted.",
            found_by: "EstabResets, OutRsts and TCPAbortOnTimeout of the network namespace at two \
                       looks (`why --watch`): counters, not RSTs that were seen. The connections \
                       themselves are in no table any more.",
            fix: "`sockscope watch` tells which connections they are.",
            scenarios: &["linger-reset", "unread-data-reset", "rst-after-fin"],
        },
        "attempts-failed" => Page {
            meaning: "While sockscope looked, connections did not come about: refused because \
                      nobody listens (ECONNREFUSED), not answered (ETIMEDOUT), or given up.",
            found_by: "AttemptFails of the network namespace at two looks (`why --watch`): a \
                       counter, which does not tell why.",
            fix: "See whether somebody listens where they go to. `sockscope watch` tells which \
                  connections they are.",
            scenarios: &["connect-refused"],
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::DIAGNOSES;
    use crate::scenario::builtin;

    #[test]
    fn each_diagnosis_has_a_page_and_its_scenarios_are_there() {
        for diagnosis in DIAGNOSES {
            let page = page(diagnosis.key).unwrap_or_else(|| panic!("no page: {}", diagnosis.key));
            for name in page.scenarios {
                assert!(builtin::find(name).is_ok(), "{}: {name}", diagnosis.key);
            }
        }
    }
}
