//! A JSON document as a reader wants to see it: on one line, long lists and texts cut.

use serde_json::Value;

/// The longest text, and how many items of a list are shown: of objects one, since the others look like it.
const LONGEST: usize = 60;
const ITEMS: usize = 3;
const OBJECTS: usize = 1;

/// The document, abbreviated.
pub(crate) fn brief(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let fields = map.iter().map(|(key, value)| format!("\"{key}\": {}", brief(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            let most = if items.iter().any(Value::is_object) { OBJECTS } else { ITEMS };
            let mut shown: Vec<_> = items.iter().take(most).map(brief).collect();
            if items.len() > most {
                shown.push(format!("… {} more", items.len() - most));
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
        let value = json!({"a": [1, 2, 3, 4], "b": "x".repeat(70), "c": [{"n": 1}, {"n": 2}]});
        let b = "x".repeat(60);
        let expected =
            format!("{{\"a\": [1, 2, 3, … 1 more], \"b\": \"{b}…\", \"c\": [{{\"n\": 1}}, … 1 more]}}");
        assert_eq!(brief(&value), expected);
    }
}
