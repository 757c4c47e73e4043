//! `getReturnRequests`: which machines the provider has taken or will take back.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::request_return_machines::Machine;
use super::shape::none_or_many;

/// What Host Factory sends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Input {
    /// Every machine of this provider that Host Factory knows; may be empty, null or absent.
    #[serde(default, deserialize_with = "none_or_many")]
    pub machines: Vec<Machine>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Always `complete`.
    #[serde(default)]
    pub status: Cow<'static, str>,
    /// A remark.
    #[serde(default)]
    pub message: String,
    /// The machines that are gone or going; Host Factory returns them.
    pub requests: Vec<Reclaimed>,
}

impl Output {
    /// The answer for these machines.
    pub fn new(message: String, requests: Vec<Reclaimed>) -> Self {
        Self { status: Cow::Borrowed("complete"), message, requests }
    }
}

/// One machine that is gone or going.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reclaimed {
    /// Its host name.
    pub machine: String,
    /// Seconds that it will still run.
    pub grace_period: u32,
}
