//! A server's answer other than success, and what follows from it.

use std::time::Duration;

use serde::Deserialize;

use super::{ApiError, Trouble};
use crate::CreateOutcome;
use crate::words::short;

/// The longest time that a server is believed to want to be left alone.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// An answer other than success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    code: u16,
    /// The `reason` of a `Status` object. `None` if the body was none: then it was probably not the API server that
    /// answered, but a proxy or a load balancer before it.
    reason: Option<String>,
    message: String,
    retry_after: Option<Duration>,
    /// The version that was named is newer than anything the server has.
    from_the_future: bool,
}

#[derive(Deserialize)]
struct StatusBody {
    kind: String,
    code: Option<u16>,
    reason: Option<String>,
    message: Option<String>,
    details: Option<Details>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    retry_after_seconds: Option<u64>,
    causes: Option<Vec<Cause>>,
}

#[derive(Deserialize)]
struct Cause {
    reason: Option<String>,
}

impl Refusal {
    /// Reads an answer: its code, the seconds of `Retry-After`, and its body.
    pub(crate) fn read(code: u16, retry_after: Option<u64>, body: &[u8]) -> Self {
        let status = serde_json::from_slice::<StatusBody>(body).ok().filter(|body| body.kind == "Status");
        let Some(status) = status else {
            return Self {
                code,
                reason: None,
                message: plain(code, body),
                retry_after: pause(retry_after),
                from_the_future: false,
            };
        };
        let details = status.details.as_ref();
        let retry_after = retry_after.or(details.and_then(|details| details.retry_after_seconds));
        let causes = details.and_then(|details| details.causes.as_deref()).unwrap_or_default();
        let reason = status.reason.unwrap_or_default();
        let message = match status.message.as_deref().map(str::trim) {
            None | Some("") if reason.is_empty() => format!("the API server answered {code}"),
            None | Some("") => format!("the API server answered {code} {reason}"),
            Some(message) => short(message),
        };
        Self {
            code,
            reason: Some(reason),
            message,
            retry_after: pause(retry_after),
            from_the_future: causes.iter().any(|c| c.reason.as_deref() == Some("ResourceVersionTooLarge")),
        }
    }

    /// Reads the `Status` that a watch sends as its last event; the code is in the object.
    pub(crate) fn of_event(status: &str) -> Self {
        let code = serde_json::from_str::<StatusBody>(status).ok().and_then(|status| status.code);
        Self::read(code.unwrap_or(500), None, status.as_bytes())
    }

    /// Whether the API server itself says that there is no such object. A 404 of somebody else's says nothing of pods.
    pub(crate) fn is_not_found(&self) -> bool {
        self.code == 404 && self.reason.as_deref() == Some("NotFound")
    }

    pub(crate) fn is_already_exists(&self) -> bool {
        self.reason.as_deref() == Some("AlreadyExists")
    }

    /// Whether another object than the one that was meant has the name.
    pub(crate) fn is_other_uid(&self) -> bool {
        // The first is said where the object is looked up, the second where it is stored.
        let words = ["UID in the precondition", "UID in precondition"];
        self.code == 409 && words.iter().any(|words| self.message.contains(words))
    }

    pub(crate) fn code(&self) -> u16 {
        self.code
    }

    /// What has to be done about it.
    pub(crate) fn error(&self) -> ApiError {
        let kind = match self.code {
            _ if self.from_the_future => Trouble::Expired,
            401 | 407 => Trouble::Denied,
            403 if self.is_unready() => Trouble::Busy,
            403 if self.is_lack_of_rights() => Trouble::Denied,
            408 | 409 | 500..=599 => Trouble::Busy,
            410 => Trouble::Expired,
            429 => Trouble::Throttled,
            _ => Trouble::Bad,
        };
        ApiError { kind, message: self.message.clone(), retry_after: self.retry_after }
    }

    /// What it means for a create. That the name is taken is for the caller to look into.
    pub(crate) fn of_create(&self) -> CreateOutcome {
        let by_server = self.reason.is_some();
        let error = self.error();
        match (self.code, error.kind) {
            // Refused before it was looked at.
            (_, Trouble::Denied | Trouble::Throttled) | (403 | 409, Trouble::Busy) => {
                CreateOutcome::Refused(error)
            }
            // In the server's own words it is refused before it is processed; a proxy says 503 at any time.
            (503, _) if self.reason.as_deref() == Some("ServiceUnavailable") => CreateOutcome::Refused(error),
            // Admission comes before anything is stored.
            (403 | 404, _) if by_server => CreateOutcome::Refused(error.because(Trouble::NotAdmitted)),
            _ if self.is_denial() => CreateOutcome::Refused(error.because(Trouble::NotAdmitted)),
            // The pod may have been stored before the answer went wrong.
            (408 | 500..=599, _) => CreateOutcome::Unknown(error),
            // Too large for a proxy is too large for ever.
            (413, _) => CreateOutcome::Invalid(error.message),
            (400..=499, _) if by_server => CreateOutcome::Invalid(error.message),
            _ => CreateOutcome::Refused(error),
        }
    }

    /// Refusals of admission that only mean that the server, or a quota, has just been made.
    fn is_unready(&self) -> bool {
        self.reason.is_some()
            && ["not yet ready to handle request", "status unknown for quota"]
                .iter()
                .any(|words| self.message.contains(words))
    }

    /// Whether a webhook or an admission policy said no, or could not be asked. They do so with codes of their own choice.
    fn is_denial(&self) -> bool {
        let words =
            ["denied the request", "denied request", "failed calling webhook", "failed to call webhook"];
        self.reason.is_some() && words.iter().any(|words| self.message.contains(words))
    }

    /// Whether a 403 is about who we are rather than what was asked for. Quotas, admission plug-ins and webhooks refuse
    /// with 403 as well, but speak of the object; the authoriser speaks of the user.
    fn is_lack_of_rights(&self) -> bool {
        self.reason.is_none()
            || self.message.contains("User \"") && self.message.contains(" cannot ")
            || self.message.starts_with("forbidden: User ")
    }
}

fn pause(seconds: Option<u64>) -> Option<Duration> {
    seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// An answer in other words than Kubernetes': a proxy's page, the text of a filter.
fn plain(code: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(400)]);
    let text = text.trim();
    if text.is_empty() || text.starts_with('<') {
        format!("HTTP {code} from the API server or a proxy before it")
    } else {
        short(&format!("HTTP {code}: {text}"))
    }
}

#[cfg(test)]
mod tests;
