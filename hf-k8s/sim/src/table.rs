//! The tables that `kubectl get` prints.

use serde_json::{Value, json};

use crate::{clock, object::Stored, resource::Resource};

/// What of the objects the rows carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    Nothing,
    Metadata,
    Object,
}

impl Include {
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "None" => Self::Nothing,
            "Object" => Self::Object,
            _ => Self::Metadata,
        }
    }
}

/// Columns: name, and whether only `-o wide` shows it.
fn columns(resource: Resource) -> &'static [(&'static str, bool)] {
    match resource {
        Resource::Pods => &[
            ("Name", false),
            ("Ready", false),
            ("Status", false),
            ("Restarts", false),
            ("Age", false),
            ("IP", true),
            ("Node", true),
            ("Nominated Node", true),
            ("Readiness Gates", true),
        ],
        Resource::Nodes => &[
            ("Name", false),
            ("Status", false),
            ("Roles", false),
            ("Age", false),
            ("Version", false),
            ("Internal-IP", true),
            ("External-IP", true),
            ("OS-Image", true),
            ("Kernel-Version", true),
            ("Container-Runtime", true),
        ],
        Resource::Namespaces => &[("Name", false), ("Status", false), ("Age", false)],
        Resource::Events => {
            &[("Last Seen", false), ("Type", false), ("Reason", false), ("Object", false), ("Message", false)]
        }
        Resource::ResourceQuotas => &[("Name", false), ("Request", false), ("Limit", false), ("Age", false)],
        _ => &[("Name", false), ("Age", false)],
    }
}

/// A `Table` of objects.
pub(crate) fn table(resource: Resource, objects: &[&Stored], include: Include, metadata: &Value) -> Value {
    let definitions: Vec<Value> = columns(resource)
        .iter()
        .map(|(name, wide)| {
            let format = if *name == "Name" { "name" } else { "" };
            json!({"name": name, "type": "string", "format": format, "description": "", "priority": i32::from(*wide)})
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let value = object.value();
            let mut row = json!({"cells": cells(resource, &value)});
            match include {
                Include::Nothing => {}
                Include::Object => row["object"] = object.full_value(),
                Include::Metadata => {
                    row["object"] = json!({
                        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"],
                    });
                }
            }
            row
        })
        .collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": definitions, "rows": rows,
    })
}

fn cells(resource: Resource, object: &Value) -> Value {
    let name = &object["metadata"]["name"];
    let age = age(&object["metadata"]["creationTimestamp"]);
    match resource {
        Resource::Pods => pod(object, &age),
        Resource::Nodes => node(object, &age),
        Resource::Namespaces => json!([name, object["status"]["phase"], age]),
        Resource::Events => {
            let about = &object["involvedObject"];
            let kind = about["kind"].as_str().unwrap_or_default().to_lowercase();
            let about = format!("{kind}/{}", about["name"].as_str().unwrap_or_default());
            let seen = self::age(&object["lastTimestamp"]);
            json!([seen, object["type"], object["reason"], about, object["message"]])
        }
        Resource::ResourceQuotas => {
            let shown = |limits: bool| {
                let hard = object["spec"]["hard"].as_object().into_iter().flatten();
                let parts =
                    hard.filter(|(item, _)| item.starts_with("limits.") == limits).map(|(item, hard)| {
                        let used = object["status"]["used"][item].as_str().unwrap_or("0").to_owned();
                        format!("{item}: {used}/{}", hard.to_string().trim_matches('"'))
                    });
                parts.collect::<Vec<_>>().join(", ")
            };
            json!([name, shown(false), shown(true), age])
        }
        _ => json!([name, age]),
    }
}

