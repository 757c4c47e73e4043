//! Recordings of calls: each call's input and output as one JSON object on a line of its own.
//!
//! A recording can be played again, against this provider or another (`hf-admin replay`). It is bounded: a message that
//! is very long is left out, and a file that has grown large is moved to `FILE.1`, in place of the one before it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most bytes of one input or output that are kept.
const MAX_MESSAGE: usize = 1 << 20;

/// The most bytes of a line: both messages, each of which may be a text that is escaped.
const MAX_LINE: u64 = 16 << 20;

/// How large a file may grow before it is moved away.
const MAX_FILE: u64 = 64 << 20;

/// How long a call waits for others that are being recorded, and how long between two looks.
const PATIENCE: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_millis(2);

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// When it was made.
    #[serde(with = "instant")]
    pub at: Timestamp,
    /// Which of the five, as its script is called: `getRequestStatus`.
    pub call: String,
    /// What was sent: the JSON, or the text where it was none. Null where it was left out.
    pub input: Value,
    /// What was printed, likewise.
    pub output: Value,
    /// The exit code.
    pub exit: u8,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Whether a message was too long to be kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

impl Recorded {
    /// A call with its messages as they were on the wire.
    pub fn new(at: Timestamp, call: &str, input: &[u8], output: &[u8], exit: u8, took_ms: u64) -> Self {
        let cut = input.len().max(output.len()) > MAX_MESSAGE;
        Self { at, call: call.to_owned(), input: message(input), output: message(output), exit, took_ms, cut }
    }
}

fn message(bytes: &[u8]) -> Value {
    if bytes.len() > MAX_MESSAGE {
        return Value::Null;
    }
    serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into())
}

/// Appends to a recording.
#[derive(Debug, Clone)]
pub struct Recorder {
    path: PathBuf,
    max: u64,
}

impl Recorder {
    /// To this file, which is made if there is none.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), max: MAX_FILE }
    }

    /// Adds a call. Calls that overlap do not mix: each line is one write under a lock.
    ///
    /// # Errors
    /// If the file cannot be written; nothing depends on it, so the call is to be answered all the same.
    pub fn add(&self, call: &Recorded) -> io::Result<()> {
        let mut line = serde_json::to_vec(call)?;
        line.push(b'\n');
        let mut file = self.open()?;
        if file.metadata()?.len() + line.len() as u64 > self.max {
            let mut old = self.path.clone().into_os_string();
            old.push(".1");
            fs::rename(&self.path, old)?;
            file = self.open()?;
        }
        let before = file.metadata()?.len();
        file.write_all(&line).inspect_err(|_| {
            // Half a line would spoil the next one too.
            let _ = file.set_len(before);
        })
    }

    /// The file of that name, locked. Another call may have moved it away while we waited for the lock.
    fn open(&self) -> io::Result<File> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        loop {
            let mut options = OpenOptions::new();
            // Ours alone: addresses and names of hosts are in there.
            let file = options.append(true).create(true).mode(0o600).custom_flags(flags).open(&self.path)?;
            lock(&file)?;
            let ours = file.metadata()?;
            if !ours.is_file() {
                return Err(io::Error::other("it is no regular file"));
            }
            match fs::symlink_metadata(&self.path) {
                Ok(named) if (named.dev(), named.ino()) == (ours.dev(), ours.ino()) => return Ok(file),
                _ => {}
            }
        }
    }
}

/// Locks the file, or gives up soon: whoever made the call waits for its end. Other calls hold it for a moment only.
fn lock(file: &File) -> io::Result<()> {
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(io::Error::other("another process keeps it locked")),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Reads a recording, line by line.
///
/// # Errors
/// If the file cannot be read; and for each line that is no call, with its number.
pub fn read_recording(path: &Path) -> io::Result<impl Iterator<Item = io::Result<Recorded>>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut number = 0_u64;
    Ok(std::iter::from_fn(move || {
        loop {
            number += 1;
            let mut line = Vec::new();
            match file.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => {
                    let read = serde_json::from_slice(&line);
                    return Some(read.map_err(|error| io::Error::other(format!("line {number}: {error}"))));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }))
}

/// Times as RFC 3339.
mod instant {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
