//! `soak`: machines come and go at the highest rate that holds, with retention on; nothing may grow.

use std::time::{Duration, Instant};

use super::Bench;
use super::figure::{Figure, Goal};
use super::usage;
use crate::harness::{Provider, TEMPLATE, Watcher};

/// How many live at a time: a request of so many is returned while the next one is made.
const BATCH: u32 = 2_000;

/// By how much slower than they can they come, so that the rate holds.
const SLACK: f64 = 1.1;

/// Rounds begin one after the other as quickly as they can until the rate is known, which is then held: the file is as
/// large as what comes while it is remembered, so a machine that is quicker for a while would look like growth.
struct Pace {
    began: Instant,
    /// How many rounds are to tell the rate.
    first: u32,
    /// How long each of the others takes, once that is known.
    each: Option<Duration>,
}

impl Pace {
    fn new(first: u32) -> Self {
        Self { began: Instant::now(), first: first.max(1), each: None }
    }

    /// Waits until this round is due.
    fn wait(&mut self, round: u32) {
        if round < self.first {
            return;
        }
        if self.each.is_none() {
            self.each = Some((self.began.elapsed() / self.first).mul_f64(SLACK));
            self.began = Instant::now();
        }
        let due = self.each.unwrap_or_default() * (round - self.first);
        std::thread::sleep(due.saturating_sub(self.began.elapsed()));
    }

    /// How many rounds a second were held, of so many in all.
    fn held(&self, rounds: u32) -> f64 {
        f64::from(rounds - self.first) / self.began.elapsed().as_secs_f64()
    }
}

/// What is looked at, half-way and at the end.
struct Sizes {
    memory: f64,
    database: f64,
}

pub(super) fn measure(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let (lives, batch) = bench.size((200_000, BATCH), (400, 50));
    let site = bench.site(batch * 4, &["--history", "20000"])?;
    // Closed requests are forgotten soon, so that as many go as come.
    std::fs::write(site.path("conf").join("k8sprov_config.json"), "{\"retention\": 20}\n")?;
    let mut provider = site.provider("soak")?;
    provider.start(&Watcher::ALL)?;
    let rounds = lives / batch;
    // An eighth, so that nothing of it is remembered any more in the quarters that are looked at.
    let mut pace = Pace::new(rounds / 8);
    let (mut sizes, mut open) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        bench.progress(format_args!("soak: {} of {lives} lives", round * batch));
        pace.wait(round);
        let id = provider.factory.request(TEMPLATE, batch)?;
        let request = ended(&provider, &id)?;
        let back = provider.factory.give_back(&request.hosts())?;
        open.push(back);
        // The return before this one has to be over: what is open is bounded.
        if open.len() > 1 {
            ended(&provider, &open.remove(0))?;
        }
        sizes.push(look(&provider)?);
    }
    let rate = pace.held(rounds) * f64::from(batch);
    bench.add(Figure::new(format!("soak, {lives} lives"), "/s", rate));
    // The mean of a stretch, because memory and file swing with each batch.
    let stretch = (sizes.len() / 4).max(1);
    let half = sizes.len() / 2;
    for (name, of) in
        [("memory", (|size| size.memory) as fn(&Sizes) -> f64), ("database", |size| size.database)]
    {
        let middle = mean(&sizes[half.saturating_sub(stretch)..half.max(1)], of);
        let end = mean(&sizes[sizes.len() - stretch..], of);
        let figure = Figure::new(format!("soak, {name}"), "MB", end).beside(middle);
        bench.add(figure.goal(Goal::RatioAtMost(1.05)).note("the last quarter beside the second one"));
    }
    Ok(())
}

fn mean(sizes: &[Sizes], of: fn(&Sizes) -> f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a hundred at most")]
    let count = sizes.len() as f64;
    sizes.iter().map(of).sum::<f64>() / count
}

fn ended(provider: &Provider<'_>, id: &str) -> anyhow::Result<crate::harness::answers::Request> {
    loop {
        let request = provider.factory.status(id)?;
        if request.status.is_terminal() {
            return Ok(request);
        }
        crate::stop::check()?;
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Memory of all watchers, and all of the store's files.
fn look(provider: &Provider<'_>) -> anyhow::Result<Sizes> {
    let mut memory = 0.0;
    for watcher in Watcher::ALL {
        memory += usage::memory(provider.pid(watcher)?)?.0;
    }
    let work = provider.site().path("work");
    let size = |name: &str| std::fs::metadata(work.join(name)).map_or(0, |file| file.len());
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let database = (size("hf.db") + size("hf.db-wal")) as f64 / 1e6;
    Ok(Sizes { memory, database })
}
