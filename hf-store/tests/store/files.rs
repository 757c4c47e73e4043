//! What the file may be, and what becomes of it.

use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use hf_core::RequestId;
use hf_store::{Error, RegisterError};
use rusqlite::Connection;

use crate::support::{file, is_consistent, knows, now, number, open, raw, register, try_open};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn refusal(workdir: &Path) -> Error {
    try_open(workdir, false).expect_err("it must be refused")
}

#[test]
fn an_empty_file_becomes_ours() {
    let dir = folder();
    std::fs::write(file(dir.path()), "").unwrap();
    let id = register(&mut open(dir.path()), 1).unwrap();
    assert!(knows(&mut open(dir.path()), &id, 1));
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    for setup in [
        "CREATE TABLE theirs (a)",
        "CREATE TABLE theirs (a); PRAGMA user_version = 1",
        "CREATE TABLE theirs (a); PRAGMA user_version = 9; PRAGMA journal_mode = wal",
        "CREATE TABLE theirs (a); PRAGMA application_id = 252006674",
        "PRAGMA application_id = 252006674",
    ] {
        let dir = folder();
        raw(dir.path()).execute_batch(setup).unwrap();
        let before = std::fs::read(file(dir.path())).unwrap();
        let error = refusal(dir.path());
        assert!(matches!(error, Error::Foreign { .. }), "{setup}: {error}");
        assert!(error.to_string().contains("HF_K8S_WORKDIR"), "{error}");
        assert_eq!(std::fs::read(file(dir.path())).unwrap(), before, "{setup}");
    }
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    for text in ["no".to_owned(), "not a database ".repeat(10), "y".repeat(10_000), "\0".repeat(8_192)] {
        let dir = folder();
        std::fs::write(file(dir.path()), &text).unwrap();
        let error = refusal(dir.path());
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains("move it away") && said.contains("HF_K8S_WORKDIR"), "{said}");
        assert_eq!(std::fs::read_to_string(file(dir.path())).unwrap(), text);
    }
}

/// A store of which everything is in the file itself.
fn settled(workdir: &Path) -> Vec<u8> {
    let mut store = open(workdir);
    for _ in 0..50 {
        register(&mut store, 20).unwrap();
    }
    drop(store);
    raw(workdir).execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    std::fs::read(file(workdir)).unwrap()
}

/// What using a file comes to.
fn use_it(workdir: &Path) -> Result<(), Error> {
    let mut store = try_open(workdir, false)?;
    match register(&mut store, 20) {
        Ok(_) => {}
        Err(hf_store::RegisterError::Store(error)) => return Err(error),
        Err(other) => panic!("{other}"),
    }
    store.read(|tx| {
        for row in tx.machines_of(1)? {
            tx.machine(&row.machine.name)?;
        }
        tx.inhabited()?;
        tx.live_machines(&crate::support::template()).map(drop)
    })
}

#[test]
fn a_damaged_file_is_refused_with_the_remedy() {
    let dir = folder();
    let whole = settled(dir.path());
    let damaged = |bytes: &[u8]| {
        let dir = folder();
        std::fs::write(file(dir.path()), bytes).unwrap();
        use_it(dir.path()).expect_err("it is damaged")
    };
    let half = &whole[..whole.len() / 2];
    let mut garbled = whole.clone();
    garbled[4_096..].fill(0xA5);
    let mut headless = whole.clone();
    headless[..16].fill(0);
    for bytes in [half, &whole[..5_000], &garbled, &headless] {
        let error = damaged(bytes);
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains("move it away together with its -wal and -shm files"), "{said}");
    }
}

