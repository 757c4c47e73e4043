//! The cases, which are data: `xtask/conformance/*.yaml`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::step::{self, Program};

/// One case, which has a site of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// What holds, as a name.
    #[serde(rename = "case")]
    pub(super) name: String,
    /// The rows that it is for.
    pub(super) rows: Vec<String>,
    /// How kubesim is to be. A case that says so is for simulated clusters only.
    #[serde(default)]
    pub(super) simulator: Vec<String>,
    /// `k8sprov_config.json`.
    pub(super) config: Option<Value>,
    /// `k8sprov_templates.json`, if it is not the usual one.
    pub(super) templates: Option<Value>,
    /// More of the pod manifest: merged into the usual one.
    pub(super) pod: Option<Value>,
    /// The watchers that run from the beginning; all unless it is said.
    pub(super) watchers: Option<Vec<Program>>,
    /// What happens.
    pub(super) steps: Vec<Value>,
}

impl Case {
    /// Why a real cluster cannot play it.
    pub(super) fn simulated_only(&self) -> Option<&'static str> {
        if !self.simulator.is_empty() {
            return Some("sets the simulator up");
        }
        let steps = self.steps.iter().filter_map(|step| step::read(step).ok());
        steps.into_iter().find_map(|step| step.simulated_only())
    }
}

/// Reads all cases. Every step is read, so that a mistake is found before anything is started.
pub(super) fn read(directory: &Path) -> anyhow::Result<Vec<Case>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .with_context(|| format!("cannot read {}", directory.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    files.retain(|path| {
        path.extension().is_some_and(|extension| extension == "yaml") && !path.ends_with("rows.yaml")
    });
    files.sort();
    let mut cases = Vec::new();
    for path in files {
        let found: Vec<Value> = yaml(&path)?;
        for case in found {
            let name = case["case"].as_str().unwrap_or("a case without a name").to_owned();
            let within = || format!("{}: {name}", path.display());
            let case: Case = serde_json::from_value(case).with_context(within)?;
            for step in &case.steps {
                step::read(step).with_context(within)?;
            }
            cases.push(case);
        }
    }
    Ok(cases)
}

/// A YAML file.
pub(super) fn yaml<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("{} is not as it should be", path.display()))
}
