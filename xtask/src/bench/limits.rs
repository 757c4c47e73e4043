//! The limits: programs that do the same work with nothing around it.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::server::Nanos;
use crate::harness::{Provider, Site};
use crate::process::{self, Process};

/// A run of a bare client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bare {
    /// When it sent its first request.
    pub(crate) started: Nanos,
    /// How long it took, by its own clock.
    pub(crate) seconds: f64,
    /// How many requests were refused.
    pub(crate) refused: u64,
}

/// Posts pods, so many at a time.
pub(crate) fn post(
    site: &Site<'_>,
    prefix: &str,
    count: u32,
    in_flight: usize,
    image: &str,
) -> anyhow::Result<Bare> {
    let (count, in_flight) = (count.to_string(), in_flight.to_string());
    let flags = ["--prefix", prefix, "--count", &count, "--in-flight", &in_flight, "--image", image];
    bare(&run(site, "post", &flags)?)
}

/// Deletes the pods that were posted with this prefix.
pub(crate) fn delete(site: &Site<'_>, prefix: &str, in_flight: usize) -> anyhow::Result<Bare> {
    let (selector, in_flight) = (format!("bench={prefix}"), in_flight.to_string());
    bare(&run(site, "delete", &["--selector", &selector, "--in-flight", &in_flight])?)
}

/// Lists pods, and says how long that took.
pub(crate) fn list(site: &Site<'_>, selector: &str) -> anyhow::Result<(f64, u64)> {
    let answer = run(site, "list", &["--selector", selector])?;
    let seconds = answer["seconds"].as_f64().context("no time")?;
    Ok((seconds, answer["pods"].as_u64().context("no count")?))
}

fn bare(answer: &Value) -> anyhow::Result<Bare> {
    Ok(Bare {
        started: answer["startedNs"].as_i64().context("no start")?,
        seconds: answer["seconds"].as_f64().context("no time")?,
        refused: answer["failed"].as_u64().context("no count")?,
    })
}

/// Starts a watch that says "ready", and then when the last of so many pods came or went.
pub(crate) fn watch(
    site: &Site<'_>,
    selector: &str,
    count: u32,
    gone: bool,
) -> anyhow::Result<(Process, BufReader<ChildStdout>)> {
    let count = count.to_string();
    let mut words = of(site, &["--selector", selector, "--count", &count]);
    words.extend(gone.then(|| "--gone".to_owned()));
    let process = spawn(site, "watch", &words)?;
    let output = process.take_stdout().context("no output")?;
    Ok((process, BufReader::new(output)))
}

fn run(site: &Site<'_>, command: &str, flags: &[&str]) -> anyhow::Result<Value> {
    start(site, command, &of(site, flags))
}

fn of(site: &Site<'_>, flags: &[&str]) -> Vec<String> {
    let mut words = vec!["--kubeconfig".into(), site.kubeconfig().display().to_string()];
    words.extend(["--namespace".into(), site.namespace().to_owned()]);
    words.extend(flags.iter().map(ToString::to_string));
    words
}

/// How long it takes to read the machines of a request and to print them, in ms.
pub(crate) fn rows(
    provider: &Provider<'_>,
    request: &str,
    by_name: bool,
    times: usize,
) -> anyhow::Result<Vec<f64>> {
    let mut words = store(provider);
    words.extend(["--request".into(), request.to_owned(), "--times".into(), times.to_string()]);
    words.extend(by_name.then(|| "--by-name".to_owned()));
    milliseconds(&start(provider.site(), "rows", &words)?)
}

/// How long it takes to get the write lock each time, until the store has no request any more, in ms.
pub(crate) fn waits(provider: &Provider<'_>) -> anyhow::Result<Vec<f64>> {
    milliseconds(&start(provider.site(), "wait", &store(provider))?)
}

fn milliseconds(answer: &Value) -> anyhow::Result<Vec<f64>> {
    serde_json::from_value(answer["ms"].clone()).context("no times")
}

