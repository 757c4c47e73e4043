//! The main thread: it owns all long-lived processes, kills them by the dice, and lets everything settle in the end.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::books::Books;
use super::caller::Caller;
use super::clock;
use super::demand::{Phase, Stage};
use super::dice::Dice;
use super::faults::Faults;
use super::fleet::Fleet;
use super::kubesim::Kubesim;
use super::pods::{Follower, Pods};
use crate::console::{Console, seconds};
use crate::harness::Watcher;
use crate::stop;

/// Who is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Watcher(Watcher),
    Kubesim,
    /// One that stands by is started or ended.
    StandBy(Watcher),
}

const VICTIMS: &[(u32, Victim)] = &[
    (28, Victim::Watcher(Watcher::Requests)),
    (24, Victim::Watcher(Watcher::Returns)),
    (26, Victim::Watcher(Watcher::Pods)),
    (10, Victim::Kubesim),
    (4, Victim::StandBy(Watcher::Requests)),
    (4, Victim::StandBy(Watcher::Returns)),
    (4, Victim::StandBy(Watcher::Pods)),
];

/// The run as the main thread sees it.
pub(super) struct Director<'a> {
    pub(super) seed: u64,
    pub(super) kubesim: Kubesim<'a>,
    pub(super) fleet: Fleet<'a>,
    pub(super) faults: Faults,
    pub(super) follower: Follower,
    pub(super) pods: Pods,
    pub(super) books: &'a Mutex<Books>,
    pub(super) caller: &'a Caller,
    pub(super) stage: &'a Stage,
    pub(super) work: &'a Path,
    /// When kubesim is to live again.
    pub(super) revive: Option<Instant>,
}

/// How long everything may take to settle: a create of which nobody knows is doubted for 95 s, a watcher that met
/// trouble pauses for up to a minute before it tries again, and the machine is busy.
const SETTLE: Duration = Duration::from_mins(6);

/// How long the answers about what is over may take.
const AFTERWARDS: Duration = Duration::from_mins(2);

