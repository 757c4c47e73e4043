//! The cluster misbehaves: faults come and go over kubesim's own API.
//!
//! What is to be in force is kept here and sent whole, because kubesim forgets its faults when it is killed and hears
//! nothing while it refuses connections.

use std::time::{Duration, Instant};

use super::books::Books;
use super::clock;
use super::dice::Dice;
use super::kubesim::Kubesim;
use super::site::NAMESPACE;
use crate::console::seconds;

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Outage,
    Refusals,
    LostAnswers,
    Delays,
    WatchesCut,
    WatchesHeld,
    Expired,
    Broken,
    Evicted,
    Vanished,
    Failed,
    DatabaseRemoved,
}

const TROUBLES: &[(u32, Trouble)] = &[
    (8, Trouble::Outage),
    (14, Trouble::Refusals),
    (14, Trouble::LostAnswers),
    (12, Trouble::Delays),
    (10, Trouble::WatchesCut),
    (10, Trouble::WatchesHeld),
    (12, Trouble::Expired),
    (8, Trouble::Broken),
    (6, Trouble::Evicted),
    (6, Trouble::Vanished),
    (6, Trouble::Failed),
];

/// Something in force.
#[derive(Debug)]
struct Active {
    until: Instant,
    what: String,
    /// Commands that make faults.
    faults: Vec<String>,
    /// How much later watches tell, and after how long they are cut.
    hold: Option<Duration>,
    cut_every: Option<Duration>,
    /// A pod that does not parse.
    broken: Option<(String, &'static str)>,
}

/// What troubles the cluster.
#[derive(Debug)]
pub(super) struct Faults {
    seed: u64,
    cluster: bool,
    lose_database: bool,
    /// How long the longest trouble is.
    longest: Duration,
    active: Vec<Active>,
    /// Pods to be mended.
    mend: Vec<String>,
    decision: u64,
    next: Instant,
    /// What is in force has not been sent.
    stale: bool,
}

impl Faults {
    pub(super) fn new(seed: u64, faults: bool, lose_database: bool, run: Duration) -> Self {
        // 30 s in a run of four minutes or more.
        let longest = (run / 8).min(Duration::from_secs(30));
        let next = Instant::now() + Duration::from_secs(3);
        let (active, mend) = (Vec::new(), Vec::new());
        Self { seed, cluster: faults, lose_database, longest, active, mend, decision: 0, next, stale: false }
    }

    /// kubesim was started anew, and knows nothing.
    pub(super) fn forgotten(&mut self) {
        self.stale = true;
    }

    /// Brings trouble when it is time for it, and ends what has lasted long enough.
    pub(super) fn turn(&mut self, kubesim: &Kubesim<'_>, books: &mut Books, work: &std::path::Path) {
        let now = Instant::now();
        if now >= self.next && (self.cluster || self.lose_database) {
            let mut dice = Dice::of(self.seed, "faults", self.decision);
            self.decision += 1;
            self.next = now + dice.millis(400..=2_500);
            self.bring(&mut dice, kubesim, books, work);
        }
        for one in self.active.extract_if(.., |one| one.until <= now) {
            books.happened(clock::now(), format!("over: {}", one.what));
            self.mend.extend(one.broken.map(|(pod, _)| pod));
            self.stale = true;
        }
        self.send(kubesim);
    }

    /// Ends all of it. Called until it has worked.
    pub(super) fn calm(&mut self, kubesim: &Kubesim<'_>) -> bool {
        for one in self.active.drain(..) {
            self.mend.extend(one.broken.map(|(pod, _)| pod));
            self.stale = true;
        }
        self.send(kubesim);
        !self.stale && self.mend.is_empty()
    }

    fn send(&mut self, kubesim: &Kubesim<'_>) {
        // A pod that is gone needs no mending: kubesim answers, and says so.
        self.mend.retain(|pod| {
            let answer = kubesim.command(&format!("pods/{NAMESPACE}/{pod}/mend"));
            answer.is_err_and(|error| !error.to_string().contains("status"))
        });
        if self.stale && self.mend.is_empty() {
            self.stale = self.send_all(kubesim).is_err();
        }
    }

    fn send_all(&self, kubesim: &Kubesim<'_>) -> anyhow::Result<()> {
        kubesim.forget_faults()?;
        for fault in self.active.iter().flat_map(|one| &one.faults) {
            kubesim.command(&format!("faults?{fault}"))?;
        }
        let longest = |times: &mut dyn Iterator<Item = Duration>| times.max().unwrap_or_default().as_millis();
        let hold = longest(&mut self.active.iter().filter_map(|one| one.hold));
        let cut = longest(&mut self.active.iter().filter_map(|one| one.cut_every));
        kubesim.command(&format!("watches?hold={hold}ms&cut-every={cut}ms"))?;
        for (pod, part) in self.active.iter().filter_map(|one| one.broken.as_ref()) {
            // It may be gone, which is no trouble of ours.
            let _ = kubesim.command(&format!("pods/{NAMESPACE}/{pod}/break?part={part}"));
        }
        Ok(())
    }

