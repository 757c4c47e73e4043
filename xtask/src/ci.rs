//! `cargo xtask ci`: what a change has to pass, in the order in which it fails soonest.
//!
//! All steps share one target directory: rustdoc uses what clippy checked, and the tests and e2e what was compiled once.
//! What lies on tokio is compiled twice, since the tests ask for features of it that the programs must not have: e2e
//! and the demo run programs that are built as they are shipped, and so notice what only builds among tests.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::console::{Console, complain, seconds};
use crate::{bench, cargo, chaos, conformance, demo, e2e, stop, test, tidy};

/// How a step ended, if it could be taken.
#[derive(Default)]
struct End {
    /// Why it failed.
    failure: Option<String>,
    /// What it needs and is not here.
    skipped: Option<&'static str>,
    /// What it said last. It comes again at the end.
    closing: Vec<String>,
}

/// A step and what it does.
type Step = (&'static str, fn() -> anyhow::Result<End>);

const STEPS: &[Step] = &[
    ("format", format),
    ("tidy", || tidy::run().map(|()| End::default())),
    ("clippy", clippy),
    ("fuzz", fuzz),
    ("doc", doc),
    ("deny", deny),
    ("test", test),
    ("e2e", e2e),
    ("conformance", conformance),
    ("demo", demo),
    ("bench", bench),
    ("chaos", chaos),
];

/// Runs every step, also after one that failed: all that is wrong is said at once.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut console = Console::new(false);
    let since = Instant::now();
    let mut ended = Vec::new();
    for (name, step) in STEPS {
        console.say(format_args!("\n=== {name}"));
        let began = Instant::now();
        let end =
            step().unwrap_or_else(|error| End { failure: Some(format!("{error:#}")), ..End::default() });
        stop::check()?;
        if let Some(why) = &end.failure {
            complain(format_args!("{name} failed: {why}"));
        }
        ended.push((*name, end, began.elapsed()));
    }
    summarise(&mut console, &ended);
    let failed: Vec<_> =
        ended.iter().filter(|(_, end, _)| end.failure.is_some()).map(|(name, ..)| *name).collect();
    let took = seconds(since.elapsed());
    ensure!(failed.is_empty(), "ci: failed after {took}: {}", failed.join(", "));
    console.say(format_args!("ci: passed in {took}"));
    Ok(())
}

fn summarise(console: &mut Console, ended: &[(&str, End, Duration)]) {
    console.say("\n=== summary");
    for (name, end, took) in ended {
        let (word, remark) = match (&end.failure, end.skipped) {
            (Some(why), _) => ("FAILED", why.lines().next().unwrap_or_default()),
            (None, Some(why)) => ("skipped", why),
            (None, None) => ("ok", ""),
        };
        console.say(format!("{name:11} {word:8} {:>12}  {remark}", seconds(*took)).trim_end());
    }
    for line in ended.iter().flat_map(|(_, end, _)| &end.closing) {
        console.say(line);
    }
}

fn format() -> anyhow::Result<End> {
    // What is no terminal should not be coloured, which rustfmt does not see by itself.
    let colour = if std::io::stdout().is_terminal() { "always" } else { "never" };
    cargo::run(&mut cargo::command(&["fmt", "--all", "--", "--check", "--color", colour]))?;
    Ok(End::default())
}

fn clippy() -> anyhow::Result<End> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"];
    cargo::run(&mut cargo::command(&arguments))?;
    Ok(End::default())
}

/// The fuzz targets are a workspace of their own, for nightly; here they have to stay what could be built.
fn fuzz() -> anyhow::Result<End> {
    let workspace = cargo::Workspace::read()?;
    let manifest = workspace.root.join("hf-cli/fuzz/Cargo.toml");
    let mut command = cargo::command(&["check", "--all-targets", "--locked", "--manifest-path"]);
    // What is compiled for the tests serves it too; libFuzzer itself would take a C++ compiler.
    command.arg(manifest).env("CARGO_TARGET_DIR", workspace.target).env("CUSTOM_LIBFUZZER_PATH", "/dev/null");
    cargo::run(&mut command)?;
    Ok(End::default())
}

fn doc() -> anyhow::Result<End> {
    let mut command =
        cargo::command(&["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"]);
    cargo::run(command.env("RUSTDOCFLAGS", "--deny warnings"))?;
    Ok(End::default())
}

fn deny() -> anyhow::Result<End> {
    if !cargo::has("deny") {
        return Ok(End { skipped: Some("cargo-deny is not installed"), ..End::default() });
    }
    // It reads all that the lock file names, also what is only built elsewhere and was not downloaded for our steps.
    cargo::run(&mut cargo::command(&["fetch", "--locked"]))?;
    let arguments =
        ["deny", "--offline", "--locked", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
    cargo::run(&mut cargo::command(&arguments))?;
    Ok(End::default())
}

fn test() -> anyhow::Result<End> {
    let summary = test::run(&test::Args { profile: "ci".to_owned(), rest: Vec::new() })?;
    let mut closing = summary.lines.clone();
    closing.push(format!("tests: {summary}"));
    Ok(End { failure: failure(summary.verdict()), closing, ..End::default() })
}

fn e2e() -> anyhow::Result<End> {
    let summary = e2e::run(&arguments(&["e2e"])?)?;
    let closing = vec![format!("e2e: {summary}")];
    Ok(End { failure: failure(summary.verdict()), closing, ..End::default() })
}

fn conformance() -> anyhow::Result<End> {
    let summary = conformance::run(&arguments(&["conformance"])?)?;
    let closing = vec![format!("conformance: {summary}")];
    Ok(End { failure: failure(summary.verdict()), closing, ..End::default() })
}

/// A task's arguments as they are when it is started with this line: what is not given has its default.
fn arguments<A: clap::Args>(line: &[&str]) -> anyhow::Result<A> {
    let matches = A::augment_args(clap::Command::new("task")).try_get_matches_from(line)?;
    Ok(A::from_arg_matches(&matches)?)
}

fn failure(verdict: anyhow::Result<()>) -> Option<String> {
    verdict.err().map(|error| format!("{error:#}"))
}

/// The demo as others would use it: by its last line.
fn demo() -> anyhow::Result<End> {
    demo::run(&arguments(&["demo", "--json"])?)?;
    Ok(End::default())
}

/// Whether everything can still be measured; no time is judged.
fn bench() -> anyhow::Result<End> {
    bench::run(&arguments(&["bench", "--smoke"])?)?;
    Ok(End::default())
}

/// One seed that every change has to pass, with a cluster that misbehaves, and one that nobody has seen.
fn chaos() -> anyhow::Result<End> {
    let (mut closing, mut failures) = (Vec::new(), Vec::new());
    let fixed = ["chaos", "--seed", "1", "--minutes", "2", "--faults"];
    for line in [&fixed[..], &["chaos", "--minutes", "1"]] {
        match chaos::run(&arguments(line)?) {
            Ok(said) => closing.push(said),
            Err(error) => {
                stop::check()?;
                failures.push(format!("{error:#}"));
            }
        }
    }
    let failure = (!failures.is_empty()).then(|| failures.join("\n"));
    Ok(End { failure, closing, ..End::default() })
}
