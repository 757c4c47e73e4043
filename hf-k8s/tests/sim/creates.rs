//! What becomes of a create.

use hf_core::{Instance, TemplateId};
use hf_k8s::{ApiError, Trouble};
use hf_k8s_sim::{Action, Fault, Pace};

use super::*;

fn kubeconfig(server: &str) -> String {
    format!(
        "{{current-context: a, contexts: [{{name: a, context: {{cluster: c}}}}], \
         clusters: [{{name: c, cluster: {{server: '{server}'}}}}]}}"
    )
}

#[tokio::test]
async fn a_pod_is_made_with_one_request_and_known_again() {
    let bed = Bed::new().await;
    let wanted = origin("r", 0, 1);
    let CreateOutcome::Created { uid } = bed.create(&wanted).await else { panic!() };
    assert_eq!(uid, bed.uid("r-0"));
    let requests = bed.sim.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert!(requests[0].user_agent.starts_with("hf-k8s/"), "{}", requests[0].user_agent);
    let stored = bed.sim.pod(NS, "r-0").unwrap();
    assert_eq!(stored["spec"]["containers"][0]["env"][0]["value"], "r");
    let found = bed.cluster.get("r-0", DEADLINE).await.unwrap().unwrap();
    assert_eq!(found.origin, Some(wanted));
    assert_eq!(found.facts.unwrap().grace, 7);
}

#[tokio::test]
async fn a_pod_that_was_made_before_is_success() {
    let bed = Bed::new().await;
    let wanted = origin("r", 0, 1);
    bed.create_all(1).await;
    bed.sim.reset_requests();
    assert_eq!(bed.create(&wanted).await, CreateOutcome::Exists { uid: bed.uid("r-0") });
    assert_eq!(bed.sim.requests().len(), 2, "at most two calls a pod");
}

#[tokio::test]
async fn a_strangers_pod_of_that_name_is_a_failure_that_says_so() {
    let bed = Bed::new().await;
    bed.strange("r-0");
    let CreateOutcome::Rejected(message) = bed.create(&origin("r", 0, 1)).await else { panic!() };
    assert_eq!(message, "a pod r-0 that is not ours exists already");
    assert!(bed.sim.pod(NS, "r-0").is_some());
}

#[tokio::test]
async fn another_instances_or_another_requests_pod_is_not_ours() {
    let bed = Bed::new().await;
    bed.create_all(1).await;
    let mut other = origin("r", 0, 1);
    other.instance = Instance::parse("other").unwrap().into();
    assert!(matches!(bed.create(&other).await, CreateOutcome::Rejected(_)));
    let mut other = origin("r", 0, 1);
    other.template = TemplateId::parse("large").unwrap();
    assert!(matches!(bed.create(&other).await, CreateOutcome::Rejected(_)));
    assert!(matches!(bed.create(&origin("r", 0, 2)).await, CreateOutcome::Rejected(_)));
}

#[tokio::test]
async fn a_pod_of_that_name_that_cannot_be_read_may_be_ours() {
    let bed = Bed::new().await;
    bed.create_all(1).await;
    bed.sim.break_pod(NS, "r-0", false).unwrap();
    assert!(matches!(bed.create(&origin("r", 0, 1)).await, CreateOutcome::Unknown(_)));
}

#[tokio::test]
async fn an_answer_that_is_lost_is_found_by_asking_again() {
    let bed = Bed::new().await;
    let wanted = origin("r", 0, 1);
    bed.sim.add_fault(Fault::new(Action::LoseAnswer).verb("create").count(1));
    let CreateOutcome::Unknown(error) = bed.create(&wanted).await else { panic!() };
    assert_eq!(error.kind, Trouble::Unreachable);
    assert_eq!(bed.requests("create"), 1, "nothing is tried again behind the caller's back");
    assert_eq!(bed.create(&wanted).await, CreateOutcome::Exists { uid: bed.uid("r-0") });
}

#[tokio::test]
async fn a_connection_that_is_cut_before_it_acted_cannot_be_told_from_one_cut_after() {
    let bed = Bed::new().await;
    bed.sim.add_fault(Fault::new(Action::Cut).verb("create").count(1));
    assert!(matches!(bed.create(&origin("r", 0, 1)).await, CreateOutcome::Unknown(_)));
    assert!(bed.sim.pod(NS, "r-0").is_none());
    assert!(matches!(bed.create(&origin("r", 0, 1)).await, CreateOutcome::Created { .. }));
}

#[tokio::test]
async fn an_answer_that_is_late_is_none() {
    let bed = Bed::new().await;
    bed.sim.add_fault(Fault::new(Action::Delay(Duration::from_mins(1))).verb("create").count(1));
    let wanted = origin("r", 0, 1);
    let deadline = Duration::from_millis(50);
    let outcome = bed.cluster.create(&spec::pod(&manifest(), &wanted), &wanted, deadline).await;
    let CreateOutcome::Unknown(error) = outcome else { panic!("{outcome:?}") };
    assert_eq!((error.kind, error.message.as_str()), (Trouble::Unreachable, "no answer within 0.05 s"));
}

