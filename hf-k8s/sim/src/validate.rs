//! What makes an object unprocessable (422), in a real server's words.

use serde_json::{Map, Value};

use crate::{failure::Cause, names, quantity, resource::Resource};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
    and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
    start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const KEY: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
    an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
    and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
    for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const ANNOTATIONS_MAX: usize = 256 * 1024;

fn required(field: impl Into<String>, more: &str) -> Cause {
    let message =
        if more.is_empty() { "Required value".to_owned() } else { format!("Required value: {more}") };
    Cause { reason: "FieldValueRequired", message, field: field.into() }
}

fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Cause {
    let message = format!("Invalid value: {value}: {why}");
    Cause { reason: "FieldValueInvalid", message, field: field.into() }
}

fn unsupported(field: impl Into<String>, value: &Value, good: &[&str]) -> Cause {
    let good: Vec<String> = good.iter().map(|value| format!("\"{value}\"")).collect();
    let message = format!("Unsupported value: {value}: supported values: {}", good.join(", "));
    Cause { reason: "FieldValueNotSupported", message, field: field.into() }
}

fn too_long(field: impl Into<String>, max: usize) -> Cause {
    let message = format!("Too long: may not be more than {max} bytes");
    Cause { reason: "FieldValueTooLong", message, field: field.into() }
}

/// All that is wrong with a new object.
pub(crate) fn object(resource: Resource, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        causes.push(required("metadata.name", "name or generateName is required"));
    } else if resource == Resource::Namespaces && !names::is_dns_label(name) {
        causes.push(invalid("metadata.name", &metadata["name"], LABEL));
    } else if name.len() > 253 {
        causes.push(invalid("metadata.name", &metadata["name"], "must be no more than 253 characters"));
    } else if !names::is_subdomain(name) {
        causes.push(invalid("metadata.name", &metadata["name"], SUBDOMAIN));
    }
    labels(&metadata["labels"], "metadata.labels", &mut causes);
    annotations(&metadata["annotations"], &mut causes);
    for finalizer in metadata["finalizers"].as_array().into_iter().flatten() {
        if !finalizer.as_str().is_some_and(|text| names::is_label_key(text) && text.contains('/')) {
            causes.push(invalid(
                "metadata.finalizers",
                finalizer,
                "name is neither a standard finalizer name nor is it fully qualified",
            ));
        }
    }
    match resource {
        Resource::Pods => pod(&object["spec"], &mut causes),
        Resource::Nodes => taints(&object["spec"]["taints"], &mut causes),
        Resource::ResourceQuotas => amounts(&object["spec"]["hard"], "spec.hard", &mut causes),
        _ => {}
    }
    causes
}

pub(crate) fn labels(labels: &Value, field: &str, causes: &mut Vec<Cause>) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        if !names::is_label_key(key) {
            let long = key.rsplit('/').next().is_some_and(|name| name.len() > 63);
            let why = if long { "name part must be no more than 63 bytes" } else { KEY };
            causes.push(invalid(field, &Value::from(key.as_str()), why));
        }
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            causes.push(invalid(field, value, "must be no more than 63 bytes"));
        } else if !names::is_label_value(text) {
            causes.push(invalid(field, value, VALUE));
        }
    }
}

fn annotations(annotations: &Value, causes: &mut Vec<Cause>) {
    let mut total = 0;
    for (key, value) in annotations.as_object().into_iter().flatten() {
        total += key.len() + value.as_str().map_or(0, str::len);
        if !names::is_label_key(&key.to_lowercase()) {
            causes.push(invalid("metadata.annotations", &Value::from(key.as_str()), KEY));
        }
    }
    if total > ANNOTATIONS_MAX {
        causes.push(too_long("metadata.annotations", ANNOTATIONS_MAX));
    }
}

