//! kubesim as a process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use super::{Programs, logs, site};
use crate::process::{self, Process};

/// A running kubesim. It ends with its guard, and with its standard input if xtask is gone.
#[derive(Debug)]
pub(crate) struct Simulator {
    kubeconfig: PathBuf,
    admin_kubeconfig: PathBuf,
    url: String,
    agent: ureq::Agent,
    _input: ChildStdin,
    _process: Process,
}

/// How long it may take to serve.
const LIMIT: Duration = Duration::from_secs(30);

impl Simulator {
    /// Starts it and waits until it serves. Its kubeconfig goes into the directory, what it complains about into `log`.
    pub(crate) fn start(
        programs: &Programs,
        directory: &Path,
        namespace: &str,
        options: &[String],
    ) -> anyhow::Result<Self> {
        let kubeconfig = directory.join("kubeconfig");
        let admin_kubeconfig = directory.join("admin-kubeconfig");
        let mut command = process::held(programs.path("kubesim")?);
        site::clear(&mut command);
        command
            .args(["--listen", "127.0.0.1:0", "--until-eof", "--namespace", namespace, "--kubeconfig"])
            .arg(&kubeconfig)
            .arg("--admin-kubeconfig")
            .arg(&admin_kubeconfig)
            // The watchers may do what the shipped role lets them do, and nothing else.
            .arg("--role")
            .arg(programs.scripts().join("kubernetes/rbac.yaml"))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(logs::create(&directory.join("log"), "kubesim.err")?);
        let process = Process::start("kubesim", &mut command)?;
        let input = process.take_stdin().context("kubesim has no input")?;
        let output = process.take_stdout().context("kubesim has no output")?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(output).read_line(&mut line);
            sender.send(read.map(|_| line))
        });
        let line = receiver.recv_timeout(LIMIT).context("kubesim does not say that it serves")??;
        let Some(url) = line.trim().strip_prefix("kubesim serves ").map(str::to_owned) else {
            bail!("kubesim does not serve; it says {line:?}");
        };
        Ok(Self { kubeconfig, admin_kubeconfig, url, agent: ureq::agent(), _input: input, _process: process })
    }

    /// The kubeconfig of somebody who may do everything.
    pub(crate) fn admin_kubeconfig(&self) -> &Path {
        &self.admin_kubeconfig
    }

    /// The kubeconfig that it wrote, with the rights of the shipped role.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Where it serves.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Gives a command, such as `pods/NAMESPACE/NAME/evict`.
    pub(crate) fn command(&self, command: &str) -> anyhow::Result<()> {
        let answer = self.agent.post(format!("{}/kubesim/{command}", self.url)).send_empty();
        answer.map(drop).with_context(|| format!("kubesim refuses {command}"))
    }

    /// Asks it with one of its own commands that only read.
    pub(crate) fn ask(&self, command: &str) -> anyhow::Result<Value> {
        let mut answer = self.agent.get(format!("{}/kubesim/{command}", self.url)).call()?;
        // All at once: reading a log of megabytes byte by byte would take longer than what it tells of.
        let text = answer.body_mut().with_config().limit(u64::MAX).read_to_vec()?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// How many requests with this verb and resource it has accepted.
    pub(crate) fn accepted(&self, verb: &str, resource: &str) -> anyhow::Result<u64> {
        let books = self.ask("requests")?;
        let counts = books["counts"].as_array().context("kubesim counts nothing")?;
        let of_kind = counts.iter().filter(|count| count["verb"] == verb && count["resource"] == resource);
        let accepted = of_kind.filter(|count| count["status"].as_u64().is_some_and(|status| status < 300));
        Ok(accepted.filter_map(|count| count["count"].as_u64()).sum())
    }
}
