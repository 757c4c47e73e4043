//! Creating and changing objects, with a real server's rules.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    defaults,
    failure::{Failure, Result},
    names,
    object::{Key, Stored},
    quota,
    resource::Resource,
    shape, validate,
    world::World,
};

/// What part of an object a change may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Main,
    Status,
}

/// Reads a body as an object of a kind.
pub(crate) fn decode(resource: Resource, body: &[u8]) -> Result<Value> {
    let kind = resource.kind();
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Failure::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: {error}"
        ))
    })?;
    check_type(resource, &value)?;
    Ok(value)
}

/// Refuses what is not an object of a kind, by its `kind` or by the types of its fields.
pub(crate) fn check_type(resource: Resource, value: &Value) -> Result<()> {
    let kind = resource.kind();
    let text = |field: &str| value[field].as_str().unwrap_or_default();
    if !value.is_object() {
        return Err(Failure::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: \
             json: cannot unmarshal {value} into Go value of type struct"
        )));
    }
    // A body without kind is taken for what the path says, as a real server's typed decoder does.
    if (!text("kind").is_empty() && text("kind") != kind) || !matches!(text("apiVersion"), "" | "v1") {
        return Err(Failure::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {kind}: no kind \"{}\" is registered for version \"{}\" in scheme \"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go\"",
            text("kind"),
            text("apiVersion"),
            text("kind"),
            text("apiVersion")
        )));
    }
    let wrong = |why: &str| {
        Failure::bad_request(format!("{kind} in version \"v1\" cannot be handled as a {kind}: {why}"))
    };
    shape::check(resource, value).map_err(|why| wrong(&why))?;
    if validate::bad_quantity(value) {
        let why =
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
        return Err(wrong(why));
    }
    Ok(())
}

/// Creates an object.
pub(crate) fn create(
    world: &mut World,
    resource: Resource,
    namespace: &str,
    mut object: Value,
    dry_run: bool,
) -> Result<Arc<Stored>> {
    let metadata = &object["metadata"];
    let given = metadata["namespace"].as_str().unwrap_or_default();
    if !given.is_empty() && given != namespace {
        return Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if !metadata["resourceVersion"].as_str().unwrap_or_default().is_empty() {
        return Err(Failure::new(500, "", "resourceVersion should not be set on objects to be created"));
    }
    if resource.namespaced() {
        open_namespace(world, resource, namespace, &object)?;
    }
    defaults::metadata(&mut object, namespace, &mut world.rng);
    defaults::fill(resource, &mut object);
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if resource == Resource::Pods {
        let account = object["spec"]["serviceAccountName"].as_str().unwrap_or_default();
        if world.store.get(Resource::ServiceAccounts, &Key::new(namespace, account)).is_none() {
            let why = format!(
                "error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found"
            );
            return Err(Failure::forbidden(resource, &name, &why));
        }
    }
    let causes = validate::object(resource, &object);
    if !causes.is_empty() {
        return Err(Failure::invalid(resource.kind(), &name, &causes));
    }
    // Quotas are looked at before the name is, as in a real server: a full quota hides AlreadyExists.
    if resource == Resource::Pods {
        quota::admit(world, namespace, &name, &object)?;
    }
    if world.store.get(resource, &Key::new(namespace, &name)).is_some() {
        return Err(Failure::already_exists(resource, &name));
    }
    if dry_run {
        return Ok(Arc::new(Stored::new(resource, 0, object)));
    }
    let stored = world.put(resource, object);
    if resource == Resource::Events {
        world.life.note_event(stored.key.clone());
    }
    Ok(stored)
}

fn open_namespace(world: &World, resource: Resource, namespace: &str, object: &Value) -> Result<()> {
    let Some(found) = world.store.get(Resource::Namespaces, &Key::new("", namespace)) else {
        return Err(Failure::not_found(Resource::Namespaces, namespace));
    };
    if found.facts.deleting && resource != Resource::Events {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        return Err(Failure::forbidden(resource, name, &why));
    }
    Ok(())
}

/// Replaces an object (or its status) by a changed one.
pub(crate) fn update(
    world: &mut World,
    old: &Arc<Stored>,
    mut new: Value,
    part: Part,
    dry_run: bool,
) -> Result<Arc<Stored>> {
    let (resource, name) = (old.resource, old.key.name.as_str());
    let before = old.value();
    let text = |value: &Value, field: &str| value["metadata"][field].as_str().unwrap_or_default().to_owned();
    if text(&new, "name") != name {
        return Err(Failure::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            text(&new, "name")
        )));
    }
    let namespace = text(&new, "namespace");
    if !namespace.is_empty() && namespace != old.key.namespace {
        return Err(Failure::bad_request(
            "the namespace of the object does not match the namespace on the request",
        ));
    }
    let version = text(&new, "resourceVersion");
    if !version.is_empty() && version != old.revision.to_string() {
        return Err(Failure::modified(resource, name));
    }
    let uid = text(&new, "uid");
    if !uid.is_empty() && *uid != *old.facts.uid {
        let why =
            format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", old.facts.uid);
        return Err(Failure::conflict(resource, name, &why));
    }
    keep_system_metadata(&before, &mut new);
    if resource.info().status {
        keep_other_part(&before, &mut new, part);
    }
    let mut causes = validate::object(resource, &new);
    if resource == Resource::Pods && part == Part::Main {
        causes.extend(validate::pod_update(&before, &new));
    }
    if !causes.is_empty() {
        return Err(Failure::invalid(resource.kind(), name, &causes));
    }
    if let Some(object) = new.as_object_mut() {
        object.remove("kind");
        object.remove("apiVersion");
    }
    new["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
    // A change that changes nothing makes no version.
    if new == before && !old.is_broken() {
        return Ok(Arc::clone(old));
    }
    if dry_run {
        return Ok(Arc::new(Stored::new(resource, old.revision, new)));
    }
    if old.facts.deleting && may_go(&new) {
        world.put(resource, new);
        return Ok(world.remove(resource, &old.key).unwrap_or_else(|| Arc::clone(old)));
    }
    Ok(world.put(resource, new))
}

