//! The programs that a site runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::cargo::{self, Profile, Workspace};

/// The built programs, and the scripts of the tree.
#[derive(Debug)]
pub(crate) struct Programs {
    built: BTreeMap<String, PathBuf>,
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
        Ok(Self { built, scripts: root.join("scripts"), root })
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
