//! Machines come and go, as on any day.

use anyhow::{Context, ensure};

use crate::harness::answers::{Host, Machine, Outcome};
use crate::harness::{Look, Provider, Site, TEMPLATE, Watcher, expect_delivered, expect_returned};

/// Machines are asked for, given back in part, then given back entirely by two returns at a time.
pub(crate) fn two_hundred(site: &Site<'_>) -> anyhow::Result<()> {
    const COUNT: u32 = 200;
    let mut provider = site.provider("day")?;
    provider.start(&Watcher::ALL)?;
    let offered = provider.factory.templates()?.json;
    ensure!(offered["templates"][0]["templateId"] == TEMPLATE, "the templates are {offered}");

    let request = until_delivered(&provider, COUNT)?;
    provider.expect_pods(&request)?;
    let hosts: Vec<Host> = request.iter().map(Host::from).collect();
    provider.expect_nothing_reclaimed(&hosts)?;

    let (back, stay) = split(&request);
    let (back, stay_hosts): (Vec<_>, Vec<_>) =
        (back.iter().map(Host::from).collect(), stay.iter().map(Host::from).collect());
    provider.give_back(&back).context("a partial return")?;
    provider.expect_pods(&stay).context("after a partial return")?;
    provider.expect_nothing_reclaimed(&hosts)?;

    let (some, others) = stay_hosts.split_at(stay_hosts.len() / 2);
    // The second return names some that have gone, and some that the first one names.
    let more = [others, &back[..3], &some[..3]].concat();
    let returns = [(provider.factory.give_back(some)?, some), (provider.factory.give_back(&more)?, &more)];
    for (id, hosts) in returns {
        expect_returned(&provider.settled(&id)?, hosts)?;
    }
    provider.expect_no_pods()?;
    provider.expect_nothing_reclaimed(&hosts)?;
    if let Some(simulator) = site.simulator() {
        let (created, deleted) =
            (simulator.accepted("create", "pods")?, simulator.accepted("delete", "pods")?);
        ensure!(created == u64::from(COUNT), "{created} pods were created");
        ensure!(deleted == u64::from(COUNT), "{deleted} pods were deleted");
    }
    Ok(())
}

/// From the first answer on, all machines are listed, and none of them is reported.
fn until_delivered(provider: &Provider<'_>, count: u32) -> anyhow::Result<Vec<Machine>> {
    let id = provider.factory.request(TEMPLATE, count)?;
    provider.until("the machines run", |provider| {
        let request = provider.factory.status(&id)?;
        ensure!(request.machines.len() == count as usize, "{} machines are listed", request.machines.len());
        provider.expect_nothing_reclaimed(&request.hosts())?;
        if request.status.is_terminal() {
            expect_delivered(&request, count)?;
            return Ok(Look::Seen(request.machines));
        }
        Ok(Look::NotYet(format!("{} run", request.count(Outcome::Succeed))))
    })
}

/// Every third machine, and the others.
fn split(machines: &[Machine]) -> (Vec<Machine>, Vec<Machine>) {
    let numbered = machines.iter().cloned().enumerate();
    let (third, others): (Vec<_>, Vec<_>) = numbered.partition(|(place, _)| place % 3 == 0);
    let bare = |numbered: Vec<(usize, Machine)>| numbered.into_iter().map(|(_, machine)| machine).collect();
    (bare(third), bare(others))
}

/// The second request does not wait for the first, and they share nothing.
pub(crate) fn second_request(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("two-requests")?;
    provider.start(&Watcher::ALL)?;
    let first = provider.factory.request(TEMPLATE, 30)?;
    let status = provider.factory.status(&first)?;
    ensure!(!status.status.is_terminal(), "the first request settled before the second was made");
    let second = provider.factory.request(TEMPLATE, 5)?;
    ensure!(first != second, "two requests have the same id");
    let (first, second) = (provider.settled(&first)?, provider.settled(&second)?);
    expect_delivered(&first, 30)?;
    expect_delivered(&second, 5)?;
    provider.expect_pods(&[first.machines.clone(), second.machines.clone()].concat())?;
    provider.give_back(&second.hosts())?;
    provider.expect_pods(&first.machines).context("after the return of the second request")?;
    provider.give_back(&first.hosts())?;
    provider.expect_no_pods()
}
