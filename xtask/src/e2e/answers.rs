//! Answers that must stay as they are, and answers to several questions at a time.

use anyhow::ensure;

use crate::harness::answers::Status;
use crate::harness::{Site, TEMPLATE, Watcher};

/// Asked again, the answer is the same, whatever happened since.
pub(crate) fn terminal(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("terminal")?;
    provider.start(&Watcher::ALL)?;
    let request = provider.deliver(5)?;
    let again = provider.factory.status(&request.request_id)?;
    ensure!(again == request, "asked again: {again:?}, before: {request:?}");
    let returned = provider.give_back(&request.hosts())?;
    let ids = [request.request_id.as_str(), returned.request_id.as_str()];
    // From here on, the harness itself compares results, addresses and times with the first answers.
    let after_return = provider.factory.statuses(&ids)?;
    ensure!(after_return[0].status == Status::Complete, "after the return: {after_return:?}");
    ensure!(after_return[0].machines.iter().all(|machine| machine.status != "running"), "{after_return:?}");
    provider.stop(&Watcher::ALL)?;
    let alone = provider.factory.statuses(&ids)?;
    ensure!(alone == after_return, "without watchers: {alone:?}, before: {after_return:?}");
    Ok(())
}

/// Ids of all kinds in one call, answered in order.
pub(crate) fn unknown_id(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("batch")?;
    provider.start(&Watcher::ALL)?;
    let first = provider.deliver(2)?;
    let returned = provider.give_back(&first.hosts()[..1])?;
    let second = provider.factory.request(TEMPLATE, 2)?;
    let odd = ["zzzzzzzzzzzz", "", "../../x", "' OR 1=1"];
    let ids = [&[first.request_id.as_str()], &odd[..], &[&returned.request_id, &second]].concat();
    let answers = provider.factory.statuses(&ids)?;
    ensure!(answers[0].machines.len() == 2, "the known one is {:?}", answers[0]);
    for unknown in &answers[1..=odd.len()] {
        let nothing = unknown.status == Status::CompleteWithError && unknown.machines.is_empty();
        ensure!(nothing && !unknown.message.is_empty(), "an unknown one is {unknown:?}");
    }
    let [back, open] = &answers[1 + odd.len()..] else {
        anyhow::bail!("there are {} answers", answers.len())
    };
    ensure!(back.status == Status::Complete && back.machines.len() == 1, "the return is {back:?}");
    ensure!(open.machines.len() == 2, "the open one is {open:?}");
    provider.settled(&second).map(drop)
}
