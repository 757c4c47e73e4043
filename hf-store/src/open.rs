//! Opening the file: who may, how, and what it must be.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::{BUSY_SECONDS, Error, Result};
use crate::{busy, migrations};

/// The file's name in the work directory.
pub const DATABASE: &str = "hf.db";

/// `HF` and `k8` in ASCII: what tells our files from others of the same name, of which Host Factory's own is one.
const APPLICATION_ID: i64 = 0x4846_6b38;

/// How soon to try again what does not wait by itself.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// How long the journal may stay when all of it is in the file.
const JOURNAL_BYTES: u32 = 16 << 20;

/// How many pages the journal may have before the next commit moves it into the file. That is the watchers' work, whose
/// commits come all the time; the command line does it only where none does.
const CHECKPOINT_PAGES: u32 = 1_000;
const CHECKPOINT_PAGES_OF_CALLS: u32 = 4 * CHECKPOINT_PAGES;

/// How often to look again at a file that is replaced while it is opened.
const TRIES: usize = 10;

/// What a commit means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It survives a power cut: somebody is told of it.
    Promise,
    /// It survives the process: after a power cut the cluster tells it again.
    Repeat,
}

/// How to open the store.
#[derive(Debug, Clone)]
pub struct Options {
    /// The work directory.
    pub workdir: PathBuf,
    /// Whether it is shared between hosts.
    pub shared: bool,
    /// What a commit means.
    pub durability: Durability,
}

/// Device and inode: which file it is, whatever its name.
pub(crate) type FileId = (u64, u64);

/// The file of that name, if there is one.
pub(crate) fn file_id(path: &Path) -> Option<FileId> {
    path.symlink_metadata().ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Opens the file, which is made and brought up to date if need be.
pub(crate) fn open(options: &Options) -> Result<(Connection, PathBuf, FileId)> {
    let workdir = &options.workdir;
    let workdir = workdir.canonicalize().map_err(io("use the work directory", workdir))?;
    let path = workdir.join(DATABASE);
    for _ in 0..TRIES {
        let before = file_id(&path);
        let conn = attach(&path, &workdir, options).map_err(|error| error.about(&path))?;
        // Else the name came to mean another file meanwhile, or means one only now: which of them is open?
        if let Some(id) = before.filter(|before| file_id(&path) == Some(*before)) {
            return Ok((conn, path, id));
        }
    }
    Err(Error::Replaced { path })
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

fn attach(path: &Path, workdir: &Path, options: &Options) -> Result<Connection> {
    let mut conn = if let Some(conn) = connect_to_existing(path, options)? {
        conn
    } else {
        // Held until the file is set up; the lock ends with the process, however that ends.
        let lock_path = workdir.join("hf.db.lock");
        let lock = private().open(&lock_path).map_err(io("open", &lock_path))?;
        lock.lock().map_err(io("lock", &lock_path))?;
        make(path, workdir, options)?
    };
    check_application(&conn, path)?;
    migrations::run(&mut conn, path, options.shared)?;
    Ok(conn)
}

/// Options for files of ours: private, and never through a planted link.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
    options.create(true).truncate(false).read(true).write(true).mode(0o600).custom_flags(no_follow);
    options
}

/// Connects to the file if it has a schema: then nothing of what needs a lock is left to do.
///
/// The file is never opened but by SQLite. Its locks are POSIX locks, all of which a process loses when it closes any
/// descriptor of the file: another process could then take our journal for one that nobody uses, and delete it
/// (<https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>).
fn connect_to_existing(path: &Path, options: &Options) -> Result<Option<Connection>> {
    if !path.symlink_metadata().is_ok_and(|meta| meta.len() > 0) {
        return Ok(None);
    }
    let conn = connect(path, options)?;
    Ok((migrations::version(&conn)? > 0).then_some(conn))
}

/// Makes the file and sets it up, unless another process has done so while we waited for our turn.
fn make(path: &Path, workdir: &Path, options: &Options) -> Result<Connection> {
    if let Some(conn) = connect_to_existing(path, options)? {
        return Ok(conn);
    }
    create(path, workdir)?;
    let mut conn = connect(path, options)?;
    set_up(&mut conn, path, options)?;
    Ok(conn)
}

/// Makes the file, so that SQLite finds one with our permissions and its name survives a power cut.
fn create(path: &Path, workdir: &Path) -> Result<()> {
    if file_id(path).is_some() {
        return Ok(());
    }
    // The journal of a file that was moved away would be replayed into the new one.
    for left in ["hf.db-wal", "hf.db-shm", "hf.db-journal"] {
        let _ = std::fs::remove_file(workdir.join(left));
    }
    let made = private().open(path).and_then(|_| File::open(workdir)?.sync_all());
    made.map_err(|source| Error::Io { action: "create", path: path.to_owned(), source })
}

fn connect(path: &Path, options: &Options) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let mut conn = Connection::open_with_flags(path, flags)?;
    conn.busy_handler(Some(busy::wait))?;
    conn.set_prepared_statement_cache_capacity(128);
    // Whoever closes last would otherwise move the journal into the file, which is somebody else's work.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Else a statement whose plan may depend on what is bound to it is compiled again for every other value: three
    // quarters of a getReturnRequests of 100 machines. It also keeps the plans those that the tests look at.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let synchronous = match (options.durability, options.shared) {
        // FULL does not make sure that the journal's removal, which is the commit, survives a power cut.
        (Durability::Promise, true) => "EXTRA",
        (Durability::Promise, false) | (Durability::Repeat, true) => "FULL",
        (Durability::Repeat, false) => "NORMAL",
    };
    let checkpoint = match options.durability {
        Durability::Promise => CHECKPOINT_PAGES_OF_CALLS,
        Durability::Repeat => CHECKPOINT_PAGES,
    };
    // A journal that one large request has made long is cut when it is used from its beginning again.
    conn.execute_batch(&format!(
        "PRAGMA foreign_keys = ON; PRAGMA synchronous = {synchronous}; PRAGMA journal_size_limit = {JOURNAL_BYTES};
         PRAGMA wal_autocheckpoint = {checkpoint};"
    ))?;
    Ok(conn)
}

