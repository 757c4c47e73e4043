//! `idle`, `status` and `lock`: what 10,000 running machines cost while nothing happens, when they are asked about, and
//! when 100 calls come at once.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;

use super::Bench;
use super::caller::Caller;
use super::figure::{Figure, Goal};
use super::limits;
use super::samples::Samples;
use super::usage;
use crate::harness::answers::Request;
use crate::harness::{Call, Host, Provider, TEMPLATE, Watcher, machines};

pub(super) fn measure(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    // A real cluster has not so much room.
    let count = if bench.target.real().is_some() { 1_000 } else { bench.size(10_000, 100) };
    let site = bench.site(count * 2 + 200, &[])?;
    let mut provider = site.provider("many")?;
    provider.start(&Watcher::ALL)?;
    bench.progress(format_args!("idle: creating {count} machines"));
    let id = provider.factory.request(TEMPLATE, count)?;
    let request = running(&provider, &id)?;
    idle(bench, &provider, count)?;
    status(bench, &provider, &request)?;
    lock(bench, &provider, &request, count)
}

fn running(provider: &Provider<'_>, id: &str) -> anyhow::Result<Request> {
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let request = provider.factory.status(id)?;
        if request.status.is_terminal() {
            return Ok(request);
        }
        crate::stop::check()?;
    }
}

fn idle(bench: &mut Bench<'_>, provider: &Provider<'_>, count: u32) -> anyhow::Result<()> {
    let time = bench.size(Duration::from_mins(1), Duration::from_secs(2));
    std::thread::sleep(bench.size(Duration::from_secs(5), Duration::from_millis(200)));
    let cpu = |watcher| usage::cpu(provider.pid(watcher)?);
    let before = Watcher::ALL.map(cpu).into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let since = Instant::now();
    while let Some(left) = time.checked_sub(since.elapsed()).filter(|left| !left.is_zero()) {
        bench.progress(format_args!("idle: {count} machines, {} s left", left.as_secs()));
        std::thread::sleep(left.min(Duration::from_secs(1)));
        crate::stop::check()?;
    }
    for (watcher, before) in Watcher::ALL.into_iter().zip(before) {
        let used = cpu(watcher)?.saturating_sub(before).as_secs_f64() * 1e3;
        let figure =
            Figure::new(format!("idle {}, CPU", watcher.program()), "ms", used).goal(Goal::AtMost(50.0));
        bench.add(figure.note(format!("in {} s", time.as_secs())));
        let (now, peak) = usage::memory(provider.pid(watcher)?)?;
        let figure = Figure::new(format!("idle {}, memory", watcher.program()), "MB", now);
        bench.add(figure.goal(Goal::AtMost(20.0)).note(format!("{peak:.1} MB at its peak")));
    }
    Ok(())
}

fn status(bench: &mut Bench<'_>, provider: &Provider<'_>, request: &Request) -> anyhow::Result<()> {
    let samples = bench.size(200, 5);
    let mut caller = Caller::start(provider)?;
    let asked = json!({"requests": [{"requestId": request.request_id}]});
    let listed = machines(&request.hosts());
    let count = request.machines.len();
    for (name, call, input, by_name) in [
        (format!("status of {count}"), Call::Status, &asked, false),
        (format!("status, getReturnRequests of {count}"), Call::Returns, &listed, true),
    ] {
        let (mut ours, mut limit) = (Vec::new(), Vec::new());
        // In turns, so that both have the same share of whatever else this machine does.
        for part in 0..samples / 5 {
            bench.progress(format_args!("{name}: {} of {samples}", part * 5));
            limit.extend(limits::rows(provider, &request.request_id, by_name, 5)?);
            for _ in 0..5 {
                ours.push(caller.call(call, input)?.wall_ms);
            }
        }
        let figure = Figure::median(name, "ms", &Samples::new(ours));
        bench.add(figure.beside_median(&Samples::new(limit)).goal(Goal::RatioAtMost(1.5)));
    }
    Ok(())
}

/// Calls of all kinds at once, while as many machines again are created.
fn lock(bench: &mut Bench<'_>, provider: &Provider<'_>, request: &Request, count: u32) -> anyhow::Result<()> {
    let calls = bench.size(100, 10);
    bench.progress(format_args!("lock: {calls} calls at once"));
    let small = provider.deliver(10)?;
    let id = provider.factory.request(TEMPLATE, count)?;
    std::thread::sleep(Duration::from_millis(300));
    let factory = &provider.factory;
    let hosts: Vec<Host> = request.hosts().into_iter().take(100).collect();
    let call = |n: usize| match n % 4 {
        0 => factory.expect(Call::Request, &json!({"template": {"templateId": TEMPLATE, "machineCount": 1}})),
        1 => factory.expect(Call::Returns, &machines(&hosts)),
        _ => factory.expect(Call::Status, &json!({"requests": [{"requestId": small.request_id}]})),
    };
    let took = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..calls).map(|n| scope.spawn(move || call(n))).collect();
        let replies = threads.into_iter().map(|thread| thread.join().ok().context("a call panicked")?);
        replies.map(|reply| Ok(reply?.took.as_secs_f64() * 1e3)).collect::<anyhow::Result<Vec<_>>>()
    })?;
    let took = Samples::new(took);
    let figure =
        Figure { ours: took.max(), ..Figure::median(format!("lock, {calls} calls at once"), "ms", &took) };
    bench.add(figure.beside(took.p50()).note("the slowest beside the median"));
    running(provider, &id).map(drop)
}
