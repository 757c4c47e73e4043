//! How long a pod stays on a node that is in trouble.

use crate::raw::{Spec, Toleration, items, text};

/// The seconds that a pod stays on a node with this taint of Kubernetes' own, which has no value and evicts
/// (`NoExecute`); `None` is for ever. Where several tolerations match, the shortest time counts, as for the eviction.
pub(super) fn stays(spec: &Spec<'_>, taint: &str) -> Option<u32> {
    let mut matching = items(spec.tolerations.as_ref()).iter().filter(|one| tolerates(one, taint)).peekable();
    if matching.peek().is_none() {
        return Some(0);
    }
    let times = matching.filter_map(|one| one.seconds);
    // Below zero is at once.
    times.min().map(|seconds| u32::try_from(seconds.max(0)).unwrap_or(u32::MAX))
}

fn tolerates(toleration: &Toleration<'_>, taint: &str) -> bool {
    let effect = matches!(text(toleration.effect.as_ref()), "" | "NoExecute");
    let exists = text(toleration.operator.as_ref()) == "Exists";
    let value = exists || text(toleration.value.as_ref()).is_empty();
    // Without a key all taints are meant, which only `Exists` may say.
    let key = match text(toleration.key.as_ref()) {
        "" => exists,
        key => key == taint,
    };
    effect && value && key
}
