//! `fair`: a request for one machine that arrives behind one for 10,000.

use std::time::Duration;

use anyhow::Context;

use super::Bench;
use super::caller::Caller;
use super::figure::{Figure, Goal};
use super::samples::Samples;
use super::server::{Moments, seconds};
use crate::harness::{TEMPLATE, Watcher};

/// How many small ones arrive while the large one is worked on.
const SMALL: usize = 5;

pub(super) fn measure(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let count = bench.size(10_000, 200);
    let site = bench.site(count + 10, &["--create-rate", "1000"])?;
    let simulator = site.simulator().context("this needs kubesim")?;
    let mut provider = site.provider("fair")?;
    provider.start(&Watcher::ALL)?;
    provider.deliver(1)?;
    let mut caller = Caller::start(&provider)?;
    let (_, large) = caller.request(TEMPLATE, count)?;
    let mut small = Vec::new();
    for _ in 0..SMALL {
        let (cost, id) = caller.request(TEMPLATE, 1)?;
        small.push((id, cost.ended_ns));
        std::thread::sleep(Duration::from_millis(bench.size(1_000, 10)));
    }
    for (id, _) in &small {
        provider.settled(id)?;
    }
    let created = Moments::of(simulator, "")?.created;
    let took = small.iter().map(|(id, ended)| {
        let at = created.get(&format!("{id}-0")).with_context(|| format!("{id} was never created"))?;
        Ok(seconds(*ended, *at) * 1e3)
    });
    let took = Samples::new(took.collect::<anyhow::Result<_>>()?);
    let behind = created.keys().filter(|name| name.starts_with(&large)).count();
    let figure = Figure { ours: took.max(), ..Figure::median("fair, create", "ms", &took) };
    bench.add(
        figure
            .goal(Goal::AtMost(1_000.0))
            .note(format!("the slowest of {SMALL}; {behind} of {count} were created by the end")),
    );
    Ok(())
}
