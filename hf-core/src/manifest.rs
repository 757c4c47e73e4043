//! The pod manifest of a template: what a pod must have, and must not have, to be a host of Symphony's.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// A Pod manifest that can be a machine. It is kept as it was written, but for a restart policy that it leaves open:
/// fields that this program does not know, newer ones included, reach the API server.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest(Value);

/// The restart policy of every host.
const NEVER: &str = "Never";

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
    /// Checks a manifest. Without a restart policy it gets `Never`, where the API server's default would be `Always`.
    ///
    /// # Errors
    /// If it is no v1 Pod with containers, its hosts would call themselves by other names than their machines', or a
    /// host that is dead would be started again unnoticed.
    pub fn new(mut pod: Value) -> Result<Self, ManifestError> {
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
        restarts(&pod["spec"])?;
        for resource in ["cpu", "memory"] {
            crate::resources::requested(&pod, resource)
                .map_err(|why| error("spec", format!("asks for {why}")))?;
        }
        if pod["spec"]["restartPolicy"].is_null() {
            pod["spec"]["restartPolicy"] = NEVER.into();
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
    // A subdomain alone gives the pod a second name in the DNS; the host goes on calling itself by the first.
    if spec["setHostnameAsFQDN"] == true && !matches!(spec["subdomain"].as_str(), None | Some("")) {
        let reason = format!("is true and `spec.subdomain` is set: {hosts_name}");
        return Err(error("spec.setHostnameAsFQDN", reason));
    }
    Ok(())
}

/// Symphony must hear that a host has died: what is started again in its place has lost the tasks, and looks alive.
fn restarts(spec: &Value) -> Result<(), ManifestError> {
    let hides = "a host that has died would be started again, and Symphony would take it for the one that it knows; \
                 use Never, or remove it";
    let check = |field: String, policy: &Value| match policy {
        Value::Null => Ok(()),
        policy if policy == NEVER => Ok(()),
        policy => Err(error(field, format!("is {policy}: {hides}"))),
    };
    check("spec.restartPolicy".to_owned(), &spec["restartPolicy"])?;
    // Those of init containers are left alone: a sidecar is one that is restarted.
    for (index, container) in spec["containers"].as_array().into_iter().flatten().enumerate() {
        let field = format!("spec.containers[{index}].restartPolicy");
        check(field.clone(), &container["restartPolicy"])?;
        if !container["restartPolicyRules"].is_null() {
            return Err(error(format!("{field}Rules"), format!("is set: {hides}")));
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
        newer["spec"]["restartPolicy"] = json!("Never");
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
        refused("/spec/hostnameOverride", json!("me"), "spec.hostnameOverride");
        assert!(Manifest::new(json!([])).is_err() && Manifest::new(json!(null)).is_err());
    }

    #[test]
    fn a_restart_policy_that_hides_a_dead_host_is_refused_with_the_reason() {
        refused("/spec/restartPolicy", json!("Always"), "spec.restartPolicy");
        refused("/spec/restartPolicy", json!("OnFailure"), "spec.restartPolicy");
        refused("/spec/restartPolicy", json!(true), "spec.restartPolicy");
        let own = |key: &str, value: Value| {
            let mut container = json!({"name": "a", "image": "b"});
            container[key] = value;
            refused("/spec/containers/0", container, &format!("spec.containers[0].{key}"));
        };
        own("restartPolicy", json!("Always"));
        own("restartPolicyRules", json!([{"action": "Restart"}]));
        let mut always = pod();
        always["spec"]["restartPolicy"] = json!("Always");
        let said = Manifest::new(always).unwrap_err().to_string();
        assert!(
            said.starts_with("`spec.restartPolicy` is \"Always\": ") && said.contains("use Never"),
            "{said}"
        );
    }

    #[test]
    fn a_restart_policy_that_is_left_open_is_never_and_sidecars_keep_theirs() {
        let mut open = pod();
        let sidecar = json!([{"name": "s", "image": "i", "restartPolicy": "Always"}]);
        open["spec"]["initContainers"] = sidecar.clone();
        let manifest = Manifest::new(open).unwrap();
        assert_eq!(manifest.pod()["spec"]["restartPolicy"], "Never");
        assert_eq!(manifest.pod()["spec"]["initContainers"], sidecar);
        assert!(manifest.canonical().0.contains("\"restartPolicy\":\"Never\""));
    }

    #[test]
    fn a_full_name_is_refused_and_a_subdomain_alone_is_not() {
        let mut named = pod();
        named["spec"]["subdomain"] = json!("grid");
        assert!(Manifest::new(named.clone()).is_ok());
        named["spec"]["setHostnameAsFQDN"] = json!(false);
        assert!(Manifest::new(named.clone()).is_ok());
        named["spec"]["setHostnameAsFQDN"] = json!(true);
        assert_eq!(Manifest::new(named.clone()).unwrap_err().field, "spec.setHostnameAsFQDN");
        named["spec"]["subdomain"] = json!("");
        assert!(Manifest::new(named).is_ok());
    }
}
