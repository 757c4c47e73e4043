//! All that xtask prints itself.
//!
//! A write that fails is not an error here: whoever closed the other end has seen enough.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Where the texts of a task go.
#[derive(Debug)]
pub(crate) struct Console {
    /// Standard output belongs to one JSON document; texts go to standard error.
    quiet_stdout: bool,
    terminal: bool,
    /// When the last progress line was printed, and how long it was if it is to be overwritten.
    progress: Option<(Instant, usize)>,
}

/// How often progress is told where lines cannot be overwritten.
const SELDOM: Duration = Duration::from_secs(10);

impl Console {
    /// A console; with `json`, standard output is kept for [`Console::document`].
    pub(crate) fn new(json: bool) -> Self {
        Self { quiet_stdout: json, terminal: io::stderr().is_terminal(), progress: None }
    }

    /// Prints lines for the reader.
    pub(crate) fn say(&mut self, text: impl std::fmt::Display) {
        self.end_progress();
        if self.quiet_stdout {
            let _ = writeln!(io::stderr().lock(), "{text}");
        } else {
            let _ = writeln!(io::stdout().lock(), "{text}");
        }
    }

    /// Tells how far something has come: on one line that is rewritten, or seldom.
    pub(crate) fn progress(&mut self, text: &str) {
        let mut stderr = io::stderr().lock();
        if self.terminal {
            let before = self.progress.map_or(0, |(_, length)| length);
            let _ = write!(stderr, "\r{text:before$}");
            let _ = stderr.flush();
            self.progress = Some((Instant::now(), text.chars().count()));
        } else if self.progress.is_none_or(|(last, _)| last.elapsed() >= SELDOM) {
            let _ = writeln!(stderr, "{text}");
            self.progress = Some((Instant::now(), 0));
        }
    }

    /// Ends a line of progress, so that the next text begins its own.
    fn end_progress(&mut self) {
        if let Some((_, 1..)) = self.progress.take() {
            let _ = writeln!(io::stderr().lock());
        }
    }

    /// Prints the JSON document, on one line.
    pub(crate) fn document(&mut self, document: &Value) {
        self.end_progress();
        let _ = writeln!(io::stdout().lock(), "{document}");
    }
}

/// Prints why a task failed.
pub(crate) fn complain(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A time as a reader wants it.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs_f64() {
        below if below < 0.095 => format!("{:.0} ms", below * 1_000.0),
        below if below < 9.95 => format!("{below:.1} s"),
        below if below < 119.5 => format!("{below:.0} s"),
        long => format!("{:.0} min {:02.0} s", (long / 60.0).floor(), (long % 60.0).floor()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_as_many_digits_as_they_deserve() {
        let shown = [0.004, 0.25, 3.12, 61.2, 192.0].map(|time| seconds(Duration::from_secs_f64(time)));
        assert_eq!(shown, ["4 ms", "0.2 s", "3.1 s", "61 s", "3 min 12 s"]);
    }
}
