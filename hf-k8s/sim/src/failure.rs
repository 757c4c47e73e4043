//! Refusals: the `Status` objects of a real server, in its words.

use serde_json::{Map, Value, json};

use crate::resource::Resource;

/// What a request is refused with.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    reason: &'static str,
    message: String,
    details: Map<String, Value>,
    /// Goes out as the Retry-After header too.
    pub(crate) retry_after: Option<u64>,
    /// Where a list may go on inconsistently after an expired continue token.
    resume: Option<String>,
    /// Some refusals of a real server are plain text.
    pub(crate) plain: bool,
}

/// One thing wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) field: String,
}

impl Failure {
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: Map::new(),
            retry_after: None,
            resume: None,
            plain: false,
        }
    }

    fn of(mut self, resource: Resource, name: &str) -> Self {
        if !name.is_empty() {
            self.details.insert("name".into(), name.into());
        }
        self.details.insert("kind".into(), resource.plural().into());
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    pub(crate) fn forbidden(resource: Resource, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is forbidden: {why}", resource.plural());
        Self::new(403, "Forbidden", message).of(resource, name)
    }

    /// The words of the authoriser; `target` is the resource with its subresource.
    pub(crate) fn denied(user: &str, verb: &str, target: &str, group: &str, ns: &str, name: &str) -> Self {
        let scope = if ns.is_empty() {
            " at the cluster scope".to_owned()
        } else {
            format!(" in the namespace \"{ns}\"")
        };
        let plural = target.split('/').next().unwrap_or(target);
        let what = if name.is_empty() { plural.to_owned() } else { format!("{plural} \"{name}\"") };
        let message = format!(
            "{what} is forbidden: User \"{user}\" cannot {verb} resource \"{target}\" in API group \"{group}\"{scope}"
        );
        let mut failure = Self::new(403, "Forbidden", message);
        if !name.is_empty() {
            failure.details.insert("name".into(), name.into());
        }
        failure.details.insert("kind".into(), plural.into());
        failure
    }

    pub(crate) fn not_found(resource: Resource, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", resource.plural())).of(resource, name)
    }

    pub(crate) fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    }

    pub(crate) fn already_exists(resource: Resource, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} \"{name}\" already exists", resource.plural()))
            .of(resource, name)
    }

    pub(crate) fn conflict(resource: Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource.plural());
        Self::new(409, "Conflict", message).of(resource, name)
    }

    pub(crate) fn modified(resource: Resource, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// A continue token from before the compaction, with one that goes on from the present.
    pub(crate) fn expired_list(resume: String) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. \
            You can start a new list without the continue parameter, or use the continue token in this response \
            to retrieve the remainder of the results. Continuing with the provided token results in an \
            inconsistent list - objects that were created, modified, or deleted between the time the first chunk \
            was returned and now may show up in the list.";
        Self { resume: Some(resume), ..Self::expired(message) }
    }

    pub(crate) fn invalid(kind: &str, name: &str, causes: &[Cause]) -> Self {
        let told: Vec<String> =
            causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let told = if let [one] = told.as_slice() { one.clone() } else { format!("[{}]", told.join(", ")) };
        let mut failure = Self::new(422, "Invalid", format!("{kind} \"{name}\" is invalid: {told}"));
        failure.details.insert("name".into(), name.into());
        failure.details.insert("kind".into(), kind.into());
        let causes: Vec<Value> = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        failure.details.insert("causes".into(), causes.into());
        failure
    }

    pub(crate) fn too_large_version(asked: u64, current: u64) -> Self {
        let mut failure =
            Self::new(504, "Timeout", format!("Too large resource version: {asked}, current: {current}"));
        let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
        failure.details.insert("causes".into(), json!([cause]));
        failure.details.insert("retryAfterSeconds".into(), 1.into());
        failure.retry_after = Some(1);
        failure
    }

    pub(crate) fn unsupported_media(accepted: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {accepted}"
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// What the limit on requests in flight answers: plain text, as a real server's filter does.
    pub(crate) fn too_many_in_flight() -> Self {
        let message = "Too many requests, please try again later.\n";
        Self { retry_after: Some(1), plain: true, ..Self::new(429, "TooManyRequests", message) }
    }

    /// A refusal on command.
    pub(crate) fn injected(code: u16, retry_after: Option<u64>) -> Self {
        let (reason, message) = match code {
            401 => ("Unauthorized", "Unauthorized"),
            403 => ("Forbidden", "forbidden: refused on command by kubesim"),
            404 => ("NotFound", "the server could not find the requested resource"),
            409 => ("Conflict", "Operation cannot be fulfilled: refused on command by kubesim"),
            410 => ("Expired", "The resourceVersion for the provided watch is too old."),
            422 => ("Invalid", "refused on command by kubesim"),
            429 => (
                "TooManyRequests",
                "The server has received too many requests and has asked us to try again later",
            ),
            500 => ("InternalError", "Internal error occurred: refused on command by kubesim"),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => ("Timeout", "Timeout: request did not complete within the allotted timeout"),
            _ => ("", "refused on command by kubesim"),
        };
        let mut failure = Self::new(code, reason, message);
        if let Some(seconds) = retry_after {
            failure.details.insert("retryAfterSeconds".into(), seconds.into());
            failure.retry_after = Some(seconds);
        }
        failure
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The `Status` object.
    pub(crate) fn status(&self) -> Value {
        let mut metadata = json!({});
        if let Some(resume) = &self.resume {
            metadata["continue"] = resume.as_str().into();
        }
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if !self.details.is_empty() {
            status["details"] = self.details.clone().into();
        }
        status
    }
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;
