//! Simulated nodes, and what the node controller does to them.

use serde_json::{Value, json};

use crate::{clock, defaults, options::Options};

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The n-th node of a cluster.
pub(crate) fn make(options: &Options, n: u32, rng: &mut fastrand::Rng) -> Value {
    let name = format!("node-{n}");
    let now = clock::now_stamp();
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        })
    };
    let capacity = json!({
        "cpu": options.node_cpu, "memory": options.node_memory, "pods": options.pods_per_node.to_string(),
        "ephemeral-storage": "100Gi",
    });
    let [_, a, b, c] = (n + 1).to_be_bytes();
    let address = format!("10.{a}.{b}.{c}");
    let mut node = json!({
        "metadata": {"name": name, "labels": {
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
            "node.kubernetes.io/instance-type": "kubesim",
            "topology.kubernetes.io/region": "sim",
            "topology.kubernetes.io/zone": format!("sim-{}", char::from(b'a' + u8::try_from(n % 3).unwrap_or(0))),
        }},
        "spec": {"providerID": format!("kubesim://{name}")},
        "status": {
            "capacity": capacity, "allocatable": capacity,
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "addresses": [
                {"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {
                "kubeletVersion": crate::discovery::VERSION, "kubeProxyVersion": "", "osImage": "kubesim",
                "kernelVersion": "0", "containerRuntimeVersion": "kubesim://1", "operatingSystem": "linux",
                "architecture": "amd64", "machineID": "", "systemUUID": "", "bootID": "",
            },
        },
    });
    defaults::metadata(&mut node, "", rng);
    node
}

/// Brings a node's own taints in line with its conditions and its cordon; true if that changed it.
pub(crate) fn taint_by_condition(node: &mut Value) -> bool {
    let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    let ready =
        conditions.filter(|c| c["type"] == "Ready").find_map(|c| c["status"].as_str()).unwrap_or("True");
    let cordoned = node["spec"]["unschedulable"] == true;
    let wanted = [
        (NOT_READY, "NoSchedule", ready == "False"),
        (NOT_READY, "NoExecute", ready == "False"),
        (UNREACHABLE, "NoSchedule", ready == "Unknown"),
        (UNREACHABLE, "NoExecute", ready == "Unknown"),
        (UNSCHEDULABLE, "NoSchedule", cordoned),
    ];
    let before = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
    let mut taints = before.clone();
    for (key, effect, wanted) in wanted {
        let is = |taint: &Value| taint["key"] == key && taint["effect"] == effect;
        if !wanted {
            taints.retain(|taint| !is(taint));
        } else if !taints.iter().any(is) {
            taints.push(json!({"key": key, "effect": effect, "timeAdded": clock::now_stamp()}));
        }
    }
    if taints == before {
        return false;
    }
    crate::validate::ensure_object(&mut node["spec"]);
    if let Some(spec) = node["spec"].as_object_mut() {
        spec.remove("taints");
        if !taints.is_empty() {
            spec.insert("taints".into(), taints.into());
        }
    }
    true
}
