//! Printing: one document on standard output, in one write.

use std::io::{self, Write};

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
    /// Prints it, and returns what was to be printed and the exit code. An answer that did not arrive is a failed call:
    /// Host Factory asks again.
    pub fn print(self, stdout: &mut impl Write) -> (Vec<u8>, u8) {
        let (text, code) = match self {
            Self::Answered(json) => (line(json), 0),
            Self::Failed(message) => (line(failure(message)), 1),
            Self::Help(text) => (text.into_bytes(), 0),
        };
        match write(&text, stdout) {
            Ok(()) => (text, code),
            Err(error) => {
                tracing::error!("cannot print the answer: {error}");
                (text, 1)
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
