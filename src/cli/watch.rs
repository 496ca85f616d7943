//! `sockscope watch`, as it is typed and as options.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use sockscope::report::Look;
use sockscope::scenario::parse_duration;

use super::LookArguments;

pub(super) const EXIT_CODES: &str = "\
Filters are those of `sockscope ls --help`. A change is printed when the filter holds before it or
after it. `A > B` is one transition; `A >> B` leaves open what came between (sampling).

Exit codes:
    0  --until came true; without it: the time is up, or the watch was interrupted
    1  --until had not come true when the time was up
    2  the call is wrong
    3  the sockets could not be read; --until was not seen coming true, but events were lost or
       holders not found; or nobody took the output
  130  interrupted before --until came true";

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Which sockets: `:9190`, `name:nginx state:close-wait`; all without one
    #[arg(value_name = "FILTER", allow_hyphen_values = false)]
    filter: Vec<String>,
    /// End after this time: `30s`, `500ms`, `5m`, `2h`
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    limit: Option<Duration>,
    /// End as soon as so many of the watched sockets fit: 'state:close-wait count>10'
    #[arg(long, value_name = "CONDITION")]
    until: Option<String>,
    /// Print what is there at the start, too
    #[arg(long)]
    initial: bool,
    /// Print at the end what it came to
    #[arg(long)]
    summary: bool,
    /// An object for each change, a line each
    #[arg(long)]
    jsonl: bool,
    /// A live table on the whole terminal
    #[arg(long, conflicts_with_all = ["jsonl", "initial"])]
    tui: bool,
    /// Look again and again, also where kernel events could be had
    #[arg(long)]
    sample: bool,
    /// Memory for kernel events, of each CPU
    #[arg(long, value_name = "BYTES", default_value = "2M", value_parser = size)]
    ring: usize,
    /// The sockets of this process's network namespace
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    netns: Option<i32>,
    #[command(flatten)]
    look: LookArguments,
}

/// `sockscope watch`, as options.
#[derive(Debug)]
pub(crate) struct WatchOptions {
    pub(crate) filter: Vec<String>,
    pub(crate) limit: Option<Duration>,
    pub(crate) until: Option<String>,
    pub(crate) initial: bool,
    pub(crate) summary: bool,
    pub(crate) jsonl: bool,
    pub(crate) tui: bool,
    pub(crate) sample: bool,
    pub(crate) ring: usize,
    pub(crate) netns: Option<i32>,
    pub(crate) look: Look,
    /// Whether what does not fit into the look's width stands on a second line.
    pub(crate) wrap: bool,
}

impl From<Watch> for WatchOptions {
    fn from(watch: Watch) -> WatchOptions {
        WatchOptions {
            look: (&watch.look).into(),
            wrap: watch.look.has_width() || std::io::stdout().is_terminal(),
            filter: watch.filter,
            limit: watch.limit,
            until: watch.until,
            initial: watch.initial,
            summary: watch.summary,
            jsonl: watch.jsonl,
            tui: watch.tui,
            sample: watch.sample,
            ring: watch.ring,
            netns: watch.netns,
        }
    }
}

fn time(text: &str) -> Result<Duration, String> {
    // A number alone is seconds, as for sleep(1).
    let text = match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("{text}s"),
        false => text.to_owned(),
    };
    let hours = text
        .strip_suffix('h')
        .and_then(|hours| hours.parse::<u32>().ok());
    if let Some(hours) = hours {
        return Ok(Duration::from_secs(3600) * hours);
    }
    parse_duration(&text).map_err(|_| "a time such as `30s`, `500ms`, `5m`, `2h`".to_owned())
}

/// `4096`, `64k`, `2M`: powers of two.
fn size(text: &str) -> Result<usize, String> {
    const MOST: usize = 1 << 30;
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1 << 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1 << 20),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    let bytes = digits.parse::<usize>().ok();
    bytes
        .and_then(|number| number.checked_mul(factor))
        .filter(|bytes| (1..=MOST).contains(bytes))
        .ok_or_else(|| "a number of bytes such as `64k` or `2M`, at most `1G`".to_owned())
}
