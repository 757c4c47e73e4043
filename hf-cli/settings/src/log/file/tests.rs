use std::collections::BTreeSet;
use std::os::unix::fs::symlink;

use super::*;

fn old(path: &Path) -> PathBuf {
    path.with_extension("log.1")
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Writes records from several writers at once, each with an open file of its own, as processes have.
fn write_from_all(path: &Path, max_size: u64, writers: usize, records: usize) -> BTreeSet<String> {
    std::thread::scope(|scope| {
        for writer in 0..writers {
            scope.spawn(move || {
                let log = LogFile::with_max_size(path, max_size).unwrap();
                for record in 0..records {
                    log.append(format!("writer {writer} record {record:05} {}\n", "x".repeat(50)).as_bytes());
                }
            });
        }
    });
    let name = |writer, record| format!("writer {writer} record {record:05} {}", "x".repeat(50));
    (0..writers).flat_map(|writer| (0..records).map(move |record| name(writer, record))).collect()
}

#[test]
fn a_new_file_is_for_us_alone_and_grows_at_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    LogFile::open(&path).unwrap().append(b"one\n");
    LogFile::open(&path).unwrap().append(b"two\n");
    assert_eq!(lines(&path), ["one", "two"]);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn no_record_of_several_writers_is_mixed_or_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let all = write_from_all(&path, u64::MAX, 8, 300);
    let found = lines(&path);
    assert_eq!(found.len(), all.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), all);
}

#[test]
fn one_rotation_by_several_writers_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..10 {
        let path = directory.path().join(format!("{round}.log"));
        // 8 * 100 records of about 75 bytes are 60 kB.
        let all = write_from_all(&path, 40_000, 8, 100);
        let found = [lines(&old(&path)), lines(&path)].concat();
        assert!(old(&path).exists());
        assert_eq!(found.len(), all.len());
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), all);
    }
}

/// Each writer looks at the size before each record: one record of each may come on top of twice the size.
fn is_bounded(path: &Path, max_size: u64, writers: u64) -> bool {
    let record = "writer 0 record 00000 \n".len() as u64 + 50;
    fs::metadata(path).unwrap().len() <= 2 * max_size + writers * record
}

#[test]
fn the_log_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let all = write_from_all(&path, 5_000, 8, 500);
    for path in [&path, &old(&path)] {
        assert!(is_bounded(path, 5_000, 8));
        assert!(lines(path).iter().all(|line| all.contains(line)));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn a_writer_that_is_stopped_while_it_renames_the_file_does_not_let_it_grow() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let stopped = open(&path).unwrap();
    stopped.file.lock().unwrap();
    write_from_all(&path, 5_000, 1, 500);
    assert!(is_bounded(&path, 5_000, 1));
    assert!(is_bounded(&old(&path), 5_000, 1));
}

#[test]
fn a_file_that_others_renamed_or_removed_is_opened_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let log = LogFile::open(&path).unwrap();
    log.append(b"one\n");
    fs::rename(&path, directory.path().join("b.log")).unwrap();
    log.append(b"two\n");
    fs::remove_file(&path).unwrap();
    log.append(b"three\n");
    assert_eq!(lines(&path), ["three"]);
}

#[test]
fn where_it_cannot_be_renamed_it_is_emptied() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    fs::create_dir(old(&path)).unwrap();
    write_from_all(&path, 5_000, 2, 500);
    assert!(is_bounded(&path, 5_000, 2));
}

#[test]
fn a_planted_symlink_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let (path, target) = (directory.path().join("a.log"), directory.path().join("target"));
    fs::write(&target, "").unwrap();
    let log = LogFile::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    symlink(&target, &path).unwrap();
    log.append(b"to standard error\n");
    assert!(LogFile::open(&path).is_err());
    assert_eq!(fs::read(&target).unwrap(), b"");
}

#[test]
fn nothing_is_waited_for_and_nothing_fails() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(LogFile::open(&fifo).is_err());
    assert!(LogFile::open(&directory.path().join("none/a.log")).is_err());
    let full = LogFile::open(Path::new("/dev/full")).unwrap();
    full.append(b"no room: to standard error\n");
    LogFile::with_max_size(Path::new("/dev/null"), 1).unwrap().append(b"nowhere\n");
    assert!(Path::new("/dev/null").exists());
}

#[test]
fn a_record_that_was_cut_short_does_not_spoil_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let mut open = open(&path).unwrap();
    open.cut = true;
    open.write(b"next\n").unwrap();
    assert!(!open.cut);
    assert_eq!(fs::read(&path).unwrap(), b"\nnext\n");
}
