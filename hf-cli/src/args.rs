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

impl Args {
    /// Reads a command line. `variable` is the environment, as clap sees it too.
    pub(crate) fn read(
        arguments: Vec<OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, clap::Error> {
        match Self::of_script(&arguments, variable) {
            Some(args) => Ok(args),
            None => Self::try_parse_from(arguments),
        }
    }

    /// Reads `hf-cli CALL -f FILE`, which is what the scripts make of Host Factory's calls; any other is `None`. For clap
    /// to build all that it knows takes a tenth of a call.
    fn of_script(arguments: &[OsString], variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let [_, call, flag, file] = arguments else { return None };
        // What begins with a hyphen may be a flag.
        let plain = !file.is_empty() && !file.as_encoded_bytes().starts_with(b"-");
        if flag != "-f" || !plain {
            return None;
        }
        let input = Input { file: Some(file.into()), path: None };
        let command = match call.to_str()? {
            "get-available-templates" => Command::GetAvailableTemplates(input),
            "request-machines" => Command::RequestMachines(input),
            "request-return-machines" => Command::RequestReturnMachines(input),
            "get-request-status" => Command::GetRequestStatus(input),
            "get-return-requests" => Command::GetReturnRequests(input),
            _ => return None,
        };
        Some(Self {
            request_id: variable("HF_K8S_REQUEST_ID"),
            record: variable("HF_K8S_RECORD"),
            show_availability: variable("HF_K8S_SHOW_AVAILABILITY"),
            common: Common::without_flags(variable),
            command,
        })
    }
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<OsString> {
        words.into_iter().map(OsString::from).collect()
    }

    /// Each variable is called what it holds, and for clap each flag is given the name of its variable.
    #[test]
    fn what_the_scripts_call_means_what_clap_makes_of_it() {
        let command = Args::command();
        for call in command.get_subcommands().map(clap::Command::get_name) {
            let script = words(["hf-cli", call, "-f", "in.json"]);
            let quick = Args::of_script(&script, |name| Some(name.into())).unwrap();
            let mut flags = Vec::new();
            for argument in command.get_arguments() {
                let Some((long, variable)) = argument.get_long().zip(argument.get_env()) else { continue };
                flags.extend([format!("--{long}").into(), variable.to_owned()]);
            }
            assert_eq!(flags.len(), 24, "{flags:?}");
            let parsed = Args::try_parse_from(script.into_iter().chain(flags)).unwrap();
            assert_eq!(format!("{quick:?}"), format!("{parsed:?}"));
        }
    }

    #[test]
    fn any_other_command_line_is_read_by_clap() {
        let call = "get-request-status";
        for other in [
            vec!["hf-cli", call, "in.json"],
            vec!["hf-cli", call, "-f", ""],
            vec!["hf-cli", call, "-f", "-x"],
            vec!["hf-cli", call, "-f", "--help"],
            vec!["hf-cli", call, "--file", "in.json"],
            vec!["hf-cli", call, "-f", "in.json", "--log-level=info"],
            vec!["hf-cli", "help", "-f", "in.json"],
            vec!["hf-cli", "-f", call, "in.json"],
        ] {
            assert!(Args::of_script(&words(other.clone()), |_| None).is_none(), "{other:?}");
        }
    }
}
