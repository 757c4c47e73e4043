//! Label and field selectors, read once per request and matched without parsing again.

use crate::failure::{Failure, Result};

/// What a labels' value must be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Demand {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

/// All demands must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector(Vec<(String, Demand)>);

impl Selector {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a demand.
    pub(crate) fn require(&mut self, key: &str, value: &str) {
        self.0.push((key.to_owned(), Demand::In(vec![value.to_owned()])));
    }

    /// Whether a set of values, looked up by `get`, satisfies every demand.
    pub(crate) fn matches<'a>(&self, get: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|(key, demand)| {
            let value = get(key);
            match demand {
                Demand::In(wanted) => value.is_some_and(|value| wanted.iter().any(|w| w == value)),
                // A label that is absent differs from every value.
                Demand::NotIn(unwanted) => value.is_none_or(|value| unwanted.iter().all(|w| w != value)),
                Demand::Exists => value.is_some(),
                Demand::Absent => value.is_none(),
            }
        })
    }

    /// Reads a label selector: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    pub(crate) fn labels(text: &str) -> Result<Self> {
        let mut demands = Vec::new();
        for part in split_outside_brackets(text) {
            let part = part.trim();
            if part.is_empty() {
                if text.trim().is_empty() {
                    continue;
                }
                return Err(unreadable(text, "found ',', expected: identifier after ','"));
            }
            demands.push(label_demand(part).ok_or_else(|| unreadable(text, part))?);
        }
        Ok(Self(demands))
    }

    /// Reads a field selector (`a=b,c!=d,e==f`), of the fields that the resource `plural` can be selected by.
    pub(crate) fn fields(text: &str, plural: &str, known: &[&str]) -> Result<Self> {
        let mut demands = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let refused = |why: &str| {
                Failure::bad_request(format!(
                    "Unable to find \"/v1, Resource={plural}\" that match label selector \"\", field selector \"{text}\": {why}"
                ))
            };
            let (key, demand) = equality(part)
                .ok_or_else(|| refused(&format!("invalid selector: '{text}'; can't understand '{part}'")))?;
            if !known.contains(&key) {
                return Err(refused(&format!("field label not supported: {key}")));
            }
            demands.push((key.to_owned(), demand));
        }
        Ok(Self(demands))
    }
}

fn unreadable(text: &str, part: &str) -> Failure {
    Failure::bad_request(format!(
        "unable to parse requirement: couldn't parse the selector string \"{text}\": {part}"
    ))
}

/// Splits at commas that are not inside `(…)`.
fn split_outside_brackets(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn label_demand(part: &str) -> Option<(String, Demand)> {
    if let Some(key) = part.strip_prefix('!') {
        let key = key.trim();
        return crate::names::is_label_key(key).then(|| (key.to_owned(), Demand::Absent));
    }
    let (key, demand) = if let Some((key, demand)) = equality(part) {
        (key, demand)
    } else if let Some((head, values)) = part.split_once('(') {
        let values: Vec<String> =
            values.strip_suffix(')')?.split(',').map(|value| value.trim().to_owned()).collect();
        let mut words = head.split_whitespace();
        let (key, operator) = (words.next()?, words.next()?);
        let demand = match operator {
            "in" => Demand::In(values),
            "notin" => Demand::NotIn(values),
            _ => return None,
        };
        words.next().is_none().then_some((key, demand))?
    } else {
        (part, Demand::Exists)
    };
    let values_valid = match &demand {
        Demand::In(values) | Demand::NotIn(values) => values.iter().all(|v| crate::names::is_label_value(v)),
        Demand::Exists | Demand::Absent => true,
    };
    (crate::names::is_label_key(key) && values_valid).then(|| (key.to_owned(), demand))
}

/// `a=b`, `a==b` or `a!=b`.
fn equality(part: &str) -> Option<(&str, Demand)> {
    if part.contains('(') {
        return None;
    }
    if let Some((key, value)) = part.split_once("!=") {
        return Some((key.trim(), Demand::NotIn(vec![value.trim().to_owned()])));
    }
    let (key, value) = part.split_once("==").or_else(|| part.split_once('='))?;
    Some((key.trim(), Demand::In(vec![value.trim().to_owned()])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_selected_as_kubernetes_does() {
        let labels = [("app", "web"), ("tier", "front"), ("example.com/x", "1")];
        let get = |key: &str| labels.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
        for (selector, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web", true),
            ("app=db", false),
            ("app!=db", true),
            ("app!=web", false),
            ("none!=x", true),
            ("app in (db, web)", true),
            ("app in (db)", false),
            ("app notin (db,web)", false),
            ("none notin (db)", true),
            ("app", true),
            ("none", false),
            ("!none", true),
            ("!app", false),
            ("app=web,tier=front,example.com/x=1", true),
            ("app=web,tier=back", false),
            ("app in (web,db),tier notin (back)", true),
        ] {
            assert_eq!(Selector::labels(selector).unwrap().matches(get), expected, "{selector}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for selector in ["app in web", "app=web,", "a b", "app=(x", "-bad=x", "app=white space", "app of (x)"]
        {
            assert!(Selector::labels(selector).is_err(), "{selector}");
        }
        assert!(Selector::fields("spec.color=red", "pods", &["spec.nodeName"]).is_err());
        assert!(Selector::fields("spec.nodeName", "pods", &["spec.nodeName"]).is_err());
    }

    #[test]
    fn fields_are_selected_by_equality() {
        let get = |key: &str| (key == "status.phase").then_some("Running").or(Some(""));
        for (selector, expected) in [
            ("status.phase=Running", true),
            ("status.phase!=Running", false),
            ("spec.nodeName=", true),
            ("spec.nodeName=a,status.phase=Running", false),
        ] {
            let selector = Selector::fields(selector, "pods", &["status.phase", "spec.nodeName"]).unwrap();
            assert_eq!(selector.matches(get), expected);
        }
    }
}
