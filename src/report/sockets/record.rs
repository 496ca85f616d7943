//! The sockets for programs: JSON, JSON lines, CSV. Names are as they are in JSON, where what steers
//! a terminal is written as `\uXXXX`, and escaped in CSV.

use std::borrow::Cow;
use std::io;

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use super::address::enlisted;
use crate::live::listing::{Listing, Row, Unseen};
use crate::live::names::Names;
use crate::live::socket::{LiveHolder, Owners, Zombie};
use crate::model::{TcpState, TimerKind};
use crate::observe::inet_diag::Protocol;
use crate::report::visible_json::to_writer;

/// How long the kernel keeps TIME_WAIT, in milliseconds (`TCP_TIMEWAIT_LEN`).
const TIME_WAIT_MS: u32 = 60_000;

/// A socket as JSON and CSV have it.
#[derive(Serialize)]
struct Record<'a> {
    protocol: &'static str,
    family: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    netns: Option<u64>,
    local_address: String,
    local_port: u16,
    remote_address: String,
    remote_port: u16,
    interface: Option<Cow<'a, str>>,
    v6_only: Option<bool>,
    state: String,
    recv_q: u32,
    send_q: u32,
    timer: Option<&'static str>,
    timer_ms: Option<u32>,
    retransmits: u8,
    /// How long it has been in TIME_WAIT. The kernel keeps no time of other states.
    time_wait_ms: Option<u32>,
    uid: Option<u32>,
    user: Option<&'a str>,
    inode: u32,
    cookie: u64,
    held: &'static str,
    why: Option<&'static str>,
    holders_complete: bool,
}

#[derive(Serialize)]
struct HolderRecord<'a> {
    pid: i32,
    fd: i32,
    name: &'a str,
    uid: u32,
    user: Option<&'a str>,
    start_ticks: u64,
}

impl<'a> Record<'a> {
    fn of(row: &Row, names: &'a Names) -> Record<'a> {
        let facts = &row.socket.facts;
        let runs = facts.timer != TimerKind::Off;
        let is_time_wait =
            row.socket.protocol == Protocol::Tcp && facts.state == TcpState::TimeWait;
        let uid = (facts.inode != 0).then_some(facts.uid);
        let (held, why) = match &row.owners {
            Owners::NotAsked => ("not_asked", None),
            Owners::Held { .. } => ("processes", None),
            Owners::Nobody(why) => ("nobody", Some(why.key())),
            Owners::Unknown(why) => ("unknown", Some(why.key())),
        };
        Record {
            protocol: match row.socket.protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
            },
            family: match facts.tuple.local.is_ipv6() {
                true => "ipv6",
                false => "ipv4",
            },
            netns: row.socket.netns.map(|netns| netns.0),
            local_address: facts.tuple.local.ip().to_string(),
            local_port: facts.tuple.local.port(),
            remote_address: facts.tuple.remote.ip().to_string(),
            remote_port: facts.tuple.remote.port(),
            interface: interface(row, names),
            v6_only: row.socket.binding.v6_only,
            state: match row.socket.udp() {
                Some(udp) => udp.word().to_owned(),
                None => facts.state.to_string(),
            },
            recv_q: facts.recv_q,
            send_q: facts.send_q,
            timer: runs.then(|| facts.timer.word()),
            timer_ms: runs.then_some(facts.timer_ms),
            retransmits: facts.retransmits,
            time_wait_ms: is_time_wait.then(|| TIME_WAIT_MS.saturating_sub(facts.timer_ms)),
            uid,
            user: uid.and_then(|uid| names.user(uid)),
            inode: facts.inode,
            cookie: facts.cookie,
            held,
            why,
            holders_complete: row.owners.is_complete(),
        }
    }
}

/// The interface that a socket is bound to; its index where its name is not known.
fn interface<'a>(row: &Row, names: &'a Names) -> Option<Cow<'a, str>> {
    match row.socket.binding.interface {
        0 => None,
        index => Some(match names.interface(row.socket.netns, index) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("if{index}")),
        }),
    }
}

/// A socket with its holders in a list.
struct WithHolders<'a>(&'a Row, &'a Names);

