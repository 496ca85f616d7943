//! One run after the other, and the packets of each where a file shall have them.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use sockscope::driver::{self, Extra, Options};
use sockscope::output;
use sockscope::report::pcapng;
use sockscope::run::{Capture, Outcome, Run};
use sockscope::scenario::Scenario;
use sockscope::suite::Case;

use crate::commands::{complain, print_bytes};

/// What all runs of a call have in common.
pub(super) struct Runner<'a> {
    options: &'a Options,
    interrupt: BorrowedFd<'a>,
    /// The file for the packets; `-` is standard output.
    packets: Option<&'a Path>,
    /// By the place of the scenario in the call; of several tries the last one's.
    captures: Mutex<BTreeMap<usize, Capture>>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(
        options: &'a Options,
        interrupt: BorrowedFd<'a>,
        packets: Option<&'a Path>,
    ) -> Runner<'a> {
        Runner {
            options,
            interrupt,
            packets,
            captures: Mutex::default(),
        }
    }

    /// Runs a scenario, the `index`th of the call.
    pub(super) fn run<'r>(&'r self, index: usize, scenario: &'r Scenario, extra: Extra<'r>) -> Run {
        let extra = Extra {
            bytes: self.packets.is_some(),
            ..extra
        };
        let (run, capture) = driver::run_with(scenario, self.options, Some(self.interrupt), extra);
        let mut captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
        captures.remove(&index);
        captures.extend(capture.map(|capture| (index, capture)));
        run
    }

    /// Writes the packets of all runs, one behind the other. Where some had no wire, those of the
    /// others; where none had, no file.
    pub(super) fn deliver(&self, cases: &[Case]) -> Result<(), u8> {
        let Some(file) = self.packets else {
            return Ok(());
        };
        let captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = Vec::new();
        let mut result = Ok(());
        for (index, case) in cases.iter().enumerate() {
            match captures.get(&index) {
                Some(capture) => kept.push((case.run(), capture)),
                None => result = Err(without_wire(case.run())),
            }
        }
        if kept.is_empty() {
            return result;
        }
        let bytes = pcapng::render(&kept);
        let written = match file == Path::new("-") {
            true => print_bytes(&bytes),
            false => output::write(file, &bytes).map_err(|error| cannot(&error.to_string())),
        };
        written.and(result)
    }
}

/// Says that a run has no packets, and what would change that.
fn without_wire(run: &Run) -> u8 {
    let header = &run.header;
    let remedy = header
        .blind
        .iter()
        .find_map(|blind| blind.remedy.as_deref());
    let help = match remedy {
        Some(remedy) => format!("\n  = help: {remedy}"),
        None => String::new(),
    };
    let name = &header.scenario;
    cannot(&format!(
        "no packets of `{name}` for --pcap: there was no wire (place: {}){help}",
        header.place.word()
    ))
}

fn cannot(text: &str) -> u8 {
    complain(text);
    Outcome::Inconclusive.exit_code()
}
