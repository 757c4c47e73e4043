use serde_json::{Value, json};

use super::*;

fn check(attributes: Value, pod: Value, extra: Value) -> Vec<(Severity, String, String)> {
    let mut json = json!({"templateId": "t", "maxNumber": 5, "podSpec": "p.yaml", "attributes": attributes});
    json.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let file = json!({"templates": [json]}).to_string();
    let read = hf_core::template::parse_file(file.as_bytes()).unwrap().remove(0).unwrap();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [
        {"name": "a", "image": "b", "resources": {"requests": pod}}]}});
    let manifest = Manifest::new(pod).unwrap();
    let found = template("f", &read, &manifest);
    found.into_iter().map(|finding| (finding.severity, finding.field, finding.reason)).collect()
}

#[test]
fn attributes_that_agree_with_the_pod_are_fine() {
    for (attributes, pod) in [
        (json!({"ncpus": ["Numeric", "2"], "nram": ["4096"]}), json!({"cpu": "2", "memory": "4Gi"})),
        (json!({"ncpus": 2, "ncores": 1}), json!({"cpu": "1500m"})),
        (json!({}), json!({})),
        (json!({"type": "X86_64"}), json!({"cpu": "1"})),
    ] {
        let found = check(attributes, pod, json!({}));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, Severity::Ok, "{found:?}");
    }
}

#[test]
fn attributes_that_disagree_with_the_pod_are_named_with_both_numbers() {
    let found =
        check(json!({"ncpus": ["8"], "nram": ["1024"]}), json!({"cpu": "1", "memory": "4Gi"}), json!({}));
    let said: Vec<_> = found.iter().map(|(_, field, reason)| format!("{field} {reason}")).collect();
    assert_eq!(
        said,
        [
            "attributes.ncpus is 8, but the pod asks for 1 CPU",
            "attributes.nram is 1024, but the pod asks for 4096 MB of memory"
        ]
    );
    let found = check(json!({"nram": ["1024"]}), json!({}), json!({}));
    assert!(found[0].2.contains("nothing is reserved"), "{found:?}");
}

#[test]
fn keys_that_look_like_ours_are_named_and_others_pass() {
    let found =
        check(json!({}), json!({}), json!({"startTimeuot": 5, "start_timeout": 5, "rank": 1, "vmType": "x"}));
    let fields: Vec<_> = found.iter().map(|(severity, field, _)| (*severity, field.as_str())).collect();
    assert_eq!(fields, [(Severity::Warning, "startTimeuot"), (Severity::Warning, "start_timeout")]);
    assert!(found[0].2.contains("`startTimeout`"), "{found:?}");
    assert_eq!(check(json!({}), json!({}), json!({"namespace": "grid"}))[0].0, Severity::Ok);
}

#[test]
fn reasons_are_cut_into_field_and_words() {
    assert_eq!(field_of("`maxNumber` is 0, which"), ("maxNumber", "is 0, which"));
    assert_eq!(field_of("`podSpec`: p.yaml does not exist"), ("podSpec", "p.yaml does not exist"));
    assert_eq!(field_of("something else"), ("", "something else"));
    assert_eq!(without_path("a/b.json: is bad", "a/b.json"), "is bad");
}
