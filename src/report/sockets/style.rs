//! The sockets as `lsof -nP -i`, `ss -tuanp` and `netstat -tuanp` print them.

use std::fmt::Write as _;
use std::io;

use super::address::{Notation, enlisted, push_bound_host, push_end, push_host, push_port};
use super::table::{protocol_word, push_user};
use crate::live::listing::{Listing, Row};
use crate::live::names::Names;
use crate::live::socket::LiveHolder;
use crate::model::{TcpState, UdpState};
use crate::observe::inet_diag::Protocol;
use crate::report::Look;
use crate::report::columns::{self, Cells, Head};
use crate::report::palette::Tone;
use crate::report::style::ss_state;
use crate::report::text::escape;

/// One row for each descriptor, by pid. A socket that no process holds has none.
pub(super) fn lsof(
    out: &mut dyn io::Write,
    listing: &Listing,
    names: &Names,
    look: &Look,
) -> io::Result<()> {
    let mut descriptors: Vec<(&LiveHolder, &Row)> = listing
        .rows
        .iter()
        .flat_map(|row| row.owners.holders().iter().map(move |holder| (holder, row)))
        .collect();
    descriptors.sort_by_key(|(holder, _)| (holder.process.pid, holder.fd));
    if descriptors.is_empty() {
        return Ok(());
    }
    let heads = [
        Head::left("COMMAND").least(9),
        Head::right("PID"),
        Head::right("USER").least(6),
        Head::right("FD").least(4).gap(""),
        Head::left("  "),
        Head::left("TYPE"),
        Head::right("DEVICE"),
        Head::right("SIZE/OFF"),
        Head::left("NODE"),
        Head::left("NAME"),
    ];
    columns::write(
        out,
        look,
        None,
        &heads,
        &descriptors,
        |cells, (holder, row)| {
            let facts = &row.socket.facts;
            // lsof shows nine characters of a name and says nothing of the rest.
            let command: String = holder.process.name.chars().take(9).collect();
            cells.add(Tone::Plain, |to| to.push_str(&enlisted(&command, &[' '])));
            number(cells, holder.process.pid);
            cells.add(Tone::Plain, |to| push_user(to, holder.process.uid, names));
            number(cells, holder.fd);
            cells.add(Tone::Plain, |to| to.push('u'));
            let family = match facts.tuple.local.is_ipv6() {
                true => "IPv6",
                false => "IPv4",
            };
            cells.add(Tone::Plain, |to| to.push_str(family));
            number(cells, facts.inode);
            cells.add(Tone::Plain, |to| to.push_str("0t0"));
            cells.add(Tone::Plain, |to| {
                to.push_str(match row.socket.protocol {
                    Protocol::Tcp => "TCP",
                    Protocol::Udp => "UDP",
                });
            });
            cells.add(Tone::Plain, |to| push_lsof_name(to, row, names));
        },
    )
}

/// `127.0.0.1:9190->127.0.0.1:40001 (ESTABLISHED)`; lsof shows no state of UDP.
fn push_lsof_name(to: &mut String, row: &Row, names: &Names) {
    let notation = Notation {
        brackets: true,
        unmapped: true,
        any: Some("*"),
    };
    let (protocol, facts) = (row.socket.protocol, &row.socket.facts);
    push_end(to, facts.tuple.local, protocol, notation, names);
    let alone = row.socket.is_listener() || facts.tuple.remote.port() == 0;
    if !alone {
        to.push_str("->");
        push_end(to, facts.tuple.remote, protocol, notation, names);
    }
    if protocol == Protocol::Tcp {
        let _ = write!(to, " ({})", facts.state);
    }
}

