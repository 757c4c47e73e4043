//! What a watcher waits for: said in the log when it begins and once a minute while it lasts, and in the heartbeat, from
//! which Host Factory's answers take it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hf_core::ground::Target;
use tokio::time::Instant;

/// How often a trouble that lasts is said again.
const AGAIN: Duration = Duration::from_mins(1);

/// The troubles of all tasks of a watcher, by place and kind: the message, and when it was last said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Troubles(Arc<Mutex<Known>>);

type Known = BTreeMap<(Target, &'static str), (String, Instant)>;

impl Troubles {
    /// There is trouble of this kind.
    pub(crate) fn set(&self, target: &Target, kind: &'static str, message: String) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let said = all.get(&(target.clone(), kind)).map(|(_, said)| *said);
        let due = said.is_none_or(|said| now.duration_since(said) >= AGAIN);
        if due {
            tracing::warn!(%target, "{message}");
        }
        all.insert((target.clone(), kind), (message, if due { now } else { said.unwrap_or(now) }));
    }

    /// There is no trouble of this kind any more.
    pub(crate) fn clear(&self, target: &Target, kind: &'static str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.remove(&(target.clone(), kind)).is_some() {
            tracing::info!(%target, "going on ({kind})");
        }
    }

    /// Whether there is trouble of this kind.
    pub(crate) fn has(&self, target: &Target, kind: &'static str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&(target.clone(), kind))
    }

    /// All of them, in one line.
    pub(crate) fn text(&self) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().map(|(message, _)| message.as_str()).collect::<Vec<_>>().join("; ")
    }
}
