//! What a machine lets sockscope do: tried, not guessed.

use std::path::Path;
use std::process::{Command, Stdio};

use super::place::{Unavailable, unavailable};
use crate::lab::protocol::{Setup, TalkError};
use crate::lab::{self, Lab, LabError, reexec};
use crate::model::HostName;
use crate::observe::syscalls::Tracing;

/// Something that a machine may or may not let sockscope do.
#[derive(Clone, Debug)]
pub struct Ability {
    /// In one or two words.
    pub name: &'static str,
    /// What it is good for.
    pub gives: &'static str,
    /// Why it is missing, if it is.
    pub missing: Option<Unavailable>,
}

/// Tries whether the kernel's own events can be had. Everything else works without them.
pub fn kernel_events() -> Ability {
    Ability {
        name: "kernel events",
        gives: "every state without a wire, signals and their senders",
        missing: super::events::missing().map(|missing| Unavailable {
            why: missing.to_string(),
            remedy: missing.remedy(),
        }),
    }
}

/// Tries every place on this machine. `executable` is sockscope itself.
pub fn abilities(executable: &Path) -> Vec<Ability> {
    vec![
        Ability {
            name: "network namespaces",
            gives: "hosts of their own, equal ports side by side",
            missing: attempt(executable, false),
        },
        Ability {
            name: "wire (TUN)",
            gives: "every state and segment, held, dropped, one by one",
            missing: wire(executable),
        },
        Ability {
            name: "system calls",
            gives: "every call that matters, of any program, and signals (--syscalls)",
            missing: tracing(executable),
        },
        Ability {
            name: "exit statuses",
            gives: "how every child ended, whoever reaped it (Linux 6.15)",
            missing: exit_statuses(executable),
        },
    ]
}

/// Tries the wire: why it cannot be had, if it cannot.
pub fn wire(executable: &Path) -> Option<Unavailable> {
    attempt(executable, true)
}

fn attempt(executable: &Path, wire: bool) -> Option<Unavailable> {
    let setup = Setup {
        traced: false,
        isolated: true,
        wire,
        cpu: None,
        hosts: vec![
            lab::host_spec(HostName::from("client"), 0),
            lab::host_spec(HostName::from("server"), 1),
        ],
    };
    Lab::open(executable, setup).err().map(|e| unavailable(&e))
}

/// Tries to trace a lab's first process, in namespaces of its own or, where there are none, without.
fn tracing(executable: &Path) -> Option<Unavailable> {
    let attempt = |isolated: bool| {
        let setup = Setup {
            traced: true,
            isolated,
            wire: false,
            cpu: None,
            hosts: vec![lab::host_spec(HostName::from("lo"), 0)],
        };
        let (lab, _fds) = Lab::open(executable, setup)?;
        let first = lab.first_pid().ok_or(LabError::Talk(TalkError::Gone))?;
        let tracing = Tracing::begin(first, false).map_err(LabError::NotTraced)?;
        drop(lab);
        drop(tracing);
        Ok(())
    };
    match attempt(true) {
        Err(LabError::Refused(_)) => attempt(false),
        other => other,
    }
    .err()
    .map(|error: LabError| unavailable(&error))
}

fn exit_statuses(executable: &Path) -> Option<Unavailable> {
    let why = match exit_status_of_a_child(executable) {
        Ok(true) => return None,
        Ok(false) => "the kernel does not keep them".to_owned(),
        Err(error) => error.to_string(),
    };
    Some(Unavailable {
        why,
        remedy: Some("a kernel of 6.15 or newer; built-in programs tell theirs anyway".into()),
    })
}

fn exit_status_of_a_child(executable: &Path) -> std::io::Result<bool> {
    let mut child = Command::new(executable);
    let mut child = reexec::take_over(child.arg(reexec::NOTHING))
        .stdout(Stdio::null())
        .spawn()?;
    let pidfd = crate::sys::pidfd::PidFd::open(child.id() as i32);
    child.wait()?;
    Ok(pidfd?.exit_status()?.is_some())
}