impl Serialize for WithHolders<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            record: Record<'a>,
            holders: Vec<HolderRecord<'a>>,
        }
        let WithHolders(row, names) = self;
        let holders = row.owners.holders().iter().map(|holder| HolderRecord {
            pid: holder.process.pid,
            fd: holder.fd,
            name: &holder.process.name,
            uid: holder.process.uid,
            user: names.user(holder.process.uid),
            start_ticks: holder.process.start_ticks,
        });
        Whole {
            record: Record::of(row, names),
            holders: holders.collect(),
        }
        .serialize(serializer)
    }
}

/// The rows one by one: none is kept.
struct Rows<'a>(&'a Listing, &'a Names);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.rows.len()))?;
        for row in &self.0.rows {
            rows.serialize_element(&WithHolders(row, self.1))?;
        }
        rows.end()
    }
}

#[derive(Serialize)]
struct ZombieRecord<'a> {
    pid: i32,
    ppid: i32,
    name: &'a str,
}

impl<'a> From<&'a Zombie> for ZombieRecord<'a> {
    fn from(zombie: &'a Zombie) -> ZombieRecord<'a> {
        ZombieRecord {
            pid: zombie.pid,
            ppid: zombie.ppid,
            name: &zombie.name,
        }
    }
}

pub(super) fn json(out: &mut dyn io::Write, listing: &Listing, names: &Names) -> io::Result<()> {
    #[derive(Serialize)]
    struct Whole<'a> {
        sockets: Rows<'a>,
        zombies: Vec<ZombieRecord<'a>>,
        unseen: Unseen,
    }
    let whole = Whole {
        sockets: Rows(listing, names),
        zombies: listing.zombies.iter().map(Into::into).collect(),
        unseen: listing.unseen,
    };
    to_writer(&mut *out, &whole)?;
    out.write_all(b"\n")
}

pub(super) fn json_lines(
    out: &mut dyn io::Write,
    listing: &Listing,
    names: &Names,
) -> io::Result<()> {
    for row in &listing.rows {
        to_writer(&mut *out, &WithHolders(row, names))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Holders as `name/pid/fd`, apart by blanks.
pub(super) fn csv(out: &mut dyn io::Write, listing: &Listing, names: &Names) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        protocol: &'a str,
        family: &'a str,
        netns: Option<u64>,
        local_address: &'a str,
        local_port: u16,
        remote_address: &'a str,
        remote_port: u16,
        interface: Option<&'a str>,
        v6_only: Option<bool>,
        state: &'a str,
        recv_q: u32,
        send_q: u32,
        timer: Option<&'a str>,
        timer_ms: Option<u32>,
        retransmits: u8,
        time_wait_ms: Option<u32>,
        uid: Option<u32>,
        user: Option<&'a str>,
        inode: u32,
        cookie: u64,
        held: &'a str,
        why: Option<&'a str>,
        holders_complete: bool,
        holders: String,
    }
    let mut writer = csv::Writer::from_writer(out);
    for row in &listing.rows {
        let record = Record::of(row, names);
        let holders: Vec<String> = row.owners.holders().iter().map(named).collect();
        writer
            .serialize(Line {
                protocol: record.protocol,
                family: record.family,
                netns: record.netns,
                local_address: &record.local_address,
                local_port: record.local_port,
                remote_address: &record.remote_address,
                remote_port: record.remote_port,
                interface: record.interface.as_deref(),
                v6_only: record.v6_only,
                state: &record.state,
                recv_q: record.recv_q,
                send_q: record.send_q,
                timer: record.timer,
                timer_ms: record.timer_ms,
                retransmits: record.retransmits,
                time_wait_ms: record.time_wait_ms,
                uid: record.uid,
                user: record.user,
                inode: record.inode,
                cookie: record.cookie,
                held: record.held,
                why: record.why,
                holders_complete: record.holders_complete,
                holders: holders.join(" "),
            })
            .map_err(io::Error::from)?;
    }
    writer.flush()
}

fn named(holder: &LiveHolder) -> String {
    let process = &holder.process;
    let name = enlisted(&process.name, &['/', ' ']);
    format!("{name}/{}/{}", process.pid, holder.fd)
}
