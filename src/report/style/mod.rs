//! Samples as `lsof`, `ss`, `netstat` and `ps` print them: after each step, so that a reader can
//! lay them beside the book.
//!
//! They are computed from the timeline; none of those programs is run. Users are shown by number
//! (`root` apart), as `lsof -l` does. UDP sockets are asked for where a run has any.

mod lsof;
mod netstat;
mod ps;
mod ss;

pub(super) use ss::word as ss_state;

use std::net::SocketAddr;

use super::Look;
use super::grid::{Cell, Grid};
use super::palette::Tone;
use super::snapshot::Snapshot;
use super::text::escape;
use crate::model::HostName;
use crate::run::{Place, Run};

/// A tool whose output is imitated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `lsof -nP -iTCP`
    Lsof,
    /// `ss -tano`
    Ss,
    /// `netstat -tan`
    Netstat,
    /// `ps -o pid,ppid,stat,args`
    Ps,
}

impl Style {
    /// Style and word, as `--style` takes it.
    pub const NAMED: [(Style, &'static str); 4] = [
        (Style::Lsof, "lsof"),
        (Style::Ss, "ss"),
        (Style::Netstat, "netstat"),
        (Style::Ps, "ps"),
    ];

    /// The command; `udp`: of a run that has UDP sockets.
    fn command(self, udp: bool) -> &'static str {
        match (self, udp) {
            (Style::Lsof, false) => "lsof -nP -iTCP",
            (Style::Lsof, true) => "lsof -nP -i",
            (Style::Ss, false) => "ss -tano",
            (Style::Ss, true) => "ss -tuano",
            (Style::Netstat, false) => "netstat -tan",
            (Style::Netstat, true) => "netstat -tuan",
            (Style::Ps, _) => "ps -o pid,ppid,stat,args",
        }
    }

    fn print(self, view: &View) -> Grid {
        match self {
            Style::Lsof => lsof::print(view),
            Style::Ss => ss::print(view),
            Style::Netstat => netstat::print(view),
            Style::Ps => ps::print(view),
        }
    }
}

/// What one host shows at one moment.
struct View<'a> {
    snapshot: &'a Snapshot,
    /// Which host; nothing: all programs share one.
    host: Option<&'a HostName>,
    /// Whether the run has UDP sockets, so that the protocol is worth a column.
    udp: bool,
}

impl View<'_> {
    fn shows(&self, host: &HostName) -> bool {
        self.host.is_none_or(|wanted| wanted == host)
    }
}

/// The samples of a run as `lsof -nP -iTCP` prints them. Ends in a newline.
pub fn lsof(run: &Run, look: &Look) -> String {
    render(run, Style::Lsof, look)
}

/// The samples of a run as `ss -tano` prints them. Ends in a newline.
pub fn ss(run: &Run, look: &Look) -> String {
    render(run, Style::Ss, look)
}

/// The samples of a run as `netstat -tan` prints them. Ends in a newline.
pub fn netstat(run: &Run, look: &Look) -> String {
    render(run, Style::Netstat, look)
}

/// The samples of a run as `ps -o pid,ppid,stat,args` prints them. Ends in a newline.
pub fn ps(run: &Run, look: &Look) -> String {
    render(run, Style::Ps, look)
}

/// The samples of a run as one of the tools prints them: a block for each step, and on the wire
/// for each host, since a tool sees only the host on which it runs.
pub fn render(run: &Run, style: Style, look: &Look) -> String {
    let udp = run.timeline.endpoints().iter().any(|e| e.udp().is_some());
    let mut lines = Vec::new();
    for snapshot in Snapshot::after_steps(run) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let text = run
            .steps
            .get(snapshot.step)
            .map_or("", |step| step.text.as_str());
        let unsettled = if snapshot.quiet { "" } else { " (not settled)" };
        let title = format!(
            "after step {}: {}{unsettled}",
            snapshot.step + 1,
            escape(text)
        );
        lines.push(look.paint(Tone::Strong, title.trim_end_matches(": ")));
        let hosts: Vec<Option<&HostName>> = match run.header.place {
            Place::Wire => run.header.hosts.iter().map(Some).collect(),
            Place::Loopback | Place::Host => vec![None],
        };
        for host in hosts {
            let prompt = host.map_or(String::new(), |host| escape(host.as_str()));
            let prompt = format!("{prompt}$ {}", style.command(udp));
            lines.push(look.paint(Tone::Faint, &prompt));
            let view = View {
                snapshot: &snapshot,
                host,
                udp,
            };
            lines.extend(style.print(&view).lines(look));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The row of headings.
fn headings(names: &[&str]) -> Vec<Cell> {
    names
        .iter()
        .map(|name| Cell::new(*name, Tone::Plain))
        .collect()
}

/// Address and port apart, a wildcard port as `*`. `any` is what an unspecified address is
/// printed as; nothing: as it is.
fn parts(address: SocketAddr, any: Option<&str>) -> (String, String) {
    let ip = match any {
        Some(any) if address.ip().is_unspecified() => any.to_owned(),
        _ if address.is_ipv6() => format!("[{}]", address.ip()),
        _ => address.ip().to_string(),
    };
    let port = match address.port() {
        0 => "*".to_owned(),
        port => port.to_string(),
    };
    (ip, port)
}