/// What is done once for each file, by one process at a time.
fn set_up(conn: &mut Connection, path: &Path, options: &Options) -> Result<()> {
    if application_id(conn)? != 0 || !is_empty(conn)? {
        check_application(conn, path)?;
    }
    // Both must come before the first table.
    conn.execute_batch("PRAGMA auto_vacuum = INCREMENTAL;")?;
    let mode = if options.shared { "delete" } else { "wal" };
    let found = set_journal_mode(conn, mode)?;
    if found != mode {
        return Err(Error::NoWal { path: path.to_owned(), found });
    }
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrations::run(conn, path, options.shared)?;
    // So that a file whose journal is lost is at least ours.
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);")?;
    Ok(())
}

/// Sets the journal mode. This does not wait for others who look at the file, whatever the busy timeout says, so it is
/// tried again while they do; they only ever look shortly.
fn set_journal_mode(conn: &Connection, mode: &str) -> Result<String> {
    for _ in 0..BUSY_SECONDS * 200 {
        match conn.query_one(&format!("PRAGMA journal_mode = {mode}"), [], |row| row.get(0)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                std::thread::sleep(TRY_AGAIN);
            }
            other => return Ok(other?),
        }
    }
    Ok(conn.query_one("PRAGMA journal_mode", [], |row| row.get(0))?)
}

fn is_empty(conn: &Connection) -> Result<bool> {
    Ok(conn.query_one("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?)
}

fn application_id(conn: &Connection) -> Result<i64> {
    Ok(conn.query_one("PRAGMA application_id", [], |row| row.get(0))?)
}

fn check_application(conn: &Connection, path: &Path) -> Result<()> {
    if application_id(conn)? == APPLICATION_ID {
        return Ok(());
    }
    Err(Error::Foreign { path: path.to_owned(), found: "another program's SQLite database" })
}
