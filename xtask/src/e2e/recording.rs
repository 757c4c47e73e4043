//! Calls that were recorded are played again.

use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::harness::{Look, Site, Watcher};

/// The life of a request is recorded by the scripts, and then played again by `hf-admin`: the same calls, with the ids
/// of now, and the same exits.
pub(crate) fn played_again(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("recorded")?;
    provider.start(&Watcher::ALL)?;
    let file = site.path("calls.jsonl");
    provider.factory.environment.push(("HF_K8S_RECORD", file.clone().into()));
    provider.factory.templates()?;
    let request = provider.deliver(3)?;
    provider.expect_nothing_reclaimed(&request.hosts())?;
    provider.give_back(&request.hosts())?;
    provider.factory.environment.pop();

    let mut replay = Command::new(site.programs().path("hf-admin")?);
    provider.factory.surround(&mut replay);
    replay.args(["replay", "--yes", "--speed", "0", "--output", "json"]).arg(&file);
    let output = replay.stdin(Stdio::null()).output().context("cannot run hf-admin")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    let calls: Vec<Value> = serde_json::from_slice(&output.stdout).context("its output")?;
    let count = |call: &str| calls.iter().filter(|made| made["call"] == call).count();
    let asked = ["getAvailableTemplates", "requestMachines", "requestReturnMachines"];
    let often = ["getRequestStatus", "getReturnRequests"];
    ensure!(asked.map(count) == [1; 3] && often.map(count).iter().all(|count| *count > 1), "{calls:?}");
    ensure!(calls.iter().all(|made| made["verdict"] == "same"), "{calls:?}");
    // The machines that were asked for again were given back again; how long that takes was not recorded.
    provider.until("all pods go", |provider| {
        let left = provider.pods()?.len();
        Ok(Look::new((left == 0).then_some(()), || format!("{left} pods are left")))
    })
}
