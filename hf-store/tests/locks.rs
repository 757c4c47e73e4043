//! SQLite's locks are POSIX locks: a process loses them all when it closes any descriptor of the file. Then a stranger
//! that closes the file takes itself for the last one and deletes the journal under us.

use std::path::Path;
use std::process::Command;

use hf_core::Instance;
use hf_store::{Durability, Heartbeat, Options, Store};
use jiff::Timestamp;

const STRANGER: &str = "HF_STORE_TEST_STRANGER";

fn open(workdir: &Path) -> Store {
    let options = Options { workdir: workdir.to_owned(), shared: false, durability: Durability::Repeat };
    Store::open(options, Instance::parse("p").unwrap()).unwrap()
}

fn beat(store: &mut Store, program: &str) {
    let at = Timestamp::UNIX_EPOCH;
    let (program, host) = (program.to_owned(), String::new());
    let beat = Heartbeat { program, host, pid: 1, started_at: at, beat_at: at, trouble: String::new() };
    store.write(|tx| tx.beat(&beat)).unwrap();
}

/// Another process that looks at the file with plain SQLite, as a person with its shell does.
#[test]
#[expect(clippy::disallowed_methods, reason = "how this test tells its child what to do")]
fn stranger() {
    let Ok(path) = std::env::var(STRANGER) else { return };
    let conn = rusqlite::Connection::open(path).unwrap();
    let beats: i64 = conn.query_one("SELECT count(*) FROM watchers", [], |row| row.get(0)).unwrap();
    assert!(beats > 0);
}

#[test]
fn a_stranger_that_closes_the_file_does_not_take_our_journal_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = open(folder.path());
    beat(&mut first, "before");
    // A second connection in the same process, as every watcher has.
    let mut second = open(folder.path());
    let stranger = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stranger"])
        .env(STRANGER, folder.path().join("hf.db"))
        .output()
        .unwrap();
    assert!(stranger.status.success(), "{stranger:?}");
    beat(&mut first, "after");
    beat(&mut second, "after too");
    let seen = open(folder.path()).read(|tx| tx.heartbeats()).unwrap();
    assert_eq!(seen.len(), 3, "{seen:?}");
}
