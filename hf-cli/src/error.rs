//! Why a call fails. Each message names the file, the field and the remedy where there are such.

use std::io;
use std::path::PathBuf;

use hf_core::wire::InputError;
use hf_core::{CallError, IdError, TemplateId};
use hf_settings::SettingsError;
use hf_store::RegisterError;

/// Why a call fails.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The input cannot be read.
    #[error("cannot read the input {input}: {error}")]
    Read {
        /// The file, or standard input.
        input: String,
        /// Why.
        error: io::Error,
    },
    /// The input is not what the call takes.
    #[error("{input}: {error}")]
    Input {
        /// The file, or standard input.
        input: String,
        /// Where in it, and what.
        error: InputError,
    },
    /// More machines than the template ever has.
    #[error(
        "`template.machineCount` is {asked}, but template {template} has a `maxNumber` of {max} in {}",
        file.display()
    )]
    Count {
        /// The template.
        template: TemplateId,
        /// How many were asked for.
        asked: u32,
        /// Its `maxNumber`.
        max: u32,
        /// The templates file.
        file: PathBuf,
    },
    /// The id that was given for the new request is none.
    #[error("--request-id (HF_K8S_REQUEST_ID): {0}")]
    RequestId(IdError),
    /// Settings, configuration or work directory.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The request was not registered.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The store.
    #[error(transparent)]
    Store(#[from] hf_store::Error),
    /// The answer cannot be written as JSON.
    #[error("cannot write the answer: {0}")]
    Output(String),
}

impl hf_store::StoreError for CliError {
    fn about(self, path: &std::path::Path) -> Self {
        match self {
            Self::Register(error) => Self::Register(error.about(path)),
            Self::Store(error) => Self::Store(error.about(path)),
            other => other,
        }
    }
}

impl CliError {
    /// Why a call was not answered, with the name of its input.
    pub(crate) fn from_call(error: CallError<Self>, input: &str) -> Self {
        match error {
            CallError::Input(error) => Self::Input { input: input.to_owned(), error },
            CallError::Provider(error) => error,
            CallError::Output(reason) => Self::Output(reason),
        }
    }

    /// Whether the store was replaced under the call, which can then be made again.
    pub(crate) fn was_replaced(&self) -> bool {
        use hf_store::Error::Replaced;
        matches!(self, Self::Store(Replaced { .. }) | Self::Register(RegisterError::Store(Replaced { .. })))
    }
}
