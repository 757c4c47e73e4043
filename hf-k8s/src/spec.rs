//! The pod that is asked for: a template's manifest with a machine's name and the metadata by which it is known.

use serde_json::{Map, Value};

use crate::Origin;
use crate::origin::{COUNT, INSTANCE, ORDINAL, REQUEST, REQUEST_LABEL, TEMPLATE};

/// Makes the pod of one machine.
///
/// Every field of the manifest is kept, those unknown to this program too. Placeholders (`${requestId}`,
/// `${machineName}`, `${templateId}`, `${provider}`) are filled in wherever a text has them, not in keys.
pub fn pod(manifest: &Value, origin: &Origin) -> Value {
    let mut pod = fill(manifest, origin);
    if !pod.is_object() {
        pod = Value::Object(Map::new()); // Manifests were checked when they were accepted; this keeps it total.
    }
    let meta = object(&mut pod, "metadata");
    // What the server gives, or what the request's path says already; `generateName` would make a name that nobody
    // could find again.
    for key in ["generateName", "namespace", "resourceVersion", "uid"] {
        meta.remove(key);
    }
    meta.insert("name".into(), origin.name.as_str().into());
    let labels = object(&mut pod["metadata"], "labels");
    for (key, value) in [
        ("app", origin.name.as_str()),
        (REQUEST_LABEL, origin.request.as_str()),
        ("app.kubernetes.io/managed-by", "hf-k8s"),
        (INSTANCE, &origin.instance.label()),
    ] {
        labels.insert(key.into(), value.into());
    }
    let notes = object(&mut pod["metadata"], "annotations");
    for (key, value) in [
        (INSTANCE, origin.instance.as_str()),
        (REQUEST, origin.request.as_str()),
        (TEMPLATE, origin.template.as_str()),
        (ORDINAL, &origin.ordinal.to_string()),
        (COUNT, &origin.count.to_string()),
    ] {
        notes.insert(key.into(), value.into());
    }
    pod
}

/// The object under a key, made anew where there is none.
fn object<'a>(parent: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    if !parent[key].is_object() {
        parent[key] = Value::Object(Map::new());
    }
    match &mut parent[key] {
        Value::Object(map) => map,
        _ => unreachable!("it was made an object above"),
    }
}

/// The manifest with its placeholders filled in.
fn fill(value: &Value, origin: &Origin) -> Value {
    match value {
        Value::String(text) => Value::String(fill_text(text, origin)),
        Value::Array(items) => items.iter().map(|item| fill(item, origin)).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), fill(value, origin))).collect(),
        other => other.clone(),
    }
}

/// One pass, so that what is filled in is never looked at again: a provider called `${requestId}` stays that.
fn fill_text(text: &str, origin: &Origin) -> String {
    let known = [
        ("${requestId}", origin.request.as_str()),
        ("${machineName}", origin.name.as_str()),
        ("${templateId}", origin.template.as_str()),
        ("${provider}", origin.instance.as_str()),
    ];
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let (placeholder, value) =
            known.into_iter().find(|(placeholder, _)| rest.starts_with(placeholder)).unwrap_or(("${", "${"));
        filled.push_str(value);
        rest = &rest[placeholder.len()..];
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests;
