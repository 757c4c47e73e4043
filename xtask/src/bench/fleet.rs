//! `fleet`: 100,000 pods, and a `hf-watch-pods` that has lost its store.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Bench;
use super::figure::{Figure, Goal};
use super::{limits, usage};
use crate::harness::{Call, INSTANCE_LABEL, TEMPLATE, Watcher};

/// The largest request that there is.
const EACH: u32 = 10_000;

pub(super) fn measure(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let (requests, each) = bench.size((10, EACH), (2, 50));
    let count = requests * each;
    let site = bench.site(count, &["--history", "1000"])?;
    let mut provider = site.provider("fleet")?;
    provider.start(&[Watcher::Requests, Watcher::Pods])?;
    let mut ids = Vec::new();
    for n in 0..requests {
        bench.progress(format_args!("fleet: creating, {n} of {requests} requests"));
        let id = provider.factory.request(TEMPLATE, each)?;
        while !provider.factory.status(&id)?.status.is_terminal() {
            std::thread::sleep(Duration::from_secs(1));
            crate::stop::check()?;
        }
        ids.push(id);
    }
    provider.stop(&[Watcher::Requests, Watcher::Pods])?;
    let selector = format!("{INSTANCE_LABEL}={}", provider.instance());
    bench.progress("fleet: listing with a bare client");
    let (listed, found) = limits::list(&site, &selector)?;
    anyhow::ensure!(found == u64::from(count), "{found} of {count} pods were listed");
    std::fs::remove_dir_all(site.path("work"))?;
    provider.factory.forget_finals();
    bench.progress("fleet: rebuilding");
    let since = Instant::now();
    provider.start(&[Watcher::Pods])?;
    let asked = json!({"requests": [{"requestId": ids[0]}]});
    let pid = provider.pid(Watcher::Pods)?;
    let took = loop {
        std::thread::sleep(Duration::from_millis(100));
        crate::stop::check()?;
        if !site.path("work").join("hf.db").exists() {
            continue;
        }
        let reply = provider.factory.expect(Call::Status, &asked)?;
        if reply.json["requests"][0]["machines"].as_array().is_some_and(|machines| !machines.is_empty()) {
            break since.elapsed().as_secs_f64();
        }
    };
    let (_, peak) = usage::memory(pid)?;
    bench.progress("fleet: at rest");
    std::thread::sleep(bench.size(Duration::from_secs(15), Duration::from_secs(1)));
    let (resting, _) = usage::memory(pid)?;
    let figure = Figure::new(format!("fleet of {count}, rebuilt"), "s", took).beside(listed);
    bench.add(figure.goal(Goal::RatioAtMost(2.0)));
    bench.add(Figure::new("fleet, peak memory", "MB", peak).goal(Goal::AtMost(150.0)));
    bench.add(Figure::new("fleet, resting memory", "MB", resting).goal(Goal::AtMost(40.0)));
    Ok(())
}
