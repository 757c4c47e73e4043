//! Others in the same namespace: a second provider instance with the same work directory, and strangers.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::harness::answers::{Host, Outcome, Status};
use crate::harness::{Cluster, Site, TEMPLATE, Watcher, expect_delivered, expect_returned};

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

/// Pods that somebody copied from ours, and one that has the name which a machine needs: none of them is touched.
pub(crate) fn strangers(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("strangers")?;
    // Names that no other run uses.
    let given = provider.instance().to_owned();
    let [taken, copied, other] = [format!("{given}-0"), format!("{given}-copied"), format!("{given}-other")];
    let labels = json!({
        "app": copied, "symphony/hostfactory-reqid": given, "app.kubernetes.io/managed-by": "hf-k8s",
        "symphony/hostfactory-instance": given,
    });
    let mut strangers = Strangers { cluster: site.cluster(), names: Vec::new() };
    strangers.create(&taken, &json!({}))?;
    strangers.create(&copied, &labels)?;
    strangers.create(&other, &labels)?;

    provider.factory.environment.push(("HF_K8S_REQUEST_ID", given.clone().into()));
    provider.start(&Watcher::ALL)?;
    let id = provider.factory.request(TEMPLATE, 2)?;
    ensure!(id == given, "the id was given, and is {id}");
    let request = provider.settled(&id)?;
    let [refused, made] = request.machines.as_slice() else { anyhow::bail!("the machines are {request:?}") };
    ensure!(refused.result == Outcome::Fail, "its name belongs to a stranger's pod: {refused:?}");
    ensure!(made.result == Outcome::Succeed, "nothing is wrong with {made:?}");

    provider.factory.environment.pop();
    provider.give_back(&[Host::named(copied)]).context("the return of a stranger's pod")?;
    provider.give_back(&request.hosts())?;
    provider.deliver(1).context("a request after all that")?;
    strangers.expect_untouched()?;
    provider.expect_nothing_reclaimed(&[Host::named(other)]).context("a pod of that name is there")
}

/// Pods that others made. They go when this is dropped.
struct Strangers<'a> {
    cluster: &'a Cluster,
    names: Vec<String>,
}

impl Strangers<'_> {
    fn create(&mut self, name: &str, labels: &Value) -> anyhow::Result<()> {
        self.names.push(name.to_owned());
        self.cluster.create(&json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
            "spec": {"containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10"}]}
        }))
    }

    fn expect_untouched(&self) -> anyhow::Result<()> {
        for name in &self.names {
            let pod = self.cluster.pod(name).with_context(|| format!("the stranger's pod {name} is gone"))?;
            ensure!(!pod.deleting, "the stranger's pod {name} is being deleted");
        }
        Ok(())
    }
}

impl Drop for Strangers<'_> {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = self.cluster.delete(name);
        }
    }
}
