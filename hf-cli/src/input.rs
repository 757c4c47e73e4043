//! Reading the input of a call.

use std::fs::File;
use std::io::{self, Read};

use crate::args::Input;
use crate::error::CliError;

/// More than Host Factory could ever send: 64 MiB is a return of half a million machines.
const MOST: u64 = 64 << 20;

impl Input {
    /// Reads it.
    pub(crate) fn read(&self) -> Result<Vec<u8>, CliError> {
        let text = match self.path() {
            Some(path) => File::open(path).and_then(bounded),
            None => bounded(io::stdin().lock()),
        };
        text.map_err(|error| CliError::Read { input: self.name(), error })
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> String {
        self.path().map_or_else(|| "standard input".to_owned(), |path| path.display().to_string())
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
