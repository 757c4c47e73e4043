//! Recording the call, once it has been answered.
//!
//! Nothing depends on it: what cannot be recorded is said in the log, and Host Factory has its answer by then.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;

use hf_core::Call;
use hf_settings::{Recorded, Recorder};
use jiff::Timestamp;

use crate::args::Input;

/// What is known of a call that may have to be recorded.
#[derive(Debug)]
pub(crate) struct Record {
    at: Timestamp,
    began: Instant,
    wanted: Option<Wanted>,
}

#[derive(Debug)]
struct Wanted {
    file: PathBuf,
    call: Call,
    /// Where the input is, and what was read of it.
    source: Input,
    input: Option<Vec<u8>>,
}

impl Record {
    /// A call that began now.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { at: now, began: Instant::now(), wanted: None }
    }

    /// It is known which call it is. An empty `file` is none.
    pub(crate) fn begin(&mut self, file: Option<OsString>, call: Call, source: &Input) {
        let file = file.filter(|file| !file.is_empty());
        self.wanted =
            file.map(|file| Wanted { file: file.into(), call, source: source.clone(), input: None });
    }

    /// Its input was read.
    pub(crate) fn input(&mut self, text: &[u8]) {
        if let Some(wanted) = &mut self.wanted {
            wanted.input = Some(text.to_owned());
        }
    }

    /// It was answered with these bytes and this exit code.
    pub(crate) fn end(self, output: &[u8], exit: u8) {
        let took = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Some(Wanted { file, call, source, input }) = self.wanted else { return };
        // The call itself did not look at it, or did not come so far. Only a file is sure to come to an end.
        let input = input.or_else(|| {
            let path = source.path().filter(|path| path.is_file())?;
            std::fs::read(path).ok()
        });
        let recorded = Recorded::new(self.at, call.as_str(), &input.unwrap_or_default(), output, exit, took);
        if let Err(error) = Recorder::new(&file).add(&recorded) {
            tracing::warn!(file = %file.display(), "the call cannot be recorded (--record, HF_K8S_RECORD): {error}");
        }
    }
}
