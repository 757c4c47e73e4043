//! SQLite's locks are POSIX locks: a process loses them all when it closes any descriptor of the file. Then a stranger
//! that closes the file takes itself for the last one and deletes the journal under us. Releases of SQLite before 3.50
//! or so do; the shell that operators have is often older.

use std::path::Path;
use std::process::Command;

use hf_core::Instance;
use hf_store::{Durability, Heartbeat, Options, Store, Tx};
use jiff::Timestamp;

fn open(workdir: &Path) -> Store {
    let options = Options { workdir: workdir.to_owned(), shared: false, durability: Durability::Repeat };
    Store::open(options, Instance::parse("p").expect("a name")).expect("a store")
}

fn beat(store: &mut Store, program: &str) {
    let at = Timestamp::UNIX_EPOCH;
    let (program, host) = (program.to_owned(), String::new());
    let beat = Heartbeat { program, host, pid: 1, started_at: at, beat_at: at, trouble: String::new() };
    store.write(|tx| tx.beat(&beat)).expect("a heartbeat");
}

#[test]
#[expect(clippy::print_stdout, reason = "says that it checked nothing")]
fn a_shell_that_closes_the_file_does_not_take_our_journal_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = open(folder.path());
    beat(&mut first, "before");
    // A second connection in the same process, as every watcher has.
    let mut second = open(folder.path());
    let shell =
        Command::new("sqlite3").arg(folder.path().join("hf.db")).arg("SELECT * FROM watchers").output();
    let Ok(shell) = shell else {
        println!("no sqlite3 here: nothing to check");
        return;
    };
    assert!(shell.status.success(), "{shell:?}");
    beat(&mut first, "after");
    beat(&mut second, "after too");
    let seen = open(folder.path()).read(beats).unwrap();
    assert_eq!(seen.len(), 3, "{seen:?}");
}

fn beats(tx: &Tx<'_>) -> Result<Vec<Heartbeat>, hf_store::Error> {
    tx.heartbeats()
}
