//! What these tests share.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hf_core::ground::Target;
use hf_core::status::Readiness;
use hf_core::{Instance, RequestId, TemplateId};
use hf_store::{DATABASE, Durability, Error, NewAcquire, Options, RegisterError, Store};
use jiff::Timestamp;
use rusqlite::Connection;

/// Names the work directory to a child process.
const WORKDIR: &str = "HF_STORE_TEST_WORKDIR";

pub(crate) fn options(workdir: &Path, shared: bool) -> Options {
    Options { workdir: workdir.to_owned(), shared, durability: Durability::Promise }
}

pub(crate) fn try_open(workdir: &Path, shared: bool) -> Result<Store, Error> {
    Store::open(options(workdir, shared), Instance::parse("k8s-hf").unwrap())
}

pub(crate) fn open(workdir: &Path) -> Store {
    try_open(workdir, false).unwrap()
}

pub(crate) fn file(workdir: &Path) -> PathBuf {
    workdir.join(DATABASE)
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

pub(crate) fn template() -> TemplateId {
    TemplateId::parse("T1").unwrap()
}

pub(crate) fn register(store: &mut Store, count: u32) -> Result<RequestId, RegisterError> {
    let (template, target) = (template(), Target::default());
    store.write(|tx| tx.register_acquire(&new(count, &template, &target)))
}

fn new<'a>(count: u32, template: &'a TemplateId, target: &'a Target) -> NewAcquire<'a> {
    NewAcquire {
        id: None,
        template,
        count,
        max_number: None,
        manifest: "{}",
        digest: "d",
        target,
        readiness: Readiness::Running,
        start_timeout: 300,
        create_timeout: 1_800,
        priority: 0,
        now: now(),
    }
}

/// As the command line registers.
pub(crate) fn accept(store: &mut Store, count: u32) -> Result<RequestId, RegisterError> {
    let (template, target) = (template(), Target::default());
    store.accept(|inbox| inbox.accept_acquire(&new(count, &template, &target)))
}

/// Whether the store knows a request with as many machines.
pub(crate) fn knows(store: &mut Store, id: &RequestId, count: usize) -> bool {
    let known = store.read(|tx| match tx.request(id.as_str())? {
        Some(request) => Ok::<_, Error>(tx.machines_of(request.seq)?.len() == count),
        None => Ok(false),
    });
    known.unwrap()
}

/// The file, past the store. Other descriptors of it must not be opened: see `locks.rs`.
pub(crate) fn raw(workdir: &Path) -> Connection {
    Connection::open(file(workdir)).unwrap()
}

pub(crate) fn number(workdir: &Path, sql: &str) -> i64 {
    raw(workdir).query_one(sql, [], |row| row.get(0)).unwrap()
}

pub(crate) fn is_consistent(workdir: &Path) -> bool {
    let said: String = raw(workdir).query_one("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    said == "ok" && number(workdir, "SELECT count(*) FROM pragma_foreign_key_check") == 0
}

/// A command that runs one test of this binary, which is ignored otherwise, in a process of its own.
pub(crate) fn child(test: &str, workdir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env(WORKDIR, workdir);
    command
}

/// The same, behind a shell that prepares its world.
pub(crate) fn child_after(preparation: &str, test: &str, workdir: &Path) -> Command {
    let mut command = Command::new("sh");
    let program = std::env::current_exe().unwrap();
    command.args(["-c", &format!("{preparation} && exec \"$@\""), "sh"]).arg(program);
    command.args(["--exact", test, "--ignored", "--nocapture"]).env(WORKDIR, workdir);
    command
}

/// In the child: the work directory that it was given.
pub(crate) fn given_workdir() -> PathBuf {
    std::env::var_os(WORKDIR).expect("only run by other tests").into()
}

/// A process that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn spawn(mut command: Command) -> Self {
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
