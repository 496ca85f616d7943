//! Choosing where a scenario runs, and making that place: the wire where it can be had, else a
//! private loopback, else the machine's own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, SystemTime};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::header::{asked, header_of, host_names};
use super::session::Session;
use super::still::Still;
use super::{Options, events, sampled_blind};
use crate::event::Source;
use crate::lab::protocol::{HostSpec, Refusal, Setup, Stage};
use crate::lab::wire::Wire;
use crate::lab::{self, HostFds, Lab, LabError};
use crate::model::{HostName, ProgramName};
use crate::observe::diag::DiagSocket;
use crate::observe::sockets::{self, Sockets};
use crate::observe::syscalls::Tracing;
use crate::programs;
use crate::programs::channel::Receiver;
use crate::run::{Blind, Header, Outcome, Place, Stopped};
use crate::scenario::{Observe, PORTS, Scenario};

/// The ports of a lab: that of servers is the one that the chat's README uses.
const LAB_PORTS: [u16; 2] = [9190, 9191];

/// A place that is ready for a scenario.
pub(super) struct Opened<'a> {
    pub(super) session: Session<'a>,
    pub(super) header: Header,
    pub(super) places: Placeholders,
    pub(super) telling: Vec<ProgramName>,
}

/// What `{port}`, `{server}` and so on stand for.
#[derive(Debug)]
pub(super) struct Placeholders {
    pub(super) values: BTreeMap<String, String>,
    /// The index of each host among the lab's.
    pub(super) hosts: BTreeMap<HostName, usize>,
    pub(super) channel: OwnedFd,
}

/// Why a place cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// In words.
    pub why: String,
    /// What would change it.
    pub remedy: Option<String>,
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.remedy {
            Some(remedy) => write!(f, "{} (try: {remedy})", self.why),
            None => f.write_str(&self.why),
        }
    }
}

impl std::error::Error for Unavailable {}

/// Makes the place that was asked for, or the best that can be had.
pub(super) fn open<'a>(
    scenario: &Scenario,
    options: &Options,
    interrupt: Option<BorrowedFd<'a>>,
    rto_min: Option<Duration>,
) -> Result<Opened<'a>, Box<(Header, Stopped)>> {
    let wanted: Vec<Place> = match options.net {
        Some(place) => vec![place],
        None => vec![Place::Wire, Place::Loopback, Place::Host],
    };
    let mut missing: Option<Unavailable> = None;
    let mut header = header_of(scenario, wanted[0]);
    header.asked = Some(asked(options));
    header.began = Some(SystemTime::now());
    if interrupt.is_some_and(is_readable) {
        let stopped = Stopped {
            why: "interrupted".into(),
            span: None,
            help: None,
            outcome: Outcome::Interrupted,
            more: Vec::new(),
        };
        return Err(Box::new((header, stopped)));
    }
    for place in wanted {
        header.place = place;
        if place != Place::Wire
            && let Some(settings) = own_settings(scenario)
        {
            missing.get_or_insert(Unavailable {
                why: format!("only hosts of their own can have {settings}"),
                remedy: Some("--net wire".into()),
            });
            continue;
        }
        match open_place(scenario, options, place, interrupt, rto_min) {
            Ok((mut session, places, settings)) => {
                header.settings = settings;
                header.began = SystemTime::now().checked_sub(session.pen.elapsed());
                header.observers = observers(place, is_traced(scenario, options));
                header.blind = match place {
                    Place::Wire => Vec::new(),
                    Place::Loopback | Place::Host => blind(missing.as_ref()),
                };
                if let Err(stopped) = events::record(&mut session, &mut header, options) {
                    return Err(Box::new((header, stopped)));
                }
                let telling = telling(scenario, options);
                return Ok(Opened {
                    session,
                    header,
                    places,
                    telling,
                });
            }
            // It is so at every place.
            Err(error @ LabError::NotTraced(_)) => {
                let Unavailable { why, remedy } = unavailable(&error);
                let stopped = Stopped {
                    why: format!("cannot trace system calls: {why}"),
                    span: None,
                    help: remedy,
                    outcome: Outcome::Inconclusive,
                    more: Vec::new(),
                };
                return Err(Box::new((header, stopped)));
            }
            Err(error) => {
                let refused = unavailable(&error);
                missing.get_or_insert(refused);
            }
        }
    }
    let missing = missing.unwrap_or(Unavailable {
        why: "no place was asked for".into(),
        remedy: None,
    });
    let stopped = Stopped {
        why: format!("cannot run on the {}: {}", header.place.word(), missing.why),
        span: None,
        help: missing.remedy,
        outcome: Outcome::Inconclusive,
        more: Vec::new(),
    };
    Err(Box::new((header, stopped)))
}

