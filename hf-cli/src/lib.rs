//! The five commands that Host Factory's scripts call.
//!
//! Each reads one JSON document, talks to the store, prints one JSON document and exits with 0; or prints
//! `{"message": "…"}` and exits with 1, with nothing changed. Nothing here knows Kubernetes: requests are rows, and the
//! watchers make pods of them.

mod args;
mod error;
mod host_factory;
mod input;
mod output;
mod provider;
mod returns;
mod status;
mod templates;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use hf_core::Provider;
use hf_core::wire::Failure;
use jiff::Timestamp;

pub use args::{Args, Command};
pub use error::CliError;
pub use provider::StoreProvider;

/// Runs the program with its arguments, as the shell gave them. What it prints goes to `stdout`.
pub fn main(
    arguments: impl IntoIterator<Item = std::ffi::OsString>,
    now: Timestamp,
    stdout: &mut impl Write,
) -> ExitCode {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        // Help and version are the only texts that are not JSON.
        Err(error) if !error.use_stderr() => return output::text(&error.render().to_string(), stdout),
        Err(error) => return output::failure(&usage(&error), stdout),
    };
    run(args, now, stdout)
}

/// Runs one command.
pub fn run(args: Args, now: Timestamp, stdout: &mut impl Write) -> ExitCode {
    match answer(args, now) {
        Ok(document) => output::document(&document, stdout),
        Err(error) => {
            let failure = Failure { message: error.to_string() };
            tracing::error!("{}", failure.message);
            output::failure(&failure, stdout)
        }
    }
}

/// The answer to one command, as JSON.
fn answer(args: Args, now: Timestamp) -> Result<Vec<u8>, CliError> {
    let settings = args.common.settings("hf-cli")?;
    settings.init_log();
    let request_id = args.request_id.filter(|id| !id.is_empty());
    let provider = StoreProvider::new(settings, request_id, now);
    let json = match args.command {
        // Host Factory may ask only once: nothing in its input matters, so it is not even read.
        Command::GetAvailableTemplates(_) => json(&provider.get_available_templates(Default::default())?),
        Command::RequestMachines(file) => json(&provider.request_machines(input::read(&file)?)?),
        Command::RequestReturnMachines(file) => json(&provider.request_return_machines(input::read(&file)?)?),
        Command::GetRequestStatus(file) => json(&provider.get_request_status(input::read(&file)?)?),
        Command::GetReturnRequests(file) => json(&provider.get_return_requests(input::read(&file)?)?),
    };
    json.map_err(CliError::Print)
}

fn json(output: &impl serde::Serialize) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(output)
}

/// What clap says, on one line.
fn usage(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Failure { message: lines.collect::<Vec<_>>().join("; ") }
}
