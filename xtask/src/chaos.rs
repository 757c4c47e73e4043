//! `cargo xtask chaos`: real processes, a random demand, and random deaths; in the end three books are compared.
//!
//! ```text
//!   dice        chance that a seed replays
//!   site        the directory and its configuration; kubesim, fleet: the processes
//!   caller      the scripts, killed in the middle; player, demand: Host Factory
//!   director    the main thread, which kills; faults: what it does to the cluster
//!   books       what Host Factory was told; pods: what the cluster did; ledger: what the store has
//!   checker     compares them
//! ```

mod books;
mod caller;
mod checker;
mod clock;
mod demand;
mod dice;
mod director;
mod faults;
mod fleet;
mod kubesim;
mod ledger;
mod player;
mod pods;
mod report;
mod site;
mod strangers;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, ensure};

use self::books::Books;
use self::caller::Caller;
use self::demand::{Phase, Stage};
use self::director::Director;
use self::faults::Faults;
use self::fleet::Fleet;
use self::kubesim::Kubesim;
use self::ledger::Ledger;
use self::player::Player;
use self::pods::{Follower, Pods};
use self::report::Report;
use self::site::Site;
use crate::cargo::Profile;
use crate::console::{Console, seconds};
use crate::harness::{Programs, logs};
use crate::stop;

/// Kills every process again and again under a random demand, and compares what all of them say in the end
///
/// One seed gives the same demand, kills and faults in the same order. How they fall in with what the processes do
/// depends on the machine, so that a failure may take a few runs to come again. After the given time demand, kills and
/// faults end, and everything has to settle, which takes two minutes or so: a create of which nobody knows whether it
/// was carried out is doubted for 95 s.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What all chance follows from [default: a fresh one]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// How long to go on
    #[arg(long, value_name = "MINUTES", default_value_t = 2.0)]
    minutes: f64,

    /// Trouble the cluster too: outages, refusals, lost answers, delays, cut watches, expired versions, broken pods
    #[arg(long)]
    faults: bool,

    /// Remove the database now and then
    #[arg(long)]
    lose_database: bool,

    /// Keep the directory also when all is well
    #[arg(long)]
    keep: bool,
}

/// Runs it, and fails if anything is wrong in the end. What it says last is returned too.
pub(crate) fn run(args: &Args) -> anyhow::Result<String> {
    let mut console = Console::new(false);
    ensure!((0.01..=10_000.0).contains(&args.minutes), "--minutes is between 0.01 and 10000");
    let seed = args.seed.unwrap_or_else(fresh_seed);
    console.say("Building the programs.");
    let programs = Programs::build(Profile::Dev)?;
    let mut site = Site::make(programs)?;
    let flags = [(args.faults, " --faults"), (args.lose_database, " --lose-database")];
    let flags: String = flags.into_iter().filter_map(|(set, flag)| set.then_some(flag)).collect();
    let replay = format!("cargo xtask chaos --seed {seed} --minutes {}{flags}", args.minutes);
    console.say(format_args!("chaos: {replay}\nIts files are in {}", site.directory().display()));
    let report = match play(&site, args, seed, &mut console) {
        Ok(report) => report,
        Err(error) => {
            stop::check()?;
            site.keep();
            return Err(error.context(format!("the run could not go on; to replay: {replay}")));
        }
    };
    console.say(&report);
    if args.keep || report.failures > 0 {
        site.keep();
    }
    ensure!(
        report.failures == 0,
        "chaos: seed {seed}: {} failures\nto replay: {replay}\nits files stay in {}",
        report.failures,
        site.directory().display()
    );
    let last = format!("chaos: seed {seed}: {} machines, {} kills, ok", report.machines, report.kills);
    console.say(&last);
    Ok(last)
}

/// Any number will do; one that is short is easier to type.
fn fresh_seed() -> u64 {
    fastrand::u64(1..1_000_000)
}

/// Ends the threads, however the main one ends.
struct Ends<'a>(&'a Stage);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.set(Phase::Over);
    }
}

fn play(site: &Site, args: &Args, seed: u64, console: &mut Console) -> anyhow::Result<Report> {
    let start = clock::now();
    let time = Duration::from_secs_f64(args.minutes * 60.0);
    let books = Mutex::new(Books::new(start, logs::create(site.directory(), "timeline.txt")?));
    let caller = Caller::new(site)?;
    let stage = Stage::default();
    let player = Player { caller: &caller, books: &books };
    let work = site.path("work");
    let kubesim = Kubesim::start(site, seed)?;
    let made = strangers::make(site)?;
    let mut director = Director {
        seed,
        kubesim,
        fleet: Fleet::new(site),
        faults: Faults::new(seed, args.faults, args.lose_database, time),
        follower: Follower::new(&Kubesim::objects(site)),
        pods: Pods::default(),
        books: &books,
        caller: &caller,
        stage: &stage,
        work: &work,
        revive: None,
    };
    std::thread::scope(|scope| {
        let _ends = Ends(&stage);
        let threads = [
            scope.spawn(|| guarded(&player, &stage, || demand::wish(&player, &stage, seed, args.faults))),
            scope.spawn(|| guarded(&player, &stage, || demand::poll(&player, &stage, seed))),
            scope.spawn(|| guarded(&player, &stage, || demand::reclaim(&player, &stage, seed))),
        ];
        director.rage(time, console)?;
        let settled = director.settle(console)?;
        match settled {
            Some(took) => {
                director.books().happened(clock::now(), format!("settled after {}", seconds(took)));
                demand::give_everything_back(&player, seed)?;
            }
            None => director.complain_of_rest(),
        }
        if settled.is_some() && !director.answer_all(console)? {
            director.complain_of_rest();
        }
        stage.set(Phase::Over);
        for thread in threads {
            thread.join().ok().context("a thread of Host Factory's panicked")??;
        }
        director.end(console)?;
        conclude(site, &mut director, &made, settled)
    })
}

/// A thread that cannot go on ends the run.
fn guarded(
    player: &Player<'_>,
    stage: &Stage,
    work: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let ended = work();
    if let Err(error) = &ended {
        player.books().fail(format!("Host Factory cannot go on: {error:#}"), None);
        stage.set(Phase::Over);
    }
    ended
}

fn conclude(
    site: &Site,
    director: &mut Director<'_>,
    made: &BTreeMap<String, String>,
    settled: Option<Duration>,
) -> anyhow::Result<Report> {
    let wrong = strangers::check(site, made)?;
    director.follower.follow(&mut director.pods)?;
    let requests = director.kubesim.get("requests")?;
    let ledger = Ledger::open(&site.path("work"));
    let mut books = director.books();
    for what in wrong {
        books.fail(what, None);
    }
    checker::check_cluster(&mut books, &director.pods);
    if let Some(ledger) = &ledger {
        checker::check_store(&mut books, ledger)?;
    }
    let report = Report::new(&books, &director.pods, ledger.as_ref(), &requests);
    drop(books);
    Ok(report.ended(settled, director.fleet.slowest_end))
}
