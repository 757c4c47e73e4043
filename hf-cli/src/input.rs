//! Reading the input of a call.

use std::fs::File;
use std::io::{self, Read};

use hf_core::wire;
use serde::de::DeserializeOwned;

use crate::args::Input;
use crate::error::CliError;

/// More than Host Factory could ever send: 64 MiB is a return of half a million machines.
const MOST: u64 = 64 << 20;

/// Reads and parses the input.
pub(crate) fn read<T: DeserializeOwned>(input: &Input) -> Result<T, CliError> {
    let file = input.file.as_ref().or(input.path.as_ref());
    let source_name = file.map_or_else(|| "standard input".to_owned(), |path| path.display().to_string());
    let text = match file {
        Some(path) => File::open(path).and_then(bounded),
        None => bounded(io::stdin().lock()),
    };
    match text {
        Ok(text) => wire::parse(&text).map_err(|error| CliError::Input { source_name, error }),
        Err(error) => Err(CliError::Read { source_name, error }),
    }
}

fn bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    reader.take(MOST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MOST {
        return Err(io::Error::other("it is longer than 64 MiB"));
    }
    Ok(text)
}
