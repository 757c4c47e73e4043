//! `cargo xtask conformance`: the rows of the contract and of the list of failures, each by a case or more.
//!
//! The cases are data, in `xtask/conformance`. Each gets a site of its own, where the provider is installed as the
//! samples say, and drives the scripts and nothing else of ours.

mod cases;
mod pattern;
mod play;
mod rows;
mod stage;
mod step;
mod table;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use self::cases::Case;
use self::rows::Row;
use self::stage::Stage;
use crate::cargo::{Profile, Workspace};
use crate::console::{Console, seconds};
use crate::harness::{Programs, Setup, Site, Target};
use crate::stop;

/// Plays a case for every row of the contract and of the list of failures, through the installed scripts
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only the cases whose name, or one of whose rows, contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,

    /// Keep the directories of cases that fail
    #[arg(long)]
    keep: bool,

    /// Only say which cases and tests there are for each row
    #[arg(long)]
    list: bool,

    #[command(flatten)]
    target: Target,
}

/// How a case ended.
#[derive(Debug)]
enum End {
    Passed(Duration),
    Failed(Duration),
    Skipped(&'static str),
}

/// How many cases went well, and how many did not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Summary {
    passed: usize,
    failed: usize,
    skipped: usize,
    rows: usize,
}

impl Summary {
    /// An error if a case failed.
    pub(crate) fn verdict(self) -> anyhow::Result<()> {
        ensure!(self.failed == 0, "{} cases failed", self.failed);
        Ok(())
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { passed, failed, skipped, rows } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped, for {rows} rows")
    }
}

/// So many cases are played at a time: most of their time is waiting.
const AT_A_TIME: usize = 4;

/// Plays the cases, to the last, and prints a table of them.
pub(crate) fn run(args: &Args) -> anyhow::Result<Summary> {
    let mut console = Console::new(false);
    let root = Workspace::read()?.root;
    let directory = root.join("xtask/conformance");
    let (rows, cases) = (rows::read(&directory)?, cases::read(&directory)?);
    rows::check(&rows, &cases)?;
    rows::check_tests(&rows, &root)?;
    let chosen = choose(&cases, args.only.as_deref())?;
    if args.list {
        console.say(list(&rows, &chosen));
        return Ok(Summary { rows: count_rows(&rows, &chosen), ..Summary::default() });
    }
    console.say("Building the programs.");
    let programs = Programs::build(Profile::Dev)?;
    let since = Instant::now();
    let (ends, said) = play_all(&chosen, args, &programs)?;
    let mut summary = Summary::default();
    for end in &ends {
        match end {
            End::Passed(_) => summary.passed += 1,
            End::Failed(_) => summary.failed += 1,
            End::Skipped(_) => summary.skipped += 1,
        }
    }
    summary.rows = count_rows(&rows, &chosen);
    for text in said {
        console.say(text);
    }
    console.say(table::of(&chosen, &ends));
    console.say(format_args!("conformance: {summary} ({})", seconds(since.elapsed())));
    Ok(summary)
}

/// Each row in a line, and below it the cases and the tests that show it.
fn list(rows: &[Row], cases: &[&Case]) -> String {
    let mut lines = Vec::new();
    for row in rows {
        let mut shown = cases.iter().filter(|case| case.rows.contains(&row.id)).peekable();
        if shown.peek().is_none() {
            continue;
        }
        lines.push(format!("{}: {}", row.id, row.says));
        lines.extend(shown.map(|case| format!("    case {}", case.name)));
        lines.extend(row.tests.iter().map(|test| format!("    test {test}")));
    }
    lines.join("\n")
}

fn count_rows(rows: &[Row], cases: &[&Case]) -> usize {
    rows.iter().filter(|row| cases.iter().any(|case| case.rows.contains(&row.id))).count()
}

fn choose<'c>(cases: &'c [Case], only: Option<&str>) -> anyhow::Result<Vec<&'c Case>> {
    let wanted = |case: &&Case| {
        only.is_none_or(|only| case.name.contains(only) || case.rows.iter().any(|row| row.contains(only)))
    };
    let chosen: Vec<_> = cases.iter().filter(wanted).collect();
    ensure!(!chosen.is_empty(), "no case has this in its name or rows");
    Ok(chosen)
}

/// Plays cases, some at a time. Tells how each ended, in their order, and what there is to say of those that failed.
fn play_all(cases: &[&Case], args: &Args, programs: &Programs) -> anyhow::Result<(Vec<End>, Vec<String>)> {
    let queue: Mutex<VecDeque<usize>> = Mutex::new((0..cases.len()).collect());
    let done = Mutex::new((Vec::new(), Vec::new()));
    let work = || -> anyhow::Result<()> {
        loop {
            stop::check()?;
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(next) = next else { return Ok(()) };
            let (end, text) = play(cases[next], args, programs)?;
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.0.push((next, end));
            done.1.extend(text);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a case panicked")))
    })?;
    let (mut ends, said) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    ends.sort_by_key(|(n, _)| *n);
    Ok((ends.into_iter().map(|(_, end)| end).collect(), said))
}

fn play(case: &Case, args: &Args, programs: &Programs) -> anyhow::Result<(End, Option<String>)> {
    if let Some(why) = case.simulated_only().filter(|_| args.target.real().is_some()) {
        return Ok((End::Skipped(why), None));
    }
    let since = Instant::now();
    let setup = Setup { simulator: case.simulator.clone() };
    let mut site = Site::start(programs, &args.target, &setup).context("cannot set the stage")?;
    let played = Stage::set(&site, case, &args.target.image).and_then(|mut stage| stage.play(&case.steps));
    stop::check()?;
    let Err(error) = played else { return Ok((End::Passed(since.elapsed()), None)) };
    let text = format!("{}\n{}: {error:#}", site.tails(), case.name);
    if !args.keep {
        return Ok((End::Failed(since.elapsed()), Some(text)));
    }
    site.keep();
    let text = format!("{text}\nits files stay in {}", site.directory().display());
    Ok((End::Failed(since.elapsed()), Some(text)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_row_has_a_case_and_every_case_can_be_read() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let directory = here.join("conformance");
        let (rows, mut cases) = (rows::read(&directory).unwrap(), cases::read(&directory).unwrap());
        rows::check(&rows, &cases).unwrap();
        rows::check_tests(&rows, here.parent().unwrap()).unwrap();

        let lonely = cases.iter().position(|case| case.rows == ["rule-14"]).unwrap();
        cases.remove(lonely);
        let error = rows::check(&rows, &cases).unwrap_err().to_string();
        assert!(error.contains("rule-14: silence is said"), "{error}");
    }
}
