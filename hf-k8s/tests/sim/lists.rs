//! All pods, as one consistent value.

use hf_k8s::{Limits, Trouble};
use hf_k8s_sim::{Action, Fault};

use super::*;

impl Bed {
    fn paged(&self, page: u32) -> Cluster {
        self.cluster.clone().with_limits(Limits { page, ..Limits::default() })
    }
}

#[tokio::test]
async fn a_listing_has_all_pages_and_one_version() {
    let bed = Bed::new().await;
    bed.create_all(5).await;
    let listing = bed.paged(2).list(&ours()).await.unwrap();
    assert_eq!(names(&listing.pods), ["r-0", "r-1", "r-2", "r-3", "r-4"]);
    assert_eq!(listing.resource_version, bed.sim.revision().to_string());
    assert_eq!(listing.unreadable, 0);
    assert!(listing.pods.iter().all(|pod| pod.origin.is_some() && pod.facts.is_some()));
    let lists: Vec<_> = bed.sim.requests().into_iter().filter(|request| request.verb == "list").collect();
    assert_eq!(lists.len(), 3);
    // A version, 0 above all, would make it a read from a cache.
    assert!(lists.iter().all(|request| !request.path.contains("resourceVersion")), "{lists:?}");
}

#[tokio::test]
async fn an_empty_namespace_is_listed_too() {
    let bed = Bed::new().await;
    let listing = bed.cluster.list(&ours()).await.unwrap();
    assert!(listing.pods.is_empty() && !listing.resource_version.is_empty());
}

#[tokio::test]
async fn a_listing_whose_version_expires_midway_starts_over() {
    let bed = Bed::new().await;
    bed.create_all(4).await;
    // Each page waits before it acts, so that what happens after the first answer comes before the second page.
    bed.sim.add_fault(Fault::new(Action::Delay(Duration::from_millis(50))).verb("list"));
    let cluster = bed.paged(2);
    let list = tokio::spawn(async move { cluster.list(&ours()).await });
    while bed.requests("list") == 0 {
        tokio::task::yield_now().await;
    }
    let (sim, late) = (bed.sim.handle(), origin("a", 0, 1));
    sim.create("pods", NS, spec::pod(&manifest(), &late)).unwrap();
    sim.expire_versions();
    let listing = list.await.unwrap().unwrap();
    assert_eq!(names(&listing.pods), ["a-0", "r-0", "r-1", "r-2", "r-3"]);
    assert!(bed.sim.requests().iter().any(|request| request.verb == "list" && request.status == 410));
}

#[tokio::test]
async fn a_listing_that_expires_every_time_is_an_error_in_the_end() {
    let bed = Bed::new().await;
    bed.sim.add_fault(Fault::refuse(410).verb("list"));
    assert_eq!(bed.cluster.list(&ours()).await.unwrap_err().kind, Trouble::Expired);
    assert_eq!(bed.requests("list"), 3);
}

#[tokio::test]
async fn a_listing_that_breaks_off_is_no_listing() {
    let bed = Bed::new().await;
    bed.create_all(4).await;
    for (action, kind) in [
        (Action::Cut, Trouble::Unreachable),
        (Action::LoseAnswer, Trouble::Unreachable),
        (Action::Refuse { status: 500, retry_after: None }, Trouble::Busy),
        (Action::Refuse { status: 429, retry_after: Some(1) }, Trouble::Throttled),
    ] {
        let id = bed.sim.add_fault(Fault::new(action.clone()).verb("list").count(1));
        let error = bed.paged(2).list(&ours()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{id} {action:?}");
    }
    assert_eq!(bed.requests("list"), 4, "nothing is tried again behind the caller's back");
}

#[tokio::test]
async fn an_object_that_does_not_parse_stops_nothing() {
    let bed = Bed::new().await;
    bed.create_all(3).await;
    bed.sim.break_pod(NS, "r-0", false).unwrap();
    bed.sim.break_pod(NS, "r-1", true).unwrap();
    let listing = bed.cluster.list(&ours()).await.unwrap();
    assert_eq!((names(&listing.pods), listing.unreadable), (vec!["r-0", "r-2"], 1));
    assert!(listing.pods[0].facts.is_none() && listing.pods[1].facts.is_some());
}

#[tokio::test]
async fn the_two_scopes_share_no_pod_and_miss_none() {
    let bed = Bed::new().await;
    bed.create_all(2).await;
    bed.strange("stranger");
    let mut other = spec::pod(&manifest(), &origin("x", 0, 1));
    other["metadata"]["labels"]["symphony/hostfactory-instance"] = "other".into();
    bed.sim.create("pods", NS, other).unwrap();
    let mine = bed.cluster.list(&ours()).await.unwrap();
    assert_eq!(names(&mine.pods), ["r-0", "r-1"]);
    let theirs = bed.cluster.list(&others()).await.unwrap();
    assert_eq!(names(&theirs.pods), ["stranger", "x-0"]);
    assert!(theirs.pods.iter().all(|pod| pod.origin.is_none() && pod.facts.is_none() && !pod.uid.is_empty()));
}

#[tokio::test]
async fn a_pod_with_our_label_and_nothing_else_is_listed_without_an_origin() {
    let bed = Bed::new().await;
    let mut copy = spec::pod(&manifest(), &origin("r", 0, 1));
    copy["metadata"]["name"] = "copy".into();
    bed.sim.create("pods", NS, copy).unwrap();
    let listing = bed.cluster.list(&ours()).await.unwrap();
    assert_eq!(names(&listing.pods), ["copy"]);
    assert!(listing.pods[0].origin.is_none() && listing.pods[0].facts.is_some());
}
