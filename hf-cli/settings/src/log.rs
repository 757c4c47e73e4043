//! The log: one line for each record, which says when, how bad, which process, for which provider.
//!
//! Standard output belongs to Host Factory, so nothing is ever logged there; and a log that cannot be written never
//! fails a call.

use std::io;
use std::path::{Path, PathBuf};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;

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
    let Some(path) = &log.file else { return subscribe(log.level, format, io::stderr) };
    match file::LogFile::open(path) {
        Ok(file) => subscribe(log.level, format, file),
        Err(error) => {
            subscribe(log.level, format, io::stderr);
            tracing::warn!(file = %path.display(), %error, "the log file cannot be opened; logging to standard error");
        }
    }
}

fn subscribe<W>(level: LevelFilter, format: format::Records, to: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // Libraries are heard only by those who look for something: kube calls every refused request an error, of which an
    // API server in trouble gives thousands, and what is to be done about them is said in our own words.
    let others = match level {
        LevelFilter::TRACE => LevelFilter::DEBUG,
        LevelFilter::DEBUG => LevelFilter::INFO,
        _ => LevelFilter::OFF,
    };
    // Never in colours: the log is read in files and journals, where they are noise.
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .log_internal_errors(false)
        .event_format(format)
        .with_writer(to)
        .finish()
        .with(Targets::new().with_default(others).with_target("hf_", level));
    // Another one is there already only in tests.
    let _ = subscriber.try_init();
}
