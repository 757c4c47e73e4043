//! A pod's facts, and why it does not run.

mod message;
mod tolerations;

use hf_core::{PodFacts, PodPhase};

use crate::pod::time;
use crate::raw::{Container, ContainerStatus, RawPod, Spec, Status, items, text};

/// What Kubernetes gives a pod that names no grace of its own.
const DEFAULT_GRACE: u32 = 30;

/// The facts of a pod. A pod without spec or status is one of which little is known yet.
pub(crate) fn of(pod: &RawPod<'_>) -> PodFacts {
    let (no_spec, no_status) = (Spec::default(), Status::default());
    let meta = &pod.metadata;
    let spec = pod.spec.as_ref().unwrap_or(&no_spec);
    let status = pod.status.as_ref().unwrap_or(&no_status);
    let grace = seconds(spec.termination_grace_period_seconds, DEFAULT_GRACE);
    PodFacts {
        uid: text(meta.uid.as_ref()).to_owned(),
        phase: phase(status),
        pulled: pulled(spec, status),
        running: running(spec, status),
        ready: condition(status, "Ready"),
        ip: text(status.pod_ip.as_ref()).to_owned(),
        node: text(spec.node_name.as_ref()).to_owned(),
        started_at: time(status.start_time.as_ref()),
        deleting: meta
            .deletion_timestamp
            .as_ref()
            .map(|_| seconds(meta.deletion_grace_period_seconds, grace)),
        grace,
        stays_not_ready: tolerations::stays(spec, "node.kubernetes.io/not-ready"),
        stays_unreachable: tolerations::stays(spec, "node.kubernetes.io/unreachable"),
        disrupted: condition(status, "DisruptionTarget"),
        message: message::of(status),
    }
}

fn phase(status: &Status<'_>) -> PodPhase {
    match text(status.phase.as_ref()) {
        "" | "Pending" => PodPhase::Pending,
        "Running" => PodPhase::Running,
        "Succeeded" => PodPhase::Succeeded,
        "Failed" => PodPhase::Failed,
        _ => PodPhase::Unknown,
    }
}

/// Whether the kubelet names the image of every container.
fn pulled(spec: &Spec<'_>, status: &Status<'_>) -> bool {
    let (containers, statuses) = (items(spec.containers.as_ref()), items(status.container_statuses.as_ref()));
    let named = |container: &Container<'_>| {
        let of = |one: &&ContainerStatus<'_>| text(one.name.as_ref()) == text(container.name.as_ref());
        statuses.iter().find(of).is_some_and(|one| !text(one.image_id.as_ref()).is_empty())
    };
    !containers.is_empty() && containers.iter().all(named)
}

/// Whether every container of the pod runs. A container that the kubelet has not reported yet does not; statuses of
/// containers that the spec does not have (ephemeral ones of `kubectl debug`) do not count.
fn running(spec: &Spec<'_>, status: &Status<'_>) -> bool {
    let apps = items(spec.containers.as_ref());
    // A sidecar is an init container that is kept running.
    let sidecars = items(spec.init_containers.as_ref())
        .iter()
        .filter(|container| text(container.restart_policy.as_ref()) == "Always");
    !apps.is_empty()
        && apps.iter().all(|container| runs(container, items(status.container_statuses.as_ref())))
        && sidecars
            .into_iter()
            .all(|container| runs(container, items(status.init_container_statuses.as_ref())))
}

fn runs(container: &Container<'_>, statuses: &[ContainerStatus<'_>]) -> bool {
    let name = text(container.name.as_ref());
    statuses
        .iter()
        .find(|status| text(status.name.as_ref()) == name)
        .and_then(|status| status.state.as_ref())
        .is_some_and(|state| state.running.is_some())
}

fn condition(status: &Status<'_>, kind: &str) -> bool {
    items(status.conditions.as_ref())
        .iter()
        .any(|condition| text(condition.kind.as_ref()) == kind && text(condition.status.as_ref()) == "True")
}

/// Seconds of grace. Kubernetes takes a negative grace as one second.
fn seconds(value: Option<i64>, default: u32) -> u32 {
    match value {
        None => default,
        Some(value) if value < 0 => 1,
        Some(value) => u32::try_from(value).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests;
