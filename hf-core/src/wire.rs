//! What Host Factory sends and expects: one module for each of its scripts.
//!
//! Inputs are parsed by [`parse`]; every one accepts unknown keys. `requests` and `machines` may be an array (as real
//! Host Factories send them) or a single object (as IBM's pages show them). Ids and names are kept as text: one that
//! is not of a provider's form is an unknown one, not bad input.
//!
//! Every type is both read and written, so that those who stand on Host Factory's side of the interface, such as a
//! simulator of it, use the same ones. An answer in which a mandatory field is missing or has another type is refused.
//!
//! ```
//! use hf_core::wire::{self, get_request_status};
//!
//! let input: get_request_status::Input = wire::parse(br#"{"requests": {"requestId": "req1", "new": true}}"#)?;
//! assert_eq!(input.requests[0].request_id, "req1");
//!
//! let wrong = wire::parse::<get_request_status::Input>(br#"{"requests": [{"requestId": 1}]}"#).unwrap_err();
//! assert!(wrong.to_string().starts_with("`requests[0].requestId`: invalid type: integer `1`"));
//! # Ok::<(), wire::InputError>(())
//! ```

pub mod get_available_templates;
pub mod get_request_status;
pub mod get_return_requests;
pub mod request_machines;
pub mod request_return_machines;
pub(crate) mod shape;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::text::{plain, shorten};

/// Why a message is refused. Says where in the document, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// It is no JSON at all.
    #[error("not valid JSON: {0}")]
    Json(String),
    /// It is JSON, but not what the call takes.
    #[error("{}{error}", at(path))]
    Shape {
        /// Where, as `template.machineCount`.
        path: String,
        /// What was found and expected there.
        error: String,
    },
}

/// Reads a message: the input of a call, or the answer to one. A byte order mark is passed over.
///
/// # Errors
/// If it is not JSON, or a field is missing or has a wrong type or value.
pub fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, InputError> {
    let json = json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(json);
    // To know at each value where it stands takes as long again as to read it, and only an error says it.
    if let Ok(shape::Object(value)) = serde_json::from_slice(json) {
        return Ok(value);
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let shape::Object(value) = serde_path_to_error::deserialize(&mut reader).map_err(InputError::from)?;
    reader.end().map_err(|error| InputError::Json(shorten(&error.to_string())))?;
    Ok(value)
}

impl From<serde_path_to_error::Error<serde_json::Error>> for InputError {
    fn from(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        let path = error.path().to_string();
        match error.into_inner() {
            json if json.is_syntax() || json.is_eof() || json.is_io() => {
                Self::Json(shorten(&json.to_string()))
            }
            shape => Self::Shape { path: shorten(&path), error: shorten(&plain(&shape.to_string())) },
        }
    }
}

/// A place in a document; the whole of it needs no naming.
fn at(path: &str) -> String {
    if path == "." { String::new() } else { format!("`{path}`: ") }
}

/// What is printed for a failed call, which exits with 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Why, never empty.
    pub message: String,
}
