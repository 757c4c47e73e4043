//! `requestReturnMachines`: gives machines back.

use serde::{Deserialize, Serialize};

use super::shape::one_or_many;

/// What Host Factory sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What is given back; a repeated one counts once, and none at all is a return that is complete at once.
    #[serde(deserialize_with = "one_or_many")]
    pub machines: Vec<Machine>,
}

/// A machine of Host Factory's, also in `getReturnRequests`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Its host name, which identifies it.
    pub name: String,
    /// The provider's id, where Host Factory sends one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// A remark.
    #[serde(default)]
    pub message: String,
    /// The id to ask for with `getRequestStatus`.
    pub request_id: String,
}
