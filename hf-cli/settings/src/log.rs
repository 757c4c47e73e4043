//! The log: one line for each record, which says when, how bad, which process, for which provider.
//!
//! Standard output belongs to Host Factory, so nothing is ever logged there; and a log that cannot be written never
//! fails a call.

use std::io;
use std::path::{Path, PathBuf};

use tracing::level_filters::LevelFilter;

use crate::Settings;

mod file;
mod format;

/// Where the log goes, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The file; standard error if there is none.
    pub file: Option<PathBuf>,
    /// The least important records that are kept.
    pub level: LevelFilter,
    /// How a record is written.
    pub format: LogFormat,
}

/// How a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

pub(crate) const LEVELS: &[(&str, LevelFilter)] = &[
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

pub(crate) const FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];

/// The name of this host, as it stands in names of files: the log directory may be shared between hosts.
pub fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    name.chars().map(safe).collect()
}

/// The file of a program in a log directory.
pub(crate) fn file_in(directory: &Path, program: &str) -> PathBuf {
    directory.join(format!("{program}.{}.log", host_name()))
}

pub(crate) fn init(settings: &Settings) {
    let log = &settings.log;
    let format = format::Records {
        format: log.format,
        program: settings.program,
        process: std::process::id(),
        instance: settings.instance.to_string(),
    };
    // Never in colours: the log is read in files and journals, where they are noise.
    let builder = tracing_subscriber::fmt()
        .with_max_level(log.level)
        .with_ansi(false)
        .log_internal_errors(false)
        .event_format(format);
    // Another subscriber is there already only in tests.
    let Some(path) = &log.file else {
        let _ = builder.with_writer(io::stderr).try_init();
        return;
    };
    match file::LogFile::open(path) {
        Ok(file) => drop(builder.with_writer(file).try_init()),
        Err(error) => {
            drop(builder.with_writer(io::stderr).try_init());
            tracing::warn!(file = %path.display(), %error, "the log file cannot be opened; logging to standard error");
        }
    }
}