/// Only the server says these.
fn keep_system_metadata(before: &Value, new: &mut Value) {
    for field in [
        "uid",
        "namespace",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generateName",
    ] {
        let value = before["metadata"][field].clone();
        if value.is_null() {
            new["metadata"].as_object_mut().map(|metadata| metadata.remove(field));
        } else {
            new["metadata"][field] = value;
        }
    }
    if let Some(metadata) = new["metadata"].as_object_mut() {
        metadata.retain(|_, value| !value.is_null());
    }
}

/// The main resource does not change the status, and the status resource changes nothing else.
fn keep_other_part(before: &Value, new: &mut Value, part: Part) {
    let field = if part == Part::Main { "status" } else { "spec" };
    if before[field].is_null() {
        new.as_object_mut().map(|object| object.remove(field));
    } else {
        new[field] = before[field].clone();
    }
    if part == Part::Status {
        for field in ["finalizers", "ownerReferences"] {
            if before["metadata"][field].is_null() {
                new["metadata"].as_object_mut().map(|metadata| metadata.remove(field));
            } else {
                new["metadata"][field] = before["metadata"][field].clone();
            }
        }
    }
}

/// Whether an object that is being deleted has nothing left that keeps it.
fn may_go(object: &Value) -> bool {
    let metadata = &object["metadata"];
    metadata["finalizers"].as_array().is_none_or(Vec::is_empty)
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
}

/// The binding subresource: assigns a pod to a node.
pub(crate) fn bind(world: &mut World, key: &Key, binding: &Value) -> Result<()> {
    let Some(pod) = world.store.get(Resource::Pods, key).cloned() else {
        return Err(Failure::not_found(Resource::Pods, &key.name));
    };
    let target = binding["target"]["name"].as_str().unwrap_or_default();
    if !names::is_subdomain(target) {
        let cause = crate::failure::Cause {
            reason: "FieldValueRequired",
            message: "Required value".into(),
            field: "target.name".into(),
        };
        return Err(Failure::invalid("Binding", &key.name, &[cause]));
    }
    let current = pod.facts.pod.as_ref().map_or("", |facts| &*facts.node);
    if !current.is_empty() {
        let why = format!("pod {} is already assigned to node \"{current}\"", key.name);
        return Err(Failure::conflict(Resource::Pods, &key.name, &why));
    }
    crate::schedule::bind(world, pod.value(), target);
    Ok(())
}
