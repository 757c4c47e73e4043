//! The five commands that Host Factory's scripts call.
//!
//! Each reads one JSON document, talks to the store, prints one JSON document and exits with 0; or prints
//! `{"message": "…"}` and exits with 1, with nothing changed. Nothing here knows Kubernetes: requests are rows, and the
//! watchers make pods of them.

mod args;
mod availability;
mod error;
mod host_factory;
mod input;
mod output;
mod provider;
mod record;
mod returns;
mod status;
mod surroundings;
mod templates;

use std::any::Any;
use std::ffi::OsString;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::error::ErrorKind;
use hf_core::Call;
use jiff::Timestamp;

pub use args::{Args, Command};
pub use error::CliError;
pub use output::Outcome;
pub use provider::StoreProvider;
use record::Record;

/// Runs the program with its arguments, as the shell gave them. What it prints goes to `stdout`.
///
/// Host Factory is owed a document and an exit code of 0 or 1 even by a program with a bug in it.
pub fn main(
    arguments: impl IntoIterator<Item = OsString>,
    now: Timestamp,
    stdout: &mut impl Write,
) -> ExitCode {
    let mut record = Record::new(now);
    let run = AssertUnwindSafe(|| run_noting(arguments, now, &mut record));
    let outcome = catch_unwind(run).unwrap_or_else(|panic| {
        let message = format!("a bug in hf-cli, please report it: {}", words(panic.as_ref()));
        tracing::error!("{message}");
        Outcome::Failed(message)
    });
    let (text, code) = outcome.print(stdout);
    record.end(&text, code);
    ExitCode::from(code)
}

/// Runs one command, up to what is to be printed.
pub fn run(arguments: impl IntoIterator<Item = OsString>, now: Timestamp) -> Outcome {
    run_noting(arguments, now, &mut Record::new(now))
}

/// As [`run`], noting what a recording needs.
fn run_noting(arguments: impl IntoIterator<Item = OsString>, now: Timestamp, record: &mut Record) -> Outcome {
    let args = match Args::read(arguments.into_iter().collect(), |name| std::env::var_os(name)) {
        Ok(args) => args,
        // Help and version are the only texts that are not JSON.
        Err(error) if !error.use_stderr() => return Outcome::Help(error.render().to_string()),
        Err(error) => return Outcome::Failed(usage(&error)),
    };
    match answer(args, now, record) {
        Ok(document) => Outcome::Answered(document),
        Err(error) => {
            let message = error.to_string();
            tracing::error!("{message}");
            Outcome::Failed(message)
        }
    }
}

/// The answer to one command, as JSON.
fn answer(args: Args, now: Timestamp, record: &mut Record) -> Result<Vec<u8>, CliError> {
    let (call, input) = args.command.call();
    record.begin(args.record, call, input);
    let (settings, complaints) = args.common.forgiving_settings("hf-cli")?;
    settings.init_log();
    // No answer depends on the log.
    for complaint in complaints {
        tracing::error!("{complaint}; the default is used");
    }
    // One that is not UTF-8 is no id, which only matters to the calls that make one.
    let request_id = args.request_id.filter(|id| !id.is_empty()).map(|id| id.to_string_lossy().into_owned());
    let shown = availability::wanted(args.show_availability.as_deref());
    let provider = StoreProvider::new(settings, request_id, now).showing_availability(shown);
    // Nothing in the input of that one matters, and Host Factory may make the call only once: it is not even opened.
    let text = if call == Call::GetAvailableTemplates { Vec::new() } else { input.read()? };
    if call != Call::GetAvailableTemplates {
        record.input(&text);
    }
    call.answer(&provider, &text).map_err(|error| CliError::from_call(error, &input.name()))
}

/// What clap says, on one line.
fn usage(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "no command was given; --help lists them".to_owned();
    }
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it panicked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_panic_said_is_told() {
        let panics: [Box<dyn Any + Send>; 3] = [Box::new("text"), Box::new("owned".to_owned()), Box::new(5)];
        assert_eq!(panics.each_ref().map(|panic| words(panic.as_ref())), ["text", "owned", "it panicked"]);
    }
}
