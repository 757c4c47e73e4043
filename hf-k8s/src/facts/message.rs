//! Why a pod does not run, or why it ended, in Kubernetes' own words.

use crate::raw::{Condition, ContainerStatus, Status, Terminated, items, text};
use crate::words::{reason_and_message, short};

/// The most telling of what the status says; empty while all is well.
pub(super) fn of(status: &Status<'_>) -> String {
    let ended = matches!(text(status.phase.as_ref()), "Failed" | "Succeeded");
    let told = || Some(reason_and_message(text(status.reason.as_ref()), text(status.message.as_ref())));
    let disruption = || condition(status, "DisruptionTarget", "True");
    let unscheduled = || condition(status, "PodScheduled", "False");
    // Why a pod ended is why it was made to end, before how its containers then did. For one that has not ended yet,
    // a container that cannot start says more than that it waits.
    let words: &[&dyn Fn() -> Option<String>] = if ended {
        &[&told, &disruption, &|| exited(status, true), &|| exited(status, false), &|| {
            status.phase.as_ref().map(|phase| phase.0.clone().into_owned())
        }]
    } else {
        &[&disruption, &|| waiting(status, true), &|| exited(status, true), &unscheduled, &told, &|| {
            waiting(status, false)
        }]
    };
    words.iter().filter_map(|word| word()).find(|word| !word.is_empty()).unwrap_or_default()
}

fn condition(status: &Status<'_>, kind: &str, value: &str) -> Option<String> {
    let is = |c: &&Condition<'_>| text(c.kind.as_ref()) == kind && text(c.status.as_ref()) == value;
    let found = items(status.conditions.as_ref()).iter().find(is)?;
    Some(reason_and_message(text(found.reason.as_ref()), text(found.message.as_ref())))
}

/// Init containers come first: while one of them waits, the others have nothing to say.
fn containers<'a>(status: &'a Status<'_>) -> impl Iterator<Item = &'a ContainerStatus<'a>> {
    let init = items(status.init_container_statuses.as_ref()).iter();
    init.chain(items(status.container_statuses.as_ref()))
}

/// Why a container waits: one that is `stuck`, or one that is merely being started.
fn waiting(status: &Status<'_>, stuck: bool) -> Option<String> {
    containers(status).find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = text(waiting.reason.as_ref());
        if stuck == matches!(reason, "" | "ContainerCreating" | "PodInitializing") {
            return None;
        }
        let mut words = reason_and_message(reason, text(waiting.message.as_ref()));
        // A crash loop is told by how the container ended, not by how long the kubelet waits.
        let last = container.last_state.as_ref().and_then(|last| last.terminated.as_ref());
        if let Some(last) = last.filter(|_| reason == "CrashLoopBackOff") {
            words = short(&format!("{words} ({})", exit(container, last)));
        }
        Some(words)
    })
}

/// How a container ended: one that ended `badly`, or any.
fn exited(status: &Status<'_>, badly: bool) -> Option<String> {
    containers(status).find_map(|container| {
        let end = container.state.as_ref()?.terminated.as_ref()?;
        (badly == (end.exit_code != Some(0))).then(|| exit(container, end))
    })
}

fn exit(container: &ContainerStatus<'_>, end: &Terminated<'_>) -> String {
    let words = reason_and_message(text(end.reason.as_ref()), text(end.message.as_ref()));
    let code = end.exit_code.map_or_else(|| "an unknown code".to_owned(), |code| format!("code {code}"));
    let colon = if words.is_empty() { "" } else { ": " };
    short(&format!("container {} exited with {code}{colon}{words}", text(container.name.as_ref())))
}
