//! What an administrator asks of the provider.
//!
//! ```text
//!   args      the command line: a command is a module with its flags and a `run`
//!   desk      what every command works with: settings, store, time, screen
//!   sheet     results as rows: a table for people, JSON, YAML or CSV for programs
//!   state     what a request or a machine is called to be doing
//! ```
//!
//! All is read from the store, so most commands work while the cluster is away. Those that speak to it delete pods by
//! the UID that the store knows, so that no other pod is ever touched.

mod age;
mod args;
mod backup;
mod cleanup;
mod cluster;
mod delete_pods;
mod desk;
mod drain_node;
mod export;
mod filter;
mod import;
mod machines;
mod make;
mod metadata;
mod replay;
mod requests;
mod screen;
mod sheet;
mod show;
mod state;
mod templates;
mod timings;
mod undone;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use jiff::Timestamp;

use args::{Args, Command};
use desk::{Desk, Verdict};
pub use screen::Screen;

/// Runs the program with its arguments, as the shell gave them.
pub fn main(
    arguments: impl IntoIterator<Item = OsString>,
    clock: fn() -> Timestamp,
    screen: &mut Screen,
) -> ExitCode {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    match run(args, clock, screen) {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        // Whoever closed the other end, as `head` does, has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            screen.say(format_args!("hf-admin: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn run(args: Args, clock: fn() -> Timestamp, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let Args { common, output, wide, command } = args;
    let settings = common.settings("hf-admin")?;
    settings.init_log();
    // It examines the configuration, so that it must not fail on it.
    if let Command::Templates(command) = command {
        return command.run(&settings, output, wide, screen);
    }
    let config = settings.config()?;
    let mut desk = Desk { settings, config, now: clock(), format: output, wide, screen };
    let desk = &mut desk;
    match command {
        Command::Templates(_) => Ok(Verdict::Good),
        Command::Requests(command) => command.run(desk),
        Command::Machines(command) => command.run(desk),
        Command::Show(command) => command.run(desk),
        Command::Timings(command) => command.run(desk),
        Command::Import(command) => command.run(desk),
        Command::Export(command) => command.run(desk),
        Command::Cleanup(command) => command.run(desk),
        Command::MakeRequest(command) => command.run(desk),
        Command::MakeReturn(command) => command.run(desk),
        Command::MakeStatus(command) => command.run(desk),
        Command::MakeHosts => make::hosts(desk),
        Command::DeletePods(command) => command.run(desk),
        Command::DrainNode(command) => command.run(desk),
        Command::Backup(command) => command.run(desk),
        Command::Replay(command) => command.run(desk),
    }
}
