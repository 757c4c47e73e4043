//! What can go wrong with the store, by what has to be done about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The work directory or the file cannot be used.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The file belongs to another program.
    #[error(
        "{} is not this provider's database but {found}; set another work directory (HF_K8S_WORKDIR)",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: &'static str,
    },
    /// A newer release has changed the file in a way that this program does not understand.
    #[error(
        "{} is of schema {found}, which this program (schema {known}) does not understand; install the newer release",
        path.display()
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The file was set up for another kind of work directory.
    #[error(
        "{} was set up with sharedWorkdir {recorded}, but the setting is now {}; set it back, or move the file away",
        path.display(), !recorded
    )]
    OtherMode {
        /// The file.
        path: PathBuf,
        /// What it was set up with.
        recorded: bool,
    },
    /// The file system cannot do what the journal needs.
    #[error(
        "{} cannot be put into WAL mode (it stays in {found:?}); the work directory must be on a local disk",
        path.display()
    )]
    NoWal {
        /// The file.
        path: PathBuf,
        /// The mode that it stays in.
        found: String,
    },
    /// The file is torn.
    #[error(
        "{} is damaged ({reason}); move it away together with its -wal and -shm files: the running watchers then \
         rebuild it from the cluster",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// There is no room.
    #[error("no space left for {}; make room on its disk", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file was moved away or replaced while it was written: what was written is not in the file of that name.
    #[error("{} was replaced while it was in use; try again", path.display())]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// Another process held the write lock for too long.
    #[error("{} stayed locked by another process for {seconds} s", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// A row that no release of this program has written.
    #[error("a row of the store makes no sense: {0}")]
    Row(String),
    /// Anything else that SQLite says.
    #[error("the store failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// A file that does not even begin like a database may never have been ours.
const ANOTHERS: &str =
    "if it is another program's, leave it and set another work directory (HF_K8S_WORKDIR) instead";

/// How long a process waits for another one's write.
pub(crate) const BUSY_SECONDS: u64 = 60;

impl Error {
    /// Gives what SQLite says a meaning, and the file's name.
    pub(crate) fn about(self, path: &Path) -> Self {
        let path = path.to_owned();
        let Self::Sqlite(rusqlite::Error::SqliteFailure(failure, text)) = &self else { return self };
        let reason = text.clone().unwrap_or_else(|| failure.to_string());
        let io =
            |action, reason| Self::Io { action, path: path.clone(), source: std::io::Error::other(reason) };
        // A rollback journal is not begun for a file that has lost its name.
        if failure.extended_code == rusqlite::ffi::SQLITE_READONLY_DBMOVED {
            return Self::Replaced { path };
        }
        match failure.code {
            ErrorCode::DatabaseCorrupt => Self::Damaged { path, reason },
            ErrorCode::NotADatabase => Self::Damaged { path, reason: format!("{reason}; {ANOTHERS}") },
            ErrorCode::DiskFull => Self::Full { path },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                Self::Locked { path, seconds: BUSY_SECONDS }
            }
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => io("write", reason),
            ErrorCode::CannotOpen => io("open", reason),
            ErrorCode::SystemIoFailure => io("read or write", reason),
            _ => self,
        }
    }
}

/// Short for what every function of this crate returns.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;
