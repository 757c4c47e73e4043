//! `getAvailableTemplates`: what may be asked for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::attributes::Attributes;

/// Host Factory sends `{}`; a list of templates is allowed. Nothing in it matters, and the call never fails on it,
/// so it is not even parsed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// A remark.
    #[serde(default)]
    pub message: String,
    /// In order of preference.
    pub templates: Vec<Template>,
}

/// One template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// Its id.
    pub template_id: String,
    /// The most machines that may be had at a time.
    pub max_number: u32,
    /// How many more may be had now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_number: Option<u32>,
    /// The names of the machines that are had now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_machines: Option<Vec<String>>,
    /// What each machine is.
    pub attributes: Attributes,
    /// Other keys of the templates file, passed through.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}