fn is_readable(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

/// The programs that are built in and so tell of their system calls.
fn telling(scenario: &Scenario, options: &Options) -> Vec<ProgramName> {
    scenario
        .programs
        .iter()
        .filter(|(name, program)| {
            if is_traced(scenario, options) {
                return true;
            }
            let command = options.programs.get(name).unwrap_or(&program.command.value);
            command
                .first()
                .is_some_and(|word| programs::find(word).is_some())
        })
        .map(|(name, _)| name.clone())
        .collect()
}

/// Whether somebody asked for system calls.
fn is_traced(scenario: &Scenario, options: &Options) -> bool {
    options.syscalls || scenario.observe.contains(&Observe::Syscalls)
}

fn blind(missing: Option<&Unavailable>) -> Vec<Blind> {
    match missing {
        Some(missing) => sampled_blind(&missing.why, missing.remedy.as_deref()),
        None => sampled_blind("the programs are not on the wire", Some("--net wire")),
    }
}

/// Who watches at a place.
fn observers(place: Place, traced: bool) -> Vec<Source> {
    let mut observers = vec![Source::Sampler];
    observers.push(match traced {
        true => Source::Syscalls,
        false => Source::Program,
    });
    if place == Place::Wire {
        observers.insert(0, Source::Wire);
    }
    observers
}

fn open_place<'a>(
    scenario: &Scenario,
    options: &Options,
    place: Place,
    interrupt: Option<BorrowedFd<'a>>,
    rto_min: Option<Duration>,
) -> Result<(Session<'a>, Placeholders, Vec<String>), LabError> {
    let names = host_names(scenario);
    if let (Place::Loopback | Place::Host, Some(name)) = (place, host_with_settings(scenario)) {
        return Err(LabError::Failed(format!(
            "the scenario changes settings of host {name}, which has none of its own there"
        )));
    }
    let specs: Vec<HostSpec> = match place {
        Place::Wire => names
            .iter()
            .enumerate()
            .map(|(index, name)| host_spec(scenario, name, index, rto_min))
            .collect(),
        Place::Loopback | Place::Host => vec![lab::host_spec(HostName::from("lo"), 0)],
    };
    let settings = settings(&specs, place);
    let traced = is_traced(scenario, options);
    let still = (place == Place::Wire).then(Still::keep).flatten();
    let setup = Setup {
        isolated: place != Place::Host,
        wire: place == Place::Wire,
        cpu: still.as_ref().map(Still::cpu),
        traced,
        hosts: specs.clone(),
    };
    let (lab, fds) = Lab::open(&options.executable, setup)?;
    let (channel, sender) = Receiver::pair()?;
    let mut diags = Vec::new();
    let mut tuns = Vec::new();
    for (HostFds { diag, tun }, spec) in fds.into_iter().zip(&specs) {
        diags.push(DiagSocket::from_fd(diag).map_err(|e| LabError::Failed(e.to_string()))?);
        tuns.extend(tun.map(|tun| (spec.clone(), tun)));
    }
    let wire = (place == Place::Wire).then(|| Wire::new(tuns));
    let tracked = diags
        .into_iter()
        .zip(&specs)
        .map(|(diag, spec)| sockets::Host {
            name: spec.name.clone(),
            diag,
            programs: programs_in(scenario, &spec.name, place),
        })
        .collect();
    let sockets = Sockets::new(tracked, place != Place::Host);
    let tracing = match lab.first_pid() {
        Some(first) => {
            Some(Tracing::begin(first, place != Place::Wire).map_err(LabError::NotTraced)?)
        }
        None => None,
    };
    let mut session = Session::new(
        place,
        lab,
        wire,
        sockets,
        channel,
        interrupt,
        options.timeout_scale,
    );
    session.still = still;
    if let Some(tracing) = tracing {
        session.trace(tracing);
    }
    let places = placeholders(&names, &specs, place, sender)?;
    Ok((session, places, settings))
}

/// The first host whose settings the scenario changes.
fn host_with_settings(scenario: &Scenario) -> Option<&HostName> {
    scenario
        .hosts
        .iter()
        .find(|(_, host)| **host != crate::scenario::Host::default())
        .map(|(name, _)| name)
}

fn host_spec(
    scenario: &Scenario,
    name: &HostName,
    index: usize,
    rto_min: Option<Duration>,
) -> HostSpec {
    let mut spec = lab::host_spec(name.clone(), index);
    let in_ms = |duration: Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
    if let Some(rto_min) = rto_min {
        spec.rto_min_ms = in_ms(rto_min);
    }
    if let Some(host) = scenario.hosts.get(name) {
        spec.sysctl.clone_from(&host.sysctl);
        if let Some(rto_min) = host.rto_min {
            spec.rto_min_ms = in_ms(rto_min);
        }
        spec.quickack = host.quickack.unwrap_or(spec.quickack);
    }
    spec
}

/// What the file sets of hosts, in words: without a wire there are none to set it of, and what
/// follows would be another scenario.
fn own_settings(scenario: &Scenario) -> Option<String> {
    let specs: Vec<HostSpec> = scenario
        .hosts
        .keys()
        .map(|name| host_spec(scenario, name, 0, None))
        .collect();
    let words = settings(&specs, Place::Wire);
    (!words.is_empty()).then(|| words.join(", "))
}