/// One bit, anywhere: an error or the truth, but neither a panic nor a hang.
#[test]
fn a_file_with_a_flipped_bit_is_used_or_refused() {
    let dir = folder();
    let whole = settled(dir.path());
    let scratch = folder();
    for step in 0..400_usize {
        let mut bytes = whole.clone();
        let at = if step < 100 { step } else { step * 7_919 % bytes.len() };
        bytes[at] ^= 1 << (step % 8);
        for old in std::fs::read_dir(scratch.path()).unwrap() {
            std::fs::remove_file(old.unwrap().path()).unwrap();
        }
        std::fs::write(file(scratch.path()), &bytes).unwrap();
        let _ = use_it(scratch.path());
    }
}

#[test]
fn a_file_from_the_future_is_refused_only_if_it_took_something_away() {
    let dir = folder();
    let id = register(&mut open(dir.path()), 1).unwrap();
    raw(dir.path()).execute_batch("PRAGMA user_version = 99").unwrap();
    assert!(knows(&mut open(dir.path()), &id, 1));
    raw(dir.path()).execute_batch("UPDATE meta SET oldest_program = 98").unwrap();
    let error = refusal(dir.path());
    assert!(matches!(error, Error::TooNew { found: 99, .. }), "{error}");
    assert_eq!(number(dir.path(), "SELECT count(*) FROM requests"), 1);
}

#[test]
fn the_file_is_private_and_ours_and_gives_pages_back() {
    for shared in [false, true] {
        let dir = folder();
        let mut store = try_open(dir.path(), shared).unwrap();
        register(&mut store, 1).unwrap();
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        }
        assert_eq!(number(dir.path(), "PRAGMA application_id"), 0x4846_6b38);
        assert_eq!(number(dir.path(), "PRAGMA auto_vacuum"), 2);
        let mode: String = raw(dir.path()).query_one("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, if shared { "delete" } else { "wal" });
        assert_eq!(dir.path().join("hf.db-wal").exists(), !shared);
    }
}

#[test]
fn every_table_is_strict_and_says_whose_its_rows_are() {
    let dir = folder();
    open(dir.path());
    let conn = raw(dir.path());
    let sql = "SELECT name, strict, EXISTS (SELECT 1 FROM pragma_table_info(l.name) WHERE name = 'instance')
               FROM pragma_table_list AS l WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'";
    let mut query = conn.prepare(sql).unwrap();
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let tables: Vec<(String, bool, bool)> =
        query.query_map([], read).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(tables.len() >= 9, "{tables:?}");
    for (name, strict, instance) in tables {
        assert!(strict, "{name}");
        assert!(instance || name == "meta", "{name}");
    }
}

#[test]
fn the_mode_is_recorded_and_another_setting_is_refused() {
    for recorded in [false, true] {
        let dir = folder();
        let id = register(&mut try_open(dir.path(), recorded).unwrap(), 1).unwrap();
        let error = try_open(dir.path(), !recorded).expect_err("it is set otherwise");
        assert!(matches!(error, Error::OtherMode { recorded: found, .. } if found == recorded), "{error}");
        assert!(error.to_string().contains(&format!("sharedWorkdir {recorded}")), "{error}");
        assert!(knows(&mut try_open(dir.path(), recorded).unwrap(), &id, 1));
    }
}

#[test]
fn planted_links_are_not_followed() {
    for name in ["hf.db", "hf.db.lock"] {
        let (dir, elsewhere) = (folder(), folder());
        let victim = elsewhere.path().join("victim");
        for exists in [false, true] {
            if exists {
                std::fs::write(&victim, "").unwrap();
            }
            let link = dir.path().join(name);
            let _ = std::fs::remove_file(&link);
            symlink(&victim, &link).unwrap();
            let error = refusal(dir.path());
            assert!(matches!(error, Error::Io { .. }), "{name}: {error}");
            assert_eq!(victim.metadata().map_or(0, |meta| meta.len()), 0, "{name}");
            assert_eq!(victim.exists(), exists, "{name}");
        }
    }
}

#[test]
fn a_linked_work_directory_is_the_site_own_choice() {
    let (dir, elsewhere) = (folder(), folder());
    let link = elsewhere.path().join("work");
    symlink(dir.path(), &link).unwrap();
    let id = register(&mut open(&link), 1).unwrap();
    assert!(knows(&mut open(dir.path()), &id, 1));
}

