//! What the server says it serves.

use serde_json::{Value, json};

use crate::resource;

/// The version that is played.
pub(crate) const VERSION: &str = "v1.33.0";

/// The answer for a path of discovery, if it is one.
pub(crate) fn answer(path: &str) -> Option<Value> {
    Some(match path {
        "/version" => json!({
            "major": "1", "minor": "33", "gitVersion": VERSION, "gitCommit": "", "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none", "compiler": "rustc", "platform": "kubesim",
        }),
        "/api" => json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        "/apis" => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [authorization()]}),
        "/apis/authorization.k8s.io" => {
            let mut group = authorization();
            group["kind"] = "APIGroup".into();
            group["apiVersion"] = "v1".into();
            group
        }
        "/apis/authorization.k8s.io/v1" => {
            let review = |plural: &str, kind: &str| json!({"name": plural, "singularName": "", "namespaced": false, "kind": kind, "verbs": ["create"]});
            list(
                "authorization.k8s.io/v1",
                vec![
                    review("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
                    review("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
                ],
            )
        }
        "/api/v1" => list("v1", core()),
        _ => return None,
    })
}

fn authorization() -> Value {
    let version = json!({"groupVersion": "authorization.k8s.io/v1", "version": "v1"});
    json!({"name": "authorization.k8s.io", "versions": [version], "preferredVersion": version})
}

fn list(version: &str, resources: Vec<Value>) -> Value {
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources})
}

fn core() -> Vec<Value> {
    let mut all = Vec::new();
    for resource in resource::ALL {
        let info = resource.info();
        let mut verbs = vec!["create", "delete", "get", "list", "patch", "update", "watch"];
        if info.namespaced {
            verbs.insert(2, "deletecollection");
        }
        let mut entry = json!({
            "name": info.plural, "singularName": info.singular, "namespaced": info.namespaced,
            "kind": info.kind, "verbs": verbs,
        });
        if !info.short.is_empty() {
            entry["shortNames"] = json!(info.short);
        }
        if info.plural == "pods" {
            entry["categories"] = json!(["all"]);
        }
        all.push(entry);
        let mut subresource = |name: &str, kind: &str, verbs: Value| {
            all.push(json!({
                "name": format!("{}/{name}", info.plural), "singularName": "", "namespaced": info.namespaced,
                "kind": kind, "verbs": verbs,
            }));
        };
        if info.status {
            subresource("status", info.kind, json!(["get", "patch", "update"]));
        }
        if info.plural == "pods" {
            subresource("binding", "Binding", json!(["create"]));
            subresource("eviction", "Eviction", json!(["create"]));
        }
    }
    all
}
