//! The JSON types of what we serve, so that a body of the wrong type is refused as a real server does.
//!
//! Unknown fields pass: a real server of a newer version knows them.

use serde_json::Value;

use crate::resource::Resource;

/// The expected type of a JSON value.
enum Shape {
    Text,
    Whole,
    Flag,
    /// A quantity, or a port by number or name: text or number.
    Either,
    Texts,
    List(&'static Type),
    Map,
    Object(&'static Type),
}

/// A Go struct's name and fields; what is not listed may be anything.
struct Type(&'static str, &'static [(&'static str, Shape)]);

use Shape::{Either, Flag, List, Map, Object, Text, Texts, Whole};

static OWNER: Type = Type(
    "OwnerReference",
    &[("apiVersion", Text), ("kind", Text), ("name", Text), ("uid", Text), ("controller", Flag)],
);
static META: Type = Type(
    "ObjectMeta",
    &[
        ("name", Text),
        ("generateName", Text),
        ("namespace", Text),
        ("uid", Text),
        ("resourceVersion", Text),
        ("generation", Whole),
        ("creationTimestamp", Text),
        ("deletionTimestamp", Text),
        ("deletionGracePeriodSeconds", Whole),
        ("labels", Map),
        ("annotations", Map),
        ("finalizers", Texts),
        ("ownerReferences", List(&OWNER)),
    ],
);
static ENV: Type = Type("EnvVar", &[("name", Text), ("value", Text), ("valueFrom", Object(&ANY))]);
static PORT: Type = Type(
    "ContainerPort",
    &[("name", Text), ("containerPort", Whole), ("hostPort", Whole), ("protocol", Text), ("hostIP", Text)],
);
static RESOURCES: Type =
    Type("ResourceRequirements", &[("requests", Object(&QUANTITIES)), ("limits", Object(&QUANTITIES))]);
/// Amounts are checked by their own rule.
static QUANTITIES: Type = Type("ResourceList", &[]);
static ANY: Type = Type("Object", &[]);
static MOUNT: Type =
    Type("VolumeMount", &[("name", Text), ("mountPath", Text), ("subPath", Text), ("readOnly", Flag)]);
static CONTAINER: Type = Type(
    "Container",
    &[
        ("name", Text),
        ("image", Text),
        ("command", Texts),
        ("args", Texts),
        ("workingDir", Text),
        ("env", List(&ENV)),
        ("envFrom", List(&ANY)),
        ("ports", List(&PORT)),
        ("resources", Object(&RESOURCES)),
        ("volumeMounts", List(&MOUNT)),
        ("imagePullPolicy", Text),
        ("stdin", Flag),
        ("tty", Flag),
        ("securityContext", Object(&ANY)),
        ("livenessProbe", Object(&ANY)),
        ("readinessProbe", Object(&ANY)),
        ("startupProbe", Object(&ANY)),
        ("lifecycle", Object(&ANY)),
        ("terminationMessagePath", Text),
    ],
);
static TOLERATION: Type = Type(
    "Toleration",
    &[("key", Text), ("operator", Text), ("value", Text), ("effect", Text), ("tolerationSeconds", Whole)],
);
static TAINT: Type = Type("Taint", &[("key", Text), ("value", Text), ("effect", Text), ("timeAdded", Text)]);
static NAMED: Type = Type("LocalObjectReference", &[("name", Text)]);
static POD_SPEC: Type = Type(
    "PodSpec",
    &[
        ("containers", List(&CONTAINER)),
        ("initContainers", List(&CONTAINER)),
        ("volumes", List(&NAMED)),
        ("imagePullSecrets", List(&NAMED)),
        ("nodeName", Text),
        ("nodeSelector", Map),
        ("tolerations", List(&TOLERATION)),
        ("restartPolicy", Text),
        ("terminationGracePeriodSeconds", Whole),
        ("activeDeadlineSeconds", Whole),
        ("dnsPolicy", Text),
        ("serviceAccountName", Text),
        ("serviceAccount", Text),
        ("automountServiceAccountToken", Flag),
        ("hostNetwork", Flag),
        ("hostPID", Flag),
        ("hostIPC", Flag),
        ("hostname", Text),
        ("subdomain", Text),
        ("affinity", Object(&ANY)),
        ("securityContext", Object(&ANY)),
        ("schedulerName", Text),
        ("priorityClassName", Text),
        ("priority", Whole),
        ("enableServiceLinks", Flag),
        ("topologySpreadConstraints", List(&ANY)),
        ("overhead", Object(&QUANTITIES)),
    ],
);
static CONDITION: Type =
    Type("PodCondition", &[("type", Text), ("status", Text), ("reason", Text), ("message", Text)]);
static POD_STATUS: Type = Type(
    "PodStatus",
    &[
        ("phase", Text),
        ("reason", Text),
        ("message", Text),
        ("podIP", Text),
        ("hostIP", Text),
        ("startTime", Text),
        ("conditions", List(&CONDITION)),
        ("containerStatuses", List(&ANY)),
    ],
);
static POD: Type =
    Type("Pod", &[("metadata", Object(&META)), ("spec", Object(&POD_SPEC)), ("status", Object(&POD_STATUS))]);
static NODE_SPEC: Type = Type(
    "NodeSpec",
    &[("unschedulable", Flag), ("taints", List(&TAINT)), ("podCIDR", Text), ("providerID", Text)],
);
static NODE_STATUS: Type = Type(
    "NodeStatus",
    &[
        ("conditions", List(&CONDITION)),
        ("addresses", List(&ANY)),
        ("allocatable", Object(&QUANTITIES)),
        ("capacity", Object(&QUANTITIES)),
    ],
);
static NODE: Type = Type(
    "Node",
    &[("metadata", Object(&META)), ("spec", Object(&NODE_SPEC)), ("status", Object(&NODE_STATUS))],
);
static QUOTA_SPEC: Type = Type("ResourceQuotaSpec", &[("hard", Object(&QUANTITIES)), ("scopes", Texts)]);
static QUOTA: Type = Type("ResourceQuota", &[("metadata", Object(&META)), ("spec", Object(&QUOTA_SPEC))]);
static OBJECT: Type = Type("Object", &[("metadata", Object(&META))]);

/// What does not have its type, in the words of Go's JSON reader.
pub(crate) fn check(resource: Resource, value: &Value) -> Result<(), String> {
    let shape = match resource {
        Resource::Pods => &POD,
        Resource::Nodes => &NODE,
        Resource::ResourceQuotas => &QUOTA,
        _ => &OBJECT,
    };
    object(shape, value, "")
}

fn object(shape: &Type, value: &Value, path: &str) -> Result<(), String> {
    for (field, inner) in shape.1 {
        let value = &value[*field];
        if !value.is_null() {
            let path = if path.is_empty() { (*field).to_owned() } else { format!("{path}.{field}") };
            one(inner, value, shape.0, &path)?;
        }
    }
    Ok(())
}

fn one(shape: &Shape, value: &Value, owner: &str, path: &str) -> Result<(), String> {
    let wrong = |wanted: &str| {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        format!("json: cannot unmarshal {found} into Go struct field {owner}.{path} of type {wanted}")
    };
    let is = |good: bool, wanted: &str| if good { Ok(()) } else { Err(wrong(wanted)) };
    match shape {
        Text => is(value.is_string(), "string"),
        Whole => is(value.is_i64(), "int64"),
        Flag => is(value.is_boolean(), "bool"),
        Either => is(value.is_string() || value.is_number(), "resource.Quantity"),
        Texts => is(value.as_array().is_some_and(|list| list.iter().all(Value::is_string)), "[]string"),
        Map => is(
            value.as_object().is_some_and(|map| map.values().all(|v| v.is_string() || v.is_null())),
            "map[string]string",
        ),
        List(inner) => {
            let Some(list) = value.as_array() else { return Err(wrong(&format!("[]v1.{}", inner.0))) };
            list.iter().try_for_each(|item| {
                if item.is_object() {
                    object(inner, item, path)
                } else {
                    Err(wrong(&format!("v1.{}", inner.0)))
                }
            })
        }
        Object(inner) => {
            let Some(map) = value.as_object() else { return Err(wrong(&format!("v1.{}", inner.0))) };
            if inner.0 == "ResourceList" {
                return map.values().try_for_each(|amount| one(&Either, amount, owner, path));
            }
            object(inner, value, path)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wrong_types_are_named() {
        for (spec, expected) in [
            (json!({"containers": [{"name": "a"}], "novelty": 1}), None),
            (
                json!({"containers": "a"}),
                Some("string into Go struct field PodSpec.spec.containers of type []v1.Container"),
            ),
            (
                json!({"containers": [{"name": 1}]}),
                Some("number into Go struct field Container.spec.containers.name of type string"),
            ),
            (
                json!({"containers": [{"env": [{"name": "A", "value": 1}]}]}),
                Some("EnvVar.spec.containers.env.value of type string"),
            ),
            (json!({"terminationGracePeriodSeconds": 1.5}), Some("of type int64")),
            (json!({"nodeSelector": {"a": true}}), Some("map[string]string")),
            (json!({"containers": [{"resources": {"requests": {"cpu": 1, "memory": "1Gi"}}}]}), None),
            (json!({"containers": [{"resources": {"requests": {"cpu": []}}}]}), Some("resource.Quantity")),
        ] {
            let found = check(Resource::Pods, &json!({"metadata": {}, "spec": spec}));
            match expected {
                None => assert_eq!(found, Ok(())),
                Some(part) => assert!(found.clone().unwrap_err().contains(part), "{found:?}"),
            }
        }
    }
}
