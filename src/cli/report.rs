//! What is printed and written, and how it looks: the options that all reports share.

use std::path::{Path, PathBuf};

use anstream::{AutoStream, ColorChoice};
use clap::{Args, ValueEnum};
use sockscope::report::format::Format;
use sockscope::report::style::Style;
use sockscope::report::{Detail, Look, WireDetail};

use super::report_to::{ReportTo, formats, report_to};

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// Print each sample of a single scenario as this tool would
    #[arg(long, value_name = "TOOL", conflicts_with = "format")]
    style: Option<ToolStyle>,
    /// Print this instead of the table
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    format: Option<Format>,
    /// Write this as well; FILE `-` is standard output, in place of the table; may be repeated
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report_to)]
    report: Vec<ReportTo>,
    /// How much of each segment to show
    #[arg(long, value_name = "DETAIL", default_value = "flags")]
    wire: WireColumns,
    #[command(flatten)]
    look: LookArguments,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct LookArguments {
    /// Columns to fill; by default the terminal's, and 100 where there is none
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(60..))]
    width: Option<u16>,
    /// When to use colour (NO_COLOR is heeded by `auto`)
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: When,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WireColumns {
    /// Flags, sequence numbers, length and window
    Full,
    /// Flags and length
    Flags,
    /// No segments
    Off,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ToolStyle {
    Lsof,
    Ss,
    Netstat,
    Ps,
}

/// What is printed and written, and how it looks.
#[derive(Debug)]
pub(crate) struct ReportOptions {
    pub(crate) style: Option<Style>,
    pub(crate) format: Option<Format>,
    pub(crate) reports: Vec<ReportTo>,
    /// The file for the packets; `-` is standard output.
    pub(crate) packets: Option<PathBuf>,
    pub(crate) detail: Detail,
    pub(crate) look: Look,
    /// How what goes to a file looks.
    pub(crate) file_look: Look,
}

impl ReportArguments {
    /// As options; `all`: every sample, `packets`: the file for them.
    pub(crate) fn options(self, all: bool, packets: Option<PathBuf>) -> ReportOptions {
        let look = match packets.as_deref() == Some(Path::new("-")) {
            true => self.look.of_stderr(),
            false => (&self.look).into(),
        };
        ReportOptions {
            style: self.style.map(|style| match style {
                ToolStyle::Lsof => Style::Lsof,
                ToolStyle::Ss => Style::Ss,
                ToolStyle::Netstat => Style::Netstat,
                ToolStyle::Ps => Style::Ps,
            }),
            detail: Detail {
                all,
                wire: match self.wire {
                    WireColumns::Full => WireDetail::Full,
                    WireColumns::Flags => WireDetail::Flags,
                    WireColumns::Off => WireDetail::Off,
                },
            },
            format: self.format,
            reports: self.report,
            packets,
            look,
            file_look: self.look.of_file(),
        }
    }
}

impl ReportOptions {
    /// Writes the record there too.
    pub(crate) fn keep(&mut self, file: Option<PathBuf>) {
        self.reports.extend(file.map(|file| ReportTo {
            format: Format::Jsonl,
            file,
        }));
    }
}

/// The columns of what is not printed on a terminal.
const NO_TERMINAL: u16 = 100;

impl LookArguments {
    /// Whether the user named a width.
    pub(crate) fn has_width(&self) -> bool {
        self.width.is_some()
    }

    pub(super) fn of_file(&self) -> Look {
        Look {
            width: usize::from(self.width.unwrap_or(NO_TERMINAL)),
            color: false,
            unicode: is_utf8_locale(),
        }
    }

    pub(super) fn of_stderr(&self) -> Look {
        let terminal = columns_of_stderr();
        self.of(AutoStream::choice(&std::io::stderr()), terminal)
    }

    fn of(&self, choice: ColorChoice, terminal: Option<u16>) -> Look {
        let width = self.width.or(terminal).unwrap_or(NO_TERMINAL);
        Look {
            width: usize::from(width),
            color: match self.color {
                When::Always => true,
                When::Never => false,
                When::Auto => !matches!(choice, ColorChoice::Never),
            },
            unicode: is_utf8_locale(),
        }
    }
}

/// The columns of the terminal that standard error is.
fn columns_of_stderr() -> Option<u16> {
    let mut table = comfy_table::Table::new();
    table.use_stderr();
    table.width()
}

impl From<&LookArguments> for Look {
    fn from(arguments: &LookArguments) -> Look {
        let terminal = comfy_table::Table::new().width();
        arguments.of(AutoStream::choice(&std::io::stdout()), terminal)
    }
}

/// Whether the locale's character set is UTF-8 (`locale(7)`: LC_ALL, then LC_CTYPE, then LANG).
fn is_utf8_locale() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(std::env::var_os)
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_string_lossy().to_ascii_uppercase();
            value.contains("UTF-8") || value.contains("UTF8")
        })
}
