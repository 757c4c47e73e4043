//! The text of a pod manifest, YAML or JSON, as a value.
//!
//! YAML is read as `kubectl` reads it (YAML 1.1's booleans and octal numbers), so that a manifest that works there
//! means the same here.

use std::path::Path;

use serde_json::Value;
use serde_saphyr::Options;

use crate::files;

/// Reads a manifest's file: JSON where the name ends so, else YAML. The error is what is wrong with the file.
pub(crate) fn read(path: &Path) -> Result<Value, String> {
    let text = files::read(path, files::MAX_MANIFEST).map_err(|error| error.reason)?;
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
        json(&text)
    } else {
        yaml(&text)
    }
}

pub(crate) fn json(text: &[u8]) -> Result<Value, String> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    serde_json::from_slice(text).map_err(|error| format!("is not valid JSON: {error}"))
}

pub(crate) fn yaml(text: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let line = text[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        format!("is not UTF-8 at line {line}")
    })?;
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options())
        .map_err(|error| format!("is not valid YAML: {error}"))?;
    let mut documents = documents.into_iter();
    match (documents.next(), documents.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err("is empty; it must be a Pod manifest".to_owned()),
        (Some(_), Some(_)) => {
            Err("has more than one YAML document; it must be one Pod manifest and nothing else".to_owned())
        }
    }
}

fn options() -> Options {
    serde_saphyr::options! {
        legacy_octal_numbers: true,
        with_snippet: false,
    }
}

#[cfg(test)]
mod tests;
