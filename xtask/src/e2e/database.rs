//! The database is removed: what the cluster knows is taken from there, and nothing is said that is not known.

use anyhow::{Context, ensure};

use crate::harness::answers::{Host, Machine, Outcome, Request, Status};
use crate::harness::{Look, Provider, Site, Watcher};

/// No watcher runs while the database goes. Then `hf-watch-pods` alone rebuilds it.
pub(crate) fn removed_at_rest(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("rest")?;
    provider.start(&Watcher::ALL)?;
    let request = provider.deliver(10)?;
    let (back, stay) = request.machines.split_at(3);
    let back: Vec<Host> = back.iter().map(Host::from).collect();
    let returned = provider.give_back(&back)?.request_id;
    provider.stop(&Watcher::ALL)?;
    remove(site)?;
    provider.factory.forget_finals();

    let healthy: Vec<Host> = stay.iter().map(Host::from).collect();
    for id in [&request.request_id, &returned, "abcdefghijkl"] {
        let unknown = provider.factory.status(id)?;
        ensure!(unknown.status == Status::Running, "nothing is known of {id}: {unknown:?}");
        ensure!(unknown.machines.is_empty() && !unknown.message.is_empty(), "nothing is known: {unknown:?}");
    }
    provider.expect_nothing_reclaimed(&healthy).context("nothing is known")?;

    provider.start(&[Watcher::Pods])?;
    let adopted = adopted(&provider, &request.request_id, stay)?;
    // The three that had been returned were lost with the database: nobody can say more than that they are not there.
    ensure!(adopted.count(Outcome::Fail) == 3, "the rebuilt request is {adopted:?}");
    provider.expect_pods(stay)?;
    let never = provider.factory.status("abcdefghijkl")?;
    ensure!(never.status == Status::CompleteWithError, "there never was such a request: {never:?}");

    provider.start(&[Watcher::Requests, Watcher::Returns])?;
    provider.deliver(2).context("a new request after the loss")?;
    provider.give_back(&healthy).context("the return of adopted machines")?;
    let pods = provider.pods()?;
    ensure!(pods.len() == 2, "the pods are {pods:?}");
    Ok(())
}

/// The watchers notice that the file under them is gone.
pub(crate) fn removed_at_work(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("work")?;
    provider.start(&Watcher::ALL)?;
    let request = provider.deliver(10)?;
    remove(site)?;
    provider.factory.forget_finals();
    let adopted = adopted(&provider, &request.request_id, &request.machines)?;
    ensure!(adopted.count(Outcome::Succeed) == 10, "the rebuilt request is {adopted:?}");
    provider.expect_pods(&request.machines)?;
    let later = provider.deliver(3).context("a new request after the loss")?;
    provider.expect_pods(&[request.machines.clone(), later.machines].concat())?;
    provider.give_back(&request.hosts()).context("the return of adopted machines")?;
    Ok(())
}

/// The request is known again, with these machines as they were. Until then it is `running`, without machines, and no
/// healthy host is ever reported.
fn adopted(provider: &Provider<'_>, id: &str, machines: &[Machine]) -> anyhow::Result<Request> {
    let healthy: Vec<Host> = machines.iter().map(Host::from).collect();
    let request = provider.until("the request is rebuilt from the cluster", |provider| {
        provider.expect_nothing_reclaimed(&healthy)?;
        let request = provider.factory.status(id)?;
        let unknown = request.status == Status::Running && request.machines.is_empty();
        let rebuilt = request.status == Status::Complete;
        ensure!(
            unknown || rebuilt || !request.machines.is_empty(),
            "it exists, and was answered {request:?}"
        );
        let message = request.message.clone();
        Ok(Look::new(rebuilt.then_some(request), || message))
    })?;
    for machine in machines {
        let now = request.machines.iter().find(|now| now.name == machine.name);
        let same = now.is_some_and(|now| {
            now.result == Outcome::Succeed
                && now.machine_id == machine.machine_id
                && now.private_ip_address == machine.private_ip_address
                && now.launchtime == machine.launchtime
        });
        ensure!(same, "{machine:?} became {now:?}");
    }
    provider.expect_nothing_reclaimed(&healthy)?;
    Ok(request)
}

/// Removes the database with the files beside it, like somebody who clears up.
fn remove(site: &Site<'_>) -> anyhow::Result<()> {
    std::fs::remove_file(site.path("work").join("hf.db")).context("there is no database")?;
    for beside in ["hf.db-wal", "hf.db-shm"] {
        let path = site.path("work").join(beside);
        if path.exists() {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}
