//! What is known of a run before it begins.

use super::Options;
use crate::model::HostName;
use crate::run::{Asked, Header, Place};
use crate::scenario::{Scenario, SourceText};

/// What is known of a scenario's run before it begins.
pub(super) fn header_of(scenario: &Scenario, place: Place) -> Header {
    let Scenario {
        name, title, text, ..
    } = scenario;
    header(name, title, text, host_names(scenario), place)
}

/// As [`header_of`], of what may be no scenario.
pub(super) fn header(
    name: &str,
    title: &str,
    source: &SourceText,
    hosts: Vec<HostName>,
    place: Place,
) -> Header {
    let named = nix::sys::utsname::uname().ok();
    let kernel = named.as_ref().map_or_else(
        || "unknown".into(),
        |name| name.release().to_string_lossy().into_owned(),
    );
    Header {
        sockscope: env!("CARGO_PKG_VERSION").into(),
        scenario: name.to_owned(),
        title: title.to_owned(),
        file: source.name.clone(),
        text: source.text.clone(),
        place,
        hosts,
        kernel,
        machine: named.map(|name| name.machine().to_string_lossy().into_owned()),
        began: None,
        asked: None,
        observers: Vec::new(),
        blind: Vec::new(),
        settings: Vec::new(),
    }
}

/// What the options ask of a run.
pub(super) fn asked(options: &Options) -> Asked {
    Asked {
        net: options.net,
        syscalls: options.syscalls,
        events: options.events.when(),
        settled: options.settled,
        timeout_scale: options.timeout_scale,
        programs: options.programs.clone(),
    }
}

/// The hosts that every scenario has.
pub(super) fn plain_hosts() -> Vec<HostName> {
    vec![HostName::from("client"), HostName::from("server")]
}

/// The hosts of a scenario in the order of their lanes: `client` first, `server` last.
pub(super) fn host_names(scenario: &Scenario) -> Vec<HostName> {
    let mut names: Vec<HostName> = scenario
        .programs
        .values()
        .map(|program| program.host.clone())
        .chain(scenario.hosts.keys().cloned())
        .collect();
    names.extend(plain_hosts());
    names.sort_by_key(|name| match name.as_str() {
        "client" => (0, name.clone()),
        "server" => (2, name.clone()),
        _ => (1, name.clone()),
    });
    names.dedup();
    names
}
