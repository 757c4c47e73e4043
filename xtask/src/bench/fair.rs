//! `fair`: a request for one machine that arrives behind one for 10,000, and a return of one behind one of 10,000.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;

use super::Bench;
use super::caller::Caller;
use super::figure::{Figure, Goal};
use super::samples::Samples;
use super::server::{Moments, Nanos, seconds};
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
    add(bench, "fair, create", &small, &created, &large)?;

    let (large_hosts, mut small_hosts) = (provider.settled(&large)?.hosts(), Vec::new());
    for (id, _) in &small {
        small_hosts.push(provider.settled(id)?.hosts());
    }
    caller.give_back(&large_hosts)?;
    let mut returns = Vec::new();
    for ((_, ended_ns), hosts) in small.iter_mut().zip(&small_hosts) {
        let (cost, back) = caller.give_back(hosts)?;
        *ended_ns = cost.ended_ns;
        returns.push(back);
        std::thread::sleep(Duration::from_millis(bench.size(200, 10)));
    }
    for back in &returns {
        provider.settled(back)?;
    }
    let deleted = Moments::of(simulator, "")?.deleted;
    add(bench, "fair, return", &small, &deleted, &large)
}

/// Adds how long the small ones took, from the end of their calls.
fn add(
    bench: &mut Bench<'_>,
    name: &str,
    small: &[(String, Nanos)],
    done: &HashMap<String, Nanos>,
    large: &str,
) -> anyhow::Result<()> {
    let took = small.iter().map(|(id, ended)| {
        let at = done.get(&format!("{id}-0")).with_context(|| format!("nothing became of {id}"))?;
        Ok(seconds(*ended, *at) * 1e3)
    });
    let took = Samples::new(took.collect::<anyhow::Result<_>>()?);
    let behind = done.keys().filter(|name| name.starts_with(large)).count();
    let figure = Figure { ours: took.max(), ..Figure::median(name, "ms", &took) };
    let note = format!("the slowest of {SMALL}; {behind} machines of the large one were done by the end");
    bench.add(figure.goal(Goal::AtMost(1_000.0)).note(note));
    Ok(())
}
