//! The work directory: ours alone, and on a file system that the store can trust.
//!
//! Whoever can write to the directory can replace the store, and with it say which pods are deleted. SQLite's
//! write-ahead log shares memory between processes, which only works between processes of one host.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD};

use crate::error::WorkdirError;

mod filesystem;

/// Makes the directory if it is missing, and checks it.
pub(crate) fn prepare(path: &Path, shared: bool) -> Result<(), WorkdirError> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path)?,
        found => found.map_err(|error| cannot(path, "be used", &error))?,
    };
    check(path, &found, rustix::process::geteuid().as_raw())?;
    if shared { Ok(()) } else { local(path) }
}

fn make(path: &Path) -> Result<Metadata, WorkdirError> {
    if path.is_symlink() {
        let reason = "is a symlink to nothing".to_owned();
        return Err(refuse(path, reason, "make the directory that it points to, or remove it"));
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.and_then(|()| fs::metadata(path)).map_err(|error| cannot(path, "be made", &error))
}

fn check(path: &Path, found: &Metadata, me: u32) -> Result<(), WorkdirError> {
    if !found.is_dir() {
        return Err(refuse(path, "is not a directory", "remove it, or set another one with HF_K8S_WORKDIR"));
    }
    if found.uid() != me {
        let reason = format!("belongs to user {}, and this program runs as user {me}", found.uid());
        return Err(refuse(path, reason, "run the scripts and the watchers as one user, who owns it"));
    }
    if found.mode() & 0o002 != 0 {
        let reason = format!("every user may write to it (mode {:04o})", found.mode() & 0o7777);
        return Err(refuse(path, reason, "take that right away with chmod o-w, or set HF_K8S_WORKDIR"));
    }
    let may = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    rustix::fs::accessat(CWD, path, may, AtFlags::EACCESS)
        .map_err(|error| cannot(path, "be written to", &error.into()))
}

fn local(path: &Path) -> Result<(), WorkdirError> {
    match filesystem::network(path) {
        Ok(None) => Ok(()),
        Ok(Some(kind)) => Err(refuse(
            path,
            format!("is on a network file system ({kind}), where the store's write-ahead log cannot work"),
            "set HF_K8S_WORKDIR to a directory on a local disk, or \"sharedWorkdir\": true in k8sprov_config.json",
        )),
        Err(error) => Err(cannot(path, "be examined", &error)),
    }
}

fn cannot(path: &Path, what: &str, error: &io::Error) -> WorkdirError {
    let reason = format!("cannot {what}: {error}");
    refuse(path, reason, "see to its rights and its disk, or set another one with HF_K8S_WORKDIR")
}

fn refuse(path: &Path, reason: impl Into<String>, remedy: &str) -> WorkdirError {
    WorkdirError { path: path.to_owned(), reason: reason.into(), remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests;