fn pod(pod: &Value, age: &str) -> Value {
    let statuses = pod["status"]["containerStatuses"].as_array().cloned().unwrap_or_default();
    let all = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
    let ready = statuses.iter().filter(|status| status["ready"] == true).count();
    let restarts: u64 = statuses.iter().filter_map(|status| status["restartCount"].as_u64()).sum();
    let none = |value: &Value| value.as_str().unwrap_or("<none>").to_owned();
    json!([
        pod["metadata"]["name"],
        format!("{ready}/{all}"),
        pod_status(pod, &statuses),
        restarts.to_string(),
        age,
        none(&pod["status"]["podIP"]),
        none(&pod["spec"]["nodeName"]),
        none(&pod["status"]["nominatedNodeName"]),
        "<none>",
    ])
}

/// The one word that says most about a pod.
fn pod_status(pod: &Value, statuses: &[Value]) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let phase = text(&pod["status"]["phase"]);
    let mut word = match text(&pod["status"]["reason"]) {
        reason if reason.is_empty() => phase,
        reason => reason,
    };
    for status in statuses.iter().rev() {
        let state = &status["state"];
        for kind in ["waiting", "terminated"] {
            let reason = text(&state[kind]["reason"]);
            if !reason.is_empty() {
                word = reason;
            } else if state[kind].is_object() && kind == "terminated" {
                word = format!("ExitCode:{}", state[kind]["exitCode"]);
            }
        }
    }
    if pod["metadata"]["deletionTimestamp"].is_string() {
        let lost = pod["status"]["reason"] == "NodeLost";
        let over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        word = if lost {
            "Unknown".into()
        } else if over {
            word
        } else {
            "Terminating".into()
        };
    }
    word
}

fn node(node: &Value, age: &str) -> Value {
    let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    let ready = conditions.filter(|c| c["type"] == "Ready").find_map(|c| c["status"].as_str());
    let mut status = match ready {
        Some("True") => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if node["spec"]["unschedulable"] == true {
        status.push_str(",SchedulingDisabled");
    }
    let info = &node["status"]["nodeInfo"];
    json!([
        node["metadata"]["name"],
        status,
        "<none>",
        age,
        info["kubeletVersion"],
        node["status"]["addresses"][0]["address"],
        "<none>",
        info["osImage"],
        info["kernelVersion"],
        info["containerRuntimeVersion"],
    ])
}

/// `5s`, `3m10s`, `2h`, `4d`: as kubectl shows ages.
fn age(stamp: &Value) -> String {
    let Some(seconds) = stamp.as_str().and_then(clock::age_seconds) else { return "<unknown>".into() };
    let pair = |whole: i64, unit: &str, part: i64, small: &str| {
        if part == 0 { format!("{whole}{unit}") } else { format!("{whole}{unit}{part}{small}") }
    };
    match seconds {
        ..120 => format!("{seconds}s"),
        120..600 => pair(seconds / 60, "m", seconds % 60, "s"),
        600..10_800 => format!("{}m", seconds / 60),
        10_800..28_800 => pair(seconds / 3600, "h", seconds % 3600 / 60, "m"),
        28_800..172_800 => format!("{}h", seconds / 3600),
        172_800..691_200 => pair(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_summed_up_in_a_word() {
        let status = |state: Value| json!([{"state": state}]).as_array().cloned().unwrap();
        for (pod, statuses, expected) in [
            (json!({"status": {"phase": "Pending"}}), vec![], "Pending"),
            (json!({"status": {"phase": "Failed", "reason": "Evicted"}}), vec![], "Evicted"),
            (
                json!({"status": {"phase": "Running"}}),
                status(json!({"waiting": {"reason": "CrashLoopBackOff"}})),
                "CrashLoopBackOff",
            ),
            (
                json!({"status": {"phase": "Succeeded"}}),
                status(json!({"terminated": {"reason": "Completed"}})),
                "Completed",
            ),
            (
                json!({"metadata": {"deletionTimestamp": "x"}, "status": {"phase": "Running"}}),
                status(json!({"running": {}})),
                "Terminating",
            ),
        ] {
            assert_eq!(pod_status(&pod, &statuses), expected);
        }
    }
}