impl Director<'_> {
    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills for a time.
    pub(super) fn rage(&mut self, time: Duration, console: &mut Console) -> anyhow::Result<()> {
        let until = Instant::now() + time;
        let mut decision = 0;
        let mut next = Instant::now() + Duration::from_secs(1);
        while Instant::now() < until {
            if Instant::now() >= next {
                let mut dice = Dice::of(self.seed, "kills", decision);
                decision += 1;
                next = Instant::now() + dice.millis(150..=700);
                self.kill(&mut dice);
            }
            let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
            self.faults.turn(&self.kubesim, &mut books, self.work);
            drop(books);
            self.turn(console)?;
        }
        Ok(())
    }

    fn kill(&mut self, dice: &mut Dice) {
        let victim = dice.weighted(VICTIMS);
        let (kindly, second) = (dice.chance(0.15), dice.chance(0.5));
        let short = dice.millis(0..=300);
        let again = if dice.chance(0.7) { short } else { dice.millis(300..=2_000) };
        let said = match victim {
            Some(Victim::Watcher(watcher)) => {
                let signal = if kindly { "SIGTERM" } else { "SIGKILL" };
                let order = if second { [1, 0] } else { [0, 1] };
                let ended = order.into_iter().find(|number| self.fleet.end(watcher, *number, kindly, again));
                ended.map(|number| (format!("{signal}: {}", watcher.program()), format!("#{number}")))
            }
            Some(Victim::Kubesim) => self.kubesim.runs().then(|| {
                self.kubesim.kill();
                self.revive = Some(Instant::now() + again / 2);
                ("SIGKILL: kubesim".to_owned(), String::new())
            }),
            Some(Victim::StandBy(watcher)) => {
                self.fleet.stand_by(watcher, second);
                let program = watcher.program();
                Some((format!("second {program}"), if second { " wanted" } else { " not wanted" }.to_owned()))
            }
            None => None,
        };
        if let Some((what, detail)) = said {
            let mut books = self.books();
            books.count(format!("kills: {what}"));
            books.happened(clock::now(), format!("{what}{detail}, again after {}", seconds(again)));
        }
    }

    /// What has to be done all the time.
    pub(super) fn turn(&mut self, console: &mut Console) -> anyhow::Result<()> {
        stop::check()?;
        if self.revive.is_some_and(|revive| revive <= Instant::now()) {
            self.kubesim.revive()?;
            self.revive = None;
            self.faults.forgotten();
        }
        self.kubesim.check_alive()?;
        let wrong = self.fleet.supervise()?;
        self.follower.follow(&mut self.pods)?;
        let mut books = self.books();
        for what in wrong {
            books.fail(what, None);
        }
        let (open, hosts) = (books.open().len(), books.hosts.len());
        let (asked, failures) = (books.requests.len(), books.failures.len());
        let age = Duration::from_nanos(u64::try_from(clock::now() - books.start).unwrap_or_default());
        drop(books);
        let there = self.pods.present().count();
        console.progress(&format!(
            "{:>6}  {:?}: {asked} requests, {open} open; {hosts} hosts, {there} pods; {failures} failures",
            seconds(age),
            self.stage.now()
        ));
        std::thread::sleep(Duration::from_millis(15));
        Ok(())
    }

    /// Lets everything settle. Returns how long that took, or `None` if it did not happen.
    pub(super) fn settle(&mut self, console: &mut Console) -> anyhow::Result<Option<Duration>> {
        let since = Instant::now();
        self.caller.deadly.store(false, std::sync::atomic::Ordering::Relaxed);
        self.books().happened(clock::now(), "demand, kills and faults end");
        self.stage.set(Phase::Settling);
        for watcher in Watcher::ALL {
            self.fleet.stand_by(watcher, false);
        }
        while self.stage.now() < Phase::Over {
            if self.kubesim.runs() {
                self.faults.calm(&self.kubesim);
            }
            self.turn(console)?;
            let (still, keeper) = self.unsettled();
            match self.stage.now() {
                Phase::Settling if still == 0 && keeper => self.stage.set(Phase::Last),
                Phase::Last if still == 0 && !keeper => return Ok(Some(since.elapsed())),
                _ if since.elapsed() > SETTLE => return Ok(None),
                _ => {}
            }
        }
        Ok(None)
    }

    /// How many requests, hosts and pods are left beside the keeper, and whether it is there.
    fn unsettled(&self) -> (usize, bool) {
        let books = self.books();
        let keeper = books.keeper.clone().unwrap_or_default();
        let hosts = books.hosts.keys().filter(|name| **name != keeper).count();
        let pods = self.pods.present().filter(|(name, _)| *name != keeper).count();
        let present =
            books.hosts.contains_key(&keeper) || self.pods.present().any(|(name, _)| name == keeper);
        (books.open().len() + hosts + pods, present)
    }

    /// What is left although it had the time to go.
    pub(super) fn complain_of_rest(&self) {
        let mut books = self.books();
        for id in books.open() {
            let what = format!("the request {id} has no end");
            books.fail(what, Some(&id));
            // A machine of it tells more.
            let open = format!("status of {id}: Executing");
            let last = |notes: &[(i64, String)]| {
                let told =
                    notes.iter().rev().find(|(_, note)| note.starts_with(&format!("status of {id}: ")));
                told.is_some_and(|(_, note)| note.starts_with(&open))
            };
            let stuck = books.machines.iter().find(|(_, known)| last(&known.notes));
            if let Some(name) = stuck.map(|(name, _)| name.clone()) {
                books.fail(format!("the machine {name} has no end"), Some(&name));
            }
        }
        let hosts: Vec<String> = books.hosts.keys().cloned().collect();
        for name in hosts {
            books.fail(format!("the host {name} could not be given back"), Some(&name));
        }
    }

    /// Waits until every open request has its answer, while nobody wants anything.
    pub(super) fn answer_all(&mut self, console: &mut Console) -> anyhow::Result<bool> {
        let since = Instant::now();
        while !self.books().open().is_empty() {
            if since.elapsed() > AFTERWARDS {
                return Ok(false);
            }
            self.turn(console)?;
        }
        Ok(true)
    }

    /// Ends the watchers.
    pub(super) fn end(&mut self, console: &mut Console) -> anyhow::Result<()> {
        self.fleet.end_all();
        while !self.fleet.is_idle() {
            self.turn(console)?;
        }
        Ok(())
    }
}
