//! kubesim, killed and started again at one address with its objects kept, and troubled on command.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::site::{NAMESPACE, Site};
use crate::harness::{clear, logs};
use crate::process::{self, Process};

/// The cluster. It must be started by a thread that lives as long as it does.
#[derive(Debug)]
pub(super) struct Kubesim<'s> {
    site: &'s Site,
    seed: u64,
    port: u16,
    running: Option<(Process, ChildStdin)>,
    agent: ureq::Agent,
}

/// How long it may take to serve.
const START: Duration = Duration::from_secs(30);

/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(5);

impl<'s> Kubesim<'s> {
    /// Starts it for the first time.
    pub(super) fn start(site: &'s Site, seed: u64) -> anyhow::Result<Self> {
        let agent = ureq::Agent::config_builder().timeout_global(Some(COMMAND)).build().new_agent();
        let mut kubesim = Self { site, seed, port: free_port(seed)?, running: None, agent };
        kubesim.revive()?;
        Ok(kubesim)
    }

    /// Where its objects are kept.
    pub(super) fn objects(site: &Site) -> PathBuf {
        site.path("objects")
    }

    /// Where the watchers find it.
    pub(super) fn kubeconfig(site: &Site) -> PathBuf {
        site.path("kubeconfig")
    }

    /// Starts it anew, and waits until it serves.
    pub(super) fn revive(&mut self) -> anyhow::Result<()> {
        let logs = self.site.path("log");
        let mut command = process::held(self.site.programs.path("kubesim")?);
        clear(&mut command);
        command
            .args(["--listen", &format!("127.0.0.1:{}", self.port), "--until-eof", "--namespace", NAMESPACE])
            .arg("--kubeconfig")
            .arg(Self::kubeconfig(self.site))
            .arg("--objects")
            .arg(Self::objects(self.site))
            .args(["--seed", &self.seed.to_string()])
            // So few that it is full now and then.
            .args(["--nodes", "4", "--pods-per-node", "110"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(logs::create(&logs, "kubesim.err")?);
        let process = Process::start("kubesim", &mut command)?;
        let input = process.take_stdin().context("kubesim has no input")?;
        let output = process.take_stdout().context("kubesim has no output")?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(output).read_line(&mut line);
            sender.send(read.map(|_| line))
        });
        let line = receiver.recv_timeout(START).context("kubesim does not say that it serves")??;
        ensure!(line.starts_with("kubesim serves "), "kubesim does not serve; it says {line:?}");
        self.running = Some((process, input));
        Ok(())
    }

    /// Kills it.
    pub(super) fn kill(&mut self) {
        self.running = None;
    }

    /// Whether it runs.
    pub(super) fn runs(&self) -> bool {
        self.running.is_some()
    }

    /// It never ends by itself.
    pub(super) fn check_alive(&self) -> anyhow::Result<()> {
        match &self.running {
            Some((process, _)) => match process.ended()? {
                Some(status) => bail!("kubesim ended by itself ({status})"),
                None => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// Sends a command. While it is down, that fails.
    pub(super) fn command(&self, command: &str) -> anyhow::Result<Value> {
        self.send(self.agent.post(self.url(command)).send_empty())
    }

    /// Removes all faults.
    pub(super) fn forget_faults(&self) -> anyhow::Result<()> {
        self.send(self.agent.delete(self.url("faults")).call()).map(drop)
    }

    /// Asks for something.
    pub(super) fn get(&self, command: &str) -> anyhow::Result<Value> {
        self.send(self.agent.get(self.url(command)).call())
    }

    fn url(&self, command: &str) -> String {
        format!("http://127.0.0.1:{}/kubesim/{command}", self.port)
    }

    fn send(&self, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> anyhow::Result<Value> {
        ensure!(self.running.is_some(), "kubesim does not run");
        Ok(serde_json::from_reader(answer?.body_mut().as_reader())?)
    }
}

/// A free port below those that the kernel gives to clients: one of theirs could be taken while kubesim is dead, or a
/// client could even be connected to itself.
fn free_port(seed: u64) -> anyhow::Result<u16> {
    let first = u16::try_from(seed % 10_000).unwrap_or_default();
    let ports = (0..10_000).map(|n| 20_000 + (first + n) % 10_000);
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.into_iter().find(free).context("no port is free between 20000 and 30000")
}
