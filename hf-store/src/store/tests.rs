use super::*;
use crate::open::Durability;
use crate::testing::{Bed, in_both_modes, now};

#[test]
fn promises_are_synchronous_in_either_mode() {
    for (shared, durability, expected) in [
        (false, Durability::Promise, 2),
        (false, Durability::Repeat, 1),
        (true, Durability::Promise, 3),
        (true, Durability::Repeat, 2),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { workdir: dir.path().to_owned(), shared, durability };
        let store = Store::open(options, Instance::parse("p").unwrap()).unwrap();
        let found: i64 = store.conn.query_one("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        assert_eq!(found, expected, "{shared} {durability:?}");
        let keys: bool = store.conn.query_one("PRAGMA foreign_keys", [], |row| row.get(0)).unwrap();
        assert!(keys);
    }
}

#[test]
fn a_write_that_fails_leaves_nothing() {
    in_both_modes(|mut bed| {
        let result = bed.store.write(|tx| {
            tx.register_return(None, &[], now()).map_err(|error| Error::Row(error.to_string()))?;
            Err::<(), _>(Error::Row("changed my mind".to_owned()))
        });
        assert!(matches!(result, Err(Error::Row(_))));
        assert_eq!(bed.number("SELECT count(*) FROM requests"), 0);
        bed.request(1);
    });
}

#[test]
fn a_read_is_of_one_moment() {
    in_both_modes(|bed| {
        // In the rollback mode a writer would wait for the reader.
        if bed.number("SELECT shared FROM meta") == 1 {
            return;
        }
        let (mut reader, mut bed) = (bed.connect(), bed);
        let live = |tx: &Tx<'_>| tx.live_machines(&crate::testing::template());
        reader
            .read(|tx| {
                assert_eq!(live(tx)?, 0);
                bed.request(3);
                assert_eq!(live(tx)?, 0);
                Ok::<_, Error>(())
            })
            .unwrap();
        assert_eq!(reader.read(live).unwrap(), 3);
    });
}

#[test]
fn the_version_changes_with_the_commits_of_others() {
    in_both_modes(|mut bed| {
        let mut other = bed.connect();
        let before = other.version().unwrap();
        assert_eq!(other.version().unwrap(), before);
        bed.request(1);
        assert_ne!(other.version().unwrap(), before);
    });
}

#[test]
fn a_disk_that_is_full_is_said_and_nothing_is_half_registered() {
    in_both_modes(|mut bed| {
        let first = bed.request(1);
        let pages: i64 = bed.store.conn.query_one("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        let most = |bed: &Bed, most: i64| {
            bed.store.conn.query_one(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(())).unwrap();
        };
        most(&bed, pages + 2);
        let (template, target) = (crate::testing::template(), hf_core::ground::Target::default());
        let large = crate::testing::acquire(1_000, &template, &target);
        let error = bed.store.write(|tx| tx.register_acquire(&large)).unwrap_err();
        assert!(error.to_string().contains("no space left"), "{error}");
        assert!(error.to_string().contains("hf.db"), "{error}");
        assert_eq!(bed.number("SELECT count(*) FROM requests"), 1);
        assert_eq!(bed.rows(&first).len(), 1, "what is there can still be read");
        most(&bed, 1_000_000);
        bed.store.write(|tx| tx.register_acquire(&large)).unwrap();
    });
}
