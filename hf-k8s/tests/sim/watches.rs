//! One watch call.

use std::pin::Pin;

use futures::{Stream, StreamExt};
use hf_k8s::{ApiError, Change, Changed, Limits, Trouble};
use hf_k8s_sim::{Action, Fault};

use super::*;

type Watch = Pin<Box<dyn Stream<Item = Result<Changed, ApiError>> + Send>>;

/// A cluster that is watched from its present on.
async fn watched(scope: &Scope) -> (Bed, Watch) {
    let bed = Bed::new().await;
    let watch = bed.watch(scope, &bed.sim.revision().to_string());
    (bed, watch)
}

impl Bed {
    fn watch(&self, scope: &Scope, version: &str) -> Watch {
        Box::pin(self.cluster.watch(scope, version))
    }

    /// Makes one of our pods, behind the API's back.
    fn make(&self, n: u32) {
        self.sim.create("pods", NS, spec::pod(&manifest(), &origin("r", n, 9))).unwrap();
    }
}

async fn next(watch: &mut Watch) -> Changed {
    watch.next().await.unwrap().unwrap()
}

/// The error with which a watch ends, and that it does end.
async fn end(watch: &mut Watch) -> ApiError {
    let error = watch.next().await.unwrap().unwrap_err();
    assert!(watch.next().await.is_none(), "an error is the last word");
    error
}

fn present(change: Change) -> Pod {
    let Change::Present(pod) = change else { panic!("{change:?}") };
    pod
}

#[tokio::test]
async fn what_happens_to_a_pod_is_told_in_order() {
    let (bed, mut watch) = watched(&ours()).await;
    bed.make(0);
    let made = next(&mut watch).await;
    let version = made.resource_version.unwrap();
    assert_eq!(version, bed.sim.revision().to_string());
    let pod = present(made.change);
    assert_eq!((pod.name.as_str(), pod.origin.unwrap().ordinal), ("r-0", 0));
    bed.sim.start(NS, "r-0").unwrap();
    let mut runs = pod.facts.unwrap();
    while !runs.running {
        runs = present(next(&mut watch).await.change).facts.unwrap();
    }
    assert!(!runs.ip.is_empty() && !runs.node.is_empty() && runs.message.is_empty(), "{runs:?}");
    bed.sim.vanish(NS, "r-0").unwrap();
    let Change::Gone { name, uid, last } = next(&mut watch).await.change else { panic!() };
    assert_eq!((name.as_str(), uid.as_deref()), ("r-0", Some(runs.uid.as_str())));
    assert!(last.unwrap().facts.unwrap().running);
}

#[tokio::test]
async fn from_a_listing_on_nothing_is_missed() {
    let bed = Bed::new().await;
    bed.make(0);
    let listing = bed.cluster.list(&ours()).await.unwrap();
    bed.make(1);
    let mut watch = bed.watch(&ours(), &listing.resource_version);
    assert_eq!(present(next(&mut watch).await.change).name, "r-1");
}

#[tokio::test]
async fn bookmarks_tell_that_a_quiet_watch_is_alive() {
    let options = Options { bookmark_every: Duration::from_millis(10), ..Options::default() };
    let bed = Bed::with(options).await;
    let mut watch = bed.watch(&ours(), &bed.sim.revision().to_string());
    // What is not ours moves the version, and only a bookmark says so.
    bed.strange("stranger");
    let wanted = bed.sim.revision().to_string();
    loop {
        let changed = next(&mut watch).await;
        assert_eq!(changed.change, Change::Progress);
        if changed.resource_version.as_deref() == Some(&wanted) {
            break;
        }
    }
}

#[tokio::test]
async fn a_watch_that_is_cut_goes_on_where_it_was() {
    for cleanly in [false, true] {
        let (bed, mut watch) = watched(&ours()).await;
        bed.make(0);
        let version = next(&mut watch).await.resource_version.unwrap();
        bed.sim.cut_watches(cleanly);
        if cleanly {
            assert!(watch.next().await.is_none());
        } else {
            assert_eq!(end(&mut watch).await.kind, Trouble::Unreachable);
        }
        bed.make(1);
        let mut watch = bed.watch(&ours(), &version);
        assert_eq!(present(next(&mut watch).await.change).name, "r-1");
    }
}

#[tokio::test]
async fn a_half_open_watch_is_given_up() {
    let bed = Bed::new().await;
    bed.sim.change_watch_faults(|faults| faults.silent = true);
    let limits = Limits { silence: Duration::from_millis(50), ..Limits::default() };
    let cluster = bed.cluster.clone().with_limits(limits);
    let mut watch: Watch = Box::pin(cluster.watch(&ours(), &bed.sim.revision().to_string()));
    let error = end(&mut watch).await;
    assert_eq!(
        (error.kind, error.message.as_str()),
        (Trouble::Unreachable, "the watch was silent for 0.05 s")
    );
}

