use std::os::unix::fs::symlink;

use super::*;

#[track_caller]
fn refused(path: &Path, reason: &str) {
    let error = read(path, 10).unwrap_err().to_string();
    assert!(error.contains(reason) && error.contains(path.to_str().unwrap()), "{error}");
}

#[test]
fn a_file_of_at_most_the_limit_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a file");
    fs::write(&path, "0123456789").unwrap();
    assert_eq!(read(&path, 10).unwrap(), b"0123456789");
    fs::write(&path, "0123456789a").unwrap();
    refused(&path, "larger than");
    let link = directory.path().join("link");
    symlink(&path, &link).unwrap();
    assert_eq!(read(&link, 11).unwrap().len(), 11);
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    refused(directory.path(), "is a directory");
    refused(Path::new("/dev/zero"), "not a regular file");
    let fifo = directory.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    refused(&fifo, "not a regular file");
    refused(&directory.path().join("none"), "does not exist");
}

#[test]
fn only_a_file_that_is_not_there_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    assert!(read_if_there(&path, 10).unwrap().is_none());
    symlink("nowhere", &path).unwrap();
    assert!(read_if_there(&path, 10).is_err());
}
