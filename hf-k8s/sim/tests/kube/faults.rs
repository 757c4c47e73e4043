//! What is refused: by quota, by role, and on command.

use std::time::Duration;

use futures::StreamExt;
use hf_k8s_sim::{Action, Fault, Options, Pace, Sim};
use k8s_openapi::{api::authorization::v1::SelfSubjectAccessReview, api::core::v1::Node, api::core::v1::Pod};
use kube::{Api, api::DeleteParams, api::ListParams, api::PostParams};
use serde_json::json;

use crate::{NS, client, create, pod, pods, refusal};

#[tokio::test]
async fn quotas_bind() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    sim.set_pod_quota(NS, "small", 2).unwrap();
    create(&api, "a").await;
    create(&api, "b").await;
    let refused = refusal(api.create(&PostParams::default(), &pod("c")).await);
    assert_eq!((refused.code, refused.reason.as_str()), (403, "Forbidden"));
    assert_eq!(
        refused.message,
        "pods \"c\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2"
    );
    assert_eq!(sim.get("resourcequotas", NS, "small").unwrap()["status"]["used"]["pods"], "2");
    // A pod that has ended does not count.
    sim.start("default", "a").unwrap();
    sim.fail(NS, "a", "Error", "").unwrap();
    create(&api, "c").await;
}

#[tokio::test]
async fn roles_are_enforced() {
    let role = json!({"kind": "Role", "metadata": {"namespace": NS}, "rules": [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    ]});
    let sim = Sim::with(Options { roles: vec![role], ..Options::default() }).await.unwrap();
    let api = pods(&sim).await;
    api.list(&ListParams::default()).await.unwrap();
    let refused = refusal(api.create(&PostParams::default(), &pod("a")).await);
    assert_eq!(refused.code, 403);
    assert_eq!(
        refused.message,
        "pods is forbidden: User \"kubesim-user\" cannot create resource \"pods\" in API group \"\" in the namespace \"default\""
    );
    let nodes: Api<Node> = Api::all(client(&sim.kubeconfig()).await);
    assert!(refusal(nodes.list(&ListParams::default()).await).message.ends_with("at the cluster scope"));
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client(&sim.kubeconfig()).await);
    for (verb, expected) in [("list", true), ("create", false)] {
        let review: SelfSubjectAccessReview = serde_json::from_value(
            json!({"spec": {"resourceAttributes": {"verb": verb, "resource": "pods", "namespace": NS}}}),
        )
        .unwrap();
        let answer = reviews.create(&PostParams::default(), &review).await.unwrap();
        assert_eq!(answer.status.unwrap().allowed, expected, "{verb}");
    }
    let admin: Api<Pod> = Api::namespaced(client(&sim.admin_kubeconfig()).await, NS);
    create(&admin, "a").await;
    let stranger = sim.kubeconfig().replace("\"token\": \"", "\"token\": \"x");
    let api: Api<Pod> = Api::namespaced(client(&stranger).await, NS);
    assert_eq!(refusal(api.list(&ListParams::default()).await).code, 401);
}

#[tokio::test]
async fn requests_are_refused_on_command_and_counted() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    let refuse = Fault::new(Action::Refuse { status: 429, retry_after: Some(3) });
    sim.add_fault(refuse.verb("create").count(1));
    let refused = refusal(api.create(&PostParams::default(), &pod("a")).await);
    assert_eq!((refused.code, refused.reason.as_str()), (429, "TooManyRequests"));
    assert_eq!(refused.details.unwrap().retry_after_seconds, 3);
    // The create happens, and nobody hears of it.
    sim.add_fault(Fault::new(Action::LoseAnswer).verb("create").count(1));
    assert!(!matches!(api.create(&PostParams::default(), &pod("a")).await, Ok(_) | Err(kube::Error::Api(_))));
    assert!(sim.pod(NS, "a").is_some());
    // The connection ends before it happens.
    sim.add_fault(Fault::new(Action::Cut).verb("delete").count(1));
    assert!(api.delete("a", &DeleteParams::default()).await.is_err());
    assert!(sim.pod(NS, "a").is_some());
    let seen: Vec<_> = sim.requests().iter().map(|r| (r.verb.clone(), r.status)).collect();
    assert_eq!(seen, [("create".into(), 429), ("create".into(), 0), ("delete".into(), 0)]);
    sim.reset_requests();
    assert!(sim.requests().is_empty());
    sim.set_pace(Pace { max_inflight: Some(0), ..Pace::default() });
    assert_eq!(refusal(api.list(&ListParams::default()).await).code, 429);
}

#[tokio::test]
async fn creates_are_paced() {
    let sim = Sim::with(Options {
        pace: Pace { create_rate: Some(200.0), ..Pace::default() },
        ..Options::default()
    })
    .await
    .unwrap();
    let api = pods(&sim).await;
    let began = std::time::Instant::now();
    futures::stream::iter(0..40)
        .map(|n| {
            let api = api.clone();
            async move { create(&api, &format!("p{n}")).await }
        })
        .buffer_unordered(40)
        .collect::<Vec<_>>()
        .await;
    assert!(began.elapsed() >= Duration::from_millis(180), "{:?}", began.elapsed());
}

#[tokio::test]
async fn broken_objects_are_shown_broken() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    create(&api, "a").await;
    sim.break_pod(NS, "a", false).unwrap();
    assert!(matches!(api.list(&ListParams::default()).await, Err(kube::Error::SerdeError(_))));
    assert_eq!(api.list_metadata(&ListParams::default()).await.unwrap().items.len(), 1);
    sim.mend_pod(NS, "a").unwrap();
    api.list(&ListParams::default()).await.unwrap();
}

#[tokio::test]
async fn a_cluster_goes_down_and_comes_back() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    create(&api, "a").await;
    sim.go_down(Duration::from_millis(100));
    let mut refused = false;
    loop {
        match api.get("a").await {
            Ok(_) if refused => break,
            Ok(_) => tokio::task::yield_now().await,
            Err(_) => {
                refused = true;
                tokio::task::yield_now().await;
            }
        }
    }
}
