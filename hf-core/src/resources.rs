//! What a pod asks of a node, as the scheduler counts it.

use serde_json::Value;

use crate::quantity::{Quantity, QuantityError};

/// The pod's effective request of `resource` (`cpu`, `memory`), or `None` if it asks for none of it.
///
/// Containers and sidecars (init containers that always restart) run together; an init container runs with the
/// sidecars started before it; the larger of the two counts, and the pod's overhead is added
/// (<https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers>).
/// Where only a limit is given, it is the request. A request for the whole pod (`spec.resources`) takes precedence.
///
/// # Errors
/// If an amount is no quantity.
pub fn requested(pod: &Value, resource: &str) -> Result<Option<Quantity>, QuantityError> {
    let spec = &pod["spec"];
    let overhead = read(&spec["overhead"][resource])?;
    let whole = of(spec, resource)?;
    let together = match whole {
        Some(whole) => Some(whole),
        None => of_containers(spec, resource)?,
    };
    Ok(match (together, overhead) {
        (None, None) => None,
        (some, other) => Some(some.unwrap_or_default() + other.unwrap_or_default()),
    })
}

fn of_containers(spec: &Value, resource: &str) -> Result<Option<Quantity>, QuantityError> {
    let list = |key: &str| spec[key].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut asked = false;
    let mut sidecars = Quantity::default();
    let mut starting = Quantity::default();
    for container in list("initContainers") {
        let amount = of(container, resource)?;
        asked |= amount.is_some();
        let amount = amount.unwrap_or_default();
        if container["restartPolicy"] == "Always" {
            sidecars = sidecars + amount;
            starting = starting.max(sidecars);
        } else {
            starting = starting.max(sidecars + amount);
        }
    }
    let mut running = sidecars;
    for container in list("containers") {
        let amount = of(container, resource)?;
        asked |= amount.is_some();
        running = running + amount.unwrap_or_default();
    }
    Ok(asked.then(|| running.max(starting)))
}

/// The request of a container, or of a pod as a whole.
fn of(owner: &Value, resource: &str) -> Result<Option<Quantity>, QuantityError> {
    let resources = &owner["resources"];
    match read(&resources["requests"][resource])? {
        Some(request) => Ok(Some(request)),
        None => read(&resources["limits"][resource]),
    }
}

fn read(amount: &Value) -> Result<Option<Quantity>, QuantityError> {
    match amount {
        Value::Null => Ok(None),
        Value::String(text) => Quantity::parse(text).map(Some),
        other => Quantity::parse(&other.to_string()).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container(cpu: &str) -> Value {
        json!({"resources": {"requests": {"cpu": cpu}}})
    }

    fn sidecar(cpu: &str) -> Value {
        json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}})
    }

    #[track_caller]
    fn check(spec: Value, cpu: Option<&str>) {
        let cpu = cpu.map(|cpu| Quantity::parse(cpu).unwrap());
        assert_eq!(requested(&json!({"spec": spec}), "cpu"), Ok(cpu));
    }

    #[test]
    fn containers_add_up() {
        check(json!({"containers": [container("1"), container("500m")]}), Some("1500m"));
    }

    #[test]
    fn nothing_asked_is_not_zero() {
        check(json!({"containers": [{"name": "a"}]}), None);
        check(json!({"containers": [container("0")]}), Some("0"));
    }

    #[test]
    fn a_limit_alone_is_the_request() {
        check(json!({"containers": [{"resources": {"limits": {"cpu": 2}}}]}), Some("2"));
    }

    #[test]
    fn an_init_container_counts_if_it_is_larger_than_all_that_runs_later() {
        check(json!({"initContainers": [container("4")], "containers": [container("1")]}), Some("4"));
        check(json!({"initContainers": [container("1")], "containers": [container("2")]}), Some("2"));
    }

    #[test]
    fn sidecars_run_beside_both() {
        check(
            json!({"initContainers": [sidecar("1"), container("4")], "containers": [container("2")]}),
            Some("5"),
        );
        check(
            json!({"initContainers": [container("4"), sidecar("1")], "containers": [container("2")]}),
            Some("4"),
        );
        check(json!({"initContainers": [sidecar("1")], "containers": [container("2")]}), Some("3"));
    }

    #[test]
    fn overhead_is_added_and_a_request_for_the_whole_pod_wins() {
        check(json!({"overhead": {"cpu": "250m"}, "containers": [container("1")]}), Some("1250m"));
        check(json!({"resources": {"requests": {"cpu": "3"}}, "containers": [container("1")]}), Some("3"));
    }

    #[test]
    fn what_is_no_quantity_is_named() {
        let error = requested(&json!({"spec": {"containers": [container("lots")]}}), "cpu").unwrap_err();
        assert!(error.to_string().contains("lots"), "{error}");
    }
}