/// What a store is to hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filling {
    /// Machines that are gone.
    pub(crate) history: u32,
    /// How many of them a request had.
    pub(crate) chunk: u32,
    /// Requests whose machines run.
    pub(crate) live: usize,
    /// Machines of each.
    pub(crate) each: u32,
    /// Requests of one machine that nobody has answered yet.
    pub(crate) open: usize,
}

impl Default for Filling {
    fn default() -> Self {
        Self { history: 0, chunk: 1_000, live: 0, each: 0, open: 0 }
    }
}

/// The requests of a filled store.
#[derive(Debug, Clone)]
pub(crate) struct Filled {
    /// Those whose machines run.
    pub(crate) live: Vec<String>,
    /// Those that are open.
    pub(crate) open: Vec<String>,
}

/// Fills the provider's store.
pub(crate) fn fill(provider: &Provider<'_>, filling: Filling) -> anyhow::Result<Filled> {
    use std::os::unix::fs::DirBuilderExt;
    let workdir = provider.site().path("work");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(workdir)?;
    let mut words = store(provider);
    let Filling { history, chunk, live, each, open } = filling;
    words.extend(["--template".to_owned(), crate::harness::TEMPLATE.to_owned()]);
    for (flag, value) in [
        ("--history", u64::from(history)),
        ("--chunk", u64::from(chunk)),
        ("--live", live as u64),
        ("--each", u64::from(each)),
        ("--open", open as u64),
    ] {
        words.extend([flag.to_owned(), value.to_string()]);
    }
    let answer = start(provider.site(), "fill", &words)?;
    let ids = |key: &str| serde_json::from_value(answer[key].clone()).context("no requests");
    Ok(Filled { live: ids("live")?, open: ids("open")? })
}

/// A process that has the provider's store open, as the watchers always have. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Holder {
    _process: Process,
    orders: ChildStdin,
    said: BufReader<ChildStdout>,
}

/// Holds the provider's store open.
pub(crate) fn hold(provider: &Provider<'_>) -> anyhow::Result<Holder> {
    let process = spawn(provider.site(), "hold", &store(provider))?;
    let orders = process.take_stdin().context("no input")?;
    let said = BufReader::new(process.take_stdout().context("no output")?);
    let mut holder = Holder { _process: process, orders, said };
    holder.hear("held\n")?;
    Ok(holder)
}

impl Holder {
    /// Writes out what was accepted, as a watcher does that the call has woken.
    pub(crate) fn write_out(&mut self) -> anyhow::Result<()> {
        writeln!(self.orders)?;
        self.hear("written\n")
    }

    fn hear(&mut self, word: &str) -> anyhow::Result<()> {
        let mut said = String::new();
        self.said.read_line(&mut said)?;
        ensure!(said == word, "hf-bench-limits hold says {said:?}");
        Ok(())
    }
}

fn store(provider: &Provider<'_>) -> Vec<String> {
    let workdir = provider.site().path("work").display().to_string();
    vec!["--workdir".into(), workdir, "--provider".into(), provider.instance().to_owned()]
}

/// Runs a command of `hf-bench-limits` to its end.
fn start(site: &Site<'_>, command: &str, words: &[String]) -> anyhow::Result<Value> {
    let process = spawn(site, command, words)?;
    let mut text = String::new();
    std::io::Read::read_to_string(&mut process.take_stdout().context("no output")?, &mut text)?;
    let status = process.wait()?;
    ensure!(status.success(), "hf-bench-limits {command} ended with {status}");
    serde_json::from_str(&text).context("hf-bench-limits prints no JSON")
}

fn spawn(site: &Site<'_>, command: &str, words: &[String]) -> anyhow::Result<Process> {
    let mut limits: Command = process::held(site.programs().path("hf-bench-limits")?);
    // An input that ends when we do.
    limits.arg(command).args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
    for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"] {
        limits.env_remove(proxy);
    }
    Process::start("hf-bench-limits", &mut limits)
}
