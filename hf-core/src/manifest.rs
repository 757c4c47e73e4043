//! The pod manifest of a template: what a pod must have, and must not have, to be a host of Symphony's.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// A Pod manifest that can be a machine. It is kept as it was written: fields that this program does not know, newer
/// ones included, reach the API server.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest(Value);

/// Why a manifest cannot be a machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {reason}")]
pub struct ManifestError {
    /// The field, as `spec.hostNetwork`.
    pub field: String,
    /// What is wrong, and the remedy.
    pub reason: String,
}

impl Manifest {
    /// Checks a manifest.
    ///
    /// # Errors
    /// If it is no v1 Pod with containers, or its hosts would call themselves by other names than their machines'.
    pub fn new(pod: Value) -> Result<Self, ManifestError> {
        expect(&pod, "apiVersion", "v1")?;
        expect(&pod, "kind", "Pod")?;
        object(&pod, "metadata", false)?;
        object(&pod["metadata"], "labels", false).map_err(|error| error.below("metadata"))?;
        object(&pod["metadata"], "annotations", false).map_err(|error| error.below("metadata"))?;
        let namespace = &pod["metadata"]["namespace"];
        if !namespace.is_null() && !namespace.as_str().is_some_and(crate::id::is_dns_label) {
            return Err(error("metadata.namespace", format!("is {namespace}, which names no namespace")));
        }
        object(&pod, "spec", true)?;
        containers(&pod["spec"]["containers"])?;
        hostname(&pod["spec"])?;
        for resource in ["cpu", "memory"] {
            crate::resources::requested(&pod, resource)
                .map_err(|why| error("spec", format!("asks for {why}")))?;
        }
        Ok(Self(pod))
    }

    /// The namespace that it names, if it does.
    pub fn namespace(&self) -> Option<&str> {
        self.0["metadata"]["namespace"].as_str()
    }

    /// The manifest as JSON, and a digest that tells it from others.
    pub fn canonical(&self) -> (String, String) {
        let json = self.0.to_string();
        let digest = Sha256::digest(&json);
        let hex = digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        (json, hex)
    }

    /// The manifest itself.
    pub fn pod(&self) -> &Value {
        &self.0
    }
}

impl ManifestError {
    fn below(self, parent: &str) -> Self {
        Self { field: format!("{parent}.{}", self.field), ..self }
    }
}

fn error(field: impl Into<String>, reason: impl Into<String>) -> ManifestError {
    ManifestError { field: field.into(), reason: crate::text::shorten(&reason.into()) }
}

fn expect(pod: &Value, field: &str, value: &str) -> Result<(), ManifestError> {
    match &pod[field] {
        found if *found == value => Ok(()),
        Value::Null => Err(error(field, format!("is missing; it must be {value:?}"))),
        other => Err(error(field, format!("is {other}; it must be {value:?}"))),
    }
}

fn object(parent: &Value, field: &str, needed: bool) -> Result<(), ManifestError> {
    match &parent[field] {
        Value::Null if needed => Err(error(field, "is missing")),
        Value::Null | Value::Object(_) => Ok(()),
        _ => Err(error(field, "is not an object")),
    }
}

fn containers(list: &Value) -> Result<(), ManifestError> {
    let list = list.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| error("spec.containers", "must list at least one container"))?;
    for (index, container) in list.iter().enumerate() {
        for key in ["name", "image"] {
            if container[key].as_str().is_none_or(str::is_empty) {
                return Err(error(format!("spec.containers[{index}].{key}"), "must be a text"));
            }
        }
    }
    Ok(())
}

/// Host Factory matches hosts by name: the host must call itself what its machine is called.
fn hostname(spec: &Value) -> Result<(), ManifestError> {
    let hosts_name =
        "the host would not call itself by its machine's name, by which Symphony knows it; remove it";
    if spec["hostNetwork"] == true {
        return Err(error("spec.hostNetwork", format!("is true: {hosts_name}")));
    }
    for key in ["hostname", "hostnameOverride"] {
        if !spec[key].is_null() {
            return Err(error(format!("spec.{key}"), format!("is set: {hosts_name}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod() -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "image": "b"}]}})
    }

    #[track_caller]
    fn refused(pointer: &str, value: Value, field: &str) {
        let mut pod = pod();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = pod.pointer_mut(parent).unwrap();
        match key.parse::<usize>() {
            Ok(index) => parent[index] = value,
            Err(_) => parent[key] = value,
        }
        assert_eq!(Manifest::new(pod).unwrap_err().field, field);
    }

    #[test]
    fn the_least_pod_is_taken_and_kept() {
        let mut newer = pod();
        newer["spec"]["fieldOfTomorrow"] = json!([1]);
        assert_eq!(Manifest::new(newer.clone()).unwrap().pod(), &newer);
    }

    #[test]
    fn what_cannot_be_a_machine_is_refused_by_field() {
        refused("/apiVersion", json!("v2"), "apiVersion");
        refused("/kind", json!("Job"), "kind");
        refused("/spec", json!(null), "spec");
        refused("/spec", json!([]), "spec");
        refused("/metadata", json!("x"), "metadata");
        refused("/metadata", json!({"labels": []}), "metadata.labels");
        refused("/metadata", json!({"namespace": "A b"}), "metadata.namespace");
        refused("/spec/containers", json!([]), "spec.containers");
        refused("/spec/containers", json!([{"name": "a"}]), "spec.containers[0].image");
        refused(
            "/spec/containers/0",
            json!({"name": "a", "image": "b", "resources": {"limits": {"cpu": "x"}}}),
            "spec",
        );
        refused("/spec/hostNetwork", json!(true), "spec.hostNetwork");
        refused("/spec/hostname", json!("me"), "spec.hostname");
        assert!(Manifest::new(json!([])).is_err() && Manifest::new(json!(null)).is_err());
    }
}
