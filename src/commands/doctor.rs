//! `sockscope doctor`: what can be seen on this machine.

use sockscope::driver::abilities::{self, Ability};
use sockscope::run::Outcome;

use super::{complain, print};

pub(crate) fn main() -> u8 {
    let executable = match std::env::current_exe() {
        Ok(path) => path,
        Err(error) => {
            complain(&format!("cannot find sockscope's own executable: {error}"));
            return Outcome::Inconclusive.exit_code();
        }
    };
    let abilities = abilities::abilities(&executable);
    let extra = abilities::kernel_events();
    let text: String = abilities.iter().chain([&extra]).map(line).collect();
    if let Err(code) = print(&text) {
        return code;
    }
    match abilities.iter().all(|ability| ability.missing.is_none()) {
        true => Outcome::Passed.exit_code(),
        false => Outcome::Inconclusive.exit_code(),
    }
}

fn line(ability: &Ability) -> String {
    match &ability.missing {
        None => format!("yes  {:<20} {}\n", ability.name, ability.gives),
        Some(missing) => {
            let remedy = match &missing.remedy {
                Some(remedy) => format!("\n     try: {remedy}"),
                None => String::new(),
            };
            format!(
                "no   {:<20} {}\n     {}{remedy}\n",
                ability.name, ability.gives, missing.why
            )
        }
    }
}
