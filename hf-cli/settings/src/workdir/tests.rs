use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[track_caller]
fn refused(result: Result<(), WorkdirError>, path: &Path, reason: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains(reason) && error.contains(path.to_str().unwrap()), "{error}");
    assert!(error.contains(';'), "no remedy: {error}");
}

#[test]
fn a_missing_one_is_made_for_us_alone_with_its_parents() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a b/c");
    prepare(&path, false).unwrap();
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o700, 0o700));
    prepare(&path, false).unwrap();
}

#[test]
fn an_existing_one_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o2775)).unwrap();
    prepare(directory.path(), false).unwrap();
    assert_eq!(mode(directory.path()), 0o2775);
}

#[test]
fn one_that_all_may_write_to_is_refused_sticky_or_not() {
    let directory = tempfile::tempdir().unwrap();
    for bits in [0o777, 0o1777, 0o702] {
        fs::set_permissions(directory.path(), Permissions::from_mode(bits)).unwrap();
        refused(prepare(directory.path(), false), directory.path(), "every user may write");
        assert_eq!(mode(directory.path()), bits);
    }
}

#[test]
fn one_of_another_user_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let found = fs::metadata(directory.path()).unwrap();
    refused(check(directory.path(), &found, found.uid() + 1), directory.path(), "belongs to user");
}

#[test]
fn what_is_no_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    refused(prepare(&file, false), &file, "not a directory");
    let below = file.join("below");
    refused(prepare(&below, false), &below, "cannot be");
}

#[test]
fn a_symlink_is_as_good_as_what_it_points_to() {
    let directory = tempfile::tempdir().unwrap();
    let (target, link) = (directory.path().join("target"), directory.path().join("link"));
    symlink(&target, &link).unwrap();
    refused(prepare(&link, false), &link, "symlink to nothing");
    fs::create_dir(&target).unwrap();
    prepare(&link, false).unwrap();
    fs::set_permissions(&target, Permissions::from_mode(0o777)).unwrap();
    refused(prepare(&link, false), &link, "every user may write");
}

#[test]
fn a_directory_that_we_may_not_write_to_is_refused() {
    // Root may write to it all the same.
    if rustix::process::geteuid().is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o500)).unwrap();
    refused(prepare(directory.path(), false), directory.path(), "cannot be written to");
}
