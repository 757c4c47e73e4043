//! The programs that a site runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::cargo::{self, Profile, Workspace};

/// The built programs, and the scripts of the tree.
#[derive(Debug)]
pub(crate) struct Programs {
    built: BTreeMap<String, PathBuf>,
    scripts: PathBuf,
}

impl Programs {
    /// Builds what is not built yet.
    pub(crate) fn build(profile: Profile) -> anyhow::Result<Self> {
        let built = cargo::build(profile, &["hf-cli", "hf-watchers", "hf-k8s-sim"])?;
        Ok(Self { built, scripts: Workspace::read()?.root.join("scripts") })
    }

    /// Where a program is.
    pub(crate) fn path(&self, name: &str) -> anyhow::Result<&Path> {
        self.built.get(name).map(PathBuf::as_path).with_context(|| format!("there is no program {name}"))
    }

    /// The directory of the scripts that Host Factory calls.
    pub(crate) fn scripts(&self) -> &Path {
        &self.scripts
    }
}
