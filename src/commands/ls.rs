//! `sockscope ls`: the machine's sockets and who holds them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufWriter, Write};

use nix::unistd::User;
use sockscope::live::filter;
use sockscope::live::listing::{Listing, Row, list};
use sockscope::live::names::Names;
use sockscope::live::netns::{Tables, tables};
use sockscope::live::sort::sort;
use sockscope::observe::process::ProcRoot;
use sockscope::report::sockets;
use sockscope::run::Outcome;

use super::{color_on_stderr, complain, complain_rendered, written};
use crate::cli::LsOptions;

/// As much is written at once.
const BUFFER: usize = 64 * 1024;

pub(crate) fn main(options: &LsOptions) -> u8 {
    let filter = match filter::parse(&options.filter, &user_id) {
        Ok(filter) => filter,
        Err(error) => {
            complain_rendered(&error.render(color_on_stderr()));
            return Outcome::Usage.exit_code();
        }
    };
    if !options.owners && filter.asks_for_processes() {
        complain("the filter asks for processes, and --no-owners does not look at them");
        return Outcome::Usage.exit_code();
    }
    if !options.owners && options.format == sockets::Format::Lsof {
        complain("lsof lists the descriptors of processes, and --no-owners does not look at them");
        return Outcome::Usage.exit_code();
    }
    let root = ProcRoot::default();
    let mut tables = match tables(&root, options.scope) {
        Ok(tables) => tables,
        Err(error) => return cannot(&error),
    };
    let mut listing = match list(&root, &mut tables, &filter, options.owners) {
        Ok(listing) => listing,
        Err(error) => return cannot(&error),
    };
    listing.rows.append(&mut listing.beside);
    sort(&mut listing.rows, options.order);
    let names = names(&listing, &tables, options);
    if let Err(code) = print(&listing, &names, options) {
        return code;
    }
    for note in sockets::notes::notes(&listing) {
        // There is no place left to say that standard error is broken.
        let _ = writeln!(std::io::stderr(), "{note}");
    }
    let code = outcome(&listing, options);
    // The process ends: to take a hundred thousand sockets apart first would be for nothing.
    std::mem::forget(listing);
    code
}

fn outcome(listing: &Listing, options: &LsOptions) -> u8 {
    let unseen = &listing.unseen;
    if !listing.rows.is_empty() {
        return outcome_of_rows(listing, options);
    }
    match unseen.undecided > 0 || unseen.elsewhere > 0 {
        false => {
            complain("no socket matches");
            Outcome::NothingMatched.exit_code()
        }
        true => {
            complain("no socket is known to match");
            Outcome::Inconclusive.exit_code()
        }
    }
}

/// lsof lists descriptors: of a socket that no process is known to hold there is no line.
fn outcome_of_rows(listing: &Listing, options: &LsOptions) -> u8 {
    let held = |row: &&Row| !row.owners.holders().is_empty();
    let shown = listing.rows.iter().filter(held).count();
    let left_out = listing.rows.len() - shown;
    if options.format != sockets::Format::Lsof || left_out == 0 {
        return Outcome::Passed.exit_code();
    }
    let (noun, are) = match left_out {
        1 => ("socket that no process is known to hold", "is"),
        _ => ("sockets that no process is known to hold", "are"),
    };
    let _ = writeln!(
        std::io::stderr(),
        "{left_out} {noun} {are} not shown: lsof lists descriptors"
    );
    match shown {
        0 => Outcome::NothingMatched.exit_code(),
        _ => Outcome::Passed.exit_code(),
    }
}

fn user_id(name: &str) -> Option<u32> {
    User::from_name(name).ok()?.map(|user| user.uid.as_raw())
}

fn cannot(error: &dyn std::error::Error) -> u8 {
    complain(&error.to_string());
    Outcome::Inconclusive.exit_code()
}

fn print(listing: &Listing, names: &Names, options: &LsOptions) -> Result<(), u8> {
    let mut out = BufWriter::with_capacity(BUFFER, std::io::stdout().lock());
    let table = matches!(
        options.format,
        sockets::Format::Table
            | sockets::Format::Lsof
            | sockets::Format::Ss
            | sockets::Format::Netstat
    );
    if table && listing.rows.is_empty() {
        return Ok(());
    }
    let result = sockets::write(
        &mut out,
        listing,
        options.format,
        names,
        &options.look,
        options.wrap,
    );
    written(result.and_then(|()| out.flush()))
}

fn names(listing: &Listing, tables: &Tables, options: &LsOptions) -> Names {
    let interfaces: BTreeSet<_> = listing
        .rows
        .iter()
        .filter(|row| row.socket.binding.interface != 0)
        .map(|row| (row.socket.netns, row.socket.binding.interface))
        .collect();
    let named = interfaces.into_iter().filter_map(|(netns, index)| {
        let table = tables.of(netns)?;
        Some(((netns, index), table.interface(index)?))
    });
    let mut names = Names::default().with_interfaces(named);
    if options.name_users {
        let mut uids = BTreeSet::new();
        for row in &listing.rows {
            uids.insert(row.socket.facts.uid);
            uids.extend(row.owners.holders().iter().map(|holder| holder.process.uid));
        }
        names = names.with_users(uids);
    }
    if options.resolve {
        // A machine without these files has no names.
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        names = names
            .with_hosts(&read("/etc/hosts"))
            .with_ports(&read("/etc/services"));
    }
    names
}
