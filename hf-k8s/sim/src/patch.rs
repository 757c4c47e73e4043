//! Patches: JSON merge patch, strategic merge patch and JSON patch.

use serde_json::{Map, Value};

/// RFC 7386: objects are merged, null removes, everything else replaces.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Map::new().into();
    }
    let Some(target) = target.as_object_mut() else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// By what the items of a list are told apart, where the API declares that. Taints and tolerations are not
/// among them: a patch replaces those lists as a whole.
fn merge_key(list: &str) -> Option<&'static str> {
    Some(match list {
        "conditions" | "addresses" => "type",
        "containers" | "initContainers" | "ephemeralContainers" | "env" | "volumes" | "imagePullSecrets" => {
            "name"
        }
        "ports" => "containerPort",
        "volumeMounts" => "mountPath",
        "ownerReferences" => "uid",
        "hostAliases" | "podIPs" | "hostIPs" => "ip",
        _ => return None,
    })
}

/// A strategic merge patch: as a merge patch, but lists that have a key are merged by it.
pub(crate) fn strategic(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if changes.get("$patch").is_some_and(|directive| directive == "replace") {
        *target = patch.clone();
        target.as_object_mut().map(|object| object.remove("$patch"));
        return;
    }
    if !target.is_object() {
        *target = Map::new().into();
    }
    let Some(target) = target.as_object_mut() else { return };
    for (key, value) in changes {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            if let (Some(kept), Some(gone)) =
                (target.get_mut(list).and_then(Value::as_array_mut), value.as_array())
            {
                kept.retain(|item| !gone.contains(item));
            }
        } else if key.starts_with('$') {
            // The order of lists, and which fields of a union to keep, say nothing that we need.
        } else if value.is_null() {
            target.remove(key);
        } else if let (Some(by), Value::Array(items)) = (merge_key(key), value) {
            let list = target.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            if !list.is_array() {
                *list = Value::Array(Vec::new());
            }
            if let Some(list) = list.as_array_mut() {
                merge_list(list, items, by);
            }
        } else if key == "finalizers" && value.is_array() {
            union(target.entry(key).or_insert_with(|| Value::Array(Vec::new())), value);
        } else {
            strategic(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

fn merge_list(list: &mut Vec<Value>, items: &[Value], by: &str) {
    if items.iter().any(|item| item["$patch"] == "replace") {
        list.clear();
    }
    for item in items {
        let found = list.iter().position(|old| old[by] == item[by]);
        match (item["$patch"].as_str(), found) {
            (Some("replace"), _) | (Some("delete"), None) => {}
            (Some("delete"), Some(at)) => {
                list.remove(at);
            }
            (_, Some(at)) => strategic(&mut list[at], item),
            (_, None) => list.push(item.clone()),
        }
    }
}

fn union(target: &mut Value, added: &Value) {
    if let (Some(list), Some(added)) = (target.as_array_mut(), added.as_array()) {
        let new: Vec<Value> = added.iter().filter(|item| !list.contains(item)).cloned().collect();
        list.extend(new);
    }
}

/// RFC 6902: a list of operations, all or none.
pub(crate) fn json(target: &mut Value, operations: &Value) -> Result<(), String> {
    let operations = operations.as_array().ok_or("a JSON patch is a list of operations")?;
    let mut changed = target.clone();
    for operation in operations {
        apply(&mut changed, operation)?;
    }
    *target = changed;
    Ok(())
}

fn apply(target: &mut Value, operation: &Value) -> Result<(), String> {
    let path = operation["path"].as_str().ok_or("an operation has no path")?;
    let value =
        || operation.get("value").cloned().ok_or_else(|| format!("operation at \"{path}\" has no value"));
    let from = || operation["from"].as_str().ok_or_else(|| format!("operation at \"{path}\" has no from"));
    let missing = |path: &str| format!("path \"{path}\" does not exist");
    match operation["op"].as_str().unwrap_or_default() {
        "add" => add(target, path, value()?),
        "remove" => remove(target, path).map(drop),
        "replace" => {
            *target.pointer_mut(path).ok_or_else(|| missing(path))? = value()?;
            Ok(())
        }
        "move" => {
            let moved = remove(target, from()?)?;
            add(target, path, moved)
        }
        "copy" => {
            let copied = target.pointer(from()?).cloned().ok_or_else(|| missing(path))?;
            add(target, path, copied)
        }
        "test" if target.pointer(path) == Some(&value()?) => Ok(()),
        "test" => Err(format!("testing path {path} failed")),
        other => Err(format!("unexpected kind: {other}")),
    }
}

/// The parent of what a pointer names, and the last part of the pointer.
fn parent<'a>(target: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), String> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| format!("\"{path}\" is no JSON pointer"))?;
    let found = target.pointer_mut(parent).ok_or_else(|| format!("path \"{path}\" does not exist"))?;
    Ok((found, last.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    let (parent, place) = parent(target, path)?;
    match parent {
        Value::Object(object) => {
            object.insert(place, value);
            Ok(())
        }
        Value::Array(list) => {
            let at = if place == "-" { Some(list.len()) } else { place.parse().ok() };
            match at.filter(|at| *at <= list.len()) {
                Some(at) => {
                    list.insert(at, value);
                    Ok(())
                }
                None => Err(format!("\"{path}\" is outside its list")),
            }
        }
        _ => Err(format!("path \"{path}\" does not exist")),
    }
}

fn remove(target: &mut Value, path: &str) -> Result<Value, String> {
    let (parent, place) = parent(target, path)?;
    let removed = match parent {
        Value::Object(object) => object.remove(&place),
        Value::Array(list) => {
            place.parse().ok().filter(|at| *at < list.len()).map(|at: usize| list.remove(at))
        }
        _ => None,
    };
    removed.ok_or_else(|| format!("path \"{path}\" does not exist"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merge_patches_merge() {
        let mut target = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
        merge(&mut target, &json!({"a": {"b": null, "c": [3], "e": {"f": null, "g": 1}}}));
        assert_eq!(target, json!({"a": {"c": [3], "e": {"g": 1}}, "d": 1}));
    }

    #[test]
    fn strategic_patches_merge_lists_by_key() {
        for (mut target, patch, expected) in [
            (
                json!({"spec": {"taints": [{"key": "a"}, {"key": "b"}]}}),
                json!({"spec": {"taints": [{"key": "b"}]}}),
                json!({"spec": {"taints": [{"key": "b"}]}}),
            ),
            (
                json!({"status": {"conditions": [{"type": "a", "status": "True"}]}}),
                json!({"status": {"conditions": [{"type": "b"}, {"type": "a", "reason": "r"}]}}),
                json!({"status": {"conditions": [{"type": "a", "status": "True", "reason": "r"}, {"type": "b"}]}}),
            ),
            (
                json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}]}}),
                json!({"spec": {"containers": [{"name": "a", "$patch": "delete"}], "$setElementOrder/containers": [{"name": "b"}]}}),
                json!({"spec": {"containers": [{"name": "b"}]}}),
            ),
            (
                json!({"spec": {"env": [{"name": "a"}, {"name": "b"}]}}),
                json!({"spec": {"env": [{"$patch": "replace"}, {"name": "c"}]}}),
                json!({"spec": {"env": [{"name": "c"}]}}),
            ),
            (
                json!({"metadata": {"finalizers": ["a/b", "c/d"], "labels": {"x": "1"}}}),
                json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/b"], "labels": {"x": null, "y": "2"}}}),
                json!({"metadata": {"finalizers": ["c/d"], "labels": {"y": "2"}}}),
            ),
            (
                json!({"spec": {"args": ["a"]}}),
                json!({"spec": {"args": ["b"]}}),
                json!({"spec": {"args": ["b"]}}),
            ),
        ] {
            strategic(&mut target, &patch);
            assert_eq!(target, expected);
        }
    }

    #[test]
    fn json_patches_are_all_or_nothing() {
        let mut target = json!({"a": [1, 2], "x/y": 1});
        let patch = json!([
            {"op": "test", "path": "/x~1y", "value": 1},
            {"op": "add", "path": "/a/-", "value": 3},
            {"op": "add", "path": "/a/0", "value": 0},
            {"op": "replace", "path": "/x~1y", "value": 2},
            {"op": "copy", "from": "/x~1y", "path": "/z"},
            {"op": "move", "from": "/z", "path": "/w"},
            {"op": "remove", "path": "/a/1"},
        ]);
        json(&mut target, &patch).unwrap();
        assert_eq!(target, json!({"a": [0, 2, 3], "x/y": 2, "w": 2}));
        let before = target.clone();
        for bad in [
            json!([{"op": "add", "path": "/b", "value": 1}, {"op": "test", "path": "/b", "value": 2}]),
            json!([{"op": "remove", "path": "/none"}]),
            json!([{"op": "add", "path": "/a/9", "value": 1}]),
            json!({"op": "add"}),
        ] {
            assert!(json(&mut target, &bad).is_err(), "{bad}");
            assert_eq!(target, before);
        }
    }
}
