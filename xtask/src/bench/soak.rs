//! `soak`: machines come and go at the highest rate that holds, with retention on; nothing may grow.

use std::time::{Duration, Instant};

use super::Bench;
use super::figure::{Figure, Goal};
use super::usage;
use crate::harness::{Provider, TEMPLATE, Watcher};

/// How many live at a time: a request of so many is returned while the next one is made.
const BATCH: u32 = 2_000;

/// How much longer a round takes than it could, so that the rate holds.
const SLACK: f64 = 1.1;

/// When rounds begin: as soon as they can until their rate is known, and then at that rate. The file is as large as what
/// came while it is remembered, so a machine that is quicker for a while would look like growth.
struct Pace {
    last: Instant,
    each: Option<Duration>,
    /// How many rounds began late once the rate was held.
    late: u32,
}

impl Pace {
    fn wait(&mut self) {
        let passed = self.last.elapsed();
        if let Some(each) = self.each {
            self.late += u32::from(passed > each);
            std::thread::sleep(each.saturating_sub(passed));
        }
        self.last = Instant::now();
    }
}

/// What is looked at after each round.
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
    let mut pace = Pace { last: Instant::now(), each: None, late: 0 };
    // The second eighth of them tells the rate: by then requests are forgotten while others come.
    let (tell, hold) = (rounds / 8, rounds / 4);
    let mut since = Instant::now();
    let (mut sizes, mut open) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        bench.progress(format_args!("soak: {} of {lives} lives", round * batch));
        if round == hold {
            pace.each = Some((since.elapsed() / (hold - tell).max(1)).mul_f64(SLACK));
        }
        if round == tell || round == hold {
            since = Instant::now();
        }
        pace.wait();
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
    let rate = f64::from((rounds - hold) * batch) / since.elapsed().as_secs_f64();
    let late = format!("{} of {} rounds began late", pace.late, rounds - hold);
    bench.add(Figure::new(format!("soak, {lives} lives"), "/s", rate).note(late));
    // The mean of a stretch, because memory and file swing with each batch.
    let half = &sizes[sizes.len() / 2..];
    let stretch = (half.len() / 3).max(1);
    for (name, of) in
        [("memory", (|size| size.memory) as fn(&Sizes) -> f64), ("database", |size| size.database)]
    {
        let (begin, end) = (mean(&half[..stretch], of), mean(&half[half.len() - stretch..], of));
        let figure = Figure::new(format!("soak, {name}"), "MB", end).beside(begin);
        bench.add(figure.goal(Goal::RatioAtMost(1.05)).note("the second half's last third beside its first"));
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
