use serde_json::{Value, json};

use super::*;

/// A pod of one container that runs, changed by a merge.
fn pod(change: Value) -> PodFacts {
    let mut pod = json!({
        "metadata": {"name": "r-0", "uid": "u"},
        "spec": {"nodeName": "n1", "containers": [{"name": "a", "image": "i"}]},
        "status": {
            "phase": "Running", "podIP": "10.0.0.1", "startTime": "2026-01-02T03:04:05Z",
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {"name": "a", "imageID": "i@sha256:1", "state": {"running": {"startedAt": "2026-01-02T03:04:06Z"}}},
            ],
        },
    });
    merge(&mut pod, change);
    read(&pod)
}

fn read(pod: &Value) -> PodFacts {
    of(&serde_json::from_str(&pod.to_string()).unwrap())
}

/// RFC 7386, but null stays null, since that is what servers send.
fn merge(target: &mut Value, change: Value) {
    match change {
        Value::Object(change) if target.is_object() => {
            for (key, value) in change {
                merge(&mut target[key], value);
            }
        }
        other => *target = other,
    }
}

#[test]
fn a_pod_that_runs() {
    assert_eq!(
        pod(json!({})),
        PodFacts {
            uid: "u".into(),
            phase: PodPhase::Running,
            pulled: true,
            running: true,
            ready: true,
            ip: "10.0.0.1".into(),
            node: "n1".into(),
            started_at: Some("2026-01-02T03:04:05Z".parse().unwrap()),
            deleting: None,
            grace: 30,
            stays_not_ready: Some(0),
            stays_unreachable: Some(0),
            disrupted: false,
            message: String::new(),
        }
    );
}

#[test]
fn images_are_there_when_the_kubelet_names_all_of_them() {
    let containers = json!([{"name": "a", "image": "i"}, {"name": "b", "image": "j"}]);
    for (ids, there) in [(["", ""], false), (["i@sha256:1", ""], false), (["i@sha256:1", "j@sha256:2"], true)]
    {
        let statuses: Vec<_> =
            ["a", "b"].iter().zip(ids).map(|(name, id)| json!({"name": name, "imageID": id})).collect();
        let facts =
            pod(json!({"spec": {"containers": containers}, "status": {"containerStatuses": statuses}}));
        assert_eq!(facts.pulled, there, "{ids:?}");
    }
}

#[test]
fn a_pod_of_which_nothing_is_known_yet() {
    for bare in [
        json!({"metadata": {}}),
        json!({"metadata": {"name": "x"}, "spec": null, "status": null}),
        json!({"metadata": {"labels": null, "annotations": null}, "spec": {"containers": null}, "status": {}}),
        json!({"metadata": {}, "status": {"conditions": null, "containerStatuses": null, "startTime": null}}),
    ] {
        let stays = PodFacts { stays_not_ready: Some(0), stays_unreachable: Some(0), ..PodFacts::default() };
        assert_eq!(read(&bare), PodFacts { grace: 30, ..stays }, "{bare}");
    }
}

#[test]
fn phases() {
    for (phase, known) in [
        ("Pending", PodPhase::Pending),
        ("Running", PodPhase::Running),
        ("Succeeded", PodPhase::Succeeded),
        ("Failed", PodPhase::Failed),
        ("Unknown", PodPhase::Unknown),
        ("Tomorrow", PodPhase::Unknown),
    ] {
        assert_eq!(pod(json!({"status": {"phase": phase}})).phase, known);
    }
}

