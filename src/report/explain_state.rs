//! A TCP state explained: what it means, who must act, how the tools show it.

use super::Look;
use super::grid::wrap;
use super::palette::Tone;
use super::text::escape;
use crate::model::TcpState;

/// What there is to know of a state.
struct Page {
    meaning: &'static str,
    who_acts: &'static str,
    ss: &'static str,
    reading: &'static str,
}

/// The explanation, ending in a newline. `scenarios` are the names of those that are about the
/// state.
pub fn render(state: TcpState, scenarios: &[&str], look: &Look) -> String {
    let page = page(state);
    let mut lines = vec![look.paint(Tone::Strong, state.name())];
    let mut part = |title: &str, text: &str| {
        lines.push(String::new());
        lines.push(look.paint(Tone::Strong, title));
        lines.extend(wrap(look, "  ", &escape(text), Tone::Plain));
    };
    part("what it means", page.meaning);
    part("who must act", page.who_acts);
    part(
        "how the tools show it",
        &format!(
            "netstat: {}; ss: {}; lsof: {}; /proc/net/tcp: {:02X}",
            state.name(),
            page.ss,
            lsof(state),
            number(state)
        ),
    );
    let shown = match scenarios.is_empty() {
        true => "no built-in scenario is about it".to_owned(),
        false => scenarios.join(", "),
    };
    part("scenarios that show it", &shown);
    part("further reading", page.reading);
    lines.push(String::new());
    lines.join("\n")
}

fn number(state: TcpState) -> usize {
    TcpState::ALL
        .iter()
        .position(|known| *known == state)
        .map_or(0, |at| at + 1)
}

/// lsof shows only sockets that a process holds.
fn lsof(state: TcpState) -> &'static str {
    match state {
        TcpState::TimeWait => "not shown: no process holds it",
        TcpState::SynRecv => "not shown: accept() has not made a descriptor of it",
        TcpState::Close => "(CLOSED), or not shown",
        TcpState::FinWait1 => "(FIN_WAIT1) while a process holds it, then not shown",
        TcpState::FinWait2 => "(FIN_WAIT2) while a process holds it, then not shown",
        TcpState::LastAck | TcpState::Closing => "rarely: the process has closed it",
        TcpState::Established => "(ESTABLISHED)",
        TcpState::SynSent => "(SYN_SENT)",
        TcpState::CloseWait => "(CLOSE_WAIT)",
        TcpState::Listen => "(LISTEN)",
        TcpState::Unknown(_) => "as a number",
    }
}

