//! Where a provider's things are, as Host Factory's configuration says, and how its programs are told.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use super::{Site, site};

/// The directories of one provider instance.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// `confPath`
    pub(crate) confdir: PathBuf,
    /// `workPath`
    pub(crate) workdir: PathBuf,
    /// `logPath`
    pub(crate) logdir: PathBuf,
    /// `scriptPath`
    pub(crate) scripts: PathBuf,
    /// What `HF_K8S_BIN` says, where the scripts cannot find `hf-cli` by themselves.
    pub(crate) hf_cli: Option<PathBuf>,
    /// The watchers are told by flags; else by the variables that units set.
    pub(crate) flags: bool,
}

impl Layout {
    /// The scripts of the tree, and the site's directories.
    pub(crate) fn of_tree(site: &Site<'_>) -> anyhow::Result<Self> {
        Ok(Self {
            confdir: site.path("conf"),
            workdir: site.path("work"),
            logdir: site.path("log"),
            scripts: site.programs().scripts().to_owned(),
            hf_cli: Some(site.programs().path("hf-cli")?.to_owned()),
            flags: true,
        })
    }

    /// What Host Factory sets for the scripts.
    pub(crate) fn environment(&self, instance: &str, site: &Site<'_>) -> Vec<(&'static str, OsString)> {
        let mut variables = self.provider(instance);
        variables.extend([
            ("HF_TOP", site.directory().into()),
            ("HF_VERSION", "1.2".into()),
            ("HF_CONFDIR", site.path("conf").into()),
            ("HF_WORKDIR", site.path("work").into()),
            ("HF_LOGDIR", site.path("log").into()),
            ("HF_DBDIR", site.path("tmp").into()),
        ]);
        variables.extend(self.hf_cli.iter().map(|program| ("HF_K8S_BIN", program.into())));
        variables
    }

    /// Tells a watcher where things are. Nothing else in its environment does.
    pub(crate) fn tell(&self, command: &mut Command, instance: &str, site: &Site<'_>, log: &str) {
        site::clear(command);
        if !self.flags {
            command.envs(self.provider(instance)).env("KUBECONFIG", site.kubeconfig());
            return;
        }
        let log = self.logdir.join(log);
        let flags = [
            ("--workdir", &self.workdir),
            ("--confdir", &self.confdir),
            ("--log-file", &log),
            ("--kubeconfig", &site.kubeconfig().to_owned()),
        ];
        command.args(["--provider", instance, "--namespace", site.namespace()]);
        for (flag, path) in flags {
            command.arg(flag).arg(path);
        }
    }

    fn provider(&self, instance: &str) -> Vec<(&'static str, OsString)> {
        vec![
            ("HF_PROVIDER_NAME", instance.into()),
            ("HF_PROVIDER_CONFDIR", self.confdir.clone().into()),
            ("HF_PROVIDER_WORKDIR", self.workdir.clone().into()),
            ("HF_PROVIDER_LOGDIR", self.logdir.clone().into()),
        ]
    }
}
