//! The text of a pod manifest, YAML or JSON, as a value.
//!
//! YAML is read as `kubectl` reads it, so that a manifest that works there means the same here: plain `yes`, `no`, `on`
//! and `off` are booleans and `0644` is octal, as YAML 1.1 has it; what is in quotes stays text; anchors, aliases and
//! merge keys (`<<`) are expanded. Other than `kubectl`, a key that is written twice is refused.

use std::path::Path;

use serde_json::Value;
use serde_saphyr::{Options, UserMessageFormatter};

use crate::files;

/// Reads a manifest's file: JSON where the name ends so, else YAML.
///
/// # Errors
/// With what is wrong with the file, to follow its name.
pub fn read(path: &Path) -> Result<Value, String> {
    let text = files::read(path, files::MAX_MANIFEST).map_err(|error| error.reason)?;
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
        json(&text)
    } else {
        yaml(&text)
    }
}

fn json(text: &[u8]) -> Result<Value, String> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    serde_json::from_slice(text).map_err(|error| format!("is not valid JSON: {error}"))
}

fn yaml(text: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let line = text[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        format!("is not UTF-8 at line {line}")
    })?;
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, options()).map_err(|error| {
            format!("is not valid YAML: {}", error.render_with_formatter(&UserMessageFormatter))
        })?;
    let mut documents = documents.into_iter();
    match (documents.next(), documents.next()) {
        (Some(mut one), None) => {
            whole_numbers(&mut one);
            Ok(one)
        }
        (None, _) => Err("is empty; it must be a Pod manifest".to_owned()),
        (Some(_), Some(_)) => {
            Err("has more than one YAML document; it must be one Pod manifest and nothing else".to_owned())
        }
    }
}

/// The limits are far above any pod and keep a bomb of aliases to a few hundredths of a second and a few megabytes.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: 50_000,
            max_total_scalar_bytes: 4 << 20,
        },
        legacy_octal_numbers: true,
        with_snippet: false,
    }
}

/// Writes `1e3` and `8.0` as whole numbers, as `kubectl` does: the API server takes no `1000.0` for an integer.
fn whole_numbers(value: &mut Value) {
    /// Below this, every whole number has a `f64` of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Array(list) => list.iter_mut().for_each(whole_numbers),
        Value::Object(map) => map.values_mut().for_each(whole_numbers),
        Value::Number(number) if number.is_f64() => {
            if let Some(float) = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < EXACT) {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
                let whole = float as i64;
                *number = whole.into();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
