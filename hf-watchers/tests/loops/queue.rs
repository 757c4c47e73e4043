//! Who is created first, and who waits for whom.

use serde_json::{Value, json};

use crate::world::{ALL, NAMESPACE, World, options};

/// A templates file with these templates: their ids, and what each has of its own.
fn templates(world: &World, each: &[(&str, Value)]) {
    let each = each.iter().map(|(id, own)| {
        let mut template = json!({"templateId": id, "maxNumber": 5000, "podSpec": "pod.json"});
        template.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        template
    });
    world.write("conf/k8sprov_templates.json", &json!({"templates": each.collect::<Vec<_>>()}));
}

/// The pods in the order in which they were created, given that nothing happens to them.
fn in_order(world: &World) -> Vec<String> {
    let mut pods: Vec<(u64, String)> = world
        .handle()
        .pods(NAMESPACE)
        .iter()
        .map(|pod| {
            let text = |field: &str| pod["metadata"][field].as_str().unwrap().to_owned();
            (text("resourceVersion").parse().unwrap(), text("name"))
        })
        .collect();
    pods.sort_unstable();
    pods.into_iter().map(|(_, name)| name).collect()
}

#[tokio::test]
async fn machines_of_a_template_of_higher_priority_are_created_first() {
    let mut world = World::with(options(), json!({"maxInFlight": 1})).await;
    templates(
        &world,
        &[("low", json!({"priority": -1})), ("t", json!({})), ("high", json!({"priority": 5}))],
    );
    let ids: Vec<String> =
        ["low", "t", "high"].iter().map(|template| world.request_of(template, 5)).collect();
    // The priority is that of the time of the request.
    templates(&world, &[("low", json!({"priority": 9})), ("t", json!({})), ("high", json!({}))]);
    world.start(&ALL);
    world.until_pods(15).await;
    let mut found: Vec<&str> = in_order(&world)
        .iter()
        .map(|name| ids.iter().position(|id| name.starts_with(id.as_str())).unwrap())
        .map(|at| ["low", "t", "high"][at])
        .collect();
    found.dedup();
    assert_eq!(found, ["high", "t", "low"]);
}