fn pod(spec: &Value, causes: &mut Vec<Cause>) {
    let empty = Vec::new();
    let containers = spec["containers"].as_array().unwrap_or(&empty);
    if containers.is_empty() {
        causes.push(required("spec.containers", ""));
    }
    let mut seen = Vec::new();
    for list in ["containers", "initContainers"] {
        for (n, container) in spec[list].as_array().into_iter().flatten().enumerate() {
            let path = format!("spec.{list}[{n}]");
            self::container(container, &path, causes);
            let name = &container["name"];
            if seen.contains(&name) {
                let message = format!("Duplicate value: {name}");
                causes.push(Cause { reason: "FieldValueDuplicate", message, field: format!("{path}.name") });
            }
            seen.push(name);
        }
    }
    let mut one_of = |field: &str, good: &[&str]| {
        let value = &spec[field];
        if !value.is_null() && !good.iter().any(|good| value == good) {
            causes.push(unsupported(format!("spec.{field}"), value, good));
        }
    };
    one_of("restartPolicy", &["Always", "OnFailure", "Never"]);
    one_of("dnsPolicy", &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]);
    labels(&spec["nodeSelector"], "spec.nodeSelector", causes);
    let deadline = &spec["activeDeadlineSeconds"];
    if deadline.as_i64().is_some_and(|seconds| seconds < 1) {
        causes.push(invalid(
            "spec.activeDeadlineSeconds",
            deadline,
            "must be between 1 and 2147483647, inclusive",
        ));
    }
    for (n, toleration) in spec["tolerations"].as_array().into_iter().flatten().enumerate() {
        let operator = &toleration["operator"];
        if !operator.is_null() && !["", "Exists", "Equal"].iter().any(|good| operator == good) {
            causes.push(unsupported(
                format!("spec.tolerations[{n}].operator"),
                operator,
                &["Equal", "Exists"],
            ));
        }
    }
}

fn container(container: &Value, path: &str, causes: &mut Vec<Cause>) {
    match container["name"].as_str().unwrap_or_default() {
        "" => causes.push(required(format!("{path}.name"), "")),
        name if !names::is_dns_label(name) => {
            causes.push(invalid(format!("{path}.name"), &container["name"], LABEL));
        }
        _ => {}
    }
    if container["image"].as_str().unwrap_or_default().is_empty() {
        causes.push(required(format!("{path}.image"), ""));
    }
    let policy = &container["imagePullPolicy"];
    let policies = ["Always", "IfNotPresent", "Never"];
    if !policy.is_null() && !policies.iter().any(|good| policy == good) {
        causes.push(unsupported(format!("{path}.imagePullPolicy"), policy, &policies));
    }
    for (n, variable) in container["env"].as_array().into_iter().flatten().enumerate() {
        if variable["name"].as_str().unwrap_or_default().is_empty() {
            causes.push(required(format!("{path}.env[{n}].name"), ""));
        }
    }
    for (n, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
        if !port["containerPort"].as_i64().is_some_and(|port| (1..=65535).contains(&port)) {
            let field = format!("{path}.ports[{n}].containerPort");
            causes.push(invalid(field, &port["containerPort"], "must be between 1 and 65535, inclusive"));
        }
    }
    let resources = &container["resources"];
    for kind in ["limits", "requests"] {
        amounts(&resources[kind], &format!("{path}.resources.{kind}"), causes);
    }
    for (name, limit) in resources["limits"].as_object().into_iter().flatten() {
        let request = &resources["requests"][name];
        if quantity::of(request) > quantity::of(limit) && !request.is_null() {
            let why = format!(
                "must be less than or equal to {name} limit of {}",
                limit.to_string().trim_matches('"')
            );
            causes.push(invalid(format!("{path}.resources.requests"), request, &why));
        }
    }
}

fn amounts(amounts: &Value, path: &str, causes: &mut Vec<Cause>) {
    for (name, amount) in amounts.as_object().into_iter().flatten() {
        if quantity::of(amount).is_some_and(|amount| amount < 0) {
            causes.push(invalid(format!("{path}[{name}]"), amount, "must be greater than or equal to 0"));
        }
    }
}

/// The first amount that is no quantity: a real server fails to decode it.
pub(crate) fn bad_quantity(value: &Value) -> bool {
    let spec = &value["spec"];
    let containers = ["containers", "initContainers"]
        .into_iter()
        .flat_map(|list| spec[list].as_array().into_iter().flatten());
    let mut maps: Vec<&Value> = containers
        .flat_map(|container| [&container["resources"]["requests"], &container["resources"]["limits"]])
        .collect();
    maps.extend([&spec["hard"], &value["status"]["allocatable"], &value["status"]["capacity"]]);
    maps.into_iter()
        .flat_map(|map| map.as_object().into_iter().flatten())
        .any(|(_, v)| quantity::of(v).is_none())
}

