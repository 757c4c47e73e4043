//! `cargo xtask test`: every test, with nextest where it is installed.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, ensure};

use crate::cargo;
use crate::console::{Console, complain};
use crate::process::Process;

/// Runs every test, those in the documentation too
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// The profile of .config/nextest.toml
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) profile: String,

    /// What is passed on to the test runner, such as names of tests or `--package hf-core`
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub(crate) rest: Vec<String>,
}

/// How the tests went, in the words of those who ran them.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// The closing lines.
    pub(crate) lines: Vec<String>,
    passed: u64,
    failed: u64,
    /// Some runner was not content.
    bad: bool,
}

impl Summary {
    /// An error if a test failed, or could not be built.
    pub(crate) fn verdict(&self) -> anyhow::Result<()> {
        ensure!(!self.bad, "tests failed: {self}");
        Ok(())
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Runs them, and ends with how many there were.
pub(crate) fn run_and_tell(args: &Args) -> anyhow::Result<()> {
    let summary = run(args)?;
    Console::new(false).say(format_args!("tests: {summary}"));
    summary.verdict()
}

/// Runs them, to the end.
pub(crate) fn run(args: &Args) -> anyhow::Result<Summary> {
    let mut summary = Summary::default();
    let names_packages = args.rest.iter().any(|word| word.starts_with("-p") || word.starts_with("--package"));
    let packages: &[&str] = if names_packages { &[] } else { &["--workspace"] };
    if cargo::has("nextest") {
        let nextest = ["nextest", "run", "--locked", "--profile", &args.profile];
        step(cargo::command(&nextest).args(packages).args(&args.rest), &mut summary)?;
        // With arguments, somebody is after something certain, which nextest has run.
        if args.rest.is_empty() {
            step(&mut cargo::command(&["test", "--doc", "--workspace", "--locked"]), &mut summary)?;
        }
    } else {
        complain("cargo-nextest is not installed; cargo test does the same, one package after the other");
        let test = ["test", "--locked", "--no-fail-fast"];
        step(cargo::command(&test).args(packages).args(&args.rest), &mut summary)?;
    }
    Ok(summary)
}

/// Runs a test runner and reads along.
fn step(command: &mut Command, summary: &mut Summary) -> anyhow::Result<()> {
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let process = Process::start("the test runner", command)?;
    let (out, err) =
        (process.take_stdout().context("no output")?, process.take_stderr().context("no output")?);
    let closing = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| pass_on(err, std::io::stderr(), &closing));
        pass_on(out, std::io::stdout(), &closing);
    });
    let status = process.wait()?;
    let closing = closing.into_inner().unwrap_or_default();
    for line in closing {
        let (passed, failed) = counts(&line).unwrap_or_default();
        summary.passed += passed;
        summary.failed += failed;
        summary.lines.push(line);
    }
    summary.bad |= !status.success();
    Ok(())
}

/// Prints what comes, as it comes, and keeps the closing lines.
fn pass_on(from: impl Read, mut to: impl Write, closing: &Mutex<Vec<String>>) {
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let _ = to.write_all(&[&line, b"\n".as_slice()].concat());
        let text = plain(&String::from_utf8_lossy(&line));
        if counts(&text).is_some()
            && let Ok(mut closing) = closing.lock()
        {
            closing.push(text.trim().to_owned());
        }
    }
}

/// How many tests passed and failed, if this is the closing line of a test runner.
fn counts(line: &str) -> Option<(u64, u64)> {
    // nextest shows what a failing test printed, indented: that test's own closing line is counted in the summary.
    let counts = line.strip_prefix("test result: ").or_else(|| {
        line.trim_start()
            .strip_prefix("Summary [")
            .and_then(|rest| rest.split_once("tests run:"))
            .map(|(_, counts)| counts)
    })?;
    let number = |word: &str| {
        let before = counts.split([',', ';', '.']).find(|part| part.contains(word))?;
        before.split_whitespace().find_map(|part| part.parse().ok())
    };
    Some((number(" passed").unwrap_or(0), number(" failed").unwrap_or(0)))
}

/// The text without what colours it.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = escape.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, after)| after);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_both_runners_are_read() {
        let nextest = "     Summary [   1.234s] 345 tests run: 340 passed (2 slow), 5 failed, 1 skipped";
        assert_eq!(counts(nextest), Some((340, 5)));
        let cargo = "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out";
        assert_eq!(counts(cargo), Some((12, 0)));
        assert_eq!(counts("test some::test ... ok"), None);
        let quoted = "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 59 filtered out";
        assert_eq!(counts(quoted), None);
    }

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(plain("\u{1b}[32;1m     Summary\u{1b}[0m [ 1s]"), "     Summary [ 1s]");
    }
}
