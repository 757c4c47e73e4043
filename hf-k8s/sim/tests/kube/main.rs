//! Conformance, with kube's own client and watcher.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod faults;
mod lives;
mod objects;
mod watches;

use std::{fmt::Debug, time::Duration};

use futures::{Stream, StreamExt};
use hf_k8s_sim::Sim;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Config, api::PostParams, api::WatchEvent, api::WatchParams, config::KubeConfigOptions,
    config::Kubeconfig, runtime::watcher, runtime::watcher::Event as Watched,
};
use serde_json::{Value, json};

pub(crate) const NS: &str = "default";

pub(crate) async fn client(kubeconfig: &str) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

pub(crate) async fn pods(sim: &Sim) -> Api<Pod> {
    Api::namespaced(client(&sim.kubeconfig()).await, NS)
}

pub(crate) fn pod(name: &str) -> Pod {
    pod_with(name, json!({}))
}

pub(crate) fn pod_with(name: &str, labels: Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "image:1"}]},
    }))
    .unwrap()
}

pub(crate) async fn create(api: &Api<Pod>, name: &str) -> Pod {
    api.create(&PostParams::default(), &pod(name)).await.unwrap()
}

/// The refusal of a call.
pub(crate) fn refusal<T: Debug>(result: kube::Result<T>) -> Box<kube::core::Status> {
    match result {
        Err(kube::Error::Api(status)) => status,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

/// The next item, which must come soon.
pub(crate) async fn next<T>(stream: &mut (impl Stream<Item = T> + Unpin)) -> T {
    tokio::time::timeout(Duration::from_secs(10), stream.next()).await.expect("in time").expect("one more")
}

/// Waits until a pod satisfies a condition, by watching it.
pub(crate) async fn until(api: &Api<Pod>, name: &str, holds: impl Fn(&Pod) -> bool) -> Pod {
    let fields = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut events = watcher(api.clone(), fields).boxed();
    loop {
        if let Watched::Apply(pod) | Watched::InitApply(pod) = next(&mut events).await.unwrap()
            && holds(&pod)
        {
            return pod;
        }
    }
}

pub(crate) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

pub(crate) fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

pub(crate) async fn raw_watch(
    api: &Api<Pod>,
    params: &WatchParams,
    version: &str,
) -> impl Stream<Item = kube::Result<WatchEvent<Pod>>> + Unpin + use<> {
    api.watch(params, version).await.unwrap().boxed()
}