fn taints(taints: &Value, causes: &mut Vec<Cause>) {
    for (n, taint) in taints.as_array().into_iter().flatten().enumerate() {
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        if !effects.iter().any(|good| taint["effect"] == *good) {
            causes.push(unsupported(format!("spec.taints[{n}].effect"), &taint["effect"], &effects));
        }
        if !taint["key"].as_str().is_some_and(names::is_label_key) {
            causes.push(invalid(format!("spec.taints[{n}].key"), &taint["key"], KEY));
        }
    }
}

/// What of a pod's spec may change after it was created; the rest is compared by the caller.
fn changeable(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(spec) = spec.as_object_mut() {
        for list in ["containers", "initContainers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                container.as_object_mut().map(|container| container.remove("image"));
            }
        }
        spec.remove("activeDeadlineSeconds");
        spec.remove("tolerations");
    }
    spec
}

/// Refuses changes of a pod's spec that a real server refuses.
pub(crate) fn pod_update(old: &Value, new: &Value) -> Option<Cause> {
    let no_tolerations = Vec::new();
    let tolerations = |pod: &Value| pod["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
    let added = tolerations(new);
    let kept =
        old["spec"]["tolerations"].as_array().unwrap_or(&no_tolerations).iter().all(|t| added.contains(t));
    if kept && changeable(&old["spec"]) == changeable(&new["spec"]) {
        return None;
    }
    let message = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,\
        `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
        tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
    Some(Cause { reason: "FieldValueForbidden", message: message.into(), field: "spec".into() })
}

/// The causes as a set of fields, for a quick look.
#[cfg(test)]
fn fields(causes: &[Cause]) -> Vec<&str> {
    causes.iter().map(|cause| cause.field.as_str()).collect()
}

/// An empty object where there is none, so that defaults have a place.
pub(crate) fn ensure_object(value: &mut Value) {
    if !value.is_object() {
        *value = Map::new().into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_named_by_field() {
        let good = json!({"name": "a", "image": "i"});
        for (metadata, spec, expected) in [
            (json!({"name": "ok"}), json!({"containers": [good]}), vec![]),
            (json!({}), json!({"containers": [good]}), vec!["metadata.name"]),
            (json!({"name": "Bad"}), json!({"containers": [good]}), vec!["metadata.name"]),
            (json!({"name": "a".repeat(254)}), json!({"containers": [good]}), vec!["metadata.name"]),
            (
                json!({"name": "ok", "labels": {"a b": "", "c": "x".repeat(64)}}),
                json!({"containers": [good]}),
                vec!["metadata.labels", "metadata.labels"],
            ),
            (
                json!({"name": "ok", "annotations": {"a": "x".repeat(300_000)}}),
                json!({"containers": [good]}),
                vec!["metadata.annotations"],
            ),
            (json!({"name": "ok"}), json!({}), vec!["spec.containers"]),
            (
                json!({"name": "ok"}),
                json!({"containers": [{}]}),
                vec!["spec.containers[0].name", "spec.containers[0].image"],
            ),
            (json!({"name": "ok"}), json!({"containers": [good, good]}), vec!["spec.containers[1].name"]),
            (
                json!({"name": "ok"}),
                json!({"containers": [good], "restartPolicy": "Perhaps"}),
                vec!["spec.restartPolicy"],
            ),
            (
                json!({"name": "ok"}),
                json!({"containers": [{"name": "a", "image": "i", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}]}),
                vec!["spec.containers[0].resources.requests"],
            ),
        ] {
            let causes = object(Resource::Pods, &json!({"metadata": metadata, "spec": spec}));
            assert_eq!(fields(&causes), expected, "{causes:?}");
        }
    }

    #[test]
    fn a_pods_spec_is_nearly_immutable() {
        let pod = |spec: Value| json!({"spec": spec});
        let old = pod(json!({"containers": [{"name": "a", "image": "1"}], "nodeSelector": {"a": "b"}}));
        let image = pod(json!({"containers": [{"name": "a", "image": "2"}], "nodeSelector": {"a": "b"}}));
        let selector = pod(json!({"containers": [{"name": "a", "image": "1"}]}));
        assert_eq!(pod_update(&old, &image), None);
        assert!(pod_update(&old, &selector).is_some());
    }
}