#[tokio::test]
async fn a_server_that_is_not_there_has_done_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let cluster = connect(&kubeconfig(&format!("http://{address}")), |_| {}).await;
    let wanted = origin("r", 0, 1);
    let outcome = cluster.create(&spec::pod(&manifest(), &wanted), &wanted, DEADLINE).await;
    let CreateOutcome::Refused(error) = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.kind, Trouble::Unreachable);
    assert!(error.message.contains("onnection refused"), "{}", error.message);
}

/// The clock runs ahead while all wait, so that the time limits are met at once.
#[tokio::test(start_paused = true)]
async fn a_server_that_never_gets_as_far_as_tls_has_done_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let cluster = connect(&kubeconfig(&format!("https://{address}")), |_| {}).await;
    let wanted = origin("r", 0, 1);
    let outcome = cluster.create(&spec::pod(&manifest(), &wanted), &wanted, DEADLINE).await;
    assert!(
        matches!(&outcome, CreateOutcome::Refused(error) if error.kind == Trouble::Unreachable),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn refusals_that_pass() {
    let bed = Bed::new().await;
    for (status, kind) in
        [(429, Trouble::Throttled), (503, Trouble::Busy), (401, Trouble::Denied), (409, Trouble::Busy)]
    {
        let action = Action::Refuse { status, retry_after: Some(2) };
        bed.sim.add_fault(Fault::new(action).verb("create").count(1));
        let outcome = bed.create(&origin("r", 0, 1)).await;
        let CreateOutcome::Refused(ApiError { kind: found, retry_after, .. }) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!((found, retry_after), (kind, Some(Duration::from_secs(2))), "{status}");
    }
    for status in [500, 502, 504] {
        bed.sim.add_fault(Fault::refuse(status).verb("create").count(1));
        let outcome = bed.create(&origin("r", 0, 1)).await;
        assert!(
            matches!(&outcome, CreateOutcome::Unknown(error) if error.kind == Trouble::Busy),
            "{outcome:?}"
        );
    }
    assert_eq!(bed.requests("create"), 7);
}

#[tokio::test]
async fn refusals_that_stay_have_the_servers_words() {
    let bed = Bed::new().await;
    let wanted = origin("r", 0, 1);
    let mut invalid = spec::pod(&manifest(), &wanted);
    invalid["spec"]["containers"] = json!([]);
    let outcome = bed.cluster.create(&invalid, &wanted, DEADLINE).await;
    let CreateOutcome::Invalid(words) = outcome else { panic!("{outcome:?}") };
    assert!(words.contains("is invalid") && words.contains("spec.containers"), "{words}");
}

#[tokio::test]
async fn what_the_cluster_does_not_take_as_things_stand_may_be_tried_again() {
    let bed = Bed::new().await;
    let words = |outcome: CreateOutcome| match outcome {
        CreateOutcome::Refused(error) if error.kind == Trouble::NotAdmitted => error.message,
        other => panic!("{other:?}"),
    };
    let wanted = origin("r", 0, 1);
    let elsewhere = connect(&bed.sim.kubeconfig(), |access| access.namespace = Some("nowhere".into())).await;
    let said = words(elsewhere.create(&spec::pod(&manifest(), &wanted), &wanted, DEADLINE).await);
    assert_eq!(said, "namespaces \"nowhere\" not found");

    bed.sim.set_pod_quota(NS, "few", 0).unwrap();
    let said = words(bed.create(&wanted).await);
    assert!(said.contains("exceeded quota: few"), "{said}");
}

#[tokio::test]
async fn without_the_right_to_create_the_credentials_are_at_fault() {
    let role = json!({"kind": "Role", "metadata": {"name": "reader", "namespace": NS},
                      "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]});
    let bed = Bed::with(Options { roles: vec![role], ..Options::default() }).await;
    let outcome = bed.create(&origin("r", 0, 1)).await;
    let CreateOutcome::Refused(error) = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.kind, Trouble::Denied);
    assert!(error.message.contains("cannot create resource \"pods\""), "{}", error.message);
}

#[tokio::test]
async fn no_more_requests_are_in_flight_than_allowed() {
    let bed = Bed::new().await;
    // The server refuses a third one.
    bed.sim.set_pace(Pace {
        latency: Duration::from_millis(10),
        mutating_inflight: Some(2),
        ..Pace::default()
    });
    let cluster = connect(&bed.sim.kubeconfig(), |access| access.max_in_flight = 2).await;
    let creates = (0..10).map(|n| {
        let cluster = cluster.clone();
        async move {
            let wanted = origin("r", n, 10);
            cluster.create(&spec::pod(&manifest(), &wanted), &wanted, DEADLINE).await
        }
    });
    for outcome in futures::future::join_all(creates).await {
        assert!(matches!(outcome, CreateOutcome::Created { .. }), "{outcome:?}");
    }
}
