//! Deleting objects: grace, preconditions, finalizers, and namespaces with all that is in them.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    clock,
    failure::{Failure, Result},
    object::{Key, Stored},
    resource::{self, Resource},
    world::World,
};

/// The end of a deletion.
pub(crate) struct Deleted {
    pub(crate) object: Arc<Stored>,
    /// It is gone already, rather than going.
    pub(crate) gone: bool,
}

/// Deletes an object as its `DeleteOptions` say.
pub(crate) fn delete(world: &mut World, resource: Resource, key: &Key, options: &Value) -> Result<Deleted> {
    let Some(old) = world.store.get(resource, key).cloned() else {
        return Err(Failure::not_found(resource, &key.name));
    };
    check_preconditions(&old, &options["preconditions"])?;
    let asked = options["gracePeriodSeconds"].as_i64();
    if asked.is_some_and(|grace| grace < 0) {
        // A real server reads a negative grace as the shortest one there is.
        return delete(
            world,
            resource,
            key,
            &json!({"gracePeriodSeconds": 1, "preconditions": options["preconditions"]}),
        );
    }
    if options["dryRun"].as_array().is_some_and(|dry| !dry.is_empty()) {
        return Ok(Deleted { object: old, gone: true });
    }
    match resource {
        Resource::Pods => Ok(delete_pod(world, &old, asked)),
        Resource::Namespaces if matches!(key.name.as_str(), "default" | "kube-system" | "kube-public") => {
            Err(Failure::forbidden(resource, &key.name, "this namespace may not be deleted"))
        }
        Resource::Namespaces => Ok(delete_namespace(world, &old)),
        _ => Ok(remove_or_mark(world, &old, None)),
    }
}

fn check_preconditions(old: &Stored, wanted: &Value) -> Result<()> {
    let conflict = |why: String| Err(Failure::conflict(old.resource, &old.key.name, &why));
    if let Some(uid) = wanted["uid"].as_str()
        && *uid != *old.facts.uid
    {
        return conflict(format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            old.facts.uid
        ));
    }
    if let Some(version) = wanted["resourceVersion"].as_str()
        && version != old.revision.to_string()
    {
        return conflict(format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). The object might have been modified",
            old.revision
        ));
    }
    Ok(())
}

fn delete_pod(world: &mut World, old: &Arc<Stored>, asked: Option<i64>) -> Deleted {
    let mut pod = old.value();
    let facts = old.facts.pod.as_ref();
    let own = pod["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30);
    let mut grace = asked.unwrap_or(own);
    // Nothing runs that could make use of a grace.
    if facts.is_some_and(|facts| facts.node.is_empty() || facts.ended) {
        grace = 0;
    }
    if old.facts.deleting {
        let current = pod["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
        if asked.is_none() && grace != 0 || grace >= current {
            return Deleted { object: Arc::clone(old), gone: false };
        }
        if grace > 0 {
            let until = pod["metadata"]["deletionTimestamp"].as_str().unwrap_or_default();
            pod["metadata"]["deletionTimestamp"] = clock::shift(until, grace - current).into();
            pod["metadata"]["deletionGracePeriodSeconds"] = grace.into();
            return Deleted { object: world.put(Resource::Pods, pod), gone: false };
        }
        return remove_or_mark(world, old, Some(0));
    }
    if grace == 0 {
        return remove_or_mark(world, old, Some(0));
    }
    pod["metadata"]["deletionTimestamp"] = clock::shift(&clock::now_stamp(), grace).into();
    pod["metadata"]["deletionGracePeriodSeconds"] = grace.into();
    Deleted { object: world.put(Resource::Pods, pod), gone: false }
}

/// Removes an object, or marks it as going where finalizers keep it.
fn remove_or_mark(world: &mut World, old: &Arc<Stored>, grace: Option<i64>) -> Deleted {
    let mut value = old.value();
    let metadata = &mut value["metadata"];
    if metadata["finalizers"].as_array().is_none_or(Vec::is_empty) {
        let object = world.remove(old.resource, &old.key).unwrap_or_else(|| Arc::clone(old));
        return Deleted { object, gone: true };
    }
    let grace = grace.unwrap_or(0);
    if old.facts.deleting && metadata["deletionGracePeriodSeconds"] == grace {
        return Deleted { object: Arc::clone(old), gone: false };
    }
    metadata["deletionTimestamp"] = clock::now_stamp().into();
    metadata["deletionGracePeriodSeconds"] = grace.into();
    Deleted { object: world.put(old.resource, value), gone: false }
}

/// Deletes without grace, as kubelets and collectors do.
pub(crate) fn delete_now(world: &mut World, resource: Resource, key: &Key) {
    if let Some(old) = world.store.get(resource, key).cloned() {
        remove_or_mark(world, &old, Some(0));
    }
}

fn delete_namespace(world: &mut World, old: &Arc<Stored>) -> Deleted {
    let name = old.key.name.clone();
    let mut value = old.value();
    if !old.facts.deleting {
        value["metadata"]["deletionTimestamp"] = clock::now_stamp().into();
        value["status"]["phase"] = "Terminating".into();
        world.put(Resource::Namespaces, value);
    }
    for resource in resource::ALL.into_iter().filter(|resource| resource.namespaced()) {
        let objects = &world.store.table(resource).objects;
        let inside = objects.keys().filter(|key| key.namespace == name);
        for key in inside.cloned().collect::<Vec<_>>() {
            let _ = delete(world, resource, &key, &json!({}));
        }
    }
    finish_namespace(world, &name);
    let left = world.store.get(Resource::Namespaces, &old.key).cloned();
    Deleted { gone: left.is_none(), object: left.unwrap_or_else(|| Arc::clone(old)) }
}

/// Removes a terminating namespace once nothing is left in it.
pub(crate) fn finish_namespace(world: &mut World, name: &str) {
    let key = Key::new("", name);
    if world.store.get(Resource::Namespaces, &key).is_some_and(|found| found.facts.deleting)
        && resource::ALL.iter().all(|resource| {
            !resource.namespaced()
                || *resource == Resource::Events
                || world.store.table(*resource).count(Some(name)) == 0
        })
    {
        world.remove(Resource::Namespaces, &key);
    }
}
