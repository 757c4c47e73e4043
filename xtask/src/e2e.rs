//! `cargo xtask e2e`: real processes and scripts. Each step asserts on the answers and on what the cluster holds.

mod answers;
mod bad_input;
mod cleanup;
mod database;
mod deleted;
mod installed;
mod instances;
mod lifecycle;
mod recording;
mod returns;
mod rights;
mod watchers;

use std::time::Instant;

use anyhow::{Context, ensure};

use self::rights::Used;
use crate::cargo::Profile;
use crate::console::{Console, seconds};
use crate::harness::{Programs, Setup, Site, Target};
use crate::stop;

/// Plays scenarios with real processes and scripts, and looks into the cluster after each step
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only the scenarios whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,

    /// Keep the directories of scenarios that fail
    #[arg(long)]
    keep: bool,

    #[command(flatten)]
    target: Target,
}

/// A story with an end.
struct Scenario {
    name: &'static str,
    /// How kubesim is to be.
    simulator: &'static [&'static str],
    /// It depends on how the simulator was set up, so that a real cluster cannot play it.
    simulated_only: bool,
    play: fn(&Site<'_>) -> anyhow::Result<()>,
}

/// A scenario that any cluster can play.
const fn scenario(name: &'static str, play: fn(&Site<'_>) -> anyhow::Result<()>) -> Scenario {
    Scenario { name, simulator: &[], simulated_only: false, play }
}

impl Scenario {
    /// With these options for kubesim, if there is one.
    const fn with(self, simulator: &'static [&'static str]) -> Self {
        Self { simulator, ..self }
    }

    /// With these options for kubesim, without which it makes no sense.
    const fn only_with(self, simulator: &'static [&'static str]) -> Self {
        Self { simulator, simulated_only: true, ..self }
    }
}

const SCENARIOS: &[Scenario] = &[
    scenario("installed_from_the_samples", installed::from_samples).only_with(&[]),
    scenario("two_hundred_machines_come_and_go", lifecycle::two_hundred),
    scenario("a_second_request_while_the_first_runs", lifecycle::second_request)
        .with(&["--start-delay", "700ms"]),
    scenario("a_pod_is_deleted_behind_our_back", deleted::after_it_ran),
    scenario("a_pod_is_deleted_before_it_runs", deleted::before_it_ran).only_with(&["--start-delay", "2s"]),
    scenario("pods_fail_and_are_evicted", deleted::ended).only_with(&[]),
    scenario("watchers_start_after_the_request", watchers::late),
    scenario("watchers_stop_during_the_request", watchers::stopped).with(&["--create-rate", "100"]),
    scenario("watchers_end_on_sigterm_and_go_on", watchers::restarted),
    scenario("watchers_are_killed_again_and_again", watchers::killed).with(&["--create-rate", "200"]),
    scenario("unknown_names_are_returned", returns::unknown),
    scenario("machines_are_returned_before_their_pods_exist", returns::before_created),
    scenario("machines_are_returned_while_they_are_created", returns::while_created)
        .with(&["--create-rate", "50"]),
    scenario("returned_while_nobody_knows_whether_it_exists", returns::in_doubt)
        .only_with(&["--fault", "verb=create,resource=pods,lose"]),
    scenario("the_database_is_removed_while_nobody_looks", database::removed_at_rest),
    scenario("the_database_is_removed_under_running_watchers", database::removed_at_work),
    scenario("two_instances_do_not_see_each_other", instances::two),
    scenario("strangers_pods_are_left_alone", instances::strangers),
    scenario("terminal_answers_stay", answers::terminal),
    scenario("an_unknown_id_harms_no_other", answers::unknown_id),
    scenario("recorded_calls_are_played_again", recording::played_again),
    scenario("bad_input_is_refused_and_registers_nothing", bad_input::refused),
    scenario("nothing_is_left_of_a_demo_that_is_stopped", cleanup::nothing_is_left).only_with(&[]),
];

/// How many scenarios went well, and how many did not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Summary {
    passed: usize,
    failed: usize,
}

impl Summary {
    /// An error if a scenario failed.
    pub(crate) fn verdict(self) -> anyhow::Result<()> {
        ensure!(self.failed == 0, "{} scenarios failed", self.failed);
        Ok(())
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Plays the scenarios, to the last.
pub(crate) fn run(args: &Args) -> anyhow::Result<Summary> {
    let mut console = Console::new(false);
    let chosen = choose(args.only.as_deref())?;
    console.say("Building the programs.");
    let programs = Programs::build(Profile::Dev)?;
    let since = Instant::now();
    let mut summary = Summary::default();
    let (mut used, complete) = (Used::default(), chosen.len() == SCENARIOS.len());
    for scenario in chosen {
        stop::check()?;
        if scenario.simulated_only && args.target.real().is_some() {
            console.say(format_args!("skipped  {}: needs the simulator", scenario.name));
            continue;
        }
        if play(scenario, args, &programs, &mut used, &mut console)? {
            summary.passed += 1;
        } else {
            summary.failed += 1;
        }
    }
    if complete && summary.failed == 0 && args.target.real().is_none() {
        match used.compare(&programs.scripts().join("kubernetes/rbac.yaml")) {
            Ok(()) => {
                console.say("ok       the_role_grants_what_is_needed");
                summary.passed += 1;
            }
            Err(error) => {
                console.say(format_args!("FAILED   the_role_grants_what_is_needed\n{error:#}"));
                summary.failed += 1;
            }
        }
    }
    console.say(format_args!("e2e: {summary} ({})", seconds(since.elapsed())));
    Ok(summary)
}

fn choose(only: Option<&str>) -> anyhow::Result<Vec<&'static Scenario>> {
    let wanted = |scenario: &&Scenario| only.is_none_or(|only| scenario.name.contains(only));
    let chosen: Vec<_> = SCENARIOS.iter().filter(wanted).collect();
    let names = || SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join("\n  ");
    ensure!(!chosen.is_empty(), "no scenario has this in its name; there are:\n  {}", names());
    Ok(chosen)
}

/// Plays one scenario; `false` if it failed.
fn play(
    scenario: &Scenario,
    args: &Args,
    programs: &Programs,
    used: &mut Used,
    console: &mut Console,
) -> anyhow::Result<bool> {
    let since = Instant::now();
    let mut site = Site::start(programs, &args.target, &Setup::simulated(scenario.simulator))
        .context("cannot set the stage")?;
    let played = (scenario.play)(&site);
    stop::check()?;
    site.simulator().map_or(Ok(()), |simulator| used.add(simulator))?;
    let (name, took) = (scenario.name, seconds(since.elapsed()));
    let Err(error) = played else {
        console.say(format_args!("ok       {name}  {took}"));
        return Ok(true);
    };
    console.say(format_args!("{}\nFAILED   {name}  {took}\n{error:#}", site.tails()));
    if args.keep {
        site.keep();
        console.say(format_args!("its files stay in {}", site.directory().display()));
    }
    Ok(false)
}
