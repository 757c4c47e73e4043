//! The disk: full, and cut off after an answer.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use hf_core::RequestId;
use hf_store::{Error, RegisterError, Store};

use crate::support::{
    accept, child, child_after, given_workdir, is_consistent, knows, number, register, try_open,
};

/// Registers until that fails, and returns why.
fn fill(store: &mut Store) -> Error {
    for _ in 0..100_000 {
        match register(store, 50) {
            Ok(_) => {}
            Err(RegisterError::Store(error)) => return error,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("it was never full");
}

fn nothing_is_half_registered(workdir: &Path) {
    let asked = number(workdir, "SELECT sum(count) FROM requests");
    assert_eq!(number(workdir, "SELECT count(*) FROM machines"), asked);
    assert!(is_consistent(workdir));
}

/// There was room when it was accepted, and then somebody else has taken it. The pages are kept in memory until the end of
/// the transaction.
fn can_be_asked_for_though_not_written_out(store: &mut Store, mounted: &Path) {
    resize(mounted, "64m");
    let id = accept(store, 10_000).expect("there is room");
    let ballast = mounted.join("more");
    std::fs::write(&ballast, vec![0; 64 << 20]).unwrap_err();
    let waiting = |store: &Store| {
        let unwritten = "SELECT count(*) FROM requests WHERE unwritten IS NOT NULL";
        number(store.path().parent().unwrap(), unwritten)
    };
    for _ in 0..2 {
        assert!(knows(store, &id, 10_000));
        assert_eq!(waiting(store), 1);
    }
    std::fs::remove_file(&ballast).unwrap();
    assert!(knows(store, &id, 10_000));
    assert_eq!(waiting(store), 0);
}

/// What is accepted can be written out: else it would be in the way of all that is written after it.
fn is_refused_if_there_is_no_room_for_its_machines(store: &mut Store, mounted: &Path) {
    resize(mounted, "3m");
    let before = number(store.path().parent().unwrap(), "SELECT count(*) FROM requests");
    let refused = accept(store, 10_000).unwrap_err();
    assert!(matches!(refused, RegisterError::Store(Error::Full { .. })), "{refused}");
    assert_eq!(number(store.path().parent().unwrap(), "SELECT count(*) FROM requests"), before);
    let mut count = 10_000;
    while let Err(error) = accept(store, count) {
        assert!(matches!(error, RegisterError::Store(Error::Full { .. })), "{error}");
        count = count * 3 / 4;
    }
    assert!(count > 100, "{count}");
    store.write(|_| Ok::<_, Error>(())).expect("what was accepted has room");
}

fn resize(mounted: &Path, size: &str) {
    let remount = Command::new("mount").args(["-o", &format!("remount,size={size}")]).arg(mounted).status();
    assert!(remount.unwrap().success());
}

/// A file system that is full, and then is not.
#[test]
#[ignore = "run by other tests, as a process"]
fn fills_a_file_system() {
    let workdir = given_workdir();
    for shared in [false, true] {
        let folder = workdir.join(shared.to_string());
        std::fs::create_dir(&folder).unwrap();
        let mut store = try_open(&folder, shared).unwrap();
        let error = fill(&mut store);
        assert!(matches!(error, Error::Full { .. }), "{error}");
        assert!(error.to_string().contains("no space left for"), "{error}");
        let ballast = workdir.join("ballast");
        let _ = std::fs::write(&ballast, vec![0; 1 << 20]);
        let error = fill(&mut store);
        assert!(matches!(error, Error::Full { .. }), "not one byte: {error}");
        store.read(|tx| tx.watched()).expect("what is there can still be read");
        is_refused_if_there_is_no_room_for_its_machines(&mut store, &workdir);
        if !shared {
            can_be_asked_for_though_not_written_out(&mut store, &workdir);
        }
        std::fs::remove_file(&ballast).unwrap();
        resize(&workdir, "32m");
        register(&mut store, 50).expect("there is room again");
        drop(store);
        nothing_is_half_registered(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        resize(&workdir, "1m");
    }
    std::io::stdout().write_all(b"filled\n").unwrap();
}

#[test]
fn a_full_file_system_is_said_and_can_be_mended() {
    let dir = tempfile::tempdir().unwrap();
    let inside = "mount -t tmpfs -o size=1m none \"$HF_STORE_TEST_WORKDIR\"";
    let mut allowed = Command::new("unshare");
    allowed.args(["-rm", "sh", "-c", "mount -t tmpfs none /mnt"]);
    if !allowed.output().is_ok_and(|output| output.status.success()) {
        skipped("no file system may be mounted here");
        return;
    }
    let mut command = Command::new("unshare");
    let filling = child_after(inside, "full::fills_a_file_system", dir.path());
    command
        .arg("-rm")
        .arg(filling.get_program())
        .args(filling.get_args())
        .env("HF_STORE_TEST_WORKDIR", dir.path());
    let output = command.output().unwrap();
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("filled"),
        "{output:?}"
    );
}

/// As with a quota: writes fail for another reason than a full disk.
#[test]
#[ignore = "run by other tests, as a process"]
fn fills_its_quota() {
    let workdir = given_workdir();
    let mut store = try_open(&workdir, false).unwrap();
    let error = fill(&mut store);
    assert!(matches!(error, Error::Io { .. } | Error::Full { .. }), "{error}");
    assert!(error.to_string().contains("hf.db"), "{error}");
    std::io::stdout().write_all(b"filled\n").unwrap();
}

#[test]
fn a_quota_that_is_used_up_leaves_nothing_half_registered() {
    let dir = tempfile::tempdir().unwrap();
    let limited = "trap '' XFSZ && ulimit -f 1024";
    let output = child_after(limited, "full::fills_its_quota", dir.path()).output().unwrap();
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("filled"),
        "{output:?}"
    );
    nothing_is_half_registered(dir.path());
    register(&mut try_open(dir.path(), false).unwrap(), 50).expect("another process has room");
}

#[test]
#[ignore = "run by other tests, as a process"]
fn promises_once() {
    let workdir = given_workdir();
    let mut store = try_open(&workdir, false).or_else(|_| try_open(&workdir, true)).unwrap();
    let id = accept(&mut store, 3).unwrap();
    std::io::stdout().write_all(format!("promised {id}\n").as_bytes()).unwrap();
}

/// The trace of the system calls, replayed as a disk would have it that keeps only what was synced: the request is in
/// the files as they were when the answer was written.
#[test]
fn what_was_promised_survives_a_power_cut() {
    if !Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success())
    {
        skipped("strace does not work here");
        return;
    }
    for (shared, before) in [(false, 0), (false, 40), (true, 0), (true, 40)] {
        let (dir, traces) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut store = try_open(dir.path(), shared).unwrap();
        (0..before).for_each(|_| drop(register(&mut store, 50).unwrap()));
        drop(store);
        let mut disk = Disk::of(dir.path());
        let trace = traces.path().join("trace");
        let traced = child("full::promises_once", dir.path());
        let mut command = Command::new("strace");
        let calls = "trace=pwrite64,write,fsync,fdatasync,unlink,ftruncate";
        command.args(["-f", "-y", "-xx", "-s", "1000000", "-e", calls, "-o"]).arg(&trace);
        command.arg(traced.get_program()).args(traced.get_args()).env("HF_STORE_TEST_WORKDIR", dir.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let id = disk.replay(&std::fs::read_to_string(&trace).unwrap());
        let cut = tempfile::tempdir().unwrap();
        disk.write(cut.path());
        let mut store = try_open(cut.path(), shared).unwrap();
        assert!(knows(&mut store, &RequestId::parse(&id).unwrap(), 3), "shared: {shared}, after {before}");
        assert!(is_consistent(cut.path()));
    }
}

/// Files as programs see them, and as they are on the disk.
struct Disk {
    seen: BTreeMap<String, Vec<u8>>,
    synced: BTreeMap<String, Vec<u8>>,
    /// Removed, which is on the disk once the folder is synced.
    removed: Vec<String>,
    folder: PathBuf,
}

impl Disk {
    fn of(folder: &Path) -> Self {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let named = files.map(|path| (name(&path.to_string_lossy()), std::fs::read(&path).unwrap()));
        let seen: BTreeMap<_, _> = named.filter(|(name, _)| name != "hf.db-shm").collect();
        Self { synced: seen.clone(), seen, removed: Vec::new(), folder: folder.canonicalize().unwrap() }
    }

    /// Replays a trace until the answer is written, and returns what that promises.
    fn replay(&mut self, trace: &str) -> String {
        for line in trace.lines() {
            let Some((call, rest)) =
                line.split_once(' ').map_or(line, |(_, call)| call.trim()).split_once('(')
            else {
                continue;
            };
            let bytes = |text: &str| -> Vec<u8> {
                let hex = text.split('"').nth(1).unwrap_or_default();
                hex.split("\\x").skip(1).map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
            };
            // A descriptor shows its file as `<path>`, in hexadecimal too.
            let shown =
                rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path);
            let path =
                if shown.contains("\\x") { text(&bytes(&format!("\"{shown}\""))) } else { shown.to_owned() };
            let ours = Path::new(&path).parent() == Some(self.folder.as_path());
            match call {
                "write" if text(&bytes(rest)).contains("promised ") => {
                    return text(&bytes(rest)).trim().split_once("promised ").unwrap().1.to_owned();
                }
                "pwrite64" if ours => {
                    let at = rest.rsplit_once(") =").unwrap().0.rsplit_once(", ").unwrap().1.parse().unwrap();
                    let data = bytes(rest);
                    let file = self.seen.entry(name(&path)).or_default();
                    file.resize(file.len().max(at + data.len()), 0);
                    file[at..at + data.len()].copy_from_slice(&data);
                }
                "ftruncate" if ours => {
                    let length =
                        rest.rsplit_once(") =").unwrap().0.rsplit_once(", ").unwrap().1.parse().unwrap();
                    self.seen.entry(name(&path)).or_default().resize(length, 0);
                }
                "fsync" | "fdatasync" if ours => {
                    let now = self.seen.get(&name(&path)).cloned().unwrap_or_default();
                    self.synced.insert(name(&path), now);
                }
                "fsync" | "fdatasync" if Path::new(&path) == self.folder => {
                    for removed in self.removed.drain(..) {
                        self.synced.remove(&removed);
                    }
                }
                "unlink" => {
                    let gone = name(&text(&bytes(rest)));
                    self.seen.remove(&gone);
                    self.removed.push(gone);
                }
                _ => {}
            }
        }
        panic!("nothing was promised");
    }

    fn write(&self, folder: &Path) {
        for (name, bytes) in self.synced.iter().filter(|(name, _)| *name != "hf.db-shm") {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
}

fn name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn skipped(why: &str) {
    std::io::stderr().write_all(format!("skipped: {why}\n").as_bytes()).unwrap();
}
