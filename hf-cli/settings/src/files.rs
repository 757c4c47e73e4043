//! Reading files that people write: never more than was expected, and never waiting.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::error::FileError;

/// The most that `k8sprov_config.json` may be.
pub(crate) const MAX_CONFIG: u64 = 1 << 20;
/// The most that a pod manifest may be: about what the API server takes.
pub(crate) const MAX_MANIFEST: u64 = 1 << 20;
/// The most that the templates file may be.
pub(crate) const MAX_TEMPLATES: u64 = 16 << 20;

/// The contents of a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let error = |reason: String| FileError { path: path.to_owned(), reason };
    let file = open(path).map_err(|why| error(describe(&why)))?;
    let found = file.metadata().map_err(|why| error(describe(&why)))?;
    if !found.is_file() {
        let kind = if found.is_dir() { "is a directory" } else { "is not a regular file" };
        return Err(error(kind.to_owned()));
    }
    let mut text = Vec::with_capacity(usize::try_from(found.len().min(limit)).unwrap_or_default() + 1);
    file.take(limit + 1).read_to_end(&mut text).map_err(|why| error(describe(&why)))?;
    if text.len() as u64 > limit {
        return Err(error(format!("is larger than {} MiB", limit >> 20)));
    }
    Ok(text)
}

/// As [`read`]; a file that does not exist is none. A symlink to nowhere is a mistake, not an absence.
pub(crate) fn read_if_there(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => read(path, limit).map(Some),
    }
}

/// `O_NONBLOCK` makes opening a FIFO that nobody writes to return at once; it means nothing for a regular file.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read by this user".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests;
