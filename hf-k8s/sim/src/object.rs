//! One version of one object: its bytes as they go out, and the facts that selection and accounting need.
//!
//! The bytes are written once per version; lists and watches only copy them. Whoever changes an object
//! parses it again, which is rarer than it is read.

use std::ops::Range;

use hyper::body::Bytes;
use serde_json::{Map, Value};

use crate::{facts::Facts, resource::Resource};

/// Namespace (empty for what has none) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// A version of an object.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) resource: Resource,
    pub(crate) key: Key,
    pub(crate) revision: u64,
    pub(crate) facts: Facts,
    /// JSON without `kind` and `apiVersion`, which items of lists do not have; `metadata` comes first.
    bytes: Bytes,
    metadata: Range<usize>,
    /// What clients are shown instead, for an object that is made not to parse.
    shown: Option<Bytes>,
}

const HEAD: &[u8] = b"{\"metadata\":";

impl Stored {
    /// Takes over an object as the version `revision`.
    pub(crate) fn new(resource: Resource, revision: u64, mut value: Value) -> Self {
        set_revision(&mut value, revision);
        let (bytes, metadata) = write(&value);
        let text = |field: &str| value["metadata"][field].as_str().unwrap_or_default().to_owned();
        let key = Key { namespace: text("namespace"), name: text("name") };
        let facts = Facts::of(resource, &value);
        Self { resource, key, revision, facts, bytes, metadata, shown: None }
    }

    /// The same, shown to clients as something that is not what its kind promises.
    pub(crate) fn new_broken(resource: Resource, revision: u64, value: Value, break_name: bool) -> Self {
        let mut shown = value.clone();
        set_revision(&mut shown, revision);
        shown["spec"] = "broken on command by kubesim".into();
        shown["status"] = 42.into();
        if break_name {
            shown["metadata"]["name"] = 42.into();
        }
        Self { shown: Some(write(&shown).0), ..Self::new(resource, revision, value) }
    }

    /// The object, to be changed; without `kind` and `apiVersion`.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// The object with `kind` and `apiVersion`, as patches see it.
    pub(crate) fn full_value(&self) -> Value {
        let mut value = self.value();
        value["kind"] = self.resource.kind().into();
        value["apiVersion"] = "v1".into();
        value
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.shown.is_some()
    }

    /// What the journal keeps.
    pub(crate) fn kept(&self) -> &Bytes {
        &self.bytes
    }

    /// As an item of a list.
    pub(crate) fn item(&self) -> Bytes {
        self.shown.as_ref().unwrap_or(&self.bytes).clone()
    }

    /// As a whole answer or in a watch event: what goes before [`Self::item`]'s bytes without their brace.
    pub(crate) fn write_full(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"kind\":\"");
        out.extend_from_slice(self.resource.kind().as_bytes());
        out.extend_from_slice(b"\",\"apiVersion\":\"v1\",");
        out.extend_from_slice(&self.shown.as_ref().unwrap_or(&self.bytes)[1..]);
    }

    /// Only the metadata, as `PartialObjectMetadata`.
    pub(crate) fn write_partial(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(
            b"{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":",
        );
        out.extend_from_slice(&self.bytes[self.metadata.clone()]);
        out.push(b'}');
    }

    /// The old content under a newer version: what a watch shows when an object stops to match.
    pub(crate) fn at_revision(&self, revision: u64) -> Self {
        const FIELD: &[u8] = b"\"resourceVersion\":\"";
        let metadata = &self.bytes[self.metadata.clone()];
        // Fields are in order, so that after the last such name no label or annotation of that name follows.
        let found = metadata.windows(FIELD.len()).rposition(|window| window == FIELD);
        let old = self.revision.to_string();
        let start = self.metadata.start + found.unwrap_or_default() + FIELD.len();
        if found.is_none() || !self.bytes[start..].starts_with(old.as_bytes()) {
            return Self::new(self.resource, revision, self.value());
        }
        let new = revision.to_string();
        let bytes = [&self.bytes[..start], new.as_bytes(), &self.bytes[start + old.len()..]].concat();
        let end = self.metadata.end + new.len() - old.len();
        Self {
            resource: self.resource,
            key: self.key.clone(),
            revision,
            facts: self.facts.clone(),
            bytes: bytes.into(),
            metadata: self.metadata.start..end,
            shown: None,
        }
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.facts.labels.iter().find(|(k, _)| **k == *key).map(|(_, v)| &**v)
    }

    /// A field that can be selected by; an unset one is empty, as in a real server.
    pub(crate) fn field(&self, field: &str) -> &str {
        match field {
            "metadata.name" => &self.key.name,
            "metadata.namespace" => &self.key.namespace,
            _ => self.facts.fields.iter().find(|(k, _)| *k == field).map_or("", |(_, v)| v),
        }
    }
}

fn set_revision(value: &mut Value, revision: u64) {
    if let Some(object) = value.as_object_mut() {
        object.remove("kind");
        object.remove("apiVersion");
        let metadata = object.entry("metadata").or_insert_with(|| Map::new().into());
        metadata["resourceVersion"] = revision.to_string().into();
    }
}

/// Writes an object with its metadata first, and says where that lies.
fn write(value: &Value) -> (Bytes, Range<usize>) {
    let mut out = Vec::with_capacity(2048);
    out.extend_from_slice(HEAD);
    // Writing JSON values into memory cannot fail.
    let _ = serde_json::to_writer(&mut out, &value["metadata"]);
    let metadata = HEAD.len()..out.len();
    for (key, part) in value.as_object().into_iter().flatten().filter(|(key, _)| *key != "metadata") {
        out.push(b',');
        let _ = serde_json::to_writer(&mut out, key);
        out.push(b':');
        let _ = serde_json::to_writer(&mut out, part);
    }
    out.push(b'}');
    out.shrink_to_fit();
    (out.into(), metadata)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bytes_are_the_object_with_its_version() {
        let value = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a", "namespace": "n"}, "spec": {"x": 1}});
        let stored = Stored::new(Resource::Pods, 7, value);
        assert_eq!(
            stored.value(),
            json!({"metadata": {"name": "a", "namespace": "n", "resourceVersion": "7"}, "spec": {"x": 1}})
        );
        let mut out = Vec::new();
        stored.write_full(&mut out);
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), stored.full_value());
        out.clear();
        stored.write_partial(&mut out);
        let partial: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(partial["metadata"], stored.value()["metadata"]);
        assert_eq!(stored.key, Key::new("n", "a"));
        let mut later = stored.at_revision(1000);
        assert_eq!(later.value()["metadata"]["resourceVersion"], "1000");
        later = later.at_revision(8);
        out.clear();
        later.write_partial(&mut out);
        let partial: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(partial["metadata"], json!({"name": "a", "namespace": "n", "resourceVersion": "8"}));
    }

    #[test]
    fn a_broken_object_keeps_what_it_is() {
        let value = json!({"metadata": {"name": "a"}, "spec": {"x": 1}});
        let broken = Stored::new_broken(Resource::Pods, 7, value, true);
        let shown: Value = serde_json::from_slice(&broken.item()).unwrap();
        assert!(shown["spec"].is_string() && shown["metadata"]["name"].is_number());
        assert_eq!(broken.value()["spec"]["x"], 1);
    }
}
