//! What an answer is to be like.
//!
//! A value stands for itself. An object stands for every object that has its keys with such values, whatever else it
//! has; a list for a list of as many items, each like its own. An object with one key that begins with `$` is a rule:
//!
//! | rule | fits |
//! | --- | --- |
//! | `{$any: true}` | what is there; `{$any: false}`: what is not |
//! | `{$exactly: VALUE}` | this value, without other keys |
//! | `{$contains: TEXT}` | a text that has this in it, whatever its case |
//! | `{$oneOf: [A, B]}` | what is like one of these |
//! | `{$not: A}` | what is not like it |
//! | `{$each: A}` | a list of which every item is like it, of one at least |
//! | `{$some: A}` | a list of which an item is like it |
//! | `{$none: A}` | a list of which no item is like it |
//! | `{$count: N}` | a list of so many items |
//! | `{$between: [LOW, HIGH]}` | a number from one to the other |

use serde_json::{Map, Value};

/// Why a value is not like a pattern, or `None` if it is.
pub(crate) fn differs(pattern: &Value, found: Option<&Value>, path: &str) -> Option<String> {
    if let Some((rule, body)) = rule(pattern) {
        return rule_differs(rule, body, found, path);
    }
    let Some(found) = found else { return Some(format!("{path} is missing")) };
    match (pattern, found) {
        (Value::Object(keys), Value::Object(map)) => {
            keys.iter().find_map(|(key, pattern)| differs(pattern, map.get(key), &format!("{path}.{key}")))
        }
        (Value::Array(patterns), Value::Array(items)) if patterns.len() == items.len() => {
            let mut pairs = patterns.iter().zip(items).enumerate();
            pairs.find_map(|(n, (pattern, item))| differs(pattern, Some(item), &format!("{path}[{n}]")))
        }
        _ => (pattern != found).then(|| format!("{path} should be {pattern} and is {found}")),
    }
}

/// The rule that an object with one key is.
fn rule(pattern: &Value) -> Option<(&str, &Value)> {
    let (key, body) = pattern.as_object().filter(|map| map.len() == 1)?.iter().next()?;
    key.strip_prefix('$').map(|rule| (rule, body))
}

fn rule_differs(rule: &str, body: &Value, found: Option<&Value>, path: &str) -> Option<String> {
    let is = |pattern: &Value, found: &Value| differs(pattern, Some(found), path).is_none();
    let items = found.and_then(Value::as_array);
    let fits = match rule {
        "any" => found.is_some() == (*body == true),
        "exactly" => found == Some(body),
        "contains" => {
            let (text, part) = (found.and_then(Value::as_str), body.as_str().unwrap_or_default());
            text.is_some_and(|text| text.to_lowercase().contains(&part.to_lowercase()))
        }
        "oneOf" => {
            body.as_array().is_some_and(|all| all.iter().any(|one| differs(one, found, path).is_none()))
        }
        "not" => differs(body, found, path).is_some(),
        "each" => items.is_some_and(|items| !items.is_empty() && items.iter().all(|item| is(body, item))),
        "some" => items.is_some_and(|items| items.iter().any(|item| is(body, item))),
        "none" => items.is_some_and(|items| !items.iter().any(|item| is(body, item))),
        "count" => items.map(Vec::len) == body.as_u64().and_then(|count| usize::try_from(count).ok()),
        "between" => found.and_then(Value::as_f64).is_some_and(|found| {
            let bound = |n: usize| body[n].as_f64();
            bound(0).is_some_and(|low| low <= found) && bound(1).is_some_and(|high| found <= high)
        }),
        _ => return Some(format!("{path}: there is no rule ${rule}")),
    };
    let shown = found.map_or_else(|| "missing".to_owned(), Value::to_string);
    (!fits).then(|| format!("{path} should be {{${rule}: {body}}} and is {shown}"))
}

/// Puts values in the place of `${name}` in every text; `$${` is a `${` that stays.
///
/// # Errors
/// If there is no such value.
pub(crate) fn filled(value: &Value, values: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Value> {
    Ok(match value {
        Value::String(text) => Value::String(fill(text, values)?),
        Value::Array(items) => items.iter().map(|item| filled(item, values)).collect::<Result<_, _>>()?,
        Value::Object(map) => {
            let pair =
                |(key, value): (&String, &Value)| anyhow::Ok((fill(key, values)?, filled(value, values)?));
            Value::Object(map.iter().map(pair).collect::<Result<Map<_, _>, _>>()?)
        }
        plain => plain.clone(),
    })
}

fn fill(text: &str, values: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find("${") {
        let (before, after) = rest.split_at(start);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = &after[2..];
            continue;
        }
        let end = after.find('}').ok_or_else(|| anyhow::anyhow!("{text:?} has a ${{ without its }}"))?;
        let name = &after[2..end];
        out.push_str(before);
        out.push_str(&values(name).ok_or_else(|| anyhow::anyhow!("{text:?}: nothing is called {name}"))?);
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(pattern: Value, found: Value, fits: bool) {
        let differs = differs(&pattern, Some(&found), "answer");
        assert_eq!(differs.is_none(), fits, "{pattern} {found}: {differs:?}");
    }

    #[test]
    fn objects_may_have_more_and_lists_may_not() {
        check(json!({"a": 1}), json!({"a": 1, "b": 2}), true);
        check(json!({"a": 1}), json!({"a": "1"}), false);
        check(json!({"a": 1}), json!({"b": 1}), false);
        check(json!([1]), json!([1, 2]), false);
        check(json!([{"a": 1}]), json!([{"a": 1, "b": 2}]), true);
        check(json!({"$exactly": {"a": 1}}), json!({"a": 1, "b": 2}), false);
    }

    #[test]
    fn each_rule_fits_and_does_not() {
        for (rule, good, bad) in [
            (json!({"$contains": "Quota"}), json!("exceeded quota"), json!("full")),
            (json!({"$oneOf": [1, 2]}), json!(2), json!(3)),
            (json!({"$not": 1}), json!(2), json!(1)),
            (json!({"$each": 1}), json!([1, 1]), json!([])),
            (json!({"$some": 1}), json!([2, 1]), json!([2])),
            (json!({"$none": 1}), json!([2]), json!([2, 1])),
            (json!({"$count": 2}), json!([1, 1]), json!([1])),
            (json!({"$between": [1, 5]}), json!(5), json!(6)),
        ] {
            check(rule.clone(), good, true);
            check(rule, bad, false);
        }
        check(json!({"a": {"$any": false}}), json!({"b": 1}), true);
        check(json!({"a": {"$any": true}}), json!({"b": 1}), false);
        check(json!({"$nay": 1}), json!(1), false);
    }

    #[test]
    fn names_are_filled_in_and_doubled_signs_stay() {
        let values = |name: &str| (name == "r").then(|| "abc".to_owned());
        let filled = |text: &str| filled(&json!([text]), &values).map(|value| value[0].clone());
        assert_eq!(filled("x/${r}-0/y").unwrap(), "x/abc-0/y");
        assert_eq!(filled("$${r} $HOME").unwrap(), "${r} $HOME");
        assert!(filled("${s}").is_err() && filled("${r").is_err());
    }
}
