//! Ctrl-C and SIGTERM: everything that was started ends, what was put on disk goes, then xtask ends.
//!
//! The first signal only sets a flag and kills the processes. The task notices, because it looks here while it waits,
//! and returns an error, so that every guard on its stack does its work. A second signal, or a task that does not
//! notice in time, ends xtask at once; even then no process stays, see [`crate::process`].

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::process;

/// The signal that came, or 0.
static CAME: AtomicI32 = AtomicI32::new(0);

/// How long the guards may take.
const GRACE: Duration = Duration::from_secs(10);

/// The task was told to end.
#[derive(Debug)]
pub(crate) struct Stopped;

impl std::error::Error for Stopped {}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped by a signal")
    }
}

/// Begins to listen for signals.
pub(crate) fn listen() -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot listen for signals")?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if CAME.swap(signal, Ordering::SeqCst) != 0 {
                std::process::exit(exit_code(signal));
            }
            process::kill_all();
            std::thread::spawn(move || {
                std::thread::sleep(GRACE);
                std::process::exit(exit_code(signal));
            });
        }
    });
    Ok(())
}

/// An error once a signal has come.
pub(crate) fn check() -> Result<(), Stopped> {
    if CAME.load(Ordering::SeqCst) == 0 { Ok(()) } else { Err(Stopped) }
}

/// What to exit with, if a signal came.
pub(crate) fn came() -> Option<u8> {
    let signal = CAME.load(Ordering::SeqCst);
    (signal != 0).then(|| u8::try_from(exit_code(signal)).unwrap_or(u8::MAX))
}

/// What a shell reports for a program that a signal ended.
fn exit_code(signal: i32) -> i32 {
    128 + signal
}