#[tokio::test]
async fn a_watch_that_is_not_answered_is_given_up() {
    let bed = Bed::new().await;
    bed.sim.add_fault(Fault::new(Action::Delay(Duration::from_mins(1))).verb("watch"));
    let limits = Limits { answer: Duration::from_millis(50), ..Limits::default() };
    let mut watch: Watch = Box::pin(bed.cluster.clone().with_limits(limits).watch(&ours(), "1"));
    assert_eq!(end(&mut watch).await.kind, Trouble::Unreachable);
}

#[tokio::test]
async fn a_version_that_is_no_longer_kept_has_to_be_listed_again() {
    for as_status in [false, true] {
        let bed = Bed::new().await;
        bed.sim.change_watch_faults(|faults| faults.expired_as_status = as_status);
        let version = bed.sim.revision().to_string();
        bed.make(0);
        bed.sim.expire_versions();
        let mut watch = bed.watch(&ours(), &version);
        assert_eq!(end(&mut watch).await.kind, Trouble::Expired);
    }
}

#[tokio::test]
async fn a_version_can_expire_under_a_watch() {
    let (bed, mut watch) = watched(&ours()).await;
    bed.make(0);
    next(&mut watch).await;
    bed.sim.change_watch_faults(|faults| faults.hold = Duration::from_mins(10));
    bed.make(1);
    bed.sim.expire_versions();
    bed.sim.change_watch_faults(|faults| faults.hold = Duration::ZERO);
    assert_eq!(end(&mut watch).await.kind, Trouble::Expired);
}

#[tokio::test]
async fn a_watch_that_is_refused_says_why() {
    let (bed, mut watch) = watched(&ours()).await;
    bed.sim
        .add_fault(Fault::new(Action::Refuse { status: 429, retry_after: Some(3) }).verb("watch").count(1));
    let error = end(&mut watch).await;
    assert_eq!((error.kind, error.retry_after), (Trouble::Throttled, Some(Duration::from_secs(3))));
}

#[tokio::test]
async fn an_object_that_does_not_parse_stops_nothing() {
    let (bed, mut watch) = watched(&ours()).await;
    bed.make(0);
    bed.make(1);
    next(&mut watch).await;
    next(&mut watch).await;
    bed.sim.break_pod(NS, "r-0", false).unwrap();
    let pod = present(next(&mut watch).await.change);
    assert_eq!((pod.name.as_str(), pod.facts), ("r-0", None));
    bed.sim.vanish(NS, "r-0").unwrap();
    let gone = next(&mut watch).await.change;
    assert!(matches!(&gone, Change::Gone { name, .. } if name == "r-0"), "its deletion counts: {gone:?}");
    bed.sim.break_pod(NS, "r-1", true).unwrap();
    let changed = next(&mut watch).await;
    assert_eq!(changed.change, Change::Unreadable);
    bed.make(2);
    assert_eq!(present(next(&mut watch).await.change).name, "r-2");
}

#[tokio::test]
async fn others_are_seen_by_name_and_ours_are_not() {
    let (bed, mut watch) = watched(&others()).await;
    bed.make(0);
    bed.strange("stranger");
    let pod = present(next(&mut watch).await.change);
    assert_eq!((pod.name.as_str(), pod.facts, pod.origin), ("stranger", None, None));
    bed.sim.vanish(NS, "stranger").unwrap();
    let Change::Gone { name, last, .. } = next(&mut watch).await.change else { panic!() };
    assert_eq!((name.as_str(), last), ("stranger", None));
}

#[tokio::test]
async fn a_pod_that_loses_its_label_leaves_the_scope() {
    let (bed, mut watch) = watched(&ours()).await;
    bed.make(0);
    next(&mut watch).await;
    bed.sim
        .change_pod(NS, "r-0", |pod| {
            pod["metadata"]["labels"] = json!({});
        })
        .unwrap();
    assert!(matches!(next(&mut watch).await.change, Change::Gone { .. }));
}

#[tokio::test]
async fn watches_do_not_take_the_turn_of_requests() {
    let bed = Bed::new().await;
    let cluster = connect(&bed.sim.kubeconfig(), |access| access.max_in_flight = 1).await;
    let mut watch: Watch = Box::pin(cluster.watch(&ours(), &bed.sim.revision().to_string()));
    bed.make(0);
    next(&mut watch).await;
    assert_eq!(cluster.list(&ours()).await.unwrap().pods.len(), 1);
    let asked = bed.sim.requests().into_iter().find(|request| request.verb == "watch").unwrap().path;
    for parameter in ["allowWatchBookmarks=true", "timeoutSeconds=", "resourceVersion=", "labelSelector="] {
        assert!(asked.contains(parameter), "{asked}");
    }
}
