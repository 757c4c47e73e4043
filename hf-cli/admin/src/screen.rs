//! Where texts go and answers come from: the terminal, or whatever a test puts in its place.

use std::io::{self, BufRead, IsTerminal, Write};

/// Standard output, standard error, and the person in front of them.
pub struct Screen {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Where answers are read; `None` if nobody can answer.
    answers: Option<Box<dyn BufRead>>,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Screen")
    }
}

impl Screen {
    /// The process' own. Nobody is asked anything unless both ends are a terminal.
    pub fn real() -> Self {
        let person = io::stdin().is_terminal() && io::stderr().is_terminal();
        let answers = person.then(|| Box::new(io::stdin().lock()) as Box<dyn BufRead>);
        Self { out: Box::new(io::stdout()), err: Box::new(io::stderr()), answers }
    }

    /// Prints a result. A reader that has gone away is an error here, which ends the program quietly.
    pub(crate) fn print(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Says something beside the result. Nothing depends on it.
    pub(crate) fn say(&mut self, text: impl std::fmt::Display) {
        let _ = writeln!(self.err, "{text}");
    }

    /// Asks whether to go on. Only a plain yes is one.
    ///
    /// # Errors
    /// If nobody can answer.
    pub(crate) fn confirm(&mut self, question: &str) -> anyhow::Result<bool> {
        let Some(answers) = &mut self.answers else {
            anyhow::bail!("nobody is there to confirm it: pass --yes if it is meant");
        };
        let _ = write!(self.err, "{question} [y/N] ").and_then(|()| self.err.flush());
        let mut answer = String::new();
        answers.read_line(&mut answer)?;
        Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
    }
}
