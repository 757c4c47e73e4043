//! The verbs that change something, from the body of the request to that of the answer.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    body::Answer,
    delete,
    failure::{Failure, Result},
    http::{Asked, Reply},
    list::Selection,
    object::{Key, Stored},
    patch, protobuf,
    resource::Resource,
    route::Call,
    view::View,
    world::{Shared, World},
    write::{self, Part},
};

/// An object as an answer.
pub(crate) fn shown(view: View, object: &Stored) -> Answer {
    let mut out = Vec::new();
    view.write(object, &mut out);
    Answer::whole(out)
}

/// Does what a request asks for.
pub(crate) fn change(shared: &Arc<Shared>, resource: Resource, call: &Call, asked: &Asked) -> Result<Reply> {
    let dry_run = dry_run(asked)?;
    let key = Key::new(&call.namespace, &call.name);
    let part = if call.subresource == "status" { Part::Status } else { Part::Main };
    match (call.verb, call.subresource.as_str()) {
        ("create", "") => {
            if resource.namespaced() && call.namespace.is_empty() {
                return Err(Failure::method_not_allowed());
            }
            // Parsing needs no lock.
            let object = write::decode(resource, &json_body(asked)?)?;
            let created = write::create(&mut shared.lock(), resource, &call.namespace, object, dry_run)?;
            Ok((201, shown(asked.view, &created)))
        }
        ("create", "binding") => {
            let binding = parse(asked)?;
            write::bind(&mut shared.lock(), &key, &binding)?;
            Ok((201, success(Resource::Pods, None)))
        }
        ("create", "eviction") => {
            let eviction = parse(asked)?;
            evict(&mut shared.lock(), &key, &eviction["deleteOptions"])?;
            Ok((201, success(Resource::Pods, None)))
        }
        ("update", _) => {
            let object = write::decode(resource, &json_body(asked)?)?;
            let mut world = shared.lock();
            let old = found(&world, resource, &key)?;
            let updated = write::update(&mut world, &old, object, part, dry_run)?;
            Ok((200, shown(asked.view, &updated)))
        }
        ("patch", _) => {
            let mut world = shared.lock();
            let old = found(&world, resource, &key)?;
            let mut value = old.full_value();
            apply(&mut value, asked)?;
            write::check_type(resource, &value)?;
            let updated = write::update(&mut world, &old, value, part, dry_run)?;
            Ok((200, shown(asked.view, &updated)))
        }
        ("delete", _) => {
            let options = delete_options(asked, dry_run)?;
            let deleted = delete::delete(&mut shared.lock(), resource, &key, &options)?;
            if deleted.gone && !resource.info().returns_deleted {
                return Ok((200, success(resource, Some(&deleted.object))));
            }
            Ok((200, shown(asked.view, &deleted.object)))
        }
        ("deletecollection", _) => {
            let namespace = (!call.namespace.is_empty()).then_some(call.namespace.as_str());
            if resource.namespaced() && namespace.is_none() {
                return Err(Failure::method_not_allowed());
            }
            let selection = Selection::new(resource, namespace, &asked.query)?;
            let options = delete_options(asked, dry_run)?;
            Ok((200, delete_all(shared, resource, &selection, &options, asked.view)))
        }
        _ => Err(Failure::method_not_allowed()),
    }
}

fn found(world: &World, resource: Resource, key: &Key) -> Result<Arc<Stored>> {
    world.store.get(resource, key).cloned().ok_or_else(|| Failure::not_found(resource, &key.name))
}

fn dry_run(asked: &Asked) -> Result<bool> {
    match asked.query.get("dryRun") {
        "" => Ok(false),
        "All" => Ok(true),
        other => {
            let cause = crate::failure::Cause {
                reason: "FieldValueNotSupported",
                message: format!("Unsupported value: [\"{other}\"]: supported values: \"All\""),
                field: "dryRun".into(),
            };
            Err(Failure::invalid("CreateOptions", "", &[cause]))
        }
    }
}

/// The body as JSON, from YAML too.
fn json_body(asked: &Asked) -> Result<Vec<u8>> {
    let media = asked.content_type.split(';').next().unwrap_or_default().trim();
    match media {
        "" | "application/json" => Ok(asked.body.to_vec()),
        "application/yaml" => {
            let value: Value = serde_saphyr::from_slice(&asked.body)
                .map_err(|error| Failure::bad_request(format!("error converting YAML to JSON: {error}")))?;
            Ok(value.to_string().into_bytes())
        }
        "application/vnd.kubernetes.protobuf" => {
            let value = protobuf::to_json(&asked.body)
                .ok_or_else(|| Failure::unsupported_media("application/json, application/yaml"))?;
            Ok(value.to_string().into_bytes())
        }
        _ => Err(Failure::unsupported_media("application/json, application/yaml")),
    }
}

