//! `recover`: all watchers killed half-way through a burst, and started again.

use std::time::{Duration, Instant};

use anyhow::Context;

use super::Bench;
use super::caller::Caller;
use super::figure::{Figure, Goal};
use super::server::{Moments, last, seconds};
use crate::harness::{Look, TEMPLATE, Watcher};

/// What a server that is asked as fast as it can would need for each of those that are left.
const RATE: u32 = 1_000;

pub(super) fn measure(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let count = bench.size(10_000, 200);
    let site = bench.site(count + 1, &["--create-rate", &RATE.to_string()])?;
    let simulator = site.simulator().context("this needs kubesim")?;
    let mut provider = site.provider("recover")?;
    provider.start(&Watcher::ALL)?;
    provider.deliver(1)?;
    let mut caller = Caller::start(&provider)?;
    let (_, id) = caller.request(TEMPLATE, count)?;
    let created = || simulator.accepted("create", "pods");
    while created()? < u64::from(count / 2) {
        crate::stop::check()?;
        std::thread::sleep(Duration::from_millis(20));
    }
    provider.kill(&Watcher::ALL)?;
    let killed = Instant::now();
    let before = Moments::of(simulator, &id)?.created.len();
    let restarted = super::server::now();
    provider.start(&Watcher::ALL)?;
    let pause = killed.elapsed();
    provider.until("all pods are created", |_| {
        let created = Moments::of(simulator, &id)?.created.len();
        Ok(Look::new((created >= count as usize).then_some(()), || format!("{created} are")))
    })?;
    let moments = Moments::of(simulator, &id)?;
    let took = seconds(restarted, last(&moments.created));
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let rest = (moments.created.len() - before) as f64 / f64::from(RATE);
    let figure = Figure::new("recover", "s", (took - rest).max(0.0)).goal(Goal::AtMost(2.0));
    bench.add(figure.note(format!(
        "{took:.1} s, of which {rest:.1} s for what was left; down for {} ms",
        pause.as_millis()
    )));
    Ok(())
}
