//! `sockscope why`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use sockscope::live::netns::Scope;
use sockscope::report::Look;
use sockscope::scenario::parse_duration;

use super::LookArguments;
use super::ls::scope;

pub(super) const HELP: &str = concat!(
    filters!(),
    "
Exit codes:
    0  nothing wrong
    1  something was found
    2  the call is wrong
    3  could not look, or nothing was found among what could be read
    4  nothing matched"
);

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// Which sockets: `:9190`, `name:nginx`, `pid:123`, as in ls; all without one
    #[arg(value_name = "FILTER", allow_hyphen_values = false)]
    filter: Vec<String>,
    /// Look again after so long (`2s`), and tell what got more: CLOSE_WAIT, RSTs, overflows
    #[arg(long, value_name = "TIME", value_parser = length)]
    watch: Option<Duration>,
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: WhyFormat,
    /// The sockets of this process's network namespace, or of `all`
    #[arg(long, value_name = "PID|all", value_parser = scope)]
    netns: Option<Scope>,
    #[command(flatten)]
    look: LookArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum WhyFormat {
    /// For people
    Text,
    /// One object
    Json,
    /// An object for each case, a line each
    Jsonl,
}

fn length(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// `sockscope why`, as options.
#[derive(Debug)]
pub(crate) struct WhyOptions {
    pub(crate) filter: Vec<String>,
    pub(crate) watch: Option<Duration>,
    pub(crate) format: WhyFormat,
    pub(crate) scope: Scope,
    pub(crate) look: Look,
}

impl From<Why> for WhyOptions {
    fn from(why: Why) -> WhyOptions {
        WhyOptions {
            watch: why.watch,
            format: why.format,
            scope: why.netns.unwrap_or(Scope::Own),
            look: (&why.look).into(),
            filter: why.filter,
        }
    }
}