#[test]
fn it_runs_only_if_every_container_does() {
    let running = json!({"running": {"startedAt": "2026-01-02T03:04:06Z"}});
    let a = json!({"name": "a", "state": running});
    let two = json!([{"name": "a"}, {"name": "b"}]);
    let init = |policy: Value| json!([{"name": "s", "restartPolicy": policy}]);
    for (spec, status, runs) in [
        (json!({}), json!({"containerStatuses": [a, {"name": "debugger", "state": {"waiting": {}}}]}), true),
        (json!({}), json!({"containerStatuses": []}), false),
        (json!({}), json!({"containerStatuses": [{"name": "a", "state": {"waiting": {}}}]}), false),
        (json!({}), json!({"containerStatuses": [{"name": "a", "state": null}]}), false),
        (json!({"containers": two}), json!({"containerStatuses": [a]}), false),
        (
            json!({"containers": two}),
            json!({"containerStatuses": [a, {"name": "b", "state": running}]}),
            true,
        ),
        (json!({"containers": []}), json!({"containerStatuses": [a]}), false),
        // Init containers have ended by then, sidecars have not.
        (json!({"initContainers": init(Value::Null)}), json!({}), true),
        (json!({"initContainers": init(json!("Always"))}), json!({}), false),
        (
            json!({"initContainers": init(json!("Always"))}),
            json!({"initContainerStatuses": [{"name": "s", "state": running}]}),
            true,
        ),
        (
            json!({"initContainers": init(json!("Always"))}),
            json!({"initContainerStatuses": [{"name": "s", "state": {"terminated": {"exitCode": 1}}}]}),
            false,
        ),
    ] {
        let facts = pod(json!({"spec": spec, "status": status}));
        assert_eq!(facts.running, runs, "{spec} {status}");
    }
}

#[test]
fn grace_is_the_pods_own_until_it_is_deleted() {
    let at = "2026-01-02T03:05:00Z";
    for (meta, spec, deleting, grace) in [
        (json!({}), json!({}), None, 30),
        (json!({}), json!({"terminationGracePeriodSeconds": 0}), None, 0),
        (json!({}), json!({"terminationGracePeriodSeconds": -5}), None, 1),
        (json!({}), json!({"terminationGracePeriodSeconds": i64::MAX}), None, u32::MAX),
        (json!({"deletionGracePeriodSeconds": 5}), json!({}), None, 30),
        (json!({"deletionTimestamp": at, "deletionGracePeriodSeconds": 5}), json!({}), Some(5), 30),
        (json!({"deletionTimestamp": at, "deletionGracePeriodSeconds": 0}), json!({}), Some(0), 30),
        (json!({"deletionTimestamp": at}), json!({"terminationGracePeriodSeconds": 60}), Some(60), 60),
    ] {
        let facts = pod(json!({"metadata": meta, "spec": spec}));
        assert_eq!((facts.deleting, facts.grace), (deleting, grace), "{meta} {spec}");
    }
}

#[test]
fn conditions_count_only_when_they_are_met() {
    let with =
        |kind: &str, status: &str| pod(json!({"status": {"conditions": [{"type": kind, "status": status}]}}));
    assert!(with("Ready", "True").ready && !with("Ready", "False").ready && !with("Ready", "Unknown").ready);
    assert!(with("DisruptionTarget", "True").disrupted && !with("DisruptionTarget", "False").disrupted);
}

#[track_caller]
fn says(status: Value, message: &str) {
    assert_eq!(pod(json!({"status": status})).message, message, "{status}");
}

fn waits(reason: &str, message: &str) -> Value {
    json!([{"name": "a", "state": {"waiting": {"reason": reason, "message": message}}}])
}

fn ended(code: i64, reason: &str) -> Value {
    json!([{"name": "a", "state": {"terminated": {"exitCode": code, "reason": reason}}}])
}

