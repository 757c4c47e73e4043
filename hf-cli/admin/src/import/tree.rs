//! Reading somebody else's directory: nothing is changed, nothing is waited for, and no link in it is followed.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::OFlags;

/// The most that the description of one pod may be: the API server takes less.
const MAX_POD: u64 = 4 << 20;

/// Something in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) kind: Kind,
    /// When it was made or last changed, whichever is known to be earlier: a copy is younger than what it is of.
    pub(super) at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    /// A symlink, and what its text says.
    Link(PathBuf),
    Other,
}

impl Entry {
    /// The name, where it is a text.
    pub(super) fn text(&self) -> Option<&str> {
        self.name.to_str()
    }

    fn read(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        let kind = if found.is_symlink() {
            Kind::Link(fs::read_link(path)?)
        } else if found.is_dir() {
            Kind::Directory
        } else if found.is_file() {
            Kind::File
        } else {
            Kind::Other
        };
        let times = [found.created(), found.modified()].into_iter().flatten();
        let at = times.filter_map(|time| Timestamp::try_from(time).ok()).min();
        let name = path.file_name().unwrap_or_default().to_owned();
        Ok(Self { name, kind, at: at.unwrap_or(Timestamp::UNIX_EPOCH) })
    }
}

/// What is in a directory, in the order of the names, without what begins with a dot. `None` if it is not there.
pub(super) fn list(path: &Path) -> io::Result<Option<Vec<Entry>>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(named(path, error)),
        Ok(found) if found.is_dir() => {}
        Ok(_) => {
            return Err(named(path, io::Error::other("is no directory of its own, so it is not followed")));
        }
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| named(path, error))? {
        let path = entry.map_err(|error| named(path, error))?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        match Entry::read(&path) {
            Ok(entry) => entries.push(entry),
            // Somebody else may be at work there.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(named(&path, error)),
        }
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Some(entries))
}

/// Where a link points and since when. `None` if there is no link of that name.
pub(super) fn link(path: &Path) -> Option<(PathBuf, Timestamp)> {
    match Entry::read(path).ok()? {
        Entry { kind: Kind::Link(target), at, .. } => Some((target, at)),
        _ => None,
    }
}

/// Reads a regular file of bounded size. `None` if there is none.
pub(super) fn file(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("is no regular file"));
    }
    let mut text = Vec::new();
    file.take(MAX_POD + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_POD {
        return Err(io::Error::other("is larger than 4 MiB"));
    }
    Ok(Some(text))
}

fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
