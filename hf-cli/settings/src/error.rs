//! Why settings, configuration or work directory cannot be used. Each message names the file and the field or the
//! remedy, and fits after "cannot …:".

use std::io;
use std::path::PathBuf;

use hf_core::IdError;
use hf_core::template::TemplateError;
use hf_core::wire::InputError;

/// Why the program cannot begin its work.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A value is none of those that the setting takes.
    #[error("{setting} is {value:?}; it must be one of {choices}")]
    Choice {
        /// The flag and its variable.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What it may be.
        choices: String,
    },
    /// The name of the provider instance is none.
    #[error("--provider (HF_PROVIDER_NAME): {0}")]
    Provider(IdError),
    /// A relative path was given, and the current directory is gone.
    #[error("{}: cannot be made absolute: {error}", path.display())]
    NoDirectory {
        /// The path as it was given.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Nobody said where the configuration is.
    #[error(
        "no configuration directory: set HF_PROVIDER_CONFDIR (Host Factory does) or HF_K8S_PROVIDER_CONFDIR, \
         or pass --confdir"
    )]
    NoConfdir,
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// `k8sprov_config.json` holds something that is no setting.
    #[error("{}: {error}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Where in it, and what.
        error: InputError,
    },
    /// `k8sprov_templates.json` is no templates file.
    #[error("{}: {error}", path.display())]
    Templates {
        /// The file.
        path: PathBuf,
        /// Where in it, and what.
        error: InputError,
    },
    /// No template of the file can be used. An empty list is never answered: Host Factory may take the provider out.
    #[error("{}: no template can be used{}", path.display(), reasons(bad))]
    NoTemplate {
        /// The file.
        path: PathBuf,
        /// Why each cannot.
        bad: Vec<TemplateError>,
    },
    /// The template that was asked for cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateLookupError),
    /// The work directory cannot be used.
    #[error(transparent)]
    Workdir(#[from] WorkdirError),
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// Why a template cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateLookupError {
    /// The file has none of that name.
    #[error("unknown template {id:?}; {} has {known}", path.display())]
    Unknown {
        /// The id that was asked for, cut where it is very long.
        id: String,
        /// The templates file.
        path: PathBuf,
        /// The templates that can be used.
        known: String,
    },
    /// It is in the file and cannot be used.
    #[error("{}: {error}", path.display())]
    Unusable {
        /// The templates file.
        path: PathBuf,
        /// The template, the field and the reason.
        error: TemplateError,
    },
}

/// A work directory that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("work directory {}: {reason}; {remedy}", path.display())]
pub struct WorkdirError {
    /// The directory.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

/// Reasons of templates after a colon, few enough to be read.
fn reasons(bad: &[TemplateError]) -> String {
    const SHOWN: usize = 5;
    let mut text = String::new();
    for (index, error) in bad.iter().take(SHOWN).enumerate() {
        text += if index == 0 { ": " } else { "; " };
        text += &error.to_string();
    }
    match bad.len() {
        0 => ": the list is empty".to_owned(),
        n if n > SHOWN => format!("{text}; and {} more", n - SHOWN),
        _ => text,
    }
}
