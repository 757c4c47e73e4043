//! The flags that every program takes, each with its variables.
//!
//! Values are taken as `OsString` and read afterwards, because clap refuses an empty variable where a path or a choice
//! is wanted, and an empty variable is what unit files have for "not set". Second-choice variables are flags that the
//! help does not show: what clap reads from the environment is all that is read.

use std::ffi::OsString;
use std::path::PathBuf;

use hf_core::Instance;

use crate::Settings;
use crate::error::SettingsError;
use crate::log::{self, LogFormat, LogSettings};

/// Where the work directory is if nobody says so: the predecessor's default.
const WORKDIR: &str = "/var/tmp/hostfactory";

/// The heading in the help, given to each flag: `next_help_heading` would also catch the flags that follow these.
const HEADING: &str = "Settings";

/// The settings that every program takes. All may stand before or after a sub-command.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Common {
    /// The work directory, which holds the store `hf.db`. The same for the scripts and the watchers, on a local file
    /// system [else HF_PROVIDER_WORKDIR, else /var/tmp/hostfactory]
    #[arg(long, env = "HF_K8S_WORKDIR", value_name = "DIR", global = true, help_heading = HEADING)]
    workdir: Option<OsString>,

    /// The directory of k8sprov_config.json and k8sprov_templates.json [else HF_PROVIDER_CONFDIR]
    #[arg(long, env = "HF_K8S_PROVIDER_CONFDIR", value_name = "DIR", global = true, help_heading = HEADING)]
    confdir: Option<OsString>,

    /// The file to log to [else PROGRAM.HOST.log in HF_PROVIDER_LOGDIR, else standard error]
    #[arg(long, env = "HF_K8S_LOG_FILE", value_name = "FILE", global = true, help_heading = HEADING)]
    log_file: Option<OsString>,

    /// How much to log: error, warn, info, debug or trace [default: info]
    #[arg(long, env = "HF_K8S_LOG_LEVEL", value_name = "LEVEL", global = true, help_heading = HEADING)]
    log_level: Option<OsString>,

    /// How to log: text or json [default: text]
    #[arg(long, env = "HF_K8S_LOG_FORMAT", value_name = "FORMAT", global = true, help_heading = HEADING)]
    log_format: Option<OsString>,

    /// The name under which Host Factory knows this provider, as in hostProviders.json. Host Factory sets it for the
    /// scripts; the watchers must be given the same one, or they will not see what the scripts ask for
    /// [default: default]
    #[arg(long, env = "HF_PROVIDER_NAME", value_name = "NAME", global = true, help_heading = HEADING)]
    provider: Option<OsString>,

    #[arg(long, env = "HF_PROVIDER_WORKDIR", hide = true, global = true)]
    hf_provider_workdir: Option<OsString>,

    #[arg(long, env = "HF_PROVIDER_CONFDIR", hide = true, global = true)]
    hf_provider_confdir: Option<OsString>,

    #[arg(long, env = "HF_PROVIDER_LOGDIR", hide = true, global = true)]
    hf_provider_logdir: Option<OsString>,
}

impl Common {
    /// What clap makes of a command line without any of these flags. `variable` is the environment.
    pub fn without_flags(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        Self {
            workdir: variable("HF_K8S_WORKDIR"),
            confdir: variable("HF_K8S_PROVIDER_CONFDIR"),
            log_file: variable("HF_K8S_LOG_FILE"),
            log_level: variable("HF_K8S_LOG_LEVEL"),
            log_format: variable("HF_K8S_LOG_FORMAT"),
            provider: variable("HF_PROVIDER_NAME"),
            hf_provider_workdir: variable("HF_PROVIDER_WORKDIR"),
            hf_provider_confdir: variable("HF_PROVIDER_CONFDIR"),
            hf_provider_logdir: variable("HF_PROVIDER_LOGDIR"),
        }
    }

    /// What the flags and variables amount to for `program`, whose name goes into the log.
    ///
    /// # Errors
    /// If a value is none that its setting can have.
    pub fn settings(self, program: &'static str) -> Result<Settings, SettingsError> {
        let (settings, complaints) = self.forgiving_settings(program)?;
        complaints.into_iter().next().map_or(Ok(settings), Err)
    }

    /// As [`Self::settings`], for a program that is to work whatever is said of its log: what makes no sense there is
    /// returned as a complaint, and the default stands.
    ///
    /// # Errors
    /// If another value is none that its setting can have.
    pub fn forgiving_settings(
        self,
        program: &'static str,
    ) -> Result<(Settings, Vec<SettingsError>), SettingsError> {
        let mut complaints = Vec::new();
        let workdir = first([self.workdir, self.hf_provider_workdir]).unwrap_or_else(|| WORKDIR.into());
        let confdir = first([self.confdir, self.hf_provider_confdir]);
        let log_file = match first([self.log_file]) {
            Some(file) => Some(absolute(file)?),
            None => first([self.hf_provider_logdir])
                .map(|directory| absolute(directory).map(|directory| log::file_in(&directory, program)))
                .transpose()?,
        };
        let level = choice("--log-level (HF_K8S_LOG_LEVEL)", self.log_level, log::LEVELS);
        let level = level.unwrap_or_else(|error| {
            complaints.push(error);
            None
        });
        let format = choice("--log-format (HF_K8S_LOG_FORMAT)", self.log_format, log::FORMATS);
        let format = format.unwrap_or_else(|error| {
            complaints.push(error);
            None
        });
        let provider = first([self.provider]).unwrap_or_else(|| "default".into());
        let instance = Instance::parse(&provider.to_string_lossy()).map_err(SettingsError::Provider)?;
        let settings = Settings {
            workdir: absolute(workdir)?,
            confdir: confdir.map(absolute).transpose()?,
            instance,
            program,
            log: LogSettings {
                file: log_file,
                level: level.unwrap_or(tracing::level_filters::LevelFilter::INFO),
                format: format.unwrap_or(LogFormat::Text),
            },
        };
        Ok((settings, complaints))
    }
}

/// The first that is set and not empty.
fn first(given: impl IntoIterator<Item = Option<OsString>>) -> Option<OsString> {
    given.into_iter().flatten().find(|value| !value.is_empty())
}

/// Messages name whole paths, and a long-running process may change its directory.
fn absolute(path: OsString) -> Result<PathBuf, SettingsError> {
    std::path::absolute(&path).map_err(|error| SettingsError::NoDirectory { path: path.into(), error })
}

fn choice<T: Copy>(
    setting: &'static str,
    given: Option<OsString>,
    choices: &'static [(&'static str, T)],
) -> Result<Option<T>, SettingsError> {
    let Some(given) = first([given]) else { return Ok(None) };
    let found = choices.iter().find(|(name, _)| given.eq_ignore_ascii_case(name));
    found.map(|(_, choice)| Some(*choice)).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        SettingsError::Choice {
            setting,
            value: given.to_string_lossy().into_owned(),
            choices: names.join(", "),
        }
    })
}

#[cfg(test)]
mod tests;