#[test]
fn why_a_pod_ended() {
    let evicted = "The node was low on resource: memory.";
    let taint = json!([{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager",
                        "message": "Taint manager: deleting due to NoExecute taint"}]);
    let taint_words = "DeletionByTaintManager: Taint manager: deleting due to NoExecute taint";
    let oom = ended(137, "OOMKilled");
    let oom_words = "container a exited with code 137: OOMKilled";
    says(
        json!({"phase": "Failed", "reason": "Evicted", "message": evicted, "containerStatuses": oom}),
        &format!("Evicted: {evicted}"),
    );
    says(json!({"phase": "Failed", "reason": "NodeLost"}), "NodeLost");
    says(json!({"phase": "Failed", "conditions": taint, "containerStatuses": oom}), taint_words);
    says(json!({"phase": "Failed", "containerStatuses": oom}), oom_words);
    says(
        json!({"phase": "Failed", "containerStatuses": [], "initContainerStatuses": ended(1, "Error")}),
        "container a exited with code 1: Error",
    );
    says(json!({"phase": "Failed", "containerStatuses": []}), "Failed");
    says(
        json!({"phase": "Succeeded", "containerStatuses": ended(0, "Completed")}),
        "container a exited with code 0: Completed",
    );
    says(
        json!({"phase": "Failed", "containerStatuses": [
           {"name": "a", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
           {"name": "b", "state": {"terminated": {"exitCode": 128, "reason": "StartError", "message": "no such file"}}},
        ]}),
        "container b exited with code 128: StartError: no such file",
    );
}

#[test]
fn why_a_pod_does_not_run() {
    for (reason, message) in [
        ("ImagePullBackOff", "Back-off pulling image \"x\""),
        ("ErrImagePull", "rpc error: not found"),
        ("CreateContainerConfigError", "secret \"x\" not found"),
    ] {
        says(
            json!({"phase": "Pending", "containerStatuses": waits(reason, message)}),
            &format!("{reason}: {message}"),
        );
    }
    says(
        json!({"phase": "Pending", "initContainerStatuses": waits("ErrImagePull", "no"),
                "containerStatuses": waits("PodInitializing", "")}),
        "ErrImagePull: no",
    );
    let mut loops = waits("CrashLoopBackOff", "back-off 10s restarting failed container=a");
    loops[0]["lastState"] = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    says(
        json!({"containerStatuses": loops}),
        "CrashLoopBackOff: back-off 10s restarting failed container=a \
         (container a exited with code 137: OOMKilled)",
    );
    says(json!({"containerStatuses": ended(2, "Error")}), "container a exited with code 2: Error");
    let full = "0/3 nodes are available: 3 Insufficient cpu.";
    let no_node =
        json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": full}]);
    says(
        json!({"phase": "Pending", "containerStatuses": null, "conditions": no_node}),
        &format!("Unschedulable: {full}"),
    );
    says(
        json!({"phase": "Pending", "containerStatuses": waits("ContainerCreating", "")}),
        "ContainerCreating",
    );
}

#[test]
fn a_pod_that_the_cluster_is_about_to_take_says_so() {
    let preempted = json!([{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
                            "message": "default-scheduler: preempting to accommodate a higher priority pod"}]);
    says(
        json!({"conditions": preempted}),
        "PreemptionByScheduler: default-scheduler: preempting to accommodate a higher priority pod",
    );
}

#[test]
fn nothing_is_said_while_all_is_well() {
    says(json!({"initContainerStatuses": ended(0, "Completed")}), "");
    says(json!({"conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}]}), "");
}

#[test]
fn messages_are_short() {
    let facts = pod(json!({"status": {"containerStatuses": waits("ErrImagePull", &"ä".repeat(5_000))}}));
    assert!(facts.message.chars().count() <= 501, "{}", facts.message);
}

#[test]
fn it_stays_on_a_node_in_trouble_as_long_as_it_tolerates_that() {
    let not_ready = |seconds: Value| json!({"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds});
    for (tolerations, stays) in [
        (json!(null), Some(0)),
        (json!([]), Some(0)),
        (json!([not_ready(json!(300))]), Some(300)),
        (json!([not_ready(json!(null))]), None),
        (json!([not_ready(json!(-1))]), Some(0)),
        (json!([not_ready(json!(300)), not_ready(json!(20)), not_ready(json!(null))]), Some(20)),
        (json!([{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]), None),
        (json!([{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]), None),
        (json!([{"key": "node.kubernetes.io/not-ready", "value": "v"}]), Some(0)),
        (
            json!([{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"}]),
            Some(0),
        ),
        (json!([{"key": "node.kubernetes.io/unreachable", "operator": "Exists"}]), Some(0)),
        (json!([{"operator": "Exists"}]), None),
        (json!([{}]), Some(0)),
    ] {
        let facts = pod(json!({"spec": {"tolerations": tolerations}}));
        assert_eq!(facts.stays_not_ready, stays, "{tolerations}");
    }
    let unreachable =
        json!([{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 7}]);
    let facts = pod(json!({"spec": {"tolerations": unreachable}}));
    assert_eq!((facts.stays_not_ready, facts.stays_unreachable), (Some(0), Some(7)));
}
