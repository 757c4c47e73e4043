//! `fresh`: from a pod's running event to a `getRequestStatus` that shows it, while 1,000 events a second arrive.

use std::collections::HashMap;

use anyhow::Context;
use serde_json::json;

use super::Bench;
use super::caller::Caller;
use super::figure::{Figure, Goal};
use super::samples::Samples;
use super::server::{Moments, Nanos, seconds};
use crate::harness::{Call, TEMPLATE, Watcher};

/// Each pod is created, scheduled and started: three events.
const RATE: &str = "333";

pub(super) fn measure(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let (behind, each, rounds) = bench.size((4_000, 50, 8), (100, 10, 2));
    let site = bench.site(behind + each * rounds + 1, &["--create-rate", RATE])?;
    let simulator = site.simulator().context("this needs kubesim")?;
    let mut provider = site.provider("fresh")?;
    provider.start(&Watcher::ALL)?;
    provider.deliver(1)?;
    let mut caller = Caller::start(&provider)?;
    // What makes the events, while requests that are looked at get their share of the creations.
    caller.request(TEMPLATE, behind)?;
    let mut shown: HashMap<String, Nanos> = HashMap::new();
    for round in 0..rounds {
        bench.progress(format_args!("fresh: {round} of {rounds} requests"));
        let (_, id) = caller.request(TEMPLATE, each)?;
        let asked = json!({"requests": [{"requestId": id}]});
        loop {
            let ended = caller.call(Call::Status, &asked)?.ended_ns;
            let answer = caller.answer()?;
            let request = &answer["requests"][0];
            for machine in request["machines"].as_array().context("no machines")? {
                if let Some(name) = machine["name"].as_str().filter(|_| machine["status"] == "running") {
                    shown.entry(name.to_owned()).or_insert(ended);
                }
            }
            if request["status"] != "running" {
                break;
            }
        }
    }
    let running = Moments::of(simulator, "")?.running;
    let took = shown.iter().map(|(name, shown)| {
        let at = running.get(name).with_context(|| format!("{name} never ran"))?;
        Ok(seconds(*at, *shown) * 1e3)
    });
    let samples = Samples::new(took.collect::<anyhow::Result<_>>()?);
    let figure = Figure::median("fresh", "ms", &samples).goal(Goal::AtMost(20.0));
    bench.add(figure.note("with the call that shows it, and the one that was on its way when it happened"));
    bench.add(Figure::new("fresh, p99", "ms", samples.quantile(0.99)).goal(Goal::AtMost(100.0)));
    Ok(())
}
