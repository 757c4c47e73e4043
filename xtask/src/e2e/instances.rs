//! Two provider instances share a work directory, a configuration and a namespace.

use anyhow::{Context, ensure};

use crate::harness::answers::Status;
use crate::harness::{Site, TEMPLATE, Watcher, expect_delivered, expect_returned};

/// Each has its own machines, and neither can do anything to the other's.
pub(crate) fn two(site: &Site<'_>) -> anyhow::Result<()> {
    let (mut one, mut other) = (site.provider("one")?, site.provider("other")?);
    one.start(&Watcher::ALL)?;
    other.start(&Watcher::ALL)?;
    let ids = (one.factory.request(TEMPLATE, 8)?, other.factory.request(TEMPLATE, 5)?);
    let (ours, theirs) = (one.settled(&ids.0)?, other.settled(&ids.1)?);
    expect_delivered(&ours, 8)?;
    expect_delivered(&theirs, 5)?;
    one.expect_pods(&ours.machines)?;
    other.expect_pods(&theirs.machines)?;

    let unknown = one.factory.status(&theirs.request_id)?;
    let nothing = unknown.status == Status::CompleteWithError && unknown.machines.is_empty();
    ensure!(nothing, "another instance's request is answered with {unknown:?}");
    one.expect_nothing_reclaimed(&theirs.hosts()).context("another instance's machines")?;
    let id = one.factory.give_back(&theirs.hosts())?;
    expect_returned(&one.settled(&id)?, &theirs.hosts()).context("a return of another instance's machines")?;
    other.expect_pods(&theirs.machines).context("after another instance returned them")?;
    other.expect_nothing_reclaimed(&theirs.hosts())?;

    one.stop(&Watcher::ALL)?;
    let more = other.deliver(2).context("while the other instance's watchers rest")?;
    other.give_back(&[theirs.hosts(), more.hosts()].concat())?;
    other.expect_no_pods()?;
    one.expect_pods(&ours.machines)
}
