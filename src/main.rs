//! The `sockscope` command: parses its arguments, calls the library, returns the exit code.

use std::process::ExitCode;

use clap::Parser;

mod cli;
mod commands;

fn main() -> ExitCode {
    if let Some(status) = commands::program::direct() {
        return ExitCode::from(status);
    }
    // Without it, such a write ends sockscope as it always did.
    let _ = sockscope::output::outlive_size_limits();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => return ExitCode::from(commands::print_message(&message)),
    };
    ExitCode::from(match cli.command {
        cli::Command::Run(arguments) => commands::run::main(&arguments.into()),
        cli::Command::Trace(arguments) => commands::trace::main(&arguments.into()),
        cli::Command::Replay(arguments) => commands::replay::main(arguments),
        cli::Command::Diff(arguments) => commands::diff::main(&arguments),
        cli::Command::List(arguments) => commands::list::main(&arguments),
        cli::Command::Show(arguments) => commands::show::main(&arguments),
        cli::Command::Explain(arguments) => commands::explain::main(&arguments),
        cli::Command::New(arguments) => commands::new::main(&arguments),
        cli::Command::Schema(arguments) => commands::schema::main(&arguments),
        cli::Command::Program(arguments) => commands::program::main(&arguments),
        cli::Command::Ls(arguments) => commands::ls::main(&arguments.into()),
        cli::Command::Watch(arguments) => commands::watch::main(&arguments.into()),
        cli::Command::Why(arguments) => commands::why::main(&arguments.into()),
        cli::Command::Doctor => commands::doctor::main(),
        cli::Command::LabInit => commands::lab_init::main(),
    })
}
