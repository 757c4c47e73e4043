//! Rule 14: silence is said, where it matters.

use hf_core::Call;
use hf_store::Heartbeat;
use serde_json::json;

use crate::world::World;

fn message(world: &World, id: &str) -> String {
    world.status(id)["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_running_answer_names_the_watchers_that_it_waits_for() {
    let mut world = World::new();
    let id = world.request(2);
    let said = message(&world, &id);
    assert!(said.starts_with("2 in progress; hf-watch-requests has never run"), "{said}");
    assert!(said.contains("hf-watch-pods has never run") && !said.contains("hf-watch-returns"), "{said}");

    world.on_known_ground();
    assert_eq!(message(&world, &id), "2 in progress");
    world.pass(240);
    world.beat(&["hf-watch-requests"]);
    assert_eq!(message(&world, &id), "2 in progress; hf-watch-pods has been silent for 4 min");

    let returned = world.give_back(&["unknown"]);
    let said = message(&world, &returned);
    assert!(said.contains("hf-watch-returns has been silent for 4 min"), "{said}");
    assert!(!said.contains("hf-watch-requests"), "{said}");
}

#[test]
fn a_settled_answer_waits_for_nobody() {
    let mut world = World::known();
    let id = world.running(1);
    world.pass(86_400);
    assert_eq!(message(&world, &id), "1 succeeded");
}

#[test]
fn what_a_watcher_waits_for_is_said() {
    let world = World::known();
    let id = world.request(1);
    world.write(|tx| {
        tx.beat(&Heartbeat {
            program: "hf-watch-requests".into(),
            host: "h".into(),
            pid: 1,
            started_at: world.now,
            beat_at: world.now,
            trouble: "the API server does not accept the credentials".into(),
        })
    });
    let said = message(&world, &id);
    assert_eq!(said, "1 in progress; hf-watch-requests: the API server does not accept the credentials");
}

#[test]
fn what_is_announced_may_be_old_news() {
    let mut world = World::known();
    let id = world.running(1);
    let hosts = json!({"machines": [{"name": format!("{id}-0")}]});
    let said = |world: &World| {
        world.call(Call::GetReturnRequests, &hosts).answer()["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(said(&world), "");
    world.pass(600);
    assert_eq!(said(&world), "hf-watch-pods has been silent for 10 min");
}
