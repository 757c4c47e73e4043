//! `cargo xtask bench`: how fast the product is, each figure beside the limit that lies beneath it, measured in the same
//! run, because absolute times differ from machine to machine.
//!
//! ```text
//!   Figure    ours, the limit, the goal            Caller   calls through the scripts, and what each cost
//!   Samples   a distribution                       limits   the same work with nothing around it
//!   table     what is printed                      server   when kubesim saw what
//! ```

mod burst;
mod caller;
mod calls;
mod cli;
mod eye;
mod fair;
mod figure;
mod fleet;
mod fresh;
mod limits;
mod machine;
mod many;
mod recover;
mod retention;
mod samples;
mod server;
mod soak;
mod table;
mod usage;
mod wake;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use self::figure::Figure;
use crate::cargo::{self, Profile};
use crate::console::{Console, seconds};
use crate::harness::{Programs, Setup, Site, Target};
use crate::stop;

/// Measures how fast everything is, beside the limit of what lies beneath
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only the measurements of this name
    #[arg(long, value_name = "NAME")]
    only: Option<String>,

    /// Write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Also measure 100,000 pods, and 200,000 lives
    #[arg(long)]
    full: bool,

    /// Everything small, unoptimised and unjudged: whether it works at all
    #[arg(long, conflicts_with = "full")]
    smoke: bool,

    #[command(flatten)]
    target: Target,
}

/// What is measured together.
struct Measurement {
    /// The figures that come of it begin with one of these.
    names: &'static [&'static str],
    /// It takes minutes.
    long: bool,
    /// It needs kubesim's log, or kubesim's pace.
    simulated: bool,
    measure: fn(&mut Bench<'_>) -> anyhow::Result<()>,
}

/// A measurement that needs kubesim.
const fn simulated(
    names: &'static [&'static str],
    measure: fn(&mut Bench<'_>) -> anyhow::Result<()>,
) -> Measurement {
    Measurement { names, long: false, simulated: true, measure }
}

const MEASUREMENTS: &[Measurement] = &[
    simulated(&["wake"], wake::measure),
    Measurement { names: &["cli"], long: false, simulated: false, measure: cli::measure },
    Measurement {
        names: &["burst", "return"],
        long: false,
        simulated: false,
        measure: |bench| burst::measure(bench, &burst::PACED),
    },
    simulated(&["burst at 2 ms", "return at 2 ms"], |bench| burst::measure(bench, &burst::QUICK)),
    simulated(&["burst at 50 ms", "return at 50 ms"], |bench| burst::measure(bench, &burst::SLOW)),
    simulated(&["burst at 20 in flight", "return at 20 in flight"], |bench| {
        burst::measure(bench, &burst::NARROW)
    }),
    simulated(&["burst unpaced", "return unpaced"], |bench| burst::measure(bench, &burst::UNPACED)),
    simulated(&["calls"], calls::measure),
    simulated(&["fair"], fair::measure),
    simulated(&["fresh"], fresh::measure),
    simulated(&["recover"], recover::measure),
    Measurement { names: &["idle", "status", "lock"], long: false, simulated: false, measure: many::measure },
    Measurement { names: &["flat"], long: false, simulated: false, measure: cli::measure_flat },
    simulated(&["retention"], retention::measure),
    Measurement { long: true, ..simulated(&["fleet"], fleet::measure) },
    Measurement { long: true, ..simulated(&["soak"], soak::measure) },
];

/// What measurements have.
pub(crate) struct Bench<'a> {
    programs: &'a Programs,
    target: &'a Target,
    smoke: bool,
    console: Console,
    figures: Vec<Figure>,
}

impl<'a> Bench<'a> {
    /// One of two sizes: that of the measurement, and that of the smoke test.
    fn size<T>(&self, full: T, smoke: T) -> T {
        if self.smoke { smoke } else { full }
    }

    /// A site whose kubesim has room for so many pods, records no events, and has these options.
    fn site(&self, pods: u32, options: &[&str]) -> anyhow::Result<Site<'a>> {
        const PODS_PER_NODE: u32 = 110;
        let nodes = (pods.div_ceil(PODS_PER_NODE) + 3).to_string();
        let mut setup = Setup::simulated(&["--events", "0", "--nodes", &nodes]);
        setup.simulator.extend(options.iter().map(ToString::to_string));
        Site::start(self.programs, self.target, &setup).context("cannot set the stage")
    }

    fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    fn progress(&mut self, text: impl std::fmt::Display) {
        self.console.progress(&text.to_string());
    }
}

/// Measures, and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let chosen = choose(args)?;
    let mut console = Console::new(false);
    console.progress("Building the programs.");
    let profile = if args.smoke { Profile::Dev } else { Profile::Release };
    let mut programs = Programs::with_limits(profile)?;
    let mut machine = machine::facts();
    if profile == Profile::Release {
        let linked = cargo::static_cli()?;
        machine["hfCli"] = json!(if linked { "static" } else { "dynamic" });
        programs.install()?;
    }
    let since = Instant::now();
    let mut bench =
        Bench { programs: &programs, target: &args.target, smoke: args.smoke, console, figures: Vec::new() };
    let mut failures = Vec::new();
    for measurement in chosen {
        let names = measurement.names.join(", ");
        bench.progress(format_args!("{names} …"));
        let result = (measurement.measure)(&mut bench);
        if stop::check().is_err() {
            break;
        }
        if let Err(error) = result {
            crate::console::complain(format_args!("{names}: {error:#}"));
            failures.push(names);
        }
    }
    machine["loadAtEnd"] = machine::facts()["load"].take();
    machine["seconds"] = json!(since.elapsed().as_secs());
    report(args, &mut bench, machine)?;
    bench.console.say(format_args!("measured in {}", seconds(since.elapsed())));
    // What had been measured until then is not lost.
    stop::check()?;
    ensure!(failures.is_empty(), "not measured: {}", failures.join("; "));
    Ok(())
}

fn report(args: &Args, bench: &mut Bench<'_>, machine: Value) -> anyhow::Result<()> {
    let judged = !args.smoke;
    bench.console.say(table::of(&bench.figures, judged));
    if let Some(path) = &args.json {
        let figures: Vec<_> = bench.figures.iter().map(|figure| figure.document(judged)).collect();
        let document = json!({"machine": machine, "figures": figures});
        std::fs::write(path, format!("{document:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn choose(args: &Args) -> anyhow::Result<Vec<&'static Measurement>> {
    let named = |measurement: &&Measurement| match args.only.as_deref() {
        Some(only) => measurement.names.iter().any(|name| name.contains(only)),
        None => !measurement.long || args.full,
    };
    let chosen: Vec<_> = MEASUREMENTS
        .iter()
        .filter(named)
        .filter(|measurement| !measurement.simulated || args.target.real().is_none())
        .collect();
    let names = || MEASUREMENTS.iter().flat_map(|one| one.names).copied().collect::<Vec<_>>().join(", ");
    ensure!(!chosen.is_empty(), "nothing of this name can be measured there; there are: {}", names());
    Ok(chosen)
}
