//! [`Events`]: whether runs record kernel events, and the one recorder that they share.

use std::sync::{Arc, OnceLock};

use super::Options;
use super::session::Session;
use super::session::kernel::KernelEar;
use crate::event::{Aspect, Source};
use crate::observe::tracepoints::recorder::pids_are_ours;
use crate::observe::tracepoints::shared::Shared;
use crate::observe::tracepoints::{Config, Point, Unavailable};

/// When to record kernel events. With `On` a run that cannot have them is inconclusive.
pub use crate::run::AskedEvents as When;
use crate::run::{Header, Outcome, Place, Stopped};

/// Kernel events for all runs with these options: one recorder, opened when the first run needs it
/// and closed with the last copy of this value.
#[derive(Clone, Debug, Default)]
pub struct Events {
    when: When,
    config: Option<Config>,
    opened: Arc<OnceLock<Result<Shared, Unavailable>>>,
}

impl Events {
    /// Records them then.
    pub fn new(when: When) -> Events {
        Events {
            when,
            ..Events::default()
        }
    }

    /// With a recorder of this kind, for whoever wants a smaller ring.
    pub fn with(when: When, config: Config) -> Events {
        Events {
            when,
            config: Some(config),
            ..Events::default()
        }
    }

    /// The recorder for a run at this place: nothing where none is wanted.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) fn at(&self, place: Place) -> Result<Option<Shared>, Unavailable> {
        let wanted = match self.when {
            When::Off => false,
            // The wire shows every state without them, and leaving the tracepoints takes the kernel
            // about 30 ms for each of them, many times a whole run.
            When::Auto => place != Place::Wire,
            When::On => true,
        };
        if !wanted {
            return Ok(None);
        }
        let open = || Shared::open(&self.config.clone().unwrap_or_else(usual));
        self.opened.get_or_init(open).clone().map(Some)
    }

    /// When they are recorded.
    pub(super) fn when(&self) -> When {
        self.when
    }

    /// Whether a run must not do without.
    pub(super) fn are_demanded(&self) -> bool {
        self.when == When::On
    }
}

/// Lets the kernel tell, where it is wanted and can be had.
pub(super) fn record(
    session: &mut Session<'_>,
    header: &mut Header,
    options: &Options,
) -> Result<(), Stopped> {
    match options.events.at(header.place) {
        Ok(None) => {}
        Ok(Some(shared)) => {
            header.observers.push(Source::Kernel);
            session.kernel = Some(KernelEar::new(&shared));
            if header.place != Place::Wire {
                session.sockets.trace(&shared);
                header.blind.retain(|blind| blind.aspect != Aspect::Paths);
            }
        }
        Err(why) if options.events.are_demanded() => {
            return Err(Stopped {
                why: why.to_string(),
                span: None,
                help: why.remedy(),
                outcome: Outcome::Inconclusive,
                more: Vec::new(),
            });
        }
        Err(why) => {
            for blind in &mut header.blind {
                if blind.aspect == Aspect::Paths {
                    blind.why.push_str(&format!("; {why}"));
                }
            }
        }
    }
    Ok(())
}

/// Everything whose pids can be told; in a container's pid namespace those of signals and forks
/// cannot.
fn usual() -> Config {
    let points = match pids_are_ours() {
        true => [Point::SOCKETS, Point::PROCESSES].concat(),
        false => Point::SOCKETS.to_vec(),
    };
    Config {
        points,
        ..Config::default()
    }
}

/// Why kernel events cannot be had here, if they cannot: tried, not guessed.
pub(super) fn missing() -> Option<Unavailable> {
    let config = Config {
        points: vec![Point::SetState],
        ..Config::default()
    };
    Shared::open(&config).err()
}
