//! Cargo, as the tasks call it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::process::Process;

/// Whether what is built is to be fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quickly built.
    Dev,
    /// Quick when it runs.
    Release,
}

/// What `cargo metadata` says of the workspace's own packages.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The directory of the workspace's manifest.
    pub(crate) root: PathBuf,
    /// The members.
    pub(crate) packages: Vec<Package>,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
}

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its manifest.
    pub(crate) manifest: PathBuf,
    /// What it depends on directly, and whether only its tests do.
    pub(crate) dependencies: Vec<(String, bool)>,
    /// The file where each of its targets begins.
    pub(crate) roots: Vec<PathBuf>,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let text = output(&["metadata", "--format-version", "1", "--no-deps", "--locked"])?;
        let metadata: Value = serde_json::from_str(&text).context("cargo metadata prints no JSON")?;
        let packages = array(&metadata["packages"]).iter().map(package).collect::<Option<Vec<_>>>();
        Ok(Self {
            root: path(&metadata["workspace_root"]).context("cargo metadata names no workspace")?,
            target: path(&metadata["target_directory"])
                .context("cargo metadata names no target directory")?,
            packages: packages.context("cargo metadata names no packages")?,
        })
    }
}

fn package(value: &Value) -> Option<Package> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let dependencies = array(&value["dependencies"]).iter();
    let roots = array(&value["targets"]).iter();
    Some(Package {
        name: text(&value["name"])?,
        manifest: path(&value["manifest_path"])?,
        dependencies: dependencies
            .map(|dependency| Some((text(&dependency["name"])?, dependency["kind"] == "dev")))
            .collect::<Option<_>>()?,
        roots: roots.map(|target| path(&target["src_path"])).collect::<Option<_>>()?,
    })
}

fn path(value: &Value) -> Option<PathBuf> {
    value.as_str().map(PathBuf::from)
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A cargo command.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments);
    // The cargo that started xtask describes xtask in the environment. Build scripts ask to be run again when that
    // changes, and half of the graph would be built anew each time.
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(key);
        }
    }
    command
}

/// Runs cargo, whose output is the reader's.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = shown(command);
    let status = Process::start(&name, command)?.wait()?;
    ensure!(status.success(), "{name} failed ({status})");
    Ok(())
}

/// Runs cargo for what it prints on standard output.
pub(crate) fn output(arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = command(arguments);
    let output = command.output().context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} failed: {}", shown(&command), said.trim());
    String::from_utf8(output.stdout).with_context(|| format!("{} prints no text", shown(&command)))
}

/// Whether a sub-command such as `nextest` is installed.
pub(crate) fn has(subcommand: &str) -> bool {
    let mut command = command(&[subcommand, "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Builds the programs of some packages, with cargo's progress on standard error, and says where each is.
pub(crate) fn build(profile: Profile, packages: &[&str]) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut command =
        command(&["build", "--locked", "--bins", "--message-format", "json-render-diagnostics"]);
    match profile {
        Profile::Dev => {}
        Profile::Release => {
            command.arg("--release");
        }
    }
    for package in packages {
        command.args(["--package", package]);
    }
    let name = shown(&command);
    let process = Process::start(&name, command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let mut programs = BTreeMap::new();
    for line in BufReader::new(process.take_stdout().context("cargo has no output")?).lines() {
        let message: Value = serde_json::from_str(&line?).context("cargo prints no JSON")?;
        if let Some(program) = message["executable"].as_str().map(Path::new) {
            let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
            programs.insert(name, program.to_owned());
        }
    }
    let status = process.wait()?;
    ensure!(status.success(), "{name} failed ({status})");
    Ok(programs)
}

/// Links `hf-cli` anew without shared libraries, as the README says. Returns whether that is possible here.
pub(crate) fn static_cli() -> anyhow::Result<bool> {
    let mut command = command(&["static-cli"]);
    let name = shown(&command);
    Ok(Process::start(&name, command.stdin(Stdio::null()))?.wait()?.success())
}

/// A command as a reader would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
