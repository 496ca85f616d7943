//! `sockscope ls`.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use sockscope::live::netns::Scope;
use sockscope::live::sort::Order;
use sockscope::report::Look;
use sockscope::report::sockets::Format as SocketFormat;

use super::LookArguments;

pub(super) const FILTERS: &str = concat!(
    filters!(),
    "
Exit codes:
    0  sockets were listed
    2  the call is wrong
    3  the sockets could not be read, or whether one matches depends on holders that could not be seen
    4  nothing matched"
);

#[derive(Debug, Args)]
#[command(mut_arg("width", |width| width.help(
    "Columns to fill; by default the terminal's, and a line for each socket where there is none"
)))]
pub(crate) struct Ls {
    /// Which sockets: `:9190`, `name:nginx state:close-wait`, `not tcp`; all without one
    #[arg(value_name = "FILTER", allow_hyphen_values = false)]
    pub(crate) filter: Vec<String>,
    /// Print as this tool would
    #[arg(long, value_name = "TOOL", conflicts_with = "format")]
    style: Option<LsStyle>,
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: LsFormat,
    /// In which order
    #[arg(long, value_name = "KEY", default_value = "address")]
    sort: LsOrder,
    /// Names of hosts and ports, from /etc/hosts and /etc/services
    #[arg(long, overrides_with = "no_resolve")]
    resolve: bool,
    /// Numbers only, also for users
    #[arg(long, overrides_with = "resolve")]
    no_resolve: bool,
    /// The sockets of this process's network namespace, or of `all`
    #[arg(long, value_name = "PID|all", value_parser = scope)]
    netns: Option<Scope>,
    /// Do not look who holds them: faster
    #[arg(long)]
    no_owners: bool,
    #[command(flatten)]
    look: LookArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LsStyle {
    Lsof,
    Ss,
    Netstat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LsFormat {
    /// For people
    Table,
    /// One object
    Json,
    /// An object for each socket, a line each
    Jsonl,
    /// Comma-separated values
    Csv,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LsOrder {
    /// Listeners first, then by local port and address
    Address,
    Remote,
    State,
    Pid,
    Name,
    User,
    RecvQ,
    SendQ,
    Timer,
    /// As the kernel has them
    None,
}

pub(super) fn scope(text: &str) -> Result<Scope, String> {
    match text {
        "all" => Ok(Scope::All),
        pid => pid
            .parse()
            .ok()
            .filter(|pid| *pid > 0)
            .map(Scope::OfProcess)
            .ok_or_else(|| "a pid, or `all`".to_owned()),
    }
}

/// `sockscope ls`, as options.
#[derive(Debug)]
pub(crate) struct LsOptions {
    pub(crate) filter: Vec<String>,
    pub(crate) format: SocketFormat,
    pub(crate) order: Order,
    pub(crate) resolve: bool,
    pub(crate) name_users: bool,
    pub(crate) scope: Scope,
    pub(crate) owners: bool,
    pub(crate) look: Look,
    /// Whether lines are wrapped at the look's width.
    pub(crate) wrap: bool,
}

impl From<Ls> for LsOptions {
    fn from(ls: Ls) -> LsOptions {
        LsOptions {
            format: match (ls.style, ls.format) {
                (Some(LsStyle::Lsof), _) => SocketFormat::Lsof,
                (Some(LsStyle::Ss), _) => SocketFormat::Ss,
                (Some(LsStyle::Netstat), _) => SocketFormat::Netstat,
                (None, LsFormat::Table) => SocketFormat::Table,
                (None, LsFormat::Json) => SocketFormat::Json,
                (None, LsFormat::Jsonl) => SocketFormat::JsonLines,
                (None, LsFormat::Csv) => SocketFormat::Csv,
            },
            order: match ls.sort {
                LsOrder::Address => Order::Address,
                LsOrder::Remote => Order::Remote,
                LsOrder::State => Order::State,
                LsOrder::Pid => Order::Pid,
                LsOrder::Name => Order::Name,
                LsOrder::User => Order::User,
                LsOrder::RecvQ => Order::RecvQ,
                LsOrder::SendQ => Order::SendQ,
                LsOrder::Timer => Order::Timer,
                LsOrder::None => Order::None,
            },
            resolve: ls.resolve,
            name_users: !ls.no_resolve,
            scope: ls.netns.unwrap_or(Scope::Own),
            owners: !ls.no_owners,
            look: (&ls.look).into(),
            wrap: ls.look.has_width() || std::io::stdout().is_terminal(),
            filter: ls.filter,
        }
    }
}
