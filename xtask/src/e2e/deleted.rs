//! Pods that end although nobody returned their machines: deleted by somebody, evicted, failed.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};

use crate::harness::answers::{Host, Outcome, Status};
use crate::harness::{Look, Provider, Site, TEMPLATE, Watcher};

/// A delivered machine vanishes: it is reported with no grace, nothing else is, and the answer that was given stays.
pub(crate) fn after_it_ran(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("deleted")?;
    provider.start(&Watcher::ALL)?;
    let request = provider.deliver(6)?;
    let hosts = request.hosts();
    provider.expect_nothing_reclaimed(&hosts)?;
    let victim = &request.machines[2];
    site.cluster().delete(&victim.name)?;
    reported(&provider, &victim.name, &hosts)?;

    let now = provider.factory.status(&request.request_id)?;
    ensure!(now.status == Status::Complete, "the answer became {now:?}");
    ensure!(now.machines[2].status != "running", "a deleted machine runs: {:?}", now.machines[2]);
    provider.give_back(&hosts[2..=2]).context("the return of a machine that is gone")?;
    provider.expect_nothing_reclaimed(&hosts).context("after the return of what was reported")?;
    let rest: Vec<_> =
        request.machines.iter().filter(|machine| machine.name != victim.name).cloned().collect();
    provider.expect_pods(&rest)
}

/// A machine vanishes before it was delivered: it fails with a reason, and the others come.
pub(crate) fn before_it_ran(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("early")?;
    provider.start(&Watcher::ALL)?;
    let id = provider.factory.request(TEMPLATE, 4)?;
    let victim = format!("{id}-1");
    provider.until("four pods exist", |provider| {
        let pods = provider.pods()?;
        Ok(Look::new((pods.len() == 4).then_some(()), || format!("{} pods exist", pods.len())))
    })?;
    site.cluster().delete(&victim)?;
    let request = provider.settled(&id)?;
    ensure!(request.status == Status::Complete, "the request ended with {request:?}");
    for machine in &request.machines {
        let expected = if machine.name == victim { Outcome::Fail } else { Outcome::Succeed };
        ensure!(machine.result == expected, "{} should be {expected:?}: {machine:?}", machine.name);
    }
    reported(&provider, &victim, &request.hosts())?;
    let rest: Vec<_> = request.machines.iter().filter(|machine| machine.name != victim).cloned().collect();
    provider.expect_pods(&rest)
}

/// Hosts that failed or were evicted have pods still: they are reported all the same, and go when they are returned.
pub(crate) fn ended(site: &Site<'_>) -> anyhow::Result<()> {
    let simulator = site.simulator().context("only kubesim fails on command")?;
    let mut provider = site.provider("ended")?;
    provider.start(&Watcher::ALL)?;
    let request = provider.deliver(4)?;
    let (ended, well) = request.machines.split_at(2);
    for (machine, how) in ended.iter().zip(["fail?reason=OOMKilled", "evict"]) {
        simulator.command(&format!("pods/{}/{}/{how}", site.namespace(), machine.name))?;
    }
    let hosts = request.hosts();
    let names: BTreeSet<_> = ended.iter().map(|machine| machine.name.clone()).collect();
    provider.until("both machines are reported", |provider| {
        let reclaimed = provider.factory.reclaimed(&hosts)?;
        let reported: BTreeSet<_> = reclaimed.iter().map(|reclaimed| reclaimed.machine.clone()).collect();
        ensure!(reported.is_subset(&names), "a healthy host is reported: {reclaimed:?}");
        let at_once = reclaimed.iter().all(|reclaimed| reclaimed.grace_period == 0);
        Ok(Look::new((reported == names && at_once).then_some(()), || format!("{reclaimed:?}")))
    })?;
    let now = provider.factory.status(&request.request_id)?;
    ensure!(now.status == Status::Complete, "the answer became {now:?}");
    let run = now.machines.iter().filter(|machine| machine.status == "running").count();
    ensure!(run == well.len(), "{run} machines run: {now:?}");
    provider.give_back(&hosts[..2]).context("the return of what was reported")?;
    provider.expect_pods(well)
}

/// This host is reported as gone, and no other ever is.
fn reported(provider: &Provider<'_>, name: &str, hosts: &[Host]) -> anyhow::Result<()> {
    provider.until("the machine is reported as gone", |provider| {
        let reclaimed = provider.factory.reclaimed(hosts)?;
        let wrong = reclaimed.iter().find(|reclaimed| reclaimed.machine != name);
        ensure!(wrong.is_none(), "a healthy host is reported: {wrong:?}");
        let gone = reclaimed.first().filter(|reclaimed| reclaimed.grace_period == 0);
        Ok(Look::new(gone.map(drop), || format!("{reclaimed:?}")))
    })
}
