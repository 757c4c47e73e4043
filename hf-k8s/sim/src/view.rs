//! How an answer shows objects: whole, only their metadata, or as the rows of a table.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    body::{Answer, Gatherer},
    object::Stored,
    resource::Resource,
    table,
};

/// The form that a client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Full,
    Partial,
    Table(table::Include),
}

impl View {
    /// The first form of an Accept header that is served; `None` if there is none.
    pub(crate) fn accepted(accept: &str, include_object: &str) -> Option<Self> {
        if accept.is_empty() {
            return Some(Self::Full);
        }
        accept.split(',').find_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next()?;
            if !matches!(media, "application/json" | "*/*" | "application/*") {
                return None;
            }
            let parameters: Vec<&str> = parts.collect();
            let get = |name: &str| {
                parameters
                    .iter()
                    .find_map(|parameter| parameter.split_once('=').filter(|(k, _)| *k == name))
                    .map(|(_, v)| v)
            };
            match get("as") {
                None => Some(Self::Full),
                Some(_) if get("g") != Some("meta.k8s.io") || get("v") != Some("v1") => None,
                Some("Table") => Some(Self::Table(table::Include::parse(include_object))),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Some(Self::Partial),
                Some(_) => None,
            }
        })
    }

    /// One object, as an answer or in a watch event.
    pub(crate) fn write(self, object: &Stored, out: &mut Vec<u8>) {
        match self {
            Self::Full => object.write_full(out),
            Self::Partial => object.write_partial(out),
            Self::Table(include) => {
                let table = table::table(
                    object.resource,
                    &[object],
                    include,
                    &json!({"resourceVersion": object.revision.to_string()}),
                );
                let _ = serde_json::to_writer(out, &table);
            }
        }
    }

    /// A list.
    pub(crate) fn list(self, resource: Resource, objects: &[Arc<Stored>], metadata: &Value) -> Answer {
        let mut out = Gatherer::new();
        let head = match self {
            Self::Full => format!("{{\"kind\":\"{}List\",\"apiVersion\":\"v1\"", resource.kind()),
            Self::Partial => {
                "{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1\"".into()
            }
            Self::Table(include) => {
                let objects: Vec<&Stored> = objects.iter().map(|object| &**object).collect();
                return Answer::whole(table::table(resource, &objects, include, metadata).to_string());
            }
        };
        out.push(|out| {
            out.extend_from_slice(format!("{head},\"metadata\":{metadata},\"items\":[").as_bytes());
        });
        for (n, object) in objects.iter().enumerate() {
            out.push(|out| {
                if n > 0 {
                    out.push(b',');
                }
                match self {
                    Self::Partial => object.write_partial(out),
                    _ => out.extend_from_slice(&object.item()),
                }
            });
        }
        out.push(|out| out.extend_from_slice(b"]}"));
        out.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_is_served_counts() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        let partial = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json";
        for (accept, expected) in [
            ("", Some(View::Full)),
            ("application/json, */*", Some(View::Full)),
            (kubectl, Some(View::Table(table::Include::Metadata))),
            (partial, Some(View::Partial)),
            ("application/vnd.kubernetes.protobuf,application/json", Some(View::Full)),
            ("application/yaml", None),
        ] {
            assert_eq!(View::accepted(accept, ""), expected, "{accept}");
        }
    }
}
