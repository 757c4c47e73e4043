//! Nothing is left of a demo that somebody stops, however they do it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::process::Signal;

use crate::harness::{Look, Site, until};
use crate::process::Process;

/// How long what was started may take to end.
const SOON: Duration = Duration::from_secs(10);

/// Ctrl-C, SIGTERM, and SIGKILL, after which only the kernel can clear up.
pub(crate) fn nothing_is_left(_: &Site<'_>) -> anyhow::Result<()> {
    for (signal, code) in [(Signal::INT, Some(130)), (Signal::TERM, Some(143)), (Signal::KILL, None)] {
        let (demo, directory) = start()?;
        until("its programs run", SOON, || {
            let running = programs(&directory)?;
            Ok(Look::new((running.len() >= 4).then_some(()), || format!("these run: {running:?}")))
        })?;
        demo.signal(signal)?;
        let status = demo.wait_for(SOON)?;
        ensure!(status.code() == code, "{signal:?} ended it with {status}");
        until("its programs end", SOON, || {
            let running = programs(&directory)?;
            Ok(Look::new(running.is_empty().then_some(()), || format!("these run: {running:?}")))
        })?;
        if code.is_some() {
            ensure!(!directory.exists(), "{} stays after {signal:?}", directory.display());
        } else {
            std::fs::remove_dir_all(&directory)?;
        }
    }
    Ok(())
}

/// Starts a demo that takes a while, and says which directory it works in.
fn start() -> anyhow::Result<(Process, PathBuf)> {
    let mut command = Command::new("/proc/self/exe");
    command
        .args(["demo", "--machines", "1000"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let demo = Process::start("the demo", &mut command)?;
    let output = demo.take_stdout().context("the demo has no output")?;
    for line in BufReader::new(output).lines() {
        if let Some(rest) = line?.strip_prefix("All files are in ") {
            let directory = rest.split_whitespace().next().context("the demo names no directory")?;
            return Ok((demo, PathBuf::from(directory)));
        }
    }
    bail!("the demo ended before it began")
}

/// The processes that were told of a directory, by their command lines.
fn programs(directory: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        // Processes come and go while one looks.
        let Ok(line) = std::fs::read(entry?.path().join("cmdline")) else { continue };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&*directory.to_string_lossy()) {
            found.push(line);
        }
    }
    Ok(found)
}
