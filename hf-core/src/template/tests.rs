use serde_json::json;

use super::*;

fn file(templates: Value) -> Vec<Result<Template, TemplateError>> {
    parse_file(json!({"templates": templates}).to_string().as_bytes()).unwrap()
}

fn good() -> Value {
    json!({"templateId": "t", "maxNumber": 10, "podSpec": "pod.yaml"})
}

fn manifest(resources: Value) -> Manifest {
    let containers = json!([{"name": "a", "image": "b", "resources": resources}]);
    Manifest::new(json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": containers}})).unwrap()
}

#[test]
fn the_predecessors_template_is_read_and_printed_anew() {
    let template = json!({
        "templateId": "mock", "maxNumber": 10, "podSpec": "pod.yaml", "site": {"kept": true},
        "attributes": {"nram": ["4096"], "ncpus": 8, "type": ["String", "X86_64"]},
    });
    let template = file(json!([template])).remove(0).unwrap();
    insta::assert_json_snapshot!(template.announce(&manifest(json!({}))), @r#"
    {
      "templateId": "mock",
      "maxNumber": 10,
      "attributes": {
        "ncores": [
          "Numeric",
          "1"
        ],
        "ncpus": [
          "Numeric",
          "8"
        ],
        "nram": [
          "Numeric",
          "4096"
        ],
        "type": [
          "String",
          "X86_64"
        ]
      },
      "podSpec": "pod.yaml",
      "site": {
        "kept": true
      }
    }
    "#);
}

#[test]
fn what_the_site_left_out_comes_from_the_pod() {
    let template = file(json!([good()])).remove(0).unwrap();
    let manifest = manifest(json!({"requests": {"cpu": "1500m", "memory": "1.5Gi"}}));
    let attributes = template.announce(&manifest).attributes;
    assert_eq!(attributes["ncpus"], Attribute::number(2));
    assert_eq!(attributes["nram"], Attribute::number(1_536));
}

#[test]
fn one_bad_template_harms_no_other() {
    let templates = file(json!([{"templateId": "bad", "maxNumber": 1}, good(), 7, good()]));
    let reasons: Vec<_> =
        templates.iter().filter_map(|t| t.as_ref().err()).map(ToString::to_string).collect();
    assert_eq!(templates.iter().filter(|t| t.is_ok()).count(), 1);
    assert!(reasons[0].contains("\"bad\"") && reasons[0].contains("podSpec"), "{reasons:?}");
    assert!(reasons[1].contains("number 3"), "{reasons:?}");
    assert!(reasons[2].contains("twice"), "{reasons:?}");
}

#[test]
fn a_bad_field_is_named() {
    for (field, value) in [
        ("templateId", json!("a b")),
        ("templateId", json!("")),
        ("maxNumber", json!(0)),
        ("maxNumber", json!(-2)),
        ("maxNumber", json!("ten")),
        ("maxNumber", json!(1.5)),
        ("attributes", json!({"ncpus": ["Numeric", "x"]})),
        ("podSpec", json!("")),
        ("podSpec", json!(null)),
        ("startTimeout", json!(0)),
        ("startTimeout", json!("5")),
        ("namespace", json!("A b")),
        ("readiness", json!("soon")),
        ("priority", json!("high")),
        ("priority", json!(1.5)),
        ("priority", json!(3_000_000_000_i64)),
    ] {
        let mut template = good();
        template[field] = value.clone();
        let error = file(json!([template])).remove(0).unwrap_err();
        assert!(error.reason.contains(field), "{field}: {value}: {error}");
    }
}

#[test]
fn the_priority_is_none_above_another_unless_said() {
    let mut template = good();
    assert_eq!(file(json!([template])).remove(0).unwrap().own.priority, 0);
    template["priority"] = json!(-3);
    assert_eq!(file(json!([template])).remove(0).unwrap().own.priority, -3);
}

#[test]
fn a_second_spelling_of_what_is_printed_is_not_passed_through() {
    let mut template = good();
    template["MAXNUMBER"] = json!(0);
    template["AvailableNumber"] = json!(0);
    let template = file(json!([template])).remove(0).unwrap();
    assert_eq!(template.other.keys().collect::<Vec<_>>(), ["podSpec"]);
}

#[test]
fn no_limit_is_announced_as_a_large_number() {
    let mut template = good();
    template["maxNumber"] = json!(-1);
    let template = file(json!([template])).remove(0).unwrap();
    assert_eq!(template.max_number, None);
    assert_eq!(template.announce(&manifest(json!({}))).max_number, MAX_MACHINES);
}

#[test]
fn the_namespace_is_the_templates_else_the_manifests_else_open() {
    let mut pod = manifest(json!({})).pod().clone();
    pod["metadata"] = json!({"namespace": "of-manifest"});
    let named = Manifest::new(pod).unwrap();
    let mut template = file(json!([good()])).remove(0).unwrap();
    assert_eq!(template.target(&manifest(json!({}))).namespace, "");
    assert_eq!(template.target(&named).namespace, "of-manifest");
    template.own.namespace = Some("of-template".into());
    assert_eq!(template.target(&named).namespace, "of-template");
}

#[test]
fn a_file_without_templates_is_refused() {
    for bad in ["", "{}", "[]", r#"{"templates": {}}"#] {
        assert!(parse_file(bad.as_bytes()).is_err(), "{bad}");
    }
}