    fn bring(&mut self, dice: &mut Dice, kubesim: &Kubesim<'_>, books: &mut Books, work: &std::path::Path) {
        let mut troubles: Vec<_> =
            if self.cluster { TROUBLES.to_vec() } else { vec![(20, Trouble::Expired)] };
        if self.lose_database {
            troubles.push((5, Trouble::DatabaseRemoved));
        }
        let Some(trouble) = dice.weighted(&troubles) else { return };
        if trouble == Trouble::Expired && !self.cluster {
            return;
        }
        let long = self.longest.mul_f64(0.1 + 0.9 * dice.fraction());
        let short = long.min(Duration::from_secs(8));
        let millis = |time: Duration| format!("{}ms", time.as_millis());
        let pods = dice.number(1..=6) as usize;
        let wait = (self.longest / 3).min(Duration::from_secs(5)).mul_f64(dice.fraction());
        match trouble {
            Trouble::Outage => {
                if kubesim.command(&format!("down?for={}", millis(long))).is_ok() {
                    happened(books, format!("no connections for {}", seconds(long)));
                }
            }
            Trouble::Refusals => {
                let faults =
                    [429, 500, 503].map(|status| format!("probability=0.1&status={status}&retry-after=1"));
                self.begin(short, "30 % refused", faults.into(), books);
            }
            Trouble::LostAnswers => {
                let faults = ["create", "delete"].map(|verb| format!("verb={verb}&probability=0.3&lose=1"));
                self.begin(short, "answers lost", faults.into(), books);
            }
            Trouble::Delays => {
                let faults = vec![format!("probability=0.3&delay={}", millis(wait))];
                self.begin(short, &format!("30 % delayed by {}", seconds(wait)), faults, books);
            }
            Trouble::WatchesCut => {
                let active = self.begin(short, "watches cut every second", Vec::new(), books);
                active.cut_every = Some(Duration::from_secs(1));
            }
            Trouble::WatchesHeld => {
                let active = self.begin(short, &format!("watches held {}", seconds(wait)), Vec::new(), books);
                active.hold = Some(wait);
            }
            Trouble::Expired => {
                let kind = if dice.chance(0.5) { "status" } else { "stream" };
                if kubesim.command(&format!("expire?as={kind}")).is_ok() {
                    happened(books, format!("versions expired, as {kind}"));
                }
            }
            Trouble::Broken => {
                let part = if dice.chance(0.5) { "metadata" } else { "spec" };
                for pod in dice.some(hosts(books), 1) {
                    let active = self.begin(short, &format!("broken ({part}): {pod}"), Vec::new(), books);
                    active.broken = Some((pod, part));
                }
            }
            Trouble::Evicted | Trouble::Vanished | Trouble::Failed => {
                let command = match trouble {
                    Trouble::Evicted => "evict",
                    Trouble::Vanished => "vanish",
                    _ => "fail?reason=OOMKilled&message=on+command",
                };
                for pod in dice.some(hosts(books), pods) {
                    books.machine(&pod).touched.get_or_insert(clock::now());
                    let answer = kubesim.command(&format!("pods/{NAMESPACE}/{pod}/{command}"));
                    books.note(&pod, clock::now(), format!("chaos: {command}: {}", answer.is_ok()));
                    books.count(format!("pods: {trouble:?}"));
                }
            }
            Trouble::DatabaseRemoved => {
                books.removed.push(clock::now());
                for name in ["hf.db", "hf.db-wal", "hf.db-shm"] {
                    let _ = std::fs::remove_file(work.join(name));
                }
                // Calls that were under way may still have written into it.
                books.removed.push(clock::now());
                happened(books, "hf.db removed".to_owned());
            }
        }
        books.count(format!("faults: {trouble:?}"));
    }

    fn begin(&mut self, time: Duration, what: &str, faults: Vec<String>, books: &mut Books) -> &mut Active {
        happened(books, format!("for {}: {what}", seconds(time)));
        let until = Instant::now() + time;
        let active =
            Active { until, what: what.to_owned(), faults, hold: None, cut_every: None, broken: None };
        self.stale = true;
        self.active.push_mut(active)
    }
}

fn happened(books: &mut Books, what: String) {
    books.happened(clock::now(), what);
}

/// Hosts whose pods Host Factory has seen run: of others the provider may not have heard, and what vanishes before
/// anybody has heard of it was never there.
fn hosts(books: &Books) -> Vec<String> {
    books.hosts.keys().cloned().collect()
}
