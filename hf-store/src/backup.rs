//! A copy of the file as it is at one moment, taken while others write.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::open::{Options, open};

/// Copies the store into a file that does not exist yet, and returns its size in bytes. The copy can be put in the
/// place of the store as it is.
///
/// # Errors
/// If there is a file of that name already, it cannot be written, or the store cannot be opened.
pub fn backup(options: &Options, to: &Path) -> Result<u64> {
    let io = |action, path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { action, path, source }
    };
    let to = std::path::absolute(to).map_err(io("find", to))?;
    let (conn, path, _) = open(options)?;
    // Made under another name first, so that what has the name is always whole.
    let part = Part::new(&to)?;
    let target = part.0.to_str().ok_or_else(|| {
        let source = std::io::Error::other("its name is not UTF-8");
        Error::Io { action: "write", path: to.clone(), source }
    })?;
    conn.execute("VACUUM INTO ?1", [target]).map_err(|error| match Error::from(error).about(&path) {
        // Only the copy is written.
        Error::Full { .. } => Error::Full { path: to.clone() },
        other => other,
    })?;
    drop(conn);
    // The copy does not remember the journal's mode, which is recorded in the file for all who open it.
    let copy = rusqlite::Connection::open(&part.0)?;
    if !options.shared {
        copy.query_one("PRAGMA journal_mode = wal", [], |_| Ok(()))?;
    }
    let whole: String = copy.query_one("PRAGMA quick_check", [], |row| row.get(0))?;
    copy.close().map_err(|(_, error)| error)?;
    if whole != "ok" {
        return Err(Error::Damaged { path, reason: whole });
    }
    part.publish(&to)
}

/// A file while it is made. It is gone when this is.
pub(crate) struct Part(PathBuf);

impl Part {
    pub(crate) fn new(to: &Path) -> Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let refused = |source| Error::Io { action: "create", path: to.to_owned(), source };
        if to.symlink_metadata().is_ok() {
            return Err(refused(std::io::Error::from(std::io::ErrorKind::AlreadyExists)));
        }
        let mut name =
            to.file_name().ok_or_else(|| refused(std::io::ErrorKind::InvalidInput.into()))?.to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = to.with_file_name(name);
        // Ours alone: what is in there says which pods are deleted.
        let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        made.map_err(refused)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Gives it its name, once it is on disk. Returns its size in bytes.
    pub(crate) fn publish(self, to: &Path) -> Result<u64> {
        let io = |action, path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { action, path, source }
        };
        let size = File::open(&self.0).and_then(|file| file.sync_all().and_then(|()| file.metadata()));
        let size = size.map_err(io("write", &self.0))?.len();
        // Unlike a rename, a link never replaces what is there.
        fs::hard_link(&self.0, to).map_err(io("create", to))?;
        let directory = to.parent().unwrap_or(Path::new("/"));
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(io("write", directory))?;
        Ok(size)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm", "-journal"] {
            let mut path = self.0.clone().into_os_string();
            path.push(ending);
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests;
