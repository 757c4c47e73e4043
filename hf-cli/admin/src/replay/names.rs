//! The ids of a recording and those that take their place.

use std::collections::HashMap;

use serde_json::Value;

/// Recorded ids and names, each with what it is called now.
#[derive(Debug, Default)]
pub(super) struct Names {
    requests: HashMap<String, String>,
    machines: HashMap<String, String>,
}

impl Names {
    /// Learns from both answers to the same call.
    pub(super) fn learn(&mut self, recorded: &Value, now: &Value) {
        if let (Some(old), Some(new)) = (recorded["requestId"].as_str(), now["requestId"].as_str()) {
            self.requests.insert(old.to_owned(), new.to_owned());
        }
        for (old, new) in list(&recorded["requests"]).zip(list(&now["requests"])) {
            for (old, new) in list(&old["machines"]).zip(list(&new["machines"])) {
                for key in ["name", "machineId"] {
                    if let (Some(old), Some(new)) = (old[key].as_str(), new[key].as_str()) {
                        self.machines.insert(old.to_owned(), new.to_owned());
                    }
                }
            }
        }
    }

    /// A recorded message with what its ids and names are called now.
    pub(super) fn translate(&self, message: &Value) -> Value {
        match message {
            Value::String(text) => self.name(text).into(),
            Value::Array(items) => items.iter().map(|item| self.translate(item)).collect(),
            Value::Object(map) => {
                let translated = |(key, value): (&String, &Value)| {
                    // The template is the provider's own, whatever a request may be called.
                    let value = if key == "template" { value.clone() } else { self.translate(value) };
                    (key.clone(), value)
                };
                map.iter().map(translated).collect()
            }
            other => other.clone(),
        }
    }

    fn name(&self, text: &str) -> String {
        let known = self.requests.get(text).or_else(|| self.machines.get(text));
        let machine = || {
            // The n-th machine of a request has the request's id in its name, be it in an answer or not.
            let (request, ordinal) = text.rsplit_once('-')?;
            ordinal.parse::<u32>().ok()?;
            Some(format!("{}-{ordinal}", self.requests.get(request)?))
        };
        known.cloned().or_else(machine).unwrap_or_else(|| text.to_owned())
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_and_names_are_those_of_the_new_requests() {
        let mut names = Names::default();
        names.learn(&json!({"requestId": "old"}), &json!({"requestId": "new"}));
        let of = |request: &str, machine: &str| json!({"requests": [{"requestId": request, "machines": [{"name": machine, "machineId": "x"}]}]});
        names.learn(&of("old", "host-a"), &of("new", "new-0"));
        let message = json!({"requests": [{"requestId": "old"}], "machines": [{"name": "host-a"}, {"name": "old-7"}, {"name": "other"}]});
        assert_eq!(
            names.translate(&message),
            json!({"requests": [{"requestId": "new"}], "machines": [{"name": "new-0"}, {"name": "new-7"}, {"name": "other"}]})
        );
        assert_eq!(
            names.translate(&json!({"template": {"templateId": "old"}}))["template"]["templateId"],
            "old"
        );
    }

    #[test]
    fn an_answer_that_is_none_teaches_nothing() {
        let mut names = Names::default();
        names.learn(&json!(null), &json!("text"));
        names.learn(&json!({"requestId": 5}), &json!({}));
        assert_eq!(names.translate(&json!([1, null, "a-1"])), json!([1, null, "a-1"]));
    }
}
