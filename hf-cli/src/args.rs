//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use hf_core::Call;
use hf_settings::Common;

/// The five calls of IBM Spectrum Symphony's host factory, answered from the store of this provider.
///
/// Every command reads one JSON document and prints one. It exits with 0, or with 1 and {"message": "..."}.
#[derive(Debug, Parser)]
#[command(name = "hf-cli", version)]
pub struct Args {
    /// What every program takes.
    #[command(flatten)]
    pub common: Common,

    /// The id that a new request gets, instead of one that is made: a DNS label of at most 57 characters that was
    /// never used.
    #[arg(long, env = "HF_K8S_REQUEST_ID", value_name = "ID", global = true)]
    pub request_id: Option<OsString>,

    /// The file to which this call's input and output are appended, once it has been answered; hf-admin replay plays it
    /// again. At 64 MiB it is renamed to FILE.1.
    #[arg(long, env = "HF_K8S_RECORD", value_name = "FILE", global = true)]
    pub record: Option<OsString>,

    /// Whether getAvailableTemplates prints availableNumber and requestedMachines: true or false
    /// [else k8sprov_config.json, else false]
    #[arg(long, env = "HF_K8S_SHOW_AVAILABILITY", value_name = "BOOL", global = true)]
    pub show_availability: Option<OsString>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One call.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// What may be asked for.
    GetAvailableTemplates(Input),
    /// Ask for machines of a template.
    RequestMachines(Input),
    /// Give machines back.
    RequestReturnMachines(Input),
    /// How far requests and returns have come.
    GetRequestStatus(Input),
    /// Which machines the cluster has taken or will take.
    GetReturnRequests(Input),
}

impl Command {
    /// Which call it is, and where its input is.
    pub(crate) fn call(&self) -> (Call, &Input) {
        match self {
            Self::GetAvailableTemplates(input) => (Call::GetAvailableTemplates, input),
            Self::RequestMachines(input) => (Call::RequestMachines, input),
            Self::RequestReturnMachines(input) => (Call::RequestReturnMachines, input),
            Self::GetRequestStatus(input) => (Call::GetRequestStatus, input),
            Self::GetReturnRequests(input) => (Call::GetReturnRequests, input),
        }
    }
}

/// Where the input is.
#[derive(Debug, Clone, clap::Args)]
pub struct Input {
    /// The input file [default: standard input]
    #[arg(short = 'f', long = "file", value_name = "FILE", conflicts_with = "path")]
    pub file: Option<PathBuf>,

    /// The same, without -f.
    #[arg(value_name = "FILE")]
    pub path: Option<PathBuf>,
}

impl Input {
    /// The file; `None` is standard input.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.file.as_deref().or(self.path.as_deref())
    }
}
