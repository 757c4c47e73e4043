//! A JSON document as a reader wants to see it: on one line, long lists and texts cut.

use serde_json::Value;

/// The longest text, and how many items of a list are shown.
const LONGEST: usize = 60;
const ITEMS: usize = 2;

/// The document, abbreviated.
pub(crate) fn brief(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let fields = map.iter().map(|(key, value)| format!("\"{key}\": {}", brief(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            let mut shown: Vec<_> = items.iter().take(ITEMS).map(brief).collect();
            if items.len() > ITEMS {
                shown.push(format!("… {} more", items.len() - ITEMS));
            }
            format!("[{}]", shown.join(", "))
        }
        Value::String(text) if text.chars().count() > LONGEST => {
            let start: String = text.chars().take(LONGEST).collect();
            format!("\"{start}…\"")
        }
        plain => plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_lists_and_texts_are_cut() {
        let value = json!({"a": [1, 2, 3, 4], "b": "x".repeat(70)});
        assert_eq!(brief(&value), format!("{{\"a\": [1, 2, … 2 more], \"b\": \"{}…\"}}", "x".repeat(60)));
    }
}
