//! Host Factory's calls, one at a time, each with what it cost. A small process makes them, see `hf-bench-spawn`.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{Call, Host, Provider, input, machines};
use crate::process::{self, Process};

/// What a program cost.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cost {
    /// From its start to its end, in ms.
    pub(crate) wall_ms: f64,
    /// User and system time, in ms.
    pub(crate) cpu_ms: f64,
    /// Resident at most, in MB.
    pub(crate) peak_mb: f64,
    success: bool,
    /// When it had ended, in nanoseconds since the epoch.
    pub(crate) ended_ns: i64,
}

/// Makes calls.
#[derive(Debug)]
pub(crate) struct Caller {
    process: Process,
    jobs: ChildStdin,
    reports: BufReader<ChildStdout>,
    scripts: PathBuf,
    input: PathBuf,
    output: PathBuf,
    synced: PathBuf,
    noop: PathBuf,
}

impl Caller {
    /// Starts the process that makes them for this provider instance.
    pub(crate) fn start(provider: &Provider<'_>) -> anyhow::Result<Self> {
        let site = provider.site();
        let unique = provider.instance();
        let output = site.path("tmp").join(format!("{unique}.out"));
        let mut command = process::held(site.programs().path("hf-bench-spawn")?);
        provider.factory.surround(&mut command);
        command.arg(&output).stdin(Stdio::piped()).stdout(Stdio::piped());
        let process = Process::start("hf-bench-spawn", &mut command)?;
        let jobs = process.take_stdin().context("hf-bench-spawn has no input")?;
        let reports = BufReader::new(process.take_stdout().context("hf-bench-spawn has no output")?);
        let (scripts, input) =
            (provider.factory.scripts.clone(), site.path("tmp").join(format!("{unique}.in")));
        let synced = site.path("work").join("bench.sync");
        let noop = site.path("tmp").join("noop");
        if !noop.exists() {
            let linked = site.path("tmp").join("noop.linked");
            link(&site.programs().source("xtask/limits/src/bin/hf-bench-noop.rs"), &linked)?;
            // As our programs are (see [`crate::harness::Programs::install`]).
            std::fs::copy(&linked, &noop)?;
        }
        Ok(Self { process, jobs, reports, scripts, input, output, synced, noop })
    }

    /// Makes a call, which must succeed.
    pub(crate) fn call(&mut self, call: Call, input: &Value) -> anyhow::Result<Cost> {
        std::fs::write(&self.input, input::written(input))?;
        let words = [self.scripts.join(call.script()), "-f".into(), self.input.clone()];
        let report = self.job(&json!({"argv": words}))?;
        let cost: Cost = serde_json::from_value(report)?;
        ensure!(
            cost.success,
            "{} failed: {}",
            call.script(),
            String::from_utf8_lossy(&std::fs::read(&self.output)?)
        );
        Ok(cost)
    }

    /// What the last call answered.
    pub(crate) fn answer(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&std::fs::read(&self.output)?).context("the answer is no JSON")
    }

    /// Asks for machines.
    pub(crate) fn request(&mut self, template: &str, count: u32) -> anyhow::Result<(Cost, String)> {
        let input = json!({"template": {"templateId": template, "machineCount": count}});
        let cost = self.call(Call::Request, &input)?;
        Ok((cost, self.id()?))
    }

    /// Gives machines back.
    pub(crate) fn give_back(&mut self, hosts: &[Host]) -> anyhow::Result<(Cost, String)> {
        let cost = self.call(Call::Return, &machines(hosts))?;
        Ok((cost, self.id()?))
    }

    fn id(&self) -> anyhow::Result<String> {
        Ok(self.answer()?["requestId"].as_str().context("the answer has no id")?.to_owned())
    }

    /// What a call costs that does nothing: a shell that becomes a program that ends.
    pub(crate) fn nothing(&mut self) -> anyhow::Result<Cost> {
        let words = json!(["/bin/sh", "-c", "exec \"$0\"", self.noop]);
        Ok(serde_json::from_value(self.job(&json!({"argv": words}))?)?)
    }

    /// What it costs to have 4 KB on disk, in ms.
    pub(crate) fn sync(&mut self) -> anyhow::Result<f64> {
        let report = self.job(&json!({"sync": self.synced}))?;
        report["wallMs"].as_f64().context("no time")
    }

    fn job(&mut self, job: &Value) -> anyhow::Result<Value> {
        crate::stop::check()?;
        writeln!(self.jobs, "{job}")?;
        let mut line = String::new();
        self.reports.read_line(&mut line)?;
        serde_json::from_str(&line)
            .with_context(|| format!("hf-bench-spawn says {line:?} ({:?})", self.process.ended()))
    }
}

/// Compiles a program without dependencies that needs no loader.
fn link(source: &std::path::Path, program: &std::path::Path) -> anyhow::Result<()> {
    let flags = ["--edition", "2024", "-O", "-Cpanic=abort"];
    let placed = ["-Ctarget-feature=+crt-static", "-Crelocation-model=static", "-o"];
    let compiled = Command::new("rustc").args(flags).args(placed).arg(program).arg(source).output()?;
    let said = String::from_utf8_lossy(&compiled.stderr);
    ensure!(compiled.status.success(), "cannot link a static program: {}", said.trim());
    Ok(())
}
