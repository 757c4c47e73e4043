//! A pod as the predecessor wrote it down: JSON with snake_case keys.

use hf_core::{PodFacts, PodPhase};
use hf_store::Event;
use jiff::Timestamp;
use serde_json::Value;

/// What is known of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pod {
    pub(super) facts: PodFacts,
    pub(super) namespace: Option<String>,
    /// What happened to it, in order.
    pub(super) history: Vec<(Timestamp, Event, String)>,
}

impl Pod {
    /// Reads the description of the pod called `name`. What is missing or of another kind is not known; what does not
    /// describe that pod is refused.
    pub(super) fn read(text: &[u8], name: &str) -> Result<Self, String> {
        let pod: Value =
            serde_json::from_slice(text).map_err(|error| format!("is not valid JSON: {error}"))?;
        let (meta, spec, status) = (&pod["metadata"], &pod["spec"], &pod["status"]);
        match meta["name"].as_str() {
            Some(found) if found == name => {}
            Some(found) => return Err(format!("describes the pod {found:?}")),
            None => return Err("has no `metadata.name`".to_owned()),
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let seconds = |value: &Value| value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
        let condition = |kind: &str| {
            let met = list(&status["conditions"]).find(|one| one["type"] == kind && one["status"] == "True");
            met.cloned()
        };
        let containers: Vec<&Value> = list(&status["container_statuses"]).collect();
        let phase = phase(status["phase"].as_str().unwrap_or_default());
        let all_run = containers.iter().all(|one| one["state"]["running"].is_object());
        let running = phase == PodPhase::Running && all_run;
        let facts = PodFacts {
            uid: text(&meta["uid"]),
            phase,
            running,
            ready: condition("Ready").is_some(),
            ip: text(&status["pod_ip"]),
            node: text(&spec["node_name"]),
            started_at: time(&status["start_time"]),
            deleting: time(&meta["deletion_timestamp"])
                .map(|_| seconds(&meta["deletion_grace_period_seconds"]).unwrap_or_default()),
            grace: seconds(&spec["termination_grace_period_seconds"]).unwrap_or(30),
            disrupted: condition("DisruptionTarget").is_some(),
            ..PodFacts::default()
        };
        let since = |kind: &str| condition(kind).and_then(|met| time(&met["last_transition_time"]));
        let began = containers.iter().filter_map(|one| time(&one["state"]["running"]["started_at"])).max();
        let steps = [
            (time(&meta["creation_timestamp"]), Event::Created, String::new()),
            (since("PodScheduled"), Event::Scheduled, facts.node.clone()),
            (began.filter(|_| running), Event::Running, facts.ip.clone()),
            (since("Ready"), Event::Ready, String::new()),
        ];
        let history =
            steps.into_iter().filter_map(|(at, event, detail)| Some((at?, event, detail))).collect();
        let namespace = meta["namespace"].as_str().filter(|name| !name.is_empty()).map(str::to_owned);
        Ok(Self { facts, namespace, history })
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A phase, or one of the predecessor's states of the same name.
pub(super) fn phase(word: &str) -> PodPhase {
    match word.to_ascii_lowercase().as_str() {
        "running" => PodPhase::Running,
        "succeeded" => PodPhase::Succeeded,
        "failed" => PodPhase::Failed,
        "unknown" => PodPhase::Unknown,
        _ => PodPhase::Pending,
    }
}

/// A time as RFC 3339, or in seconds since the epoch as a number or a text: releases of the predecessor differ.
fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => {
            let seconds = || text.parse().ok().and_then(|second| Timestamp::from_second(second).ok());
            text.parse().ok().or_else(seconds)
        }
        Value::Number(number) => {
            #[expect(clippy::cast_possible_truncation, reason = "a fraction of a second is of no use here")]
            let second = number.as_i64().or_else(|| number.as_f64().map(|second| second as i64))?;
            Timestamp::from_second(second).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod() -> Value {
        json!({
            "metadata": {"name": "r-0", "uid": "u", "namespace": "grid",
                         "creation_timestamp": "2024-01-01T00:00:00+00:00"},
            "spec": {"node_name": "n1", "termination_grace_period_seconds": 5},
            "status": {"phase": "Running", "pod_ip": "10.0.0.1", "start_time": 1_704_067_202,
                "conditions": [{"type": "Ready", "status": "False", "last_transition_time": 0},
                    {"type": "PodScheduled", "status": "True", "last_transition_time": "1704067201"}],
                "container_statuses": [{"state": {"running": {"started_at": 1_704_067_203.5}}}]},
        })
    }

    #[test]
    fn every_spelling_of_a_time_is_read() {
        let read = Pod::read(pod().to_string().as_bytes(), "r-0").unwrap();
        let history: Vec<_> =
            read.history.iter().map(|(at, event, _)| (at.as_second(), event.as_str())).collect();
        assert_eq!(
            history,
            [(1_704_067_200, "created"), (1_704_067_201, "scheduled"), (1_704_067_203, "running")]
        );
        let facts = &read.facts;
        assert!(facts.running && !facts.ready && facts.deleting.is_none());
        assert_eq!(
            (facts.uid.as_str(), facts.ip.as_str(), facts.node.as_str(), facts.grace),
            ("u", "10.0.0.1", "n1", 5)
        );
        assert_eq!(facts.started_at.unwrap().as_second(), 1_704_067_202);
    }

    #[test]
    fn a_container_that_does_not_run_is_no_running_pod() {
        let mut waiting = pod();
        waiting["status"]["container_statuses"][0]["state"] = json!({"running": null, "waiting": {}});
        assert!(!Pod::read(waiting.to_string().as_bytes(), "r-0").unwrap().facts.running);
    }

    #[test]
    fn what_describes_another_pod_or_none_is_refused() {
        for (text, why) in [
            ("", "JSON"),
            ("[]", "metadata.name"),
            (r#"{"metadata": {"name": "r-1"}}"#, "\"r-1\""),
            (r#"{"metadata": {"name": 5}}"#, "metadata.name"),
        ] {
            assert!(Pod::read(text.as_bytes(), "r-0").unwrap_err().contains(why), "{text}");
        }
        let bare = Pod::read(br#"{"metadata": {"name": "r-0", "uid": 5}, "status": []}"#, "r-0").unwrap();
        assert_eq!(bare.facts.uid, "");
    }
}
