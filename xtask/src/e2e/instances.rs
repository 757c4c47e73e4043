//! Others in the same namespace: a second provider instance with the same work directory, and strangers.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::harness::answers::{Host, Outcome, Status};
use crate::harness::{Provider, Site, TEMPLATE, Watcher, expect_delivered, expect_returned};

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
    expect_returned(&one.settled(&id)?, &theirs.hosts())
        .context("a return of another instance's machines")?;
    other.expect_pods(&theirs.machines).context("after another instance returned them")?;
    other.expect_nothing_reclaimed(&theirs.hosts())?;

    one.stop(&Watcher::ALL)?;
    let more = other.deliver(2).context("while the other instance's watchers rest")?;
    other.give_back(&[theirs.hosts(), more.hosts()].concat())?;
    other.expect_no_pods()?;
    one.expect_pods(&ours.machines)
}

/// A pod that somebody copied from one of ours, and one that has the name which a machine needs: neither is touched.
pub(crate) fn strangers(site: &Site<'_>) -> anyhow::Result<()> {
    const GIVEN: &str = "given";
    let mut provider = site.provider("strangers")?;
    provider.factory.environment.push(("HF_K8S_REQUEST_ID", GIVEN.into()));
    let taken = format!("{GIVEN}-0");
    site.cluster().create(&stranger(&taken, &json!({})))?;
    let labels = json!({
        "app": "copied-0", "symphony/hostfactory-reqid": "copied", "app.kubernetes.io/managed-by": "hf-k8s",
        "symphony/hostfactory-instance": provider.instance(),
    });
    site.cluster().create(&stranger("copied-0", &labels))?;

    provider.start(&Watcher::ALL)?;
    let id = provider.factory.request(TEMPLATE, 2)?;
    ensure!(id == GIVEN, "the id was given, and is {id}");
    let request = provider.settled(&id)?;
    let [refused, made] = request.machines.as_slice() else { anyhow::bail!("the machines are {request:?}") };
    ensure!(refused.result == Outcome::Fail, "its name belongs to a stranger's pod: {refused:?}");
    ensure!(made.result == Outcome::Succeed, "nothing is wrong with {made:?}");

    provider.factory.environment.pop();
    let copied = [Host::named("copied-0")];
    provider.give_back(&copied).context("the return of a stranger's pod")?;
    provider.give_back(&request.hosts())?;
    provider.deliver(1).context("a request after all that")?;
    untouched(&provider, &taken)?;
    let names: Vec<_> = provider.pods()?.into_iter().map(|pod| pod.name).collect();
    ensure!(names.iter().any(|name| name == "copied-0"), "of the pods with our labels there are {names:?}");
    provider.expect_nothing_reclaimed(&copied).context("a pod of that name is there")?;
    for stranger in [&taken, "copied-0"] {
        site.cluster().delete(stranger)?;
    }
    Ok(())
}

/// The stranger's pod is there. It has no label of ours by which it could be listed: it can be made only if it is gone.
fn untouched(provider: &Provider<'_>, name: &str) -> anyhow::Result<()> {
    let again = provider.site().cluster().create(&stranger(name, &json!({})));
    let reason = format!("{:#}", again.err().with_context(|| format!("the stranger's pod {name} is gone"))?);
    ensure!(reason.contains("exists"), "instead of being there already: {reason}");
    Ok(())
}

fn stranger(name: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10"}]}
    })
}
