//! `cargo xtask demo`: Host Factory's day, played through the scripts, for a newcomer to watch.

mod brief;
mod play;
mod report;
mod table;

use std::time::Instant;

use anyhow::Context;
use serde_json::json;

use self::report::Report;
use crate::cargo::Profile;
use crate::console::{Console, seconds};
use crate::harness::{Programs, Setup, Site, Target};
use crate::stop;

/// Plays Host Factory: asks for machines, watches them start, gives them back
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many machines to ask for
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    machines: u32,

    /// Print the outcome as one JSON document on the last line of standard output, and all else on standard error
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    target: Target,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut console = Console::new(args.json);
    let played = play(args, &mut console);
    if args.json {
        let document = match &played {
            Ok(report) => report.document(),
            Err(error) => json!({"machines": args.machines, "ok": false, "error": format!("{error:#}")}),
        };
        console.document(&document);
    }
    played.map(drop)
}

fn play(args: &Args, console: &mut Console) -> anyhow::Result<Report> {
    console.say("Building the programs. The first time, that takes a minute or two.");
    let since = Instant::now();
    let programs = Programs::build(Profile::Dev)?;
    console.say(format_args!("Built in {}.\n", seconds(since.elapsed())));

    let pace = (args.machines / 2).max(20);
    let site =
        Site::start(&programs, &args.target, &setup(args.machines, pace)).context("cannot set the stage")?;
    introduce(&site, pace, console);
    let played = play::play(&site, args.machines, console);
    if played.is_err() && stop::check().is_ok() {
        console.say(site.tails());
    }
    played
}

/// A simulated cluster with room for the machines. Its pods appear one after the other, so that there is something to
/// see.
fn setup(machines: u32, pace: u32) -> Setup {
    const PODS_PER_NODE: u32 = 110;
    let nodes = machines.div_ceil(PODS_PER_NODE).max(3).to_string();
    let pace = pace.to_string();
    Setup::simulated(&["--nodes", &nodes, "--create-rate", &pace, "--start-delay", "500ms"])
}

fn introduce(site: &Site<'_>, pace: u32, console: &mut Console) {
    match site.simulator() {
        Some(simulator) => console.say(format_args!(
            "kubesim plays the Kubernetes API server at {}.\n\
             It takes {pace} new pods a second, each starts within half a second, and none runs anything.",
            simulator.url()
        )),
        None => console.say(format_args!(
            "The cluster is the one of {}, the namespace is {}.",
            site.kubeconfig().display(),
            site.namespace()
        )),
    }
    console.say(format_args!("All files are in {} and go when this ends.", site.directory().display()));
}
