//! From the command line to the end of the process.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use hf_core::metadata::Metadata;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::context::Clock;
use crate::supervisor;

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Creates.
    Requests,
    /// Deletes.
    Returns,
    /// Observes.
    Pods,
}

impl Program {
    /// The program's name, also in the store and the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "hf-watch-requests",
            Self::Returns => "hf-watch-returns",
            Self::Pods => "hf-watch-pods",
        }
    }
}

/// Runs a watcher with the process' arguments, until a signal.
pub fn main(program: Program, clock: Clock) -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.context("cannot start").and_then(|runtime| {
        let stop = CancellationToken::new();
        runtime.block_on(async {
            tokio::spawn(signals(stop.clone()));
            run(program, args, clock, stop).await
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            last_words(program, &error);
            ExitCode::FAILURE
        }
    }
}

/// Runs a watcher until `stop`; what is in flight then still ends.
///
/// # Errors
/// If the settings, the work directory or the store cannot be used at all.
pub async fn run(program: Program, args: Args, clock: Clock, stop: CancellationToken) -> anyhow::Result<()> {
    let settings = args.common.clone().settings(program.name())?;
    settings.init_log();
    let config = settings.config()?;
    settings.prepare_workdir(&config)?;
    let metadata = if program == Program::Requests { metadata() } else { Metadata::new() };
    supervisor::supervise(program, args, settings, config, clock, metadata, stop).await
}

/// What the environment says is to be noted with the history.
fn metadata() -> Metadata {
    let (kept, errors) = hf_core::metadata::read(std::env::vars_os());
    for error in errors {
        tracing::error!("{error}");
    }
    kept
}

/// The first signal asks; the second does not.
async fn signals(stop: CancellationToken) {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    loop {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        if stop.is_cancelled() {
            tracing::warn!("a second signal: ending at once");
            std::process::exit(1);
        }
        tracing::info!("stopping: what is in flight still ends");
        stop.cancel();
    }
}

/// Says why it ends where it is looked for: on standard error, and where `kubectl describe` shows it.
fn last_words(program: Program, error: &anyhow::Error) {
    use std::io::Write;
    let words = format!("{}: {error:#}\n", program.name());
    let _ = std::io::stderr().write_all(words.as_bytes());
    if let Ok(mut log) = std::fs::OpenOptions::new().write(true).open("/dev/termination-log") {
        let _ = log.write_all(words.as_bytes());
    }
}
