use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::testing::Bed;
use crate::{Durability, ReportFilter, Store};

#[test]
fn a_copy_takes_the_place_of_the_store() {
    for shared in [false, true] {
        let mut bed = Bed::new(shared);
        let id = bed.running(3);
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("hf.db");
        let workdir = bed.store.path().parent().unwrap().to_owned();
        let size = backup(&Options { workdir, shared, durability: Durability::Promise }, &to).unwrap();
        assert_eq!(size, to.metadata().unwrap().len());
        assert_eq!(to.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
        let options = Options { workdir: dir.path().to_owned(), shared, durability: Durability::Repeat };
        let mut copy = Store::open(options, bed.store.instance().clone()).unwrap();
        let all = copy.read(|tx| tx.report_machines(&ReportFilter::default())).unwrap();
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|machine| machine.request == id && machine.row.machine.facts.running));
        let mode: String = rusqlite::Connection::open(&to)
            .unwrap()
            .query_one("PRAGMA journal_mode", [], |row| row.get(0))
            .unwrap();
        assert_eq!(mode, if shared { "delete" } else { "wal" });
    }
}

#[test]
fn nothing_is_replaced() {
    let bed = Bed::new(false);
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("kept");
    fs::write(&to, "kept").unwrap();
    let workdir = bed.store.path().parent().unwrap().to_owned();
    let options = Options { workdir, shared: false, durability: Durability::Promise };
    let error = backup(&options, &to).unwrap_err().to_string();
    assert!(error.contains("kept"), "{error}");
    assert_eq!(fs::read_to_string(&to).unwrap(), "kept");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
