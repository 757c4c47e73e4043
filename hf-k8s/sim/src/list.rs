//! Lists: selection, and pages that are all of one version.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    facts,
    failure::{Failure, Result},
    object::{Key, Stored},
    query::Query,
    resource::Resource,
    select::Selector,
    world::World,
};

/// The selectors of a list or watch.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    pub(crate) namespace: Option<String>,
    labels: Selector,
    fields: Selector,
}

impl Selection {
    pub(crate) fn new(resource: Resource, namespace: Option<&str>, query: &Query) -> Result<Self> {
        Ok(Self {
            namespace: namespace.map(str::to_owned),
            labels: Selector::labels(query.get("labelSelector"))?,
            fields: Selector::fields(
                query.get("fieldSelector"),
                resource.plural(),
                &facts::selectable(resource),
            )?,
        })
    }

    /// Only the object of this name: a watch of a single one.
    pub(crate) fn only(&mut self, name: &str) {
        self.fields.require("metadata.name", name);
    }

    fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, object: &Stored) -> bool {
        self.namespace.as_ref().is_none_or(|ns| *ns == object.key.namespace)
            && self.labels.matches(|key| object.label(key))
            && self.fields.matches(|field| Some(object.field(field)))
    }
}

/// A list as it is to be shown.
pub(crate) struct Listed {
    pub(crate) objects: Vec<Arc<Stored>>,
    pub(crate) metadata: Value,
}

/// What a continue token says.
struct Resume {
    /// The version of the list; 0 for an inconsistent continuation at the present.
    revision: u64,
    after: Key,
    seen: usize,
    total: usize,
}

impl Resume {
    fn token(&self) -> String {
        let text =
            json!([self.revision, self.after.namespace, self.after.name, self.seen, self.total]).to_string();
        text.bytes().fold(String::new(), |token, byte| format!("{token}{byte:02x}"))
    }

    fn parse(token: &str) -> Result<Self> {
        let refused = || Failure::bad_request("continue key is not valid: unexpected token");
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let text: Option<Vec<u8>> = token.as_bytes().chunks(2).map(byte).collect();
        let (revision, namespace, name, seen, total): (u64, String, String, usize, usize) =
            serde_json::from_slice(&text.ok_or_else(refused)?).map_err(|_| refused())?;
        Ok(Self { revision, after: Key { namespace, name }, seen, total })
    }
}

/// Reads a `resourceVersion`; empty is `None`.
pub(crate) fn version(query: &Query) -> Result<Option<u64>> {
    match query.get("resourceVersion") {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            Failure::bad_request(format!(
                "invalid resource version \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
            ))
        }),
    }
}

/// Lists objects as the query says.
pub(crate) fn list(
    world: &World,
    resource: Resource,
    selection: &Selection,
    query: &Query,
) -> Result<Listed> {
    let store = &world.store;
    let current = store.revision();
    let asked = version(query)?;
    let mut limit = query.get("limit").parse::<usize>().unwrap_or(0);
    let token = query.get("continue");
    let namespace = selection.namespace.as_deref();
    let mut resume = None;
    let revision = if token.is_empty() {
        match (asked, query.get("resourceVersionMatch")) {
            (Some(asked), _) if asked > current => return Err(Failure::too_large_version(asked, current)),
            (Some(asked), "Exact") => asked,
            (Some(0), _) => {
                // Served from the watch cache, which pays no heed to limits.
                limit = 0;
                current
            }
            _ => current,
        }
    } else {
        if asked.is_some_and(|asked| asked != 0) {
            return Err(Failure::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let read = Resume::parse(token)?;
        let revision = if read.revision == 0 { current } else { read.revision };
        resume = Some(read);
        revision
    };
    let max = if limit == 0 { usize::MAX } else { limit + 1 };
    let after = resume.as_ref().map(|resume| &resume.after);
    let found = store.range(resource, namespace, revision, after, max, |object| selection.matches(object));
    let Ok(mut objects) = found else {
        return Err(match resume {
            Some(resume) => Failure::expired_list(Resume { revision: 0, ..resume }.token()),
            None => {
                Failure::expired(format!("The resourceVersion for the provided list is too old: {revision}"))
            }
        });
    };
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if limit > 0 && objects.len() > limit {
        objects.truncate(limit);
        let (seen, total) =
            resume.as_ref().map_or((0, store.table(resource).count(namespace)), |r| (r.seen, r.total));
        if let Some(last) = objects.last() {
            let seen = seen + limit;
            let next = Resume { revision, after: last.key.clone(), seen, total };
            metadata["continue"] = next.token().into();
            // With selectors nobody knows how many remain.
            if selection.is_everything() {
                metadata["remainingItemCount"] = total.saturating_sub(seen).into();
            }
        }
    }
    Ok(Listed { objects, metadata })
}