#[test]
fn a_work_directory_that_is_not_there_is_named() {
    let dir = folder();
    let error = refusal(&dir.path().join("gone")).to_string();
    assert!(error.contains("/gone"), "{error}");
}

fn away(workdir: &Path, with_journal: bool) {
    let names = if with_journal { &["hf.db", "hf.db-wal", "hf.db-shm"][..] } else { &["hf.db"] };
    for name in names {
        let _ = std::fs::rename(workdir.join(name), workdir.join(format!("{name}.bad")));
    }
}

#[test]
fn a_file_that_is_moved_away_under_open_stores_is_made_anew() {
    for (shared, with_journal) in [(false, true), (false, false), (true, true)] {
        let dir = folder();
        let (mut first, mut second) =
            (try_open(dir.path(), shared).unwrap(), try_open(dir.path(), shared).unwrap());
        let lost = register(&mut first, 3).unwrap();
        let version = second.version().unwrap();
        away(dir.path(), with_journal);
        assert_ne!(second.version().unwrap(), version);
        assert_eq!((second.generation(), first.generation()), (1, 0));
        assert!(!knows(&mut second, &lost, 3), "the old journal is not replayed into the new file");
        let kept = register(&mut first, 2).unwrap();
        assert_eq!(first.generation(), 1);
        assert!(knows(&mut second, &kept, 2), "both use the same one again");
        assert!(is_consistent(dir.path()));
    }
}

#[test]
fn a_file_that_is_put_in_its_place_is_used() {
    let (dir, restored) = (folder(), folder());
    let old = register(&mut open(restored.path()), 1).unwrap();
    raw(restored.path()).execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let mut store = open(dir.path());
    let lost = register(&mut store, 1).unwrap();
    away(dir.path(), true);
    std::fs::rename(file(restored.path()), file(dir.path())).unwrap();
    assert!(knows(&mut store, &old, 1) && !knows(&mut store, &lost, 1));
    assert_eq!(store.generation(), 1);
}

/// A promise that went into a file which nobody will find again is none.
#[test]
fn a_write_into_a_file_that_was_replaced_meanwhile_says_so() {
    for shared in [false, true] {
        let dir = folder();
        let mut store = try_open(dir.path(), shared).unwrap();
        let mine = || Some(RequestId::parse("mine").unwrap());
        let result = store.write(|tx| {
            away(dir.path(), true);
            tx.register_return(mine(), &[], now())
        });
        assert!(matches!(result, Err(RegisterError::Store(Error::Replaced { .. }))), "{result:?}");
        let again = store.write(|tx| tx.register_return(mine(), &[], now()));
        assert_eq!(again.unwrap().as_str(), "mine", "the new file has never heard of it");
    }
}

#[test]
fn a_garbled_file_under_an_open_store_is_an_error_until_it_is_moved_away() {
    let dir = folder();
    let mut store = open(dir.path());
    register(&mut store, 100).unwrap();
    let garbage = folder();
    std::fs::write(garbage.path().join("x"), "garbage ".repeat(1_000)).unwrap();
    away(dir.path(), true);
    std::fs::rename(garbage.path().join("x"), file(dir.path())).unwrap();
    for _ in 0..2 {
        let error = store.read(|tx| tx.watched()).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
    away(dir.path(), true);
    assert_eq!(store.read(|tx| tx.watched()).unwrap(), []);
    register(&mut store, 1).unwrap();
}

#[test]
fn an_in_memory_name_is_no_way_around_the_rules() {
    // The name of the file is never taken for a URI or for SQLite's own names.
    let dir = folder();
    let odd = dir.path().join("file:x?mode=memory");
    std::fs::create_dir(&odd).unwrap();
    register(&mut open(&odd), 1).unwrap();
    assert!(Connection::open(file(&odd)).is_ok() && file(&odd).exists());
}
