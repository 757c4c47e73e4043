//! Rule 1: the n-th machine of a request is `<requestId>-<n>` for ever.

use hf_core::Call;
use serde_json::json;

use crate::site::machines_of;
use crate::world::{World, machines};

#[test]
fn machines_have_their_names_before_there_is_any_pod() {
    let mut world = World::known();
    let id = world.request(3);
    assert!(id.len() == 12 && id.as_bytes()[0].is_ascii_lowercase(), "{id}");
    let before = world.status(&id);
    let names: Vec<String> = (0..3).map(|n| format!("{id}-{n}")).collect();
    assert_eq!(machines(&before).keys().cloned().collect::<Vec<_>>(), names);
    for machine in machines(&before).values() {
        assert_eq!(machine["machineId"], machine["name"]);
    }
    world.create();
    world.vanish(&names[1]);
    assert_eq!(machines(&world.status(&id)).keys().cloned().collect::<Vec<_>>(), names);
}

#[test]
fn machines_are_told_in_the_order_of_their_numbers() {
    let mut world = World::known();
    let id = world.call(Call::RequestMachines, &machines_of("wide", 12)).answer()["requestId"].clone();
    world.create();
    let id = id.as_str().unwrap();
    for n in [11, 3, 7] {
        world.start(&format!("{id}-{n}"));
    }
    let status = world.status(id);
    let names: Vec<_> = status["machines"].as_array().unwrap().iter().map(|m| m["name"].clone()).collect();
    assert_eq!(names, (0..12).map(|n| json!(format!("{id}-{n}"))).collect::<Vec<_>>());
}

#[test]
fn hosts_that_call_themselves_by_full_names_are_told_so_and_known_so() {
    let mut world = World::known();
    world.site.write("k8sprov_config.json", r#"{"hostSuffix": ".grid.example"}"#);
    let id = world.running(1);
    let (pod, host) = (format!("{id}-0"), format!("{id}-0.grid.example"));
    let status = world.status(&id);
    assert_eq!(status["machines"][0]["name"], host.as_str());
    assert_eq!(status["machines"][0]["machineId"], pod.as_str());

    world.change(&pod, |facts| facts.deleting = Some(30));
    assert_eq!(world.reclaimed(&[&host]).1[&host], 30, "the host is announced by the name that was listed");
    let returned = world.give_back(&[&host]);
    let status = world.status(&returned);
    assert_eq!(status["machines"][0]["name"], host.as_str());
    assert_eq!(status["machines"][0]["machineId"], pod.as_str());
    assert_eq!(status["status"], "running");
    world.vanish(&pod);
    assert_eq!(world.status(&returned)["status"], "complete");
}

#[test]
fn acquire_and_return_ids_share_one_space() {
    let world = World::known();
    let id = world.request(1);
    let back = json!({"machines": []});
    world
        .call_with(Call::RequestReturnMachines, &back, &["--request-id", &id])
        .refused(&["has been used before"]);
}
