//! The log file: shared by several processes, bounded in size, and never in the way.
//!
//! Every record is one `write` to a file opened with `O_APPEND`, so records of several processes do not mix. A file
//! that would grow beyond [`MAX_SIZE`] is renamed to `<file>.1`, whatever was there before. Whoever renames it holds
//! a lock on the file itself (not on its name), and looks again under the lock: of several writers that find the file
//! full, one renames it, and the others find that the name has another file now. Nobody waits for the lock: while it
//! is held the others go on writing, and whoever finds the file at twice that size renames it without the lock, since
//! its holder may have been stopped.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::OFlags;
use tracing_subscriber::fmt::MakeWriter;

/// How large a log file may grow; to twice this while the process that renames it is stopped.
const MAX_SIZE: u64 = 20_000_000;

/// A log file, opened anew when it was renamed or removed by another.
pub(super) struct LogFile {
    path: PathBuf,
    max_size: u64,
    open: Mutex<Option<Open>>,
}

/// The open file, and which one it is.
struct Open {
    file: File,
    id: Id,
    /// Whether the last record was cut short, for want of space: the next one begins a new line.
    cut: bool,
}

/// What tells one file from another.
type Id = (u64, u64);

impl LogFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::with_max_size(path, MAX_SIZE)
    }

    fn with_max_size(path: &Path, max_size: u64) -> io::Result<Self> {
        let open = open(path)?;
        Ok(Self { path: path.to_owned(), max_size, open: Mutex::new(Some(open)) })
    }

    fn append(&self, record: &[u8]) {
        let mut guard = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = self.current(&mut guard, record.len() as u64)
            && open.write(record).is_ok()
        {
            return;
        }
        // The disk is full, or the directory is gone. Standard error may be closed: then there is silence.
        let _ = io::stderr().write_all(record);
    }

    /// The file that has the name now, after making room in it.
    fn current<'a>(&self, guard: &'a mut MutexGuard<'_, Option<Open>>, more: u64) -> Option<&'a mut Open> {
        let named = fs::symlink_metadata(&self.path);
        let same = |open: &Open, named: &Metadata| open.id == id(named);
        let full =
            |named: &Metadata| named.is_file() && named.len() > 0 && named.len() + more > self.max_size;
        let fresh = match (guard.as_ref(), &named) {
            (Some(open), Ok(named)) if same(open, named) => {
                !full(named) || !self.rotate(open, named.len() + more)
            }
            _ => false,
        };
        if !fresh {
            **guard = open(&self.path).ok();
        }
        guard.as_mut()
    }

    /// Renames the file that is full and would grow to `size`. Returns whether another one has the name now.
    fn rotate(&self, open: &Open, size: u64) -> bool {
        match open.file.try_lock() {
            // Another process is renaming it; this record goes wherever the file goes.
            Err(TryLockError::WouldBlock) if size <= self.max_size.saturating_mul(2) => return false,
            // Without the lock (the other process has been stopped, or the file system has no locks) two files are
            // renamed at worst, and one old one is lost.
            Ok(()) | Err(_) => {}
        }
        let renamed = match fs::symlink_metadata(&self.path) {
            Ok(named) if id(&named) == open.id => {
                let mut old = OsString::from(&self.path);
                old.push(".1");
                match fs::rename(&self.path, old) {
                    Ok(()) => true,
                    // Another one that has no lock either was quicker.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => true,
                    // The directory is not ours to change: then the file is emptied, because it must not grow for ever.
                    Err(_) => open.file.set_len(0).is_err(),
                }
            }
            _ => true,
        };
        let _ = open.file.unlock();
        renamed
    }
}

impl Open {
    /// One call of `write` for the whole record.
    fn write(&mut self, record: &[u8]) -> io::Result<()> {
        let joined;
        let bytes = if self.cut {
            joined = [b"\n", record].concat();
            &joined
        } else {
            record
        };
        let written = self.file.write(bytes)?;
        self.cut = written < bytes.len();
        Ok(())
    }
}

/// A symlink is not followed, since another user may have planted it; a FIFO that nobody reads is not waited for.
fn open(path: &Path) -> io::Result<Open> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    let id = id(&file.metadata()?);
    Ok(Open { file, id, cut: false })
}

fn id(file: &Metadata) -> Id {
    (file.dev(), file.ino())
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = Record<'a>;

    fn make_writer(&'a self) -> Record<'a> {
        Record(self)
    }
}

/// Writes one record, without ever failing.
pub(super) struct Record<'a>(&'a LogFile);

impl Write for Record<'_> {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.0.append(record);
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
