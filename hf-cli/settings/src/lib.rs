//! What the command line and the watchers share: settings, configuration files, work directory, log.
//!
//! ```text
//!   Common      the flags and variables that every program takes
//!   Settings    what they amount to: where things are, and who we are
//!   Templates   the templates file with its pod manifests: what can be used, and what cannot and why
//! ```
//!
//! Precedence of every setting: flag, then `HF_K8S_*`, then `HF_PROVIDER_*`, then `k8sprov_config.json`, then the
//! default. A variable that is empty counts as unset. Nothing here knows Kubernetes or the store.

mod args;
mod error;
mod files;
mod log;
mod manifest;
mod recording;
mod templates;
mod workdir;

use std::path::PathBuf;

use hf_core::{Config, Instance};

pub use args::Common;
pub use error::{FileError, SettingsError, TemplateLookupError, WorkdirError};
pub use log::{LogFormat, LogSettings, host_name};
pub use manifest::read as read_manifest;
pub use recording::{Recorded, Recorder, read_recording};
pub use templates::Templates;

/// What the flags, the variables and the defaults amount to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the store is. Absolute.
    pub workdir: PathBuf,
    /// Where `k8sprov_config.json` and `k8sprov_templates.json` are, if anybody said so. Absolute.
    pub confdir: Option<PathBuf>,
    /// The provider instance that this program works for.
    pub instance: Instance,
    /// The program's name, as it stands in the log and in its file's name.
    pub program: &'static str,
    /// Where the log goes, and how much of it.
    pub log: LogSettings,
}

impl Settings {
    /// The store's file in the work directory.
    pub fn database(&self) -> PathBuf {
        self.workdir.join("hf.db")
    }

    /// Reads `k8sprov_config.json`. Where there is none, the settings are the defaults; keys that are not known are
    /// warned about by name.
    ///
    /// # Errors
    /// If the file is there and cannot be read, or holds something that is no setting.
    pub fn config(&self) -> Result<Config, SettingsError> {
        let Some(confdir) = &self.confdir else { return Ok(Config::default()) };
        let path = confdir.join("k8sprov_config.json");
        let Some(text) = files::read_if_there(&path, files::MAX_CONFIG)? else {
            return Ok(Config::default());
        };
        match Config::parse(&text) {
            Ok((mut config, unknown)) => {
                // A program may be started anywhere; the file stays where it is.
                if let Some(kubeconfig) = &mut config.kubeconfig {
                    *kubeconfig = confdir.join(&*kubeconfig).to_string_lossy().into_owned();
                }
                for key in unknown {
                    tracing::warn!(file = %path.display(), key, "unknown key in the configuration");
                }
                Ok(config)
            }
            Err(error) => Err(SettingsError::Config { path, error }),
        }
    }

    /// Reads `k8sprov_templates.json` and the pod manifest of every template.
    ///
    /// # Errors
    /// If the file cannot be read or parsed, or no template in it can be used.
    pub fn templates(&self) -> Result<Templates, SettingsError> {
        Templates::read(&self.templates_file()?)
    }

    /// Reads one template and its pod manifest, and no other manifest.
    ///
    /// # Errors
    /// If the file cannot be read or parsed, has no such template, or that template cannot be used.
    pub fn template(
        &self,
        id: &str,
    ) -> Result<(hf_core::Template, hf_core::manifest::Manifest), SettingsError> {
        templates::read_one(&self.templates_file()?, id)
    }

    /// Makes the work directory if it is missing, for us alone; refuses one that is not safe to keep a store in.
    ///
    /// # Errors
    /// With the path, what is wrong with it, and the remedy.
    pub fn prepare_workdir(&self, config: &Config) -> Result<(), SettingsError> {
        Ok(workdir::prepare(&self.workdir, config.shared_workdir)?)
    }

    /// Sends what is traced from now on to the log. Never fails: a log file that cannot be written is replaced by
    /// standard error. Only the first call of a process has an effect.
    pub fn init_log(&self) {
        log::init(self);
    }

    /// Where the templates are.
    ///
    /// # Errors
    /// If nobody said where the configuration is.
    pub fn templates_file(&self) -> Result<PathBuf, SettingsError> {
        let confdir = self.confdir.as_ref().ok_or(SettingsError::NoConfdir)?;
        Ok(confdir.join("k8sprov_templates.json"))
    }
}

#[cfg(test)]
mod tests;
