//! Resource quotas on pods: admission, and the `used` in their status.

use serde_json::{Map, Value, json};

use crate::{
    facts::{self, Facts, amount},
    failure::{Failure, Result},
    quantity::{self, UNIT},
    resource::Resource,
    usage::Used,
    world::World,
};

/// How much of a quota's resource is used or asked for.
fn of(
    name: &str,
    pods: i128,
    objects: i128,
    requests: &facts::Amounts,
    limits: &facts::Amounts,
) -> Option<i128> {
    match name {
        "pods" => Some(pods * UNIT),
        "count/pods" => Some(objects * UNIT),
        "cpu" | "memory" | "ephemeral-storage" => Some(amount(requests, name)),
        _ => match name.split_once('.') {
            Some(("requests", name)) => Some(amount(requests, name)),
            Some(("limits", name)) => Some(amount(limits, name)),
            _ => None,
        },
    }
}

/// Refuses a pod that a quota has no room for.
pub(crate) fn admit(world: &World, namespace: &str, name: &str, pod: &Value) -> Result<()> {
    if world.store.table(Resource::ResourceQuotas).count(Some(namespace)) == 0 {
        return Ok(());
    }
    let Some(asked) = Facts::of(Resource::Pods, pod).pod else { return Ok(()) };
    let nothing = Used::default();
    let used = world.usage.namespace(namespace).unwrap_or(&nothing);
    let quotas = world.store.table(Resource::ResourceQuotas).objects.values();
    for quota in quotas.filter(|quota| quota.key.namespace == namespace) {
        let quota_name = &quota.key.name;
        let hard = quota.value()["spec"]["hard"].clone();
        let missing = unstated(&hard, pod);
        if !missing.is_empty() {
            let why = format!("failed quota: {quota_name}: must specify {}", missing.join("; "));
            return Err(Failure::forbidden(Resource::Pods, name, &why));
        }
        let (mut wanted, mut current, mut limited) = (Vec::new(), Vec::new(), Vec::new());
        for (item, limit) in hard.as_object().into_iter().flatten() {
            let (Some(ask), Some(held), Some(limit)) = (
                of(item, 1, 1, &asked.requests, &asked.limits),
                of(item, used.pods, used.objects, &used.requests, &used.limits),
                quantity::of(limit),
            ) else {
                continue;
            };
            if ask > 0 && held + ask > limit {
                wanted.push(format!("{item}={}", quantity::show(item, ask)));
                current.push(format!("{item}={}", quantity::show(item, held)));
                limited.push(format!("{item}={}", quantity::show(item, limit)));
            }
        }
        if !wanted.is_empty() {
            let why = format!(
                "exceeded quota: {quota_name}, requested: {}, used: {}, limited: {}",
                wanted.join(","),
                current.join(","),
                limited.join(",")
            );
            return Err(Failure::forbidden(Resource::Pods, name, &why));
        }
    }
    Ok(())
}

/// What a quota demands to be stated and a container does not state.
fn unstated(hard: &Value, pod: &Value) -> Vec<String> {
    let mut missing = Vec::new();
    for item in hard.as_object().into_iter().flatten().map(|(item, _)| item.as_str()) {
        let (kind, resource) = match item.split_once('.') {
            Some(("limits", resource)) => ("limits", resource),
            Some(("requests", resource)) => ("requests", resource),
            _ => ("requests", item),
        };
        if !matches!(resource, "cpu" | "memory") {
            continue;
        }
        let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
        let names: Vec<&str> = containers
            .filter(|container| container["resources"][kind][resource].is_null())
            .filter_map(|container| container["name"].as_str())
            .collect();
        if !names.is_empty() {
            missing.push(format!("{item} for: {}", names.join(",")));
        }
    }
    missing
}

/// Brings the status of a namespace's quotas up to date.
pub(crate) fn refresh(world: &mut World, namespace: &str) {
    if world.store.table(Resource::ResourceQuotas).count(Some(namespace)) == 0 {
        return;
    }
    let quotas: Vec<_> = world
        .store
        .table(Resource::ResourceQuotas)
        .objects
        .values()
        .filter(|quota| quota.key.namespace == namespace)
        .cloned()
        .collect();
    let nothing = Used::default();
    for quota in quotas {
        let mut value = quota.value();
        let hard = value["spec"]["hard"].clone();
        let used = world.usage.namespace(namespace).unwrap_or(&nothing);
        let mut shown = Map::new();
        for item in hard.as_object().into_iter().flatten().map(|(item, _)| item) {
            if let Some(used) = of(item, used.pods, used.objects, &used.requests, &used.limits) {
                shown.insert(item.clone(), quantity::show(item, used).into());
            }
        }
        let status = json!({"hard": hard, "used": shown});
        if value["status"] != status {
            value["status"] = status;
            world.put(Resource::ResourceQuotas, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_be_stated_is_named() {
        let hard = json!({"pods": "1", "limits.cpu": "1", "memory": "1Gi"});
        let pod = json!({"spec": {"containers": [
            {"name": "a", "resources": {"requests": {"memory": "1"}}}, {"name": "b"},
        ]}});
        assert_eq!(unstated(&hard, &pod), ["limits.cpu for: a,b", "memory for: b"]);
    }
}