/// The body as JSON of any kind.
pub(crate) fn parse(asked: &Asked) -> Result<Value> {
    serde_json::from_slice(&json_body(asked)?).map_err(|error| {
        Failure::bad_request(format!("the object provided is unrecognized: json parse error: {error}"))
    })
}

fn apply(value: &mut Value, asked: &Asked) -> Result<()> {
    let media = asked.content_type.split(';').next().unwrap_or_default().trim();
    let patch: Value = serde_json::from_slice(&asked.body)
        .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
    match media {
        "application/merge-patch+json" if patch.is_object() => patch::merge(value, &patch),
        "application/strategic-merge-patch+json" if patch.is_object() => patch::strategic(value, &patch),
        "application/json-patch+json" => patch::json(value, &patch).map_err(|why| {
            let message = format!("the server rejected our request due to an error in our request: {why}");
            Failure::new(422, "Invalid", message)
        })?,
        "application/merge-patch+json" | "application/strategic-merge-patch+json" => {
            return Err(Failure::bad_request("error decoding patch: a patch is an object"));
        }
        _ => {
            let accepted = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json";
            return Err(Failure::unsupported_media(accepted));
        }
    }
    Ok(())
}

/// Options from the body, or from the query where the body has none.
fn delete_options(asked: &Asked, dry_run: bool) -> Result<Value> {
    let mut options = if asked.body.is_empty() { json!({}) } else { parse(asked)? };
    if !options.is_object() {
        return Err(Failure::bad_request("DeleteOptions is not an object"));
    }
    let bad = |field: &str| {
        Failure::bad_request(format!(
            "DeleteOptions in version \"v1\" cannot be handled as a DeleteOptions: json: cannot unmarshal into Go struct field DeleteOptions.{field}"
        ))
    };
    let grace = asked.query.get("gracePeriodSeconds");
    if !grace.is_empty() && options["gracePeriodSeconds"].is_null() {
        options["gracePeriodSeconds"] = grace.parse::<i64>().map_err(|_| bad("gracePeriodSeconds"))?.into();
    }
    if !options["gracePeriodSeconds"].is_null() && !options["gracePeriodSeconds"].is_i64() {
        return Err(bad("gracePeriodSeconds"));
    }
    if dry_run {
        options["dryRun"] = json!(["All"]);
    }
    Ok(options)
}

fn success(resource: Resource, object: Option<&Stored>) -> Answer {
    let mut status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"});
    if let Some(object) = object {
        status["details"] =
            json!({"name": object.key.name, "kind": resource.plural(), "uid": object.facts.uid});
    } else {
        status["code"] = 201.into();
    }
    Answer::whole(status.to_string())
}

/// The eviction API: a deletion that says why.
fn evict(world: &mut World, key: &Key, options: &Value) -> Result<()> {
    let pod = found(world, Resource::Pods, key)?;
    if !pod.facts.deleting && pod.facts.pod.as_ref().is_some_and(|facts| !facts.ended) {
        let mut value = pod.value();
        let why = ("EvictionByEvictionAPI", "Eviction API: evicting");
        crate::life::condition(&mut value, "DisruptionTarget", true, Some(why));
        world.put(Resource::Pods, value);
    }
    let options = if options.is_object() { options.clone() } else { json!({}) };
    delete::delete(world, Resource::Pods, key, &options).map(drop)
}

fn delete_all(
    shared: &Arc<Shared>,
    resource: Resource,
    selection: &Selection,
    options: &Value,
    view: View,
) -> Answer {
    let mut world = shared.lock();
    let revision = world.store.revision();
    let namespace = selection.namespace.as_deref();
    let chosen = world.store.range(resource, namespace, revision, None, usize::MAX, |o| selection.matches(o));
    let mut deleted = Vec::new();
    for object in chosen.unwrap_or_default() {
        // What is gone meanwhile is what was asked for.
        deleted.extend(
            delete::delete(&mut world, resource, &object.key, options).ok().map(|deleted| deleted.object),
        );
    }
    let metadata = json!({"resourceVersion": world.store.revision().to_string()});
    drop(world);
    view.list(resource, &deleted, &metadata)
}