/// What a scenario changes of its hosts, in words.
fn settings(specs: &[HostSpec], place: Place) -> Vec<String> {
    if place != Place::Wire {
        return Vec::new();
    }
    let mut words = Vec::new();
    for spec in specs {
        let plain = lab::host_spec(spec.name.clone(), 0);
        for (key, value) in &spec.sysctl {
            words.push(format!("{} {key}={value}", spec.name));
        }
        if spec.rto_min_ms != plain.rto_min_ms {
            words.push(format!("{} rto_min={}ms", spec.name, spec.rto_min_ms));
        }
        if spec.quickack != plain.quickack {
            words.push(format!("{} delays ACKs", spec.name));
        }
    }
    words
}

fn programs_in(scenario: &Scenario, host: &HostName, place: Place) -> Vec<(ProgramName, HostName)> {
    scenario
        .programs
        .iter()
        .filter(|(_, program)| place != Place::Wire || program.host == *host)
        .map(|(name, program)| (name.clone(), program.host.clone()))
        .collect()
}

fn placeholders(
    names: &[HostName],
    specs: &[HostSpec],
    place: Place,
    channel: OwnedFd,
) -> Result<Placeholders, LabError> {
    let mut values = BTreeMap::new();
    let mut hosts = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        let (host, v4, v6) = match place {
            Place::Wire => (index, specs[index].v4, specs[index].v6),
            Place::Loopback | Place::Host => {
                // Hosts that share a loopback have addresses of their own still: the last one,
                // the server, 127.0.0.1.
                let rank = (names.len() - 1 - index).min(253) as u32;
                let v4 = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + rank);
                (0, v4, Ipv6Addr::LOCALHOST)
            }
        };
        hosts.insert(name.clone(), host);
        values.insert(name.to_string(), v4.to_string());
        values.entry(format!("{name}6")).or_insert(v6.to_string());
    }
    let ports = match place {
        Place::Wire | Place::Loopback => LAB_PORTS,
        Place::Host => free_ports()?,
    };
    for (name, port) in PORTS.into_iter().zip(ports) {
        values.insert(name.into(), port.to_string());
    }
    Ok(Placeholders {
        values,
        hosts,
        channel,
    })
}

/// Two ports that nobody has at the moment, neither for TCP nor for UDP. Somebody may take one
/// before the server does: then the server says so.
fn free_ports() -> Result<[u16; 2], LabError> {
    const ATTEMPTS: usize = 16;
    let mut taken = None;
    for _ in 0..ATTEMPTS {
        // Both are held at the same time, so that they differ.
        let probes = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let [first, second] = probes;
        let ports = [first?, second?].map(|probe| probe.local_addr().map(|at| at.port()));
        let [first, second] = ports;
        let ports = [first?, second?];
        let for_udp = ports.map(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)));
        match for_udp.into_iter().find_map(Result::err) {
            None => return Ok(ports),
            Some(error) => taken = Some(error),
        }
    }
    Err(taken.map_or(LabError::Failed("no port is free".into()), LabError::from))
}

/// What stands in the way of a place, and what would change it.
pub fn unavailable(error: &LabError) -> Unavailable {
    let remedy = match error {
        LabError::Refused(refusal) => remedy(refusal),
        LabError::NotTraced(refused) => Some(refused.remedy()),
        _ => None,
    };
    Unavailable {
        why: error.to_string(),
        remedy,
    }
}

fn remedy(refusal: &Refusal) -> Option<String> {
    let sysctl = |key: &str| {
        std::fs::read_to_string(format!("/proc/sys/{}", key.replace('.', "/")))
            .ok()
            .map(|text| text.trim().to_owned())
    };
    match refusal.stage {
        Stage::Namespaces | Stage::UserMap => {
            if sysctl("kernel.apparmor_restrict_unprivileged_userns").as_deref() == Some("1") {
                Some("sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0".into())
            } else if sysctl("kernel.unprivileged_userns_clone").as_deref() == Some("0") {
                Some("sudo sysctl kernel.unprivileged_userns_clone=1".into())
            } else if sysctl("user.max_user_namespaces").as_deref() == Some("0") {
                Some("sudo sysctl user.max_user_namespaces=10000".into())
            } else {
                Some(
                    "run as root, or in a container that allows it: \
                     --cap-add SYS_ADMIN --cap-add NET_ADMIN --device /dev/net/tun"
                        .into(),
                )
            }
        }
        Stage::Tun if refusal.errno == libc::ENOENT => {
            Some("sudo modprobe tun; for a container also --device /dev/net/tun".into())
        }
        Stage::Addresses if refusal.errno == libc::EPERM => {
            Some("for a container: --cap-add NET_ADMIN".into())
        }
        Stage::Tun => Some("sudo chmod 0666 /dev/net/tun".into()),
        _ => None,
    }
}

impl Placeholders {
    /// The sending end of the side channel, for built-in programs.
    pub(super) fn channel(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}
