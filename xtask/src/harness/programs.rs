//! The programs that a site runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

use crate::cargo::{self, Profile, Workspace};

/// The built programs, and the scripts of the tree.
#[derive(Debug)]
pub(crate) struct Programs {
    built: BTreeMap<String, PathBuf>,
    /// Where they are, if they are installed.
    installed: Option<TempDir>,
    root: PathBuf,
    scripts: PathBuf,
}

impl Programs {
    /// Builds what is not built yet.
    pub(crate) fn build(profile: Profile) -> anyhow::Result<Self> {
        Self::of(profile, &["hf-admin", "hf-cli", "hf-watchers", "hf-k8s-sim"])
    }

    /// As [`Self::build`], with what the benchmark measures beside us.
    pub(crate) fn with_limits(profile: Profile) -> anyhow::Result<Self> {
        Self::of(profile, &["hf-cli", "hf-watchers", "hf-k8s-sim", "hf-bench-limits"])
    }

    fn of(profile: Profile, packages: &[&str]) -> anyhow::Result<Self> {
        let built = cargo::build(profile, packages)?;
        let root = Workspace::read()?.root;
        Ok(Self { built, installed: None, scripts: root.join("scripts"), root })
    }

    /// Copies them to a directory of their own, as whoever installs them does. Linux keeps a file that was copied in
    /// larger pieces than one that a linker has just made, and a call takes 0.2 to 0.5 ms less.
    pub(crate) fn install(&mut self) -> anyhow::Result<()> {
        let directory = tempfile::Builder::new().prefix("hf-programs-").tempdir()?;
        for (name, program) in &mut self.built {
            let copy = directory.path().join(name);
            std::fs::copy(&program, &copy).with_context(|| format!("cannot copy {}", program.display()))?;
            *program = copy;
        }
        self.installed = Some(directory);
        Ok(())
    }

    /// Where a program is.
    pub(crate) fn path(&self, name: &str) -> anyhow::Result<&Path> {
        self.built.get(name).map(PathBuf::as_path).with_context(|| format!("there is no program {name}"))
    }

    /// A file of the tree.
    pub(crate) fn source(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The directory of the scripts that Host Factory calls.
    pub(crate) fn scripts(&self) -> &Path {
        &self.scripts
    }
}
