//! `wake`: from the exit of `requestMachines` to the arrival of the POST, with watchers that have nothing to do.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::Bench;
use super::caller::Caller;
use super::figure::{Figure, Goal};
use super::samples::Samples;
use super::server::{arrivals, seconds};
use crate::harness::{TEMPLATE, Watcher};

/// Between two calls: long enough for everything to be at rest again. The rest is random, so that calls come at any
/// moment of the watchers' own looks.
const REST: Duration = Duration::from_millis(40);

pub(super) fn measure(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let count = bench.size(250, 10);
    let site = bench.site(count + 1, &[])?;
    let mut provider = site.provider("wake")?;
    provider.start(&Watcher::ALL)?;
    provider.deliver(1)?;
    let mut caller = Caller::start(&provider)?;
    let mut calls = Vec::new();
    for n in 0..count {
        bench.progress(format_args!("wake: {n} of {count} calls"));
        std::thread::sleep(REST + Duration::from_millis(u64::from(n * 37 % 20)));
        let (cost, id) = caller.request(TEMPLATE, 1)?;
        calls.push((id, cost.ended_ns));
    }
    let last = calls.last().map(|(id, _)| id.clone()).context("no calls")?;
    provider.settled(&last)?;
    let arrived = arrivals(site.simulator().context("this needs kubesim")?)?;
    // Each call's machine is created before the next call is made, so that both are in the same order.
    let arrived = &arrived[1..];
    ensure!(arrived.len() == calls.len(), "{} calls, and {} POSTs", calls.len(), arrived.len());
    let samples = calls.iter().zip(arrived).map(|((_, ended), arrived)| seconds(*ended, *arrived) * 1e3);
    let samples = Samples::new(samples.collect());
    bench.add(Figure::median("wake", "ms", &samples).goal(Goal::AtMost(10.0)));
    bench.add(Figure::new("wake, p99", "ms", samples.quantile(0.99)).goal(Goal::AtMost(50.0)));
    Ok(())
}
