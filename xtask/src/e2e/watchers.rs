//! Watchers that start late, stop, and are killed.

use std::time::Duration;

use anyhow::{Context, ensure};

use crate::harness::answers::{Outcome, Request, Status};
use crate::harness::{Look, Provider, Site, TEMPLATE, Watcher, expect_delivered};

/// How long a watcher may take to end.
const PROMPTLY: Duration = Duration::from_secs(2);

/// A request waits for its watchers; none is needed to register it, and their order does not matter.
pub(crate) fn late(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("late")?;
    let id = provider.factory.request(TEMPLATE, 20)?;
    let waiting = provider.factory.status(&id)?;
    ensure!(waiting.status == Status::Running && waiting.machines.len() == 20, "nobody works: {waiting:?}");
    ensure!(waiting.message.contains("hf-watch-requests"), "nobody is told: {:?}", waiting.message);
    provider.expect_no_pods()?;
    provider.start(&[Watcher::Requests])?;
    until_pods(&provider, 20)?;
    let unseen = provider.factory.status(&id)?;
    ensure!(unseen.status == Status::Running, "nobody watches the pods: {unseen:?}");
    provider.start(&[Watcher::Returns, Watcher::Pods])?;
    let request = provider.settled(&id)?;
    expect_delivered(&request, 20)?;
    provider.expect_pods(&request.machines)
}

/// All watchers stop in the middle of a request, and start again.
pub(crate) fn stopped(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("stopped")?;
    provider.start(&Watcher::ALL)?;
    let id = provider.factory.request(TEMPLATE, 150)?;
    until_pods(&provider, 20)?;
    let took = provider.stop(&Watcher::ALL)?;
    ensure!(took < PROMPTLY, "the watchers took {took:?} to end");
    let created = provider.pods()?.len();
    let waiting = provider.factory.status(&id)?;
    ensure!(waiting.status == Status::Running, "with {created} of 150 pods: {waiting:?}");
    ensure!(waiting.count(Outcome::Fail) == 0, "machines failed because nobody works: {waiting:?}");
    provider.start(&Watcher::ALL)?;
    finish(&provider, &id, 150)?;
    no_more_than(site, 150)
}

/// SIGTERM at rest: each watcher exits with 0 at once, nothing happens to the machines, and its successor goes on.
pub(crate) fn restarted(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("restarted")?;
    provider.start(&Watcher::ALL)?;
    let first = provider.deliver(10)?;
    for watcher in Watcher::ALL {
        let took = provider.stop(&[watcher])?;
        ensure!(took < PROMPTLY, "{} took {took:?} to end", watcher.program());
        provider.expect_pods(&first.machines)?;
        provider.start(&[watcher])?;
    }
    let second = provider.deliver(5).context("after the restart")?;
    provider.expect_pods(&[first.machines.clone(), second.machines.clone()].concat())?;
    provider.expect_nothing_reclaimed(&first.hosts())?;
    provider.give_back(&[first.hosts(), second.hosts()].concat())?;
    provider.expect_no_pods()
}

/// SIGKILL at work, one watcher after the other, while machines come and while they go.
pub(crate) fn killed(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("killed")?;
    provider.start(&Watcher::ALL)?;
    let id = provider.factory.request(TEMPLATE, 200)?;
    for (round, watcher) in (1..).zip(Watcher::ALL.into_iter().cycle().take(6)) {
        until_pods(&provider, 25 * round)?;
        provider.kill(&[watcher])?;
        provider.start(&[watcher])?;
    }
    let request = finish(&provider, &id, 200)?;
    no_more_than(site, 200)?;

    let id = provider.factory.give_back(&request.hosts())?;
    for watcher in Watcher::ALL {
        provider.kill(&[watcher])?;
        provider.start(&[watcher])?;
    }
    let returned = provider.settled(&id)?;
    crate::harness::expect_returned(&returned, &request.hosts())?;
    provider.expect_no_pods()?;
    no_more_than(site, 200)
}

fn finish(provider: &Provider<'_>, id: &str, count: u32) -> anyhow::Result<Request> {
    let request = provider.settled(id)?;
    expect_delivered(&request, count)?;
    provider.expect_pods(&request.machines)?;
    provider.expect_nothing_reclaimed(&request.hosts())?;
    Ok(request)
}

fn until_pods(provider: &Provider<'_>, count: usize) -> anyhow::Result<()> {
    provider.until(&format!("{count} pods exist"), |provider| {
        let found = provider.pods()?.len();
        Ok(Look::new((found >= count).then_some(()), || format!("{found} pods exist")))
    })
}

/// No machine was made twice, one after the other.
fn no_more_than(site: &Site<'_>, count: u64) -> anyhow::Result<()> {
    let created = site.simulator().map(|simulator| simulator.accepted("create", "pods")).transpose()?;
    ensure!(
        created.is_none_or(|created| created == count),
        "{created:?} pods were created for {count} machines"
    );
    Ok(())
}
