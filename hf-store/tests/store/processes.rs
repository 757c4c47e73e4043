//! What only several connections or processes at once can get wrong.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use hf_core::RequestId;

use crate::support::{
    Running, child, given_workdir, is_consistent, knows, number, open, raw, register, template, try_open,
};

#[test]
fn many_openers_of_a_new_file_take_turns() {
    for shared in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        for round in 0..4 {
            let workdir = dir.path().join(format!("{shared}{round}"));
            std::fs::create_dir(&workdir).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| (0..25).for_each(|_| drop(try_open(&workdir, shared).unwrap())));
                }
            });
            assert!(is_consistent(&workdir));
        }
    }
}

#[test]
fn many_processes_open_a_new_file_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let children: Vec<_> =
        (0..8).map(|_| child("processes::opens_and_registers", dir.path()).spawn().unwrap()).collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(number(dir.path(), "SELECT count(*) FROM requests"), 8 * 25);
    assert!(is_consistent(dir.path()));
}

#[test]
#[ignore = "run by other tests, as a process"]
fn opens_and_registers() {
    let workdir = given_workdir();
    for _ in 0..25 {
        register(&mut open(&workdir), 3).unwrap();
    }
}

#[test]
fn a_hundred_calls_at_once_all_answer() {
    for shared in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let ids: HashSet<RequestId> = std::thread::scope(|scope| {
            let calls: Vec<_> = (0..100)
                .map(|_| scope.spawn(|| register(&mut try_open(dir.path(), shared).unwrap(), 5).unwrap()))
                .collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        assert_eq!(ids.len(), 100);
        let mut store = try_open(dir.path(), shared).unwrap();
        assert!(ids.iter().all(|id| knows(&mut store, id, 5)));
        assert!(is_consistent(dir.path()));
    }
}

#[test]
fn readers_and_writers_in_other_processes_see_no_half() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let mut writers: Vec<_> =
        (0..3).map(|_| Running::spawn(child("processes::opens_and_registers", dir.path()))).collect();
    let mut looks = 0;
    while writers.iter_mut().any(|writer| writer.0.try_wait().unwrap().is_none()) {
        let live = store.read(|tx| tx.live_machines(&template())).unwrap();
        assert_eq!(live % 3, 0);
        looks += 1;
    }
    assert!(looks > 0);
    assert_eq!(store.read(|tx| tx.live_machines(&template())).unwrap(), 3 * 25 * 3);
}

/// Registers until it is killed, and says the id of each request once it is promised.
#[test]
#[ignore = "run by other tests, as a process"]
fn promises_for_ever() {
    let mut store = reopen(&given_workdir());
    loop {
        let id = register(&mut store, 7).unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "promised {id}").unwrap();
        out.flush().unwrap();
    }
}

/// As the file was set up.
fn reopen(workdir: &Path) -> hf_store::Store {
    try_open(workdir, false).or_else(|_| try_open(workdir, true)).unwrap()
}

#[test]
fn what_was_promised_survives_a_kill() {
    for shared in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        drop(try_open(dir.path(), shared).unwrap());
        let mut promised = Vec::new();
        for round in 1..=8 {
            let mut killed = Running::spawn(child("processes::promises_for_ever", dir.path()));
            let out = BufReader::new(killed.0.stdout.take().unwrap());
            let mut lines = out.lines().map_while(Result::ok);
            let ids = lines.by_ref().filter_map(|line| line.strip_prefix("promised ").map(str::to_owned));
            promised.extend(ids.take(round * 5));
            killed.0.kill().unwrap();
            // What it still said before it died counts too.
            promised.extend(lines.filter_map(|line| line.strip_prefix("promised ").map(str::to_owned)));
            let mut store = try_open(dir.path(), shared).unwrap();
            for id in &promised {
                assert!(knows(&mut store, &RequestId::parse(id).unwrap(), 7), "{id}");
            }
            let whole = "SELECT count(*) FROM requests AS r WHERE
                             (SELECT count(*) FROM machines WHERE request = r.seq) <> r.count";
            assert_eq!(number(dir.path(), whole), 0, "no request has a half of its machines");
            assert!(is_consistent(dir.path()));
        }
        assert!(promised.len() >= 5 * 36);
    }
}

/// A dead process leaves the lock file of the openers behind.
#[test]
fn a_lock_file_that_was_left_behind_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("hf.db.lock"), "left").unwrap();
    register(&mut open(dir.path()), 1).unwrap();
}

/// An opener was killed in the middle of setting the file up.
#[test]
fn a_file_that_was_set_up_by_half_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    for half in [
        "PRAGMA auto_vacuum = INCREMENTAL",
        "PRAGMA journal_mode = wal",
        "PRAGMA application_id = 1212574520",
    ] {
        raw(dir.path()).execute_batch(half).unwrap();
    }
    register(&mut open(dir.path()), 1).unwrap();
    assert_eq!(number(dir.path(), "PRAGMA auto_vacuum"), 2);
    assert!(is_consistent(dir.path()));
}
