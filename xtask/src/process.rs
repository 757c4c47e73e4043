//! Child processes that never outlive xtask.
//!
//! Each is in a process group of its own, so that a Ctrl-C at the terminal reaches xtask alone, which then ends them
//! in order. The guard kills the group when it is dropped, on errors and panics too. And because xtask can be killed
//! with SIGKILL, each child asks the kernel to be killed with its parent (see [`hold`]).

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal};

use crate::stop;

/// All children that may be running.
static RUNNING: Mutex<Vec<Weak<Mutex<Child>>>> = Mutex::new(Vec::new());

/// The first pause before a process that is waited for is looked at again; it grows to the last one.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(25);

/// A running child and what it started.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    pid: Pid,
    child: Arc<Mutex<Child>>,
}

impl Process {
    /// Starts a command in a process group of its own.
    ///
    /// Must be called from a thread that lives as long as the process, if the command was made by [`held`]: the kernel
    /// takes the end of that thread for the end of the parent.
    pub(crate) fn start(name: impl Into<String>, command: &mut Command) -> anyhow::Result<Self> {
        let name = name.into();
        let mut running = lock(&RUNNING);
        // Looked at under the lock: whoever kills them all kills this one too, or it is not started.
        stop::check()?;
        let child = command.process_group(0).spawn().with_context(|| format!("cannot start {name}"))?;
        let pid = Pid::from_child(&child);
        let child = Arc::new(Mutex::new(child));
        running.retain(|other| other.strong_count() > 0);
        running.push(Arc::downgrade(&child));
        Ok(Self { name, pid, child })
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its number.
    pub(crate) fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Its standard input, if it is a pipe and was not taken before.
    pub(crate) fn take_stdin(&self) -> Option<ChildStdin> {
        lock(&self.child).stdin.take()
    }

    /// Its standard output, if it is a pipe and was not taken before.
    pub(crate) fn take_stdout(&self) -> Option<ChildStdout> {
        lock(&self.child).stdout.take()
    }

    /// Its standard error, if it is a pipe and was not taken before.
    pub(crate) fn take_stderr(&self) -> Option<ChildStderr> {
        lock(&self.child).stderr.take()
    }

    /// How it ended, or `None` while it runs.
    pub(crate) fn ended(&self) -> anyhow::Result<Option<ExitStatus>> {
        lock(&self.child).try_wait().with_context(|| format!("cannot wait for {}", self.name))
    }

    /// Sends a signal to it alone.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let mut child = lock(&self.child);
        if child.try_wait()?.is_none() {
            rustix::process::kill_process(self.pid, signal)
                .with_context(|| format!("cannot send a signal to {}", self.name))?;
        }
        Ok(())
    }

    /// Whether it has a handler for a signal yet. The kernel knows.
    pub(crate) fn catches(&self, signal: Signal) -> bool {
        let path = format!("/proc/{}/status", self.pid.as_raw_nonzero());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
        mask & (1 << (signal.as_raw() - 1)) != 0
    }

    /// Waits until it ends.
    pub(crate) fn wait(&self) -> anyhow::Result<ExitStatus> {
        self.wait_until(None)
    }

    /// Waits until it ends, but not longer than `limit`.
    pub(crate) fn wait_for(&self, limit: Duration) -> anyhow::Result<ExitStatus> {
        self.wait_until(Some(limit))
    }

    fn wait_until(&self, limit: Option<Duration>) -> anyhow::Result<ExitStatus> {
        let since = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            stop::check()?;
            if let Some(limit) = limit.filter(|limit| since.elapsed() > *limit) {
                bail!("{} still runs after {}", self.name, crate::console::seconds(limit));
            }
            std::thread::sleep(pause);
            pause = LAST_PAUSE.min(pause * 2);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        kill(&mut child);
        let _ = child.wait();
    }
}

/// Kills everything that runs. Called when xtask is told to end.
pub(crate) fn kill_all() {
    for child in lock(&RUNNING).drain(..).filter_map(|child| child.upgrade()) {
        kill(&mut lock(&child));
    }
}

/// Kills a child and its group. One that was waited for is left alone: its number may be another's by now.
fn kill(child: &mut Child) {
    if let Ok(None) = child.try_wait() {
        let _ = rustix::process::kill_process_group(Pid::from_child(child), Signal::KILL);
    }
}

/// A guard that panicked while it held a child has broken nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A command for `program` that the kernel kills when xtask ends, however that happens.
pub(crate) fn held(program: &Path) -> Command {
    // This very program, also when it was built anew meanwhile.
    let mut command = Command::new("/proc/self/exe");
    command.arg("hold").arg(std::process::id().to_string()).arg("--").arg(program);
    command
}

/// A program that is to end with xtask.
#[derive(Debug, clap::Args)]
pub(crate) struct Hold {
    /// The process that it is to end with.
    parent: u32,
    /// The program.
    program: OsString,
    /// Its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Asks the kernel to be killed with the parent, then becomes the program.
///
/// Only the process itself can ask for that, between fork and exec, where Rust calls everything unsafe: hence the
/// detour through this program, whose process the other then takes over.
pub(crate) fn hold(hold: Hold) -> anyhow::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get().unsigned_abs());
    if parent != Some(hold.parent) {
        bail!("xtask ended before {} began", hold.program.display());
    }
    Err(Command::new(&hold.program).args(hold.arguments).exec())
        .with_context(|| format!("cannot run {}", hold.program.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a process with this number runs. One that has ended and was not waited for does not.
    fn runs(pid: Pid) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
        stat.is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|rest| !rest.starts_with('Z')))
    }

    #[test]
    fn a_guard_leaves_nothing_behind() {
        // The shell starts another process, which the guard has never heard of.
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 1000 & echo $!; wait"]).stdout(std::process::Stdio::piped());
        let process = Process::start("a shell", &mut shell).unwrap();
        let mut line = String::new();
        let mut output = std::io::BufReader::new(process.take_stdout().unwrap());
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        let other = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        let pid = process.pid;
        assert!(runs(pid) && runs(other));
        drop(process);
        assert!(!runs(pid));
        // It ends by itself, after the signal.
        let since = Instant::now();
        while runs(other) && since.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(LAST_PAUSE);
        }
        assert!(!runs(other));
    }

    #[test]
    fn waiting_ends_with_the_process_or_the_limit() {
        let quick = Process::start("true", &mut Command::new("true")).unwrap();
        assert!(quick.wait().unwrap().success());
        assert!(quick.ended().unwrap().is_some());
        let slow = Process::start("sleep", Command::new("sleep").arg("1000")).unwrap();
        assert!(!slow.catches(Signal::TERM));
        let error = slow.wait_for(Duration::from_millis(10)).unwrap_err();
        assert!(error.to_string().contains("still runs"), "{error}");
    }
}