/// One row for each socket, also of those that no process holds.
pub(super) fn ss(
    out: &mut dyn io::Write,
    listing: &Listing,
    names: &Names,
    look: &Look,
) -> io::Result<()> {
    let udp = listing.rows.iter().any(|row| row.socket.udp().is_some());
    let mut heads = vec![
        Head::left("State").least(10),
        Head::left("Recv-Q").least(6),
        Head::left("Send-Q").least(6),
        Head::right("Local Address").gap(":"),
        Head::left("Port"),
        Head::right("Peer Address").gap(":"),
        Head::left("Port"),
        Head::left("Process"),
    ];
    if udp {
        heads.insert(0, Head::left("Netid").least(5));
    }
    columns::write(out, look, None, &heads, &listing.rows, |cells, row| {
        let (protocol, facts) = (row.socket.protocol, &row.socket.facts);
        if udp {
            cells.add(Tone::Plain, |to| {
                to.push_str(match protocol {
                    Protocol::Tcp => "tcp",
                    Protocol::Udp => "udp",
                });
            });
        }
        cells.add(Tone::Plain, |to| {
            let state = match row.socket.udp() {
                Some(UdpState::Connected) => TcpState::Established,
                Some(_) => TcpState::Close,
                None => facts.state,
            };
            to.push_str(&ss_state(state));
        });
        number(cells, facts.recv_q);
        number(cells, facts.send_q);
        let (local, remote) = (facts.tuple.local, facts.tuple.remote);
        cells.add(Tone::Plain, |to| {
            push_bound_host(to, &row.socket, Notation::PLAIN, names);
        });
        cells.add(Tone::Plain, |to| {
            push_port(to, local.port(), protocol, names)
        });
        let both = row.socket.binding.v6_only == Some(false);
        let notation = Notation {
            any: both.then_some("*"),
            ..Notation::PLAIN
        };
        cells.add(Tone::Plain, |to| {
            push_host(to, remote.ip(), notation, names)
        });
        cells.add(Tone::Plain, |to| {
            push_port(to, remote.port(), protocol, names)
        });
        cells.add(Tone::Plain, |to| push_ss_users(to, row));
    })
}

/// `users:(("nginx",pid=33,fd=4),("nginx",pid=34,fd=4))`
fn push_ss_users(to: &mut String, row: &Row) {
    let holders = row.owners.holders();
    if holders.is_empty() {
        return;
    }
    to.push_str("users:(");
    for (index, holder) in holders.iter().enumerate() {
        if index > 0 {
            to.push(',');
        }
        let _ = write!(
            to,
            "(\"{}\",pid={},fd={})",
            // A quotation mark of its own would end the name.
            enlisted(&holder.process.name, &['"']),
            holder.process.pid,
            holder.fd
        );
    }
    to.push(')');
}

/// One row for each socket, with the first of its holders.
pub(super) fn netstat(
    out: &mut dyn io::Write,
    listing: &Listing,
    names: &Names,
    look: &Look,
) -> io::Result<()> {
    let heads = [
        Head::left("Proto").least(5),
        Head::right("Recv-Q").least(6),
        Head::right("Send-Q").least(6),
        Head::left("Local Address").least(23),
        Head::left("Foreign Address").least(23),
        Head::left("State").least(11),
        Head::left("PID/Program name"),
    ];
    // netstat writes IPv6 addresses without brackets, and IPv4 in IPv6 as IPv4.
    let notation = Notation {
        brackets: false,
        unmapped: true,
        any: None,
    };
    columns::write(out, look, None, &heads, &listing.rows, |cells, row| {
        let (protocol, facts) = (row.socket.protocol, &row.socket.facts);
        cells.add(Tone::Plain, |to| to.push_str(protocol_word(&row.socket)));
        number(cells, facts.recv_q);
        // /proc/net/tcp, which netstat reads, has no backlog.
        match row.socket.is_listener() {
            true => number(cells, 0),
            false => number(cells, facts.send_q),
        }
        for end in [facts.tuple.local, facts.tuple.remote] {
            cells.add(Tone::Plain, |to| {
                push_end(to, end, protocol, notation, names);
            });
        }
        cells.add(Tone::Plain, |to| {
            let _ = match row.socket.udp() {
                None => write!(to, "{}", facts.state),
                Some(UdpState::Connected) => write!(to, "{}", TcpState::Established),
                Some(_) => Ok(()),
            };
        });
        cells.add(Tone::Plain, |to| match row.owners.holders().first() {
            Some(holder) => {
                let _ = write!(
                    to,
                    "{}/{}",
                    holder.process.pid,
                    escape(&holder.process.name)
                );
            }
            None => to.push('-'),
        });
    })
}

fn number(cells: &mut Cells, number: impl std::fmt::Display) {
    cells.add(Tone::Plain, |to| {
        let _ = write!(to, "{number}");
    });
}
