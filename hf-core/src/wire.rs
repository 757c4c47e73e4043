//! What Host Factory sends and expects: one module for each of its scripts.
//!
//! Inputs are parsed by [`parse`]; every one accepts unknown keys. `requests` and `machines` may be an array (as real
//! Host Factories send them) or a single object (as IBM's pages show them). Ids and names are kept as text: one that
//! is not of our form is an unknown one, not bad input. Outputs implement [`serde::Serialize`].

pub mod get_available_templates;
pub mod get_request_status;
pub mod get_return_requests;

pub mod request_machines;
pub mod request_return_machines;
pub(crate) mod shape;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why an input is refused. Says where in the document, and what was expected there.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It is no JSON at all.
    #[error("not valid JSON: {0}")]
    Json(serde_json::Error),
    /// It is JSON, but not what the call takes.
    #[error("{}{error}", at(path))]
    Shape {
        /// Where, as `template.machineCount`.
        path: String,
        /// What was found and expected there.
        error: String,
    },
}

/// Reads the input of one call.
///
/// # Errors
/// If it is not JSON, or a field is missing or has a wrong type or value.
pub fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, InputError> {
    let json = json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(json);
    let mut reader = serde_json::Deserializer::from_slice(json);
    let shape::Object(value) = serde_path_to_error::deserialize(&mut reader).map_err(InputError::from)?;
    reader.end().map_err(InputError::Json)?;
    Ok(value)
}

impl From<serde_path_to_error::Error<serde_json::Error>> for InputError {
    fn from(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        let path = error.path().to_string();
        match error.into_inner() {
            json if json.is_syntax() || json.is_eof() || json.is_io() => Self::Json(json),
            shape => Self::Shape { path, error: shape.to_string() },
        }
    }
}

/// A place in a document; the whole of it needs no naming.
fn at(path: &str) -> String {
    if path == "." { String::new() } else { format!("`{path}`: ") }
}

/// What is printed for a failed call, which exits with 1.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// Why, never empty.
    pub message: String,
}
