//! Who the cluster is, and who we are to it.

use hf_k8s::Trouble;

use super::*;

fn role(verbs: &[&str]) -> Value {
    json!({"kind": "Role", "metadata": {"name": "pods", "namespace": NS},
           "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]})
}

#[tokio::test]
async fn a_cluster_is_known_by_the_uid_of_kube_system() {
    let bed = Bed::new().await;
    let uid = bed.sim.get("namespaces", "", "kube-system").unwrap()["metadata"]["uid"].clone();
    let identity = bed.cluster.identity().await.unwrap();
    assert_eq!(identity.uid.as_deref(), uid.as_str());
    assert_eq!(bed.cluster.namespace(), NS);
    assert_eq!(bed.cluster.server(), bed.sim.url());
    let again = connect(&bed.sim.kubeconfig(), |_| {}).await;
    assert_eq!(again.identity().await.unwrap(), identity);
    let other = Bed::with(Options { seed: 2, ..Options::default() }).await;
    assert_ne!(other.cluster.identity().await.unwrap().server, identity.server);
}

#[tokio::test]
async fn where_the_namespace_may_not_be_read_there_is_still_a_fingerprint() {
    let bed = Bed::with(Options { roles: vec![role(&["list"])], ..Options::default() }).await;
    let identity = bed.cluster.identity().await.unwrap();
    assert_eq!(identity.uid, None);
    assert!(!identity.server.is_empty());
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_denied_everywhere_and_never_repeated() {
    let bed = Bed::with(Options { tokens: true, ..Options::default() }).await;
    let mut kubeconfig: Value = serde_json::from_str(&bed.sim.kubeconfig()).unwrap();
    assert!(kubeconfig["users"][0]["user"]["token"].is_string());
    kubeconfig["users"][0]["user"]["token"] = "s3cret".into();
    let cluster = connect(&kubeconfig.to_string(), |_| {}).await;
    let errors = [
        cluster.identity().await.unwrap_err(),
        cluster.list(&ours()).await.unwrap_err(),
        cluster.get("r-0", DEADLINE).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind, Trouble::Denied);
        assert!(!format!("{error:?}").contains("s3cret"));
    }
    // Connecting anew reads the kubeconfig again.
    assert!(connect(&bed.sim.kubeconfig(), |_| {}).await.list(&ours()).await.is_ok());
}

#[tokio::test]
async fn a_lack_of_rights_is_denied() {
    let bed = Bed::with(Options { roles: vec![role(&["get"])], ..Options::default() }).await;
    assert_eq!(bed.cluster.list(&ours()).await.unwrap_err().kind, Trouble::Denied);
    assert_eq!(bed.cluster.get("r-0", DEADLINE).await, Ok(None));
}
