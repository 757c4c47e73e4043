//! What went wrong, by what has to be done about it.

mod answer;

use std::time::Duration;

pub(crate) use answer::Refusal;

/// What went wrong, by what has to be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// What has to be done.
    pub kind: Trouble,
    /// What happened: the server's words where it had any. Never a credential.
    pub message: String,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Kinds of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// The server failed (5xx) or was in somebody's way (a conflict): again, with back-off.
    Busy,
    /// The server asks for fewer requests (429): again, after the time that it names.
    Throttled,
    /// No answer: not connected, connection lost, or too late. Again, with back-off.
    Unreachable,
    /// Not let in: 401, 403 by the rules on who may do what, a certificate that is not trusted, credentials that
    /// could not be had. Pause the cluster and connect anew, which reads the credentials again.
    Denied,
    /// The version is no longer kept (410), or the server never had it: list again.
    Expired,
    /// The cluster does not take the pod as things stand: a quota, an admission rule, a webhook, a namespace that is
    /// missing. Again with growing pauses, for all pods that are alike: it may change at any time.
    NotAdmitted,
    /// An answer that makes no sense, or a request that was wrong.
    Bad,
}

impl ApiError {
    pub(crate) fn new(kind: Trouble, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// The same, of another kind.
    pub(crate) fn because(self, kind: Trouble) -> Self {
        Self { kind, ..self }
    }
}
