//! Where it all happens: a directory with a configuration whose times are short, so that everything that can time out
//! does within a run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::Programs;

/// The provider instance.
pub(super) const INSTANCE: &str = "chaos";

/// Where its pods are.
pub(super) const NAMESPACE: &str = "symphony";

/// A kind of machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// Its template.
    pub(super) template: &'static str,
    /// How often it is asked for.
    pub(super) weight: u32,
    /// Whether its pods do what they should.
    pub(super) good: bool,
    /// What kubesim does with its pods.
    annotations: &'static [(&'static str, &'static str)],
    grace: u32,
    /// Another setting than the site's, in seconds.
    start_timeout: Option<u32>,
}

const fn kind(
    template: &'static str,
    weight: u32,
    annotations: &'static [(&'static str, &'static str)],
) -> Kind {
    Kind { template, weight, good: true, annotations, grace: 1, start_timeout: None }
}

/// The kinds of machines; those that are not good only with `--faults`.
pub(super) const KINDS: &[Kind] = &[
    kind("plain", 60, &[]),
    kind("slow", 15, &[("kubesim/start-delay", "2s")]),
    Kind { grace: 3, ..kind("lingers", 10, &[("kubesim/stop-delay", "1500ms")]) },
    Kind { good: false, start_timeout: Some(6), ..kind("never", 4, &[("kubesim/image-pull-error", "yes")]) },
    Kind { good: false, start_timeout: Some(6), ..kind("crashes", 4, &[("kubesim/crash-loop", "yes")]) },
    Kind { good: false, ..kind("fails", 5, &[("kubesim/exit-code", "3"), ("kubesim/exit-after", "3s")]) },
    Kind { good: false, ..kind("ends", 4, &[("kubesim/exit-code", "0"), ("kubesim/exit-after", "500ms")]) },
    Kind { good: false, ..kind("stays", 4, &[("kubesim/ignore-delete", "yes")]) },
];

/// The directory and the programs of a run.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) programs: Programs,
    directory: TempDir,
}

impl Site {
    /// Makes the directories and writes the configuration.
    pub(super) fn make(programs: Programs) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("hf-chaos-")
            .tempdir()
            .context("cannot make a temporary directory")?;
        let site = Self { programs, directory };
        for name in ["conf", "log", "tmp"] {
            std::fs::create_dir(site.path(name))?;
        }
        // Short enough to come to pass within a run, and long enough not to be what usually happens.
        let settings = json!({
            "startTimeout": 20, "createTimeout": 60, "claimTimeout": 20, "unclaimed": "delete",
            "resyncInterval": 1, "failedPodRetention": 3, "forceDeleteAfter": 5,
        });
        site.put("k8sprov_config.json", &settings)?;
        let templates: Vec<Value> = KINDS.iter().map(template).collect();
        site.put("k8sprov_templates.json", &json!({ "templates": templates }))?;
        KINDS.iter().try_for_each(|kind| site.put(&format!("{}.json", kind.template), &pod(kind)))?;
        Ok(site)
    }

    fn put(&self, name: &str, document: &Value) -> anyhow::Result<()> {
        let path = self.path("conf").join(name);
        std::fs::write(&path, format!("{document:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Something in the directory.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Leaves the directory where it is.
    pub(super) fn keep(&mut self) {
        self.directory.disable_cleanup(true);
    }

    /// What Host Factory sets for the scripts.
    pub(super) fn environment(&self) -> anyhow::Result<Vec<(&'static str, OsString)>> {
        Ok(vec![
            ("HF_PROVIDER_NAME", INSTANCE.into()),
            ("HF_PROVIDER_CONFDIR", self.path("conf").into()),
            ("HF_PROVIDER_WORKDIR", self.path("work").into()),
            ("HF_PROVIDER_LOGDIR", self.path("log").into()),
            ("HF_TOP", self.directory().into()),
            ("HF_VERSION", "1.2".into()),
            // Not Host Factory's: a site sets it where the scripts are not beside the program.
            ("HF_K8S_BIN", self.programs.path("hf-cli")?.into()),
        ])
    }
}

fn template(kind: &Kind) -> Value {
    let mut template = json!({
        "templateId": kind.template,
        "maxNumber": 100_000,
        "attributes": {"type": ["String", "X86_64"], "ncpus": ["Numeric", "1"], "nram": ["Numeric", "512"]},
        "podSpec": format!("{}.json", kind.template),
    });
    if let Some(seconds) = kind.start_timeout {
        template["startTimeout"] = seconds.into();
    }
    template
}

fn pod(kind: &Kind) -> Value {
    let annotations: serde_json::Map<_, _> =
        kind.annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
    let requests = json!({"requests": {"cpu": "1m", "memory": "8Mi"}});
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"annotations": annotations},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": kind.grace,
            "containers": [{"name": "host", "image": "registry.invalid/host:1", "resources": requests}],
        }
    })
}
