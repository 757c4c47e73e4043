//! Watches: where they begin, what they say, how they end.

use std::time::Duration;

use futures::StreamExt;
use hf_k8s_sim::{Options, Sim};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, api::DeleteParams, api::Patch, api::PatchParams, api::WatchEvent, api::WatchParams,
    core::PartialObjectMeta, runtime::watcher, runtime::watcher::Event as Watched,
};
use serde_json::{Value, json};

use crate::{NS, client, create, name, next, phase, pods, raw_watch, refusal};

#[tokio::test]
async fn a_watcher_follows_a_life() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    create(&api, "before").await;
    let mut events = watcher(api.clone(), watcher::Config::default()).boxed();
    assert!(matches!(next(&mut events).await.unwrap(), Watched::Init));
    assert!(matches!(next(&mut events).await.unwrap(), Watched::InitApply(pod) if name(&pod) == "before"));
    assert!(matches!(next(&mut events).await.unwrap(), Watched::InitDone));
    create(&api, "a").await;
    assert!(matches!(next(&mut events).await.unwrap(), Watched::Apply(pod) if phase(&pod) == "Pending"));
    let node = sim.schedule(NS, "a").unwrap();
    let bound = next(&mut events).await.unwrap();
    assert!(
        matches!(&bound, Watched::Apply(pod) if pod.spec.as_ref().unwrap().node_name.as_ref() == Some(&node))
    );
    sim.start(NS, "a").unwrap();
    assert!(matches!(next(&mut events).await.unwrap(), Watched::Apply(pod) if phase(&pod) == "Running"));
    let going = api.delete("a", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert_eq!(going.metadata.deletion_grace_period_seconds, Some(30));
    assert!(
        matches!(next(&mut events).await.unwrap(), Watched::Apply(pod) if pod.metadata.deletion_timestamp.is_some())
    );
    sim.finish_delete(NS, "a").unwrap();
    assert!(matches!(next(&mut events).await.unwrap(), Watched::Delete(pod) if name(&pod) == "a"));
}

#[tokio::test]
async fn a_watcher_recovers_from_expired_versions_and_cuts() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    let mut events = watcher(api.clone(), watcher::Config::default()).boxed();
    while !matches!(next(&mut events).await.unwrap(), Watched::InitDone) {}
    create(&api, "a").await;
    assert!(matches!(next(&mut events).await.unwrap(), Watched::Apply(_)));
    sim.expire_versions();
    sim.vanish(NS, "a").unwrap();
    // The error is an item, and a new listing settles what was missed.
    let mut seen = Vec::new();
    loop {
        match next(&mut events).await {
            Ok(Watched::InitDone) => break,
            Ok(Watched::InitApply(pod)) => seen.push(pod),
            _ => {}
        }
    }
    assert!(seen.is_empty());
    sim.cut_watches(false);
    create(&api, "b").await;
    loop {
        if let Ok(Watched::Apply(pod) | Watched::InitApply(pod)) = next(&mut events).await {
            assert_eq!(name(&pod), "b");
            break;
        }
    }
}

#[tokio::test]
async fn watches_begin_where_they_are_told() {
    let options = Options { bookmark_every: Duration::from_millis(20), ..Options::default() };
    let sim = Sim::with(options).await.unwrap();
    let api = pods(&sim).await;
    let a = create(&api, "a").await;
    let version = a.metadata.resource_version.unwrap();
    create(&api, "b").await;
    let quiet = WatchParams { bookmarks: false, ..WatchParams::default() };
    let mut from_zero = raw_watch(&api, &quiet, "0").await;
    let mut from_a = raw_watch(&api, &quiet, &version).await;
    assert!(matches!(next(&mut from_zero).await.unwrap(), WatchEvent::Added(pod) if name(&pod) == "a"));
    assert!(matches!(next(&mut from_a).await.unwrap(), WatchEvent::Added(pod) if name(&pod) == "b"));
    let mut marked = raw_watch(&api, &WatchParams::default(), &version).await;
    assert!(matches!(next(&mut marked).await.unwrap(), WatchEvent::Added(_)));
    let WatchEvent::Bookmark(mark) = next(&mut marked).await.unwrap() else { panic!("a bookmark") };
    assert!(mark.metadata.resource_version.parse::<u64>().unwrap() > version.parse().unwrap());
    sim.expire_versions();
    let mut expired = raw_watch(&api, &quiet, &version).await;
    assert!(matches!(next(&mut expired).await.unwrap(), WatchEvent::Error(status) if status.code == 410));
    sim.change_watch_faults(|faults| faults.expired_as_status = true);
    assert_eq!(refusal(api.watch(&quiet, &version).await.map(|_| ())).code, 410);
}

#[tokio::test]
async fn a_watch_with_labels_sees_objects_come_and_go() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    create(&api, "a").await;
    let params = WatchParams { bookmarks: false, ..WatchParams::default().labels("in=yes") };
    let mut events = raw_watch(&api, &params, &sim.revision().to_string()).await;
    let label = |value: Value| Patch::Merge(json!({"metadata": {"labels": {"in": value}}}));
    let patch = PatchParams::default();
    api.patch("a", &patch, &label(json!("yes"))).await.unwrap();
    assert!(matches!(next(&mut events).await.unwrap(), WatchEvent::Added(_)));
    api.patch("a", &patch, &label(json!(null))).await.unwrap();
    let WatchEvent::Deleted(gone) = next(&mut events).await.unwrap() else { panic!("deleted") };
    assert_eq!(gone.metadata.labels.unwrap()["in"], "yes");
    assert_eq!(gone.metadata.resource_version, Some(sim.revision().to_string()));
}

#[tokio::test]
async fn streaming_lists_end_with_a_bookmark() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    create(&api, "a").await;
    let mut events = watcher(api, watcher::Config::default().streaming_lists()).boxed();
    assert!(matches!(next(&mut events).await.unwrap(), Watched::Init));
    assert!(matches!(next(&mut events).await.unwrap(), Watched::InitApply(_)));
    assert!(matches!(next(&mut events).await.unwrap(), Watched::InitDone));
}

#[tokio::test]
async fn metadata_alone_is_served() {
    let sim = Sim::start().await.unwrap();
    create(&pods(&sim).await, "a").await;
    let api: Api<PartialObjectMeta<Pod>> = Api::namespaced(client(&sim.kubeconfig()).await, NS);
    let mut events = watcher(api, watcher::Config::default()).boxed();
    assert!(matches!(next(&mut events).await.unwrap(), Watched::Init));
    let Watched::InitApply(seen) = next(&mut events).await.unwrap() else { panic!("the pod") };
    assert_eq!(seen.metadata.name.as_deref(), Some("a"));
    let one = pods(&sim).await.get_metadata("a").await.unwrap();
    assert_eq!(one.types.unwrap().kind, "PartialObjectMetadata");
}

#[tokio::test]
async fn silent_watches_say_nothing_and_held_events_come_late() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    let quiet = WatchParams { bookmarks: false, ..WatchParams::default() };
    let mut silent = raw_watch(&api, &quiet, &sim.revision().to_string()).await;
    sim.silence_watches();
    sim.change_watch_faults(|faults| faults.hold = Duration::from_millis(100));
    let mut held = raw_watch(&api, &quiet, &sim.revision().to_string()).await;
    let began = std::time::Instant::now();
    create(&api, "a").await;
    next(&mut held).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(100), "{:?}", began.elapsed());
    // The other had the same time and more, and its event is not there.
    assert!(futures::poll!(silent.next()).is_pending());
}
