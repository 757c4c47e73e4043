//! The tasks of this repository.

mod bench;
mod cargo;
mod chaos;
mod ci;
mod conformance;
mod console;
mod demo;
mod e2e;
mod harness;
mod process;
mod schema;
mod stop;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The tasks of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Bench(bench::Args),
    Demo(demo::Args),
    E2e(e2e::Args),
    Conformance(conformance::Args),
    Chaos(chaos::Args),
    Test(test::Args),
    /// Writes the JSON Schemas of the configuration files anew, from the types
    Schema,
    /// Checks what the compiler and clippy do not see
    Tidy,
    /// Everything that a change has to pass: format, clippy, tests, documentation, tidy, deny, e2e, conformance, demo
    Ci,
    /// Runs a program that ends when xtask does.
    #[command(hide = true)]
    Hold(process::Hold),
}

fn main() -> ExitCode {
    let task = Args::parse().task;
    match run(task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if let Some(code) = stop::came() => {
            console::complain("stopped");
            ExitCode::from(code)
        }
        Err(error) => {
            console::complain(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    // Becomes another program, which has its own idea of signals.
    if let Task::Hold(hold) = task {
        return process::hold(hold);
    }
    stop::listen()?;
    match task {
        Task::Bench(args) => bench::run(&args),
        Task::Demo(args) => demo::run(&args),
        Task::Chaos(args) => chaos::run(&args).map(drop),
        Task::E2e(args) => e2e::run(&args)?.verdict(),
        Task::Conformance(args) => conformance::run(&args)?.verdict(),
        Task::Test(args) => test::run_and_tell(&args),
        Task::Schema => schema::run(),
        Task::Tidy => tidy::run(),
        Task::Ci => ci::run(),
        Task::Hold(_) => unreachable!("handled above"),
    }
}