fn page(state: TcpState) -> Page {
    match state {
        TcpState::Established => Page {
            meaning: "The three-way handshake is done: data flows both ways. On the server it can \
                      be so before accept() returns; then no process holds it yet.",
            who_acts: "Nobody. A connection can stay so for ever when the other host is gone and \
                       neither side sends: SO_KEEPALIVE finds that out.",
            ss: "ESTAB",
            reading: "RFC 9293 3.3.2; UNP 2.6, 7.5",
        },
        TcpState::SynSent => Page {
            meaning: "connect() sent a SYN and nothing came back yet. It is sent again after a second, \
                      since Linux 6.5 several times a second apart \
                      (net.ipv4.tcp_syn_linear_timeouts), then after pauses that double, until \
                      net.ipv4.tcp_syn_retries ends it: connect() fails with ETIMEDOUT.",
            who_acts: "The other host: SYN,ACK when somebody listens, RST when nobody does \
                       (ECONNREFUSED). Silence means that the host is gone, a filter drops the \
                       segments, or the listener's queue is full.",
            ss: "SYN-SENT",
            reading: "RFC 9293 3.5; UNP 4.3",
        },
        TcpState::SynRecv => Page {
            meaning: "A SYN came and was answered by SYN,ACK; the third segment is missing. The \
                      kernel keeps only a small request socket: no process knows of it.",
            who_acts: "The client's host. Many of them without end are a SYN flood or a path that \
                       loses the answer.",
            ss: "SYN-RECV",
            reading: "RFC 9293 3.5; UNP 4.5",
        },
        TcpState::FinWait1 => Page {
            meaning: "This end has closed first and its FIN is not acknowledged yet. It lasts a \
                      round trip; longer when data that stands before the FIN is not taken.",
            who_acts: "The other host's kernel: it acknowledges.",
            ss: "FIN-WAIT-1",
            reading: "RFC 9293 3.6; UNP 2.6",
        },
        TcpState::FinWait2 => Page {
            meaning: "This end has closed, the other end knows it and has not closed itself. With \
                      shutdown(SHUT_WR) that is a half-close, and data still comes in.",
            who_acts: "The other program: it owes the close and sits in CLOSE_WAIT. When this end's \
                       process is gone too, the kernel gives up after net.ipv4.tcp_fin_timeout.",
            ss: "FIN-WAIT-2",
            reading: "RFC 9293 3.6; UNP 2.6, 6.6",
        },
        TcpState::TimeWait => Page {
            meaning: "Both sides have closed and this one closed first. The kernel keeps the \
                      addresses for 60 s: to acknowledge the other FIN again if the last ACK was \
                      lost, and to let old segments die.",
            who_acts: "Nobody: it ends by itself. No process holds it, and killing one changes \
                       nothing. A server that restarts meanwhile needs SO_REUSEADDR to bind.",
            ss: "TIME-WAIT",
            reading: "RFC 9293 3.6.1, RFC 1337; UNP 2.7, 7.5",
        },
        TcpState::Close => Page {
            meaning: "There is no connection. netstat and ss have nothing to show; a socket that \
                      was never bound, or is closed for good but still open in a process, is in \
                      no table.",
            who_acts: "Nobody.",
            ss: "UNCONN",
            reading: "RFC 9293 3.3.2",
        },
        TcpState::CloseWait => Page {
            meaning: "The other side has sent its FIN: read() returns 0 here, once all data is \
                      read. This side has not closed. It stays so for as long as the program \
                      forgets: there is no timer.",
            who_acts: "The program that holds the socket, in each process that holds a copy: after \
                       fork() the FIN goes only with the last close(), or with shutdown(SHUT_WR).",
            ss: "CLOSE-WAIT",
            reading: "RFC 9293 3.6; UNP 4.8, 5.12",
        },
        TcpState::LastAck => Page {
            meaning: "The other side closed first, then this one: its FIN is sent and not \
                      acknowledged yet. It lasts a round trip.",
            who_acts: "The other host's kernel, which is in TIME_WAIT and acknowledges. Without an \
                       answer the FIN is sent again (net.ipv4.tcp_orphan_retries).",
            ss: "LAST-ACK",
            reading: "RFC 9293 3.6; UNP 2.6",
        },
        TcpState::Listen => Page {
            meaning: "A server's socket that takes connections. Recv-Q counts those that accept() \
                      has not taken yet, Send-Q is the backlog.",
            who_acts: "Nobody, as long as Recv-Q stays small. At the backlog further SYNs are \
                       dropped, and clients stay in SYN_SENT.",
            ss: "LISTEN",
            reading: "RFC 9293 3.3.2; UNP 4.5",
        },
        TcpState::Closing => Page {
            meaning: "Both sides have sent a FIN before either saw the other's: a simultaneous \
                      close. Ours is not acknowledged yet.",
            who_acts: "The other host's kernel: it acknowledges, then this end goes to TIME_WAIT.",
            ss: "CLOSING",
            reading: "RFC 9293 3.6 (figure 13); UNP 2.6",
        },
        TcpState::Unknown(_) => Page {
            meaning: "A state that this version of sockscope does not know.",
            who_acts: "Nobody can say.",
            ss: "unknown",
            reading: "include/net/tcp_states.h of the kernel",
        },
    }
}
