//! `getRequestStatus`: how far acquire and return requests have come.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::shape::one_or_many;
use crate::status::{MachineResult, RequestStatus};

/// What Host Factory sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The requests in question; a repeated one is answered once.
    #[serde(deserialize_with = "one_or_many")]
    pub requests: Vec<Asked>,
}

/// One request in question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Its id.
    pub request_id: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// One for each request that was asked for, in that order.
    pub requests: Vec<Request>,
}

/// The state of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Its id.
    pub request_id: String,
    /// How far it has come.
    pub status: RequestStatus,
    /// A remark, empty if there is nothing to say.
    #[serde(default)]
    pub message: String,
    /// All of its machines.
    pub machines: Vec<Machine>,
}

/// The state of one machine. Every mandatory field always has its type: HF reads a string where a number belongs as 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The provider's id.
    pub machine_id: String,
    /// The host name.
    pub name: String,
    /// The outcome for this request.
    pub result: MachineResult,
    /// What it is doing at present.
    #[serde(default)]
    pub status: Cow<'static, str>,
    /// Its address, empty until it has one.
    pub private_ip_address: String,
    /// Its public address; always empty for pods, which have none.
    #[serde(default)]
    pub public_ip_address: String,
    /// Seconds since the epoch, UTC.
    pub launchtime: i64,
    /// Why, never empty when the result is `fail`.
    #[serde(default)]
    pub message: String,
}
