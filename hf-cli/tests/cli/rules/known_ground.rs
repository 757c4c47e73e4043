//! Rule 5, and the ground that rules 4 and 7 stand on: what is not known is not said to be gone.

use hf_core::Call;
use serde_json::json;

use crate::site::TEMPLATES;
use crate::world::World;

/// An unknown request is still looked for, for this reason; and so is an unknown machine.
#[track_caller]
fn in_doubt(world: &World, reason: &str) {
    let answer = world.status("unknown");
    assert_eq!((&answer["status"], &answer["machines"]), (&json!("running"), &json!([])), "{answer}");
    assert!(answer["message"].as_str().unwrap().contains(reason), "{answer}");
    let (answer, reclaimed) = world.reclaimed(&["unknown-0"]);
    assert!(reclaimed.is_empty(), "{answer}");
    assert!(answer["message"].as_str().unwrap().contains(reason), "{answer}");
}

#[track_caller]
fn known(world: &World) {
    let answer = world.status("unknown");
    assert_eq!(
        (&answer["status"], &answer["machines"]),
        (&json!("complete_with_error"), &json!([])),
        "{answer}"
    );
    assert_eq!(answer["message"], "there is no such request");
    assert_eq!(world.reclaimed(&["unknown-0"]).1["unknown-0"], 0);
}

#[test]
fn a_new_database_knows_nothing_until_the_cluster_has_been_listed() {
    let mut world = World::new();
    in_doubt(&world, "has not been listed yet; hf-watch-pods has never run");
    world.on_known_ground();
    known(&world);
}

#[test]
fn a_silent_watch_knows_nothing() {
    let mut world = World::known();
    world.pass(120);
    known(&world);
    world.pass(1);
    in_doubt(&world, "has been silent for 121 s; hf-watch-pods has been silent for 2 min");
    world.write(|tx| tx.mark_progress(&world.target, world.now));
    known(&world);
    // A clock that was set back says nothing about how old the news is.
    world.pass(-3_600);
    in_doubt(&world, "has been silent for -3600 s");
}

#[test]
fn the_wrong_cluster_knows_nothing_and_the_answers_say_so() {
    let mut world = World::known();
    let id = world.request(1);
    world.write(|tx| {
        tx.refuse(&world.target, "this is another cluster than the one where machines were made")
    });
    in_doubt(&world, "another cluster");
    let answer = world.status(&id);
    assert_eq!(answer["status"], "running");
    assert!(answer["message"].as_str().unwrap().contains("another cluster"), "{answer}");
    world.on_known_ground();
    known(&world);
}

#[test]
fn a_cluster_that_is_configured_and_not_watched_may_hold_anything() {
    let world = World::known();
    let elsewhere = r#"{"templateId": "e", "maxNumber": 1, "podSpec": "pod.yaml", "namespace": "elsewhere"}, {"templateId": "t""#;
    world.site.write("k8sprov_templates.json", TEMPLATES.replacen(r#"{"templateId": "t""#, elsewhere, 1));
    in_doubt(&world, "namespace \"elsewhere\"");
}

#[test]
fn a_template_that_cannot_be_used_may_mean_a_cluster_that_nobody_watches() {
    let world = World::known();
    let broken = r#"{"templateId": "b", "maxNumber": 1, "podSpec": "missing.yaml"}, {"templateId": "t""#;
    world.site.write("k8sprov_templates.json", TEMPLATES.replacen(r#"{"templateId": "t""#, broken, 1));
    in_doubt(&world, "template \"b\"");
    std::fs::copy(world.site.confdir().join("pod.yaml"), world.site.confdir().join("missing.yaml")).unwrap();
    known(&world);
}

#[test]
fn without_a_templates_file_no_cluster_is_known_and_what_is_known_is_answered() {
    let mut world = World::known();
    let id = world.running(1);
    std::fs::remove_file(world.site.confdir().join("k8sprov_templates.json")).unwrap();
    in_doubt(&world, "k8sprov_templates.json: does not exist");
    assert_eq!(world.status(&id)["status"], "complete");
    let returned = world.give_back(&[&format!("{id}-0")]);
    world.vanish(&format!("{id}-0"));
    assert_eq!(world.status(&returned)["status"], "complete");
}

#[test]
fn an_unknown_id_in_a_batch_harms_no_other() {
    let mut world = World::known();
    let id = world.running(1);
    let ids = ["unknown", &id, "../x", &id, "unknown"].map(|id| json!({"requestId": id}));
    let answer = world.call(Call::GetRequestStatus, &json!({"requests": ids})).answer();
    let found: Vec<_> = answer["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| (request["requestId"].as_str().unwrap(), request["status"].as_str().unwrap()))
        .collect();
    let expected = [("unknown", "complete_with_error"), (&id, "complete"), ("../x", "complete_with_error")];
    assert_eq!(found, expected, "each once, in the order in which they were asked for");
}

/// Rows carry the instance: what another provider of the same work directory asked for is unknown here.
#[test]
fn another_instances_request_is_unknown() {
    let mut world = World::known();
    let id = world.request(1);
    world.provider = "another";
    let answer = world.status(&id);
    assert_eq!(answer["machines"], json!([]));
    assert_eq!(answer["status"], "running", "nobody watches for that instance");
    let (_, reclaimed) = world.reclaimed(&[&format!("{id}-0")]);
    assert!(reclaimed.is_empty());
}
