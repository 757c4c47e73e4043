//! Printing: one document on standard output, in one write.

use std::io::{self, Write};
use std::process::ExitCode;

use hf_core::wire::Failure;

/// What a run of the program comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answer, as JSON.
    Answered(Vec<u8>),
    /// Why there is none.
    Failed(String),
    /// What a person asked for with `--help` or `--version`.
    Help(String),
}

impl Outcome {
    /// Prints it. An answer that did not arrive is a failed call: Host Factory asks again.
    pub fn print(self, stdout: &mut impl Write) -> ExitCode {
        let (text, code) = match self {
            Self::Answered(json) => (line(json), ExitCode::SUCCESS),
            Self::Failed(message) => (line(failure(message)), ExitCode::FAILURE),
            Self::Help(text) => (text.into_bytes(), ExitCode::SUCCESS),
        };
        match write(&text, stdout) {
            Ok(()) => code,
            Err(error) => {
                tracing::error!("cannot print the answer: {error}");
                ExitCode::FAILURE
            }
        }
    }
}

fn failure(message: String) -> Vec<u8> {
    serde_json::to_vec(&Failure { message }).unwrap_or_else(|_| br#"{"message":"failed"}"#.to_vec())
}

fn line(mut json: Vec<u8>) -> Vec<u8> {
    json.push(b'\n');
    json
}

fn write(text: &[u8], stdout: &mut impl Write) -> io::Result<()> {
    stdout.write_all(text)?;
    stdout.flush()
}
