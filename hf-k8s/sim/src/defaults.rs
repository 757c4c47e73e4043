//! What a real server fills in.

use serde_json::{Map, Value, json};

use crate::{clock, facts::PodFacts, quantity, resource::Resource};

fn default(object: &mut Value, field: &str, value: impl Into<Value>) {
    if object[field].is_null() {
        object[field] = value.into();
    }
}

/// A random name's end, of letters that spell no words.
pub(crate) fn suffix(rng: &mut fastrand::Rng) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..5).map(|_| char::from(LETTERS[rng.usize(..LETTERS.len())])).collect()
}

/// A random (version 4) UUID.
pub(crate) fn uid(rng: &mut fastrand::Rng) -> String {
    let bits = (rng.u128(..) & !(0xf << 76) & !(0b11 << 62)) | (4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Makes `metadata` of an object that is being created; what only the server may say is taken out.
pub(crate) fn metadata(object: &mut Value, namespace: &str, rng: &mut fastrand::Rng) {
    if !object["metadata"].is_object() {
        object["metadata"] = Map::new().into();
    }
    let metadata = &mut object["metadata"];
    if metadata["name"].as_str().unwrap_or_default().is_empty()
        && let Some(prefix) = metadata["generateName"].as_str().filter(|prefix| !prefix.is_empty())
    {
        // A real server cuts the prefix so that the whole stays a label.
        let cut: String = prefix.chars().take(58).collect();
        metadata["name"] = format!("{cut}{}", suffix(rng)).into();
    }
    if !namespace.is_empty() {
        metadata["namespace"] = namespace.into();
    }
    metadata["uid"] = uid(rng).into();
    metadata["creationTimestamp"] = clock::now_stamp().into();
    if let Some(metadata) = metadata.as_object_mut() {
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "selfLink"] {
            metadata.remove(field);
        }
        metadata.retain(|_, value| !value.is_null());
    }
}

/// Fills in the rest of a new object.
pub(crate) fn fill(resource: Resource, object: &mut Value) {
    match resource {
        Resource::Pods => pod(object),
        Resource::Namespaces => {
            let name = object["metadata"]["name"].clone();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
            object["spec"]["finalizers"] = json!(["kubernetes"]);
            object["status"] = json!({"phase": "Active"});
        }
        Resource::Nodes => {
            default(object, "spec", Map::new());
            default(object, "status", Map::new());
        }
        Resource::Events => default(object, "type", "Normal"),
        Resource::ResourceQuotas => {
            object["status"] = json!({});
        }
        _ => {}
    }
}

fn pod(pod: &mut Value) {
    if !pod["spec"].is_object() {
        pod["spec"] = Map::new().into();
    }
    let spec = &mut pod["spec"];
    default(spec, "restartPolicy", "Always");
    default(spec, "terminationGracePeriodSeconds", 30);
    default(spec, "dnsPolicy", "ClusterFirst");
    default(spec, "schedulerName", "default-scheduler");
    default(spec, "securityContext", Map::new());
    default(spec, "enableServiceLinks", true);
    default(spec, "priority", 0);
    default(spec, "preemptionPolicy", "PreemptLowerPriority");
    let account = spec["serviceAccountName"].as_str().or(spec["serviceAccount"].as_str()).unwrap_or_default();
    let account = if account.is_empty() { "default" } else { account }.to_owned();
    spec["serviceAccountName"] = account.as_str().into();
    spec["serviceAccount"] = account.into();
    for list in ["containers", "initContainers"] {
        for container in spec[list].as_array_mut().into_iter().flatten().filter(|c| c.is_object()) {
            fill_container(container);
        }
    }
    default(spec, "tolerations", json!([]));
    if let Some(tolerations) = spec["tolerations"].as_array_mut() {
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            let covered = tolerations.iter().any(|t| {
                (t["key"] == key || t["key"].is_null())
                    && (t["effect"] == "NoExecute" || t["effect"].is_null())
            });
            if !covered {
                tolerations.push(json!({
                    "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
                }));
            }
        }
    }
    let class = qos_class(spec);
    pod["status"] = json!({"phase": "Pending", "qosClass": class});
}

fn fill_container(container: &mut Value) {
    default(container, "terminationMessagePath", "/dev/termination-log");
    default(container, "terminationMessagePolicy", "File");
    let image = container["image"].as_str().unwrap_or_default();
    let tag = image.rsplit('/').next().unwrap_or_default().split_once(':').map_or("latest", |(_, tag)| tag);
    let policy = if tag == "latest" && !image.contains('@') { "Always" } else { "IfNotPresent" };
    default(container, "imagePullPolicy", policy);
    default(container, "resources", Map::new());
    for port in container["ports"].as_array_mut().into_iter().flatten().filter(|p| p.is_object()) {
        default(port, "protocol", "TCP");
    }
    // What is limited but not requested is requested as much.
    let limits = container["resources"]["limits"].as_object().cloned().unwrap_or_default();
    for (name, limit) in limits {
        default(&mut container["resources"]["requests"], &name, limit);
    }
}

fn qos_class(spec: &Value) -> &'static str {
    let mut any = false;
    let mut all = true;
    for container in spec["containers"].as_array().into_iter().flatten() {
        for name in ["cpu", "memory"] {
            let limit = quantity::of(&container["resources"]["limits"][name]);
            let request = quantity::of(&container["resources"]["requests"][name]);
            any |= limit.is_some() || request.is_some();
            all &= limit.is_some() && limit == request;
        }
    }
    match (any, all) {
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
        (false, _) => "BestEffort",
    }
}

/// Whether the pod still counts against quotas and nodes.
pub(crate) fn counts(pod: &PodFacts) -> bool {
    !pod.ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_gets_what_clients_rely_on() {
        let mut object = json!({"metadata": {"generateName": "web-"}, "spec": {"containers": [
            {"name": "a", "image": "registry/a", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}
        ]}});
        metadata(&mut object, "n", &mut fastrand::Rng::with_seed(1));
        fill(Resource::Pods, &mut object);
        let name = object["metadata"]["name"].as_str().unwrap();
        assert!(name.starts_with("web-") && name.len() == 9, "{name}");
        assert_eq!(object["metadata"]["uid"].as_str().unwrap().len(), 36);
        assert_eq!(object["spec"]["restartPolicy"], "Always");
        assert_eq!(object["spec"]["serviceAccountName"], "default");
        assert_eq!(object["spec"]["tolerations"].as_array().unwrap().len(), 2);
        assert_eq!(object["spec"]["containers"][0]["imagePullPolicy"], "Always");
        assert_eq!(object["spec"]["containers"][0]["resources"]["requests"]["cpu"], 1);
        assert_eq!(object["status"], json!({"phase": "Pending", "qosClass": "Guaranteed"}));
    }
}
