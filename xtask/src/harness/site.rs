//! A site: a directory, a cluster and a configuration.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use super::{Cluster, Layout, Programs, Provider, Simulator, Target, configuration, logs};

/// What a site is to be like.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    /// More options for kubesim; a real cluster is as it is.
    pub(crate) simulator: Vec<String>,
}

impl Setup {
    /// A site whose kubesim has these options.
    pub(crate) fn simulated(options: &[&str]) -> Self {
        Self { simulator: options.iter().map(ToString::to_string).collect() }
    }
}

/// A directory, a cluster and a configuration. All of it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Site<'p> {
    // Fields are dropped in this order: the directory goes last.
    simulator: Option<Simulator>,
    cluster: Cluster,
    kubeconfig: PathBuf,
    namespace: String,
    patience: Duration,
    programs: &'p Programs,
    directory: TempDir,
}

/// The namespace in a simulated cluster.
const NAMESPACE: &str = "symphony";

impl<'p> Site<'p> {
    /// Makes the directories, writes the configuration, and starts kubesim unless there is a real cluster.
    pub(crate) fn start(programs: &'p Programs, target: &Target, setup: &Setup) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("hf-k8s-")
            .tempdir()
            .context("cannot make a temporary directory")?;
        for name in ["conf", "log", "tmp"] {
            std::fs::create_dir(directory.path().join(name))?;
        }
        configuration::write(&directory.path().join("conf"), &target.image)?;
        let (simulator, cluster, kubeconfig, namespace) = if let Some((kubeconfig, namespace)) = target.real()
        {
            let kubeconfig = std::path::absolute(kubeconfig)?;
            (None, Cluster::real(&kubeconfig, namespace)?, kubeconfig, namespace)
        } else {
            let simulator = Simulator::start(programs, directory.path(), NAMESPACE, &setup.simulator)?;
            let kubeconfig = simulator.kubeconfig().to_owned();
            let cluster = Cluster::simulated(simulator.admin_kubeconfig(), NAMESPACE)?;
            (Some(simulator), cluster, kubeconfig, NAMESPACE)
        };
        let (namespace, patience) = (namespace.to_owned(), target.patience());
        Ok(Self { simulator, cluster, kubeconfig, namespace, patience, programs, directory })
    }

    /// A provider instance of this site, of which no watcher runs yet.
    pub(crate) fn provider(&self, name: &str) -> anyhow::Result<Provider<'_>> {
        Provider::new(self, self.unique(name), Layout::of_tree(self)?)
    }

    /// A name for an instance, unlike any other in a cluster that others use too.
    pub(crate) fn unique(&self, name: &str) -> String {
        let unique = self.directory.path().file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        format!("{name}-{}", unique.replace("hf-k8s-", ""))
    }

    /// A provider instance that is installed somewhere.
    pub(crate) fn installed(&self, instance: &str, layout: Layout) -> anyhow::Result<Provider<'_>> {
        Provider::new(self, instance.to_owned(), layout)
    }

    /// What the API server holds.
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The kubesim of this site, unless the cluster is a real one.
    pub(crate) fn simulator(&self) -> Option<&Simulator> {
        self.simulator.as_ref()
    }

    /// The kubeconfig that the watchers use.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The namespace where pods are made.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// How long something that must happen may take.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// The programs.
    pub(crate) fn programs(&self) -> &Programs {
        self.programs
    }

    /// The site's directory: `conf`, `work`, `log` and `tmp`.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A directory of the site.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The last lines of all logs.
    pub(crate) fn tails(&self) -> String {
        logs::tails(&self.path("log"))
    }

    /// Leaves the directory where it is.
    pub(crate) fn keep(&mut self) {
        self.directory.disable_cleanup(true);
    }
}

/// Takes out of a command's environment what could lead a program of ours to another site than this one.
pub(crate) fn clear(command: &mut Command) {
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        let proxy = name.to_ascii_lowercase().ends_with("_proxy");
        if name.starts_with("HF_") || name == "KUBECONFIG" || proxy {
            command.env_remove(key);
        }
    }
}
