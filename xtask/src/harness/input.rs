//! Host Factory's own way of writing JSON, which is cJSON's: tabs, and an empty object over two lines.

use std::fmt::Write;

use serde_json::Value;

/// The document as Host Factory would put it into a file.
pub(crate) fn written(document: &Value) -> String {
    let mut text = String::new();
    write(&mut text, document, 1);
    text.push('\n');
    text
}

fn write(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) => {
            text.push('{');
            for (place, (key, value)) in map.iter().enumerate() {
                text.push_str(if place == 0 { "\n" } else { ",\n" });
                indent(text, depth);
                let _ = write!(text, "{}:\t", Value::String(key.clone()));
                write(text, value, depth + 1);
            }
            text.push('\n');
            indent(text, depth - 1);
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { ", " });
                write(text, item, depth + 1);
            }
            text.push(']');
        }
        plain => {
            let _ = write!(text, "{plain}");
        }
    }
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n('\t', depth));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_in_lists_are_indented_twice() {
        let text = written(&json!({"requests": [{"requestId": "a"}, {"requestId": "b"}]}));
        let expected = "{\n\t\"requests\":\t[{\n\t\t\t\"requestId\":\t\"a\"\n\t\t}, {\n\t\t\t\"requestId\":\t\"b\"\n\t\t}]\n}\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn an_empty_object_has_two_lines() {
        assert_eq!(written(&json!({})), "{\n}\n");
    }
}
