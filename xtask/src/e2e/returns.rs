//! Returns of what is not there: names that nobody knows, and machines that have no pod yet.

use anyhow::{Context, ensure};

use crate::harness::answers::{Host, Outcome, Request, Status};
use crate::harness::{Look, Provider, Site, TEMPLATE, Watcher, expect_returned};

/// Names that were never ours: `executing` until that is certain, then gone.
pub(crate) fn unknown(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("unknown")?;
    let names =
        ["never-was", "abcdefghijkl-0", "../../etc/passwd", "Not A Name", "x'; DROP TABLE machines; --"];
    let hosts: Vec<Host> = names.into_iter().map(Host::named).collect();
    let id = provider.factory.give_back(&hosts)?;
    let open = provider.factory.status(&id)?;
    ensure!(open.status == Status::Running, "nobody has looked yet: {open:?}");
    ensure!(open.count(Outcome::Executing) == hosts.len(), "nobody has looked yet: {open:?}");
    provider.expect_nothing_reclaimed(&hosts).context("before anybody has looked")?;
    provider.start(&Watcher::ALL)?;
    expect_returned(&provider.settled(&id)?, &hosts)?;

    let id = provider.factory.give_back(&hosts)?;
    let at_once = provider.factory.status(&id)?;
    expect_returned(&at_once, &hosts).context("a return of unknown names, on known ground")?;
    // The machines of others are none of its business, whatever they are called.
    let machine = provider.deliver(1)?;
    provider.expect_pods(&machine.machines)
}

/// Machines that are returned before anybody makes them are never made.
pub(crate) fn before_created(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("before")?;
    provider.start(&[Watcher::Pods, Watcher::Returns])?;
    let id = provider.factory.request(TEMPLATE, 10)?;
    let hosts = provider.factory.status(&id)?.hosts();
    ensure!(hosts.len() == 10, "the machines are {hosts:?}");
    provider.give_back(&hosts)?;
    cancelled(&provider.settled(&id)?, 10)?;
    provider.start(&[Watcher::Requests])?;
    // Later requests come last: once these machines run, the others would have been made.
    let later = provider.deliver(3)?;
    provider.expect_pods(&later.machines)?;
    provider.expect_nothing_reclaimed(&hosts)?;
    let created = site.simulator().map(|simulator| simulator.accepted("create", "pods")).transpose()?;
    ensure!(created.is_none_or(|created| created == 3), "{created:?} pods were created");
    Ok(())
}

/// Machines that are returned while they are made: those that exist go, those that do not are never made.
pub(crate) fn while_created(site: &Site<'_>) -> anyhow::Result<()> {
    const COUNT: u32 = 100;
    let mut provider = site.provider("while")?;
    provider.start(&Watcher::ALL)?;
    let id = provider.factory.request(TEMPLATE, COUNT)?;
    provider.until("some pods exist", |provider| {
        let found = provider.pods()?.len();
        Ok(Look::new((found >= 10).then_some(()), || format!("{found} pods exist")))
    })?;
    let hosts = provider.factory.status(&id)?.hosts();
    provider.give_back(&hosts)?;
    provider.expect_no_pods().context("the return is complete")?;
    cancelled(&provider.settled(&id)?, COUNT as usize)?;
    nothing_comes_back(&provider, &hosts)
}

/// A machine that is returned while its create is in doubt (the API server made the pod, and its answer was lost) goes.
///
/// hf-watch-pods, whose listing would end the doubt, does not run: hf-watch-returns looks for itself.
pub(crate) fn in_doubt(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("doubt")?;
    provider.start(&[Watcher::Requests])?;
    let id = provider.factory.request(TEMPLATE, 1)?;
    provider.until("the pod exists", |provider| {
        let found = provider.pods()?.len();
        Ok(Look::new((found == 1).then_some(()), || format!("{found} pods exist")))
    })?;
    provider.kill(&[Watcher::Requests])?;
    let hosts = provider.factory.status(&id)?.hosts();
    provider.factory.give_back(&hosts)?;
    provider.start(&[Watcher::Returns])?;
    provider.until("the pod goes", |provider| {
        let left = provider.pods()?.len();
        Ok(Look::new((left == 0).then_some(()), || format!("{left} pods are left")))
    })?;
    provider.start(&[Watcher::Pods])?;
    cancelled(&provider.settled(&id)?, 1)
}

/// All machines of the request failed because they were returned first.
fn cancelled(request: &Request, count: usize) -> anyhow::Result<()> {
    ensure!(request.machines.len() == count, "the machines are {:?}", request.machines);
    ensure!(request.count(Outcome::Fail) == count, "returned before it settled: {request:?}");
    ensure!(request.status == Status::CompleteWithError, "no machine came: {request:?}");
    Ok(())
}

fn nothing_comes_back(provider: &Provider<'_>, hosts: &[Host]) -> anyhow::Result<()> {
    let later = provider.deliver(2)?;
    provider.expect_pods(&later.machines)?;
    provider.expect_nothing_reclaimed(hosts)
}
