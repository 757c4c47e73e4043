//! `requestMachines`: asks for machines of one template.

use std::fmt;

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

use crate::MAX_MACHINES;

/// What Host Factory sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What is asked for.
    #[serde(deserialize_with = "super::shape::object")]
    pub template: Template,
}

/// A template and a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// The template's id.
    pub template_id: String,
    /// How many machines: 1 to [`MAX_MACHINES`].
    #[serde(deserialize_with = "machine_count")]
    pub machine_count: u32,
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

fn machine_count<'de, D: Deserializer<'de>>(reader: D) -> Result<u32, D::Error> {
    reader.deserialize_any(Count)
}

struct Count;

impl Visitor<'_> for Count {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from 1 to {MAX_MACHINES}")
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<u32, E> {
        u32::try_from(count)
            .ok()
            .filter(|count| (1..=MAX_MACHINES).contains(count))
            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(count), &self))
    }

    fn visit_i64<E: Error>(self, count: i64) -> Result<u32, E> {
        u64::try_from(count)
            .map_err(|_| E::invalid_value(Unexpected::Signed(count), &self))
            .and_then(|count| self.visit_u64(count))
    }

    /// C programs print a number like 5 as `5.0` or `5e0` at times.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole and in range"
    )]
    fn visit_f64<E: Error>(self, count: f64) -> Result<u32, E> {
        if count.fract() == 0.0 && (1.0..=f64::from(MAX_MACHINES)).contains(&count) {
            Ok(count as u32)
        } else {
            Err(E::invalid_value(Unexpected::Float(count), &self))
        }
    }
}
