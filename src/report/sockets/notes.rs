//! [`notes`]: what could not be seen, and zombies, a line each.

use std::collections::BTreeMap;

use super::address::push_process;
use crate::live::listing::Listing;
use crate::report::text::count;

/// The lines below a table; none when there is nothing to say.
pub fn notes(listing: &Listing) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(zombies(listing));
    let unseen = &listing.unseen;
    let nothing = listing.rows.is_empty() && unseen.undecided == 0;
    if unseen.processes > 0 && !nothing {
        notes.push(format!(
            "{} may not be looked at: owners may be missing",
            count_of(unseen.processes, "process", "processes")
        ));
    }
    if unseen.undecided > 0 {
        notes.push(format!(
            "{} may be meant too: that depends on owners that could not be seen",
            count(unseen.undecided, "socket")
        ));
    }
    if unseen.hides && !nothing {
        notes.push(
            "this /proc hides processes of others (hidepid): owners may be missing".to_owned(),
        );
    }
    if unseen.elsewhere > 0 {
        notes.push(format!(
            "{} of the filter {} sockets in another network namespace, which are not listed: \
             `--netns PID` or `--netns all` lists them",
            count_of(unseen.elsewhere, "process", "processes"),
            if unseen.elsewhere == 1 { "has" } else { "have" },
        ));
    }
    if unseen.only_makers {
        notes.push(
            "users are those who made the sockets: who holds them was not looked at".to_owned(),
        );
    }
    if unseen.only_named && !listing.rows.is_empty() {
        notes.push(
            "only the processes of the filter were looked at: others may hold the same sockets"
                .to_owned(),
        );
    }
    if unseen.namespaces > 0 {
        notes.push(format!(
            "{} could not be entered: it needs CAP_SYS_ADMIN",
            count(unseen.namespaces, "network namespace")
        ));
    }
    if unseen.hidden > 0 {
        notes.push(format!(
            "{} did not let their network namespace be seen",
            count_of(unseen.hidden, "process", "processes")
        ));
    }
    if unseen.closed_meanwhile > 0 {
        notes.push(format!(
            "{} closed while this was read",
            count(unseen.closed_meanwhile, "socket")
        ));
    }
    notes
}

/// `chat-server 33 has 2 zombies: 41 42`
fn zombies(listing: &Listing) -> Vec<String> {
    let mut by_parent: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for zombie in &listing.zombies {
        by_parent
            .entry(zombie.ppid)
            .or_default()
            .push(zombie.pid.to_string());
    }
    let name = |pid| {
        let holders = listing.rows.iter().flat_map(|row| row.owners.holders());
        holders
            .map(|holder| &holder.process)
            .find(|process| process.pid == pid)
            .map_or_else(String::new, |process| {
                let mut name = String::new();
                push_process(&mut name, &process.name);
                name
            })
    };
    by_parent
        .into_iter()
        .map(|(parent, pids)| {
            const SHOWN: usize = 8;
            let more = match pids.len().checked_sub(SHOWN) {
                Some(more @ 1..) => format!(" and {more} more"),
                _ => String::new(),
            };
            let shown: Vec<String> = pids.iter().take(SHOWN).cloned().collect();
            format!(
                "{} {parent} has not waited for {}: Z <defunct> {}{more}",
                name(parent),
                count_of(pids.len(), "child", "children"),
                shown.join(" ")
            )
        })
        .collect()
}

fn count_of(number: usize, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{} {many}", super::super::text::grouped(number as u64)),
    }
}
