//! Reads the few bodies that kubectl sends as protobuf although JSON is all that we answer with.
//!
//! A body is `k8s\0`, then a message with the type and the raw object. Messages are read by tables of the
//! fields that matter; what the tables do not name is skipped, as protobuf has it.

use serde_json::{Map, Value, json};

/// How a field is shown in JSON.
enum Field {
    Text,
    Number,
    Flag,
    Texts,
    /// A map of texts.
    Map,
    /// A map of quantities.
    Amounts,
    Inner(&'static [(u64, &'static str, Field)]),
}

use Field::{Amounts, Flag, Inner, Map as Labels, Number, Text, Texts};

type Message = &'static [(u64, &'static str, Field)];

const META: Message = &[
    (1, "name", Text),
    (2, "generateName", Text),
    (3, "namespace", Text),
    (5, "uid", Text),
    (6, "resourceVersion", Text),
    (11, "labels", Labels),
    (12, "annotations", Labels),
    (14, "finalizers", Texts),
];
const PLAIN: Message = &[(1, "metadata", Inner(META))];
const CONFIG_MAP: Message = &[(1, "metadata", Inner(META)), (2, "data", Labels)];
const QUOTA: Message =
    &[(1, "metadata", Inner(META)), (2, "spec", Inner(&[(1, "hard", Amounts), (2, "scopes", Texts)]))];
const ATTRIBUTES: Message = &[
    (1, "namespace", Text),
    (2, "verb", Text),
    (3, "group", Text),
    (4, "version", Text),
    (5, "resource", Text),
    (6, "subresource", Text),
    (7, "name", Text),
];
const ACCESS_REVIEW: Message = &[(
    2,
    "spec",
    Inner(&[
        (1, "resourceAttributes", Inner(ATTRIBUTES)),
        (2, "nonResourceAttributes", Inner(&[(1, "path", Text), (2, "verb", Text)])),
    ]),
)];
const RULES_REVIEW: Message = &[(2, "spec", Inner(&[(1, "namespace", Text)]))];
const DELETE_OPTIONS: Message = &[
    (1, "gracePeriodSeconds", Number),
    (2, "preconditions", Inner(&[(1, "uid", Text), (2, "resourceVersion", Text)])),
    (3, "orphanDependents", Flag),
    (4, "propagationPolicy", Text),
    (5, "dryRun", Texts),
];
const EVICTION: Message = &[(1, "metadata", Inner(META)), (2, "deleteOptions", Inner(DELETE_OPTIONS))];

fn message(kind: &str) -> Option<Message> {
    Some(match kind {
        "Namespace" | "ServiceAccount" => PLAIN,
        "ConfigMap" => CONFIG_MAP,
        "ResourceQuota" => QUOTA,
        "SelfSubjectAccessReview" => ACCESS_REVIEW,
        "SelfSubjectRulesReview" => RULES_REVIEW,
        "DeleteOptions" => DELETE_OPTIONS,
        "Eviction" => EVICTION,
        _ => return None,
    })
}

/// Turns a body into JSON; `None` for kinds that only come as JSON, and for what is broken.
pub(crate) fn to_json(body: &[u8]) -> Option<Value> {
    const ENVELOPE: Message = &[(1, "type", Inner(&[(1, "apiVersion", Text), (2, "kind", Text)]))];
    let body = body.strip_prefix(b"k8s\0")?;
    let head = read(body, ENVELOPE)?["type"].take();
    let mut object = read(find(body, 2)?, message(head["kind"].as_str()?)?)?;
    object["kind"] = head["kind"].clone();
    object["apiVersion"] = head["apiVersion"].clone();
    Some(object)
}

/// The fields of a message: number, and bytes or number.
fn fields(mut bytes: &[u8]) -> impl Iterator<Item = Option<(u64, Raw<'_>)>> {
    std::iter::from_fn(move || (!bytes.is_empty()).then(|| next(&mut bytes)))
}

enum Raw<'a> {
    Bytes(&'a [u8]),
    Number(u64),
    Skipped,
}

fn next<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Raw<'a>)> {
    let tag = varint(bytes);
    let raw = tag.and_then(|tag| match tag & 7 {
        0 => varint(bytes).map(Raw::Number),
        1 => take(bytes, 8).map(|_| Raw::Skipped),
        2 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            take(bytes, length).map(Raw::Bytes)
        }
        5 => take(bytes, 4).map(|_| Raw::Skipped),
        _ => None,
    });
    if raw.is_none() {
        // Broken: nothing after it can be read.
        *bytes = &[];
    }
    Some((tag? >> 3, raw?))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *take(bytes, 1)?.first()?;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

fn find(bytes: &[u8], wanted: u64) -> Option<&[u8]> {
    fields(bytes).flatten().find_map(|(number, raw)| match raw {
        Raw::Bytes(bytes) if number == wanted => Some(bytes),
        _ => None,
    })
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into()
}

fn read(bytes: &[u8], message: Message) -> Option<Value> {
    let mut out = Map::new();
    for field in fields(bytes) {
        let (number, raw) = field?;
        let Some((_, name, kind)) = message.iter().find(|(n, ..)| *n == number) else { continue };
        let value = match (kind, raw) {
            // What a Go client leaves unset it sends as empty.
            (Text, Raw::Bytes([])) => continue,
            (Text, Raw::Bytes(bytes)) => text(bytes),
            (Number, Raw::Number(number)) => number.cast_signed().into(),
            (Flag, Raw::Number(number)) => (number != 0).into(),
            (Inner(inner), Raw::Bytes(bytes)) => read(bytes, inner)?,
            (Texts, Raw::Bytes(bytes)) => {
                if let Some(list) = out.entry(*name).or_insert_with(|| json!([])).as_array_mut() {
                    list.push(text(bytes));
                }
                continue;
            }
            (Labels | Amounts, Raw::Bytes(bytes)) => {
                let value = find(bytes, 2).unwrap_or_default();
                let value = if matches!(kind, Amounts) { find(value, 1).unwrap_or_default() } else { value };
                let key = String::from_utf8_lossy(find(bytes, 1).unwrap_or_default()).into_owned();
                if let Some(map) = out.entry(*name).or_insert_with(|| json!({})).as_object_mut() {
                    map.insert(key, text(value));
                }
                continue;
            }
            _ => return None,
        };
        out.insert((*name).to_owned(), value);
    }
    Some(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field that holds bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        out.extend_from_slice(bytes);
        out
    }

    #[test]
    fn a_quota_is_read() {
        let hard = [field(1, b"pods"), field(2, &field(1, b"3"))].concat();
        let metadata =
            [field(1, b"q"), field(2, b""), field(11, &[field(1, b"a"), field(2, b"b")].concat())].concat();
        let quota = [field(1, &metadata), field(2, &field(1, &hard))].concat();
        let kind = [field(1, b"v1"), field(2, b"ResourceQuota")].concat();
        let body =
            [b"k8s\0".to_vec(), field(1, &kind), field(2, &quota), field(3, b""), field(4, b"")].concat();
        let expected = json!({
            "kind": "ResourceQuota", "apiVersion": "v1",
            "metadata": {"name": "q", "labels": {"a": "b"}}, "spec": {"hard": {"pods": "3"}},
        });
        assert_eq!(to_json(&body), Some(expected));
        for cut in 0..body.len() - 4 {
            // Cut short it may be refused, but is read without harm.
            let _ = to_json(&body[..cut]);
        }
    }
}
