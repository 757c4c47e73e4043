//! Rule 4: a return is executing until the pod is gone, and never fails.

use hf_core::Call;
use serde_json::{Value, json};

use crate::world::{World, machines};

fn results(answer: &Value) -> Vec<&str> {
    answer["machines"].as_array().unwrap().iter().map(|machine| machine["result"].as_str().unwrap()).collect()
}

#[test]
fn executing_until_the_pod_is_gone() {
    let mut world = World::known();
    let id = world.running(2);
    let (a, b) = (format!("{id}-0"), format!("{id}-1"));
    let returned = world.give_back(&[&a, &b]);
    assert_eq!(results(&world.status(&returned)), ["executing", "executing"]);
    assert_eq!(world.delete(None), 2);
    world.change(&a, |facts| facts.deleting = Some(30));
    let going = world.status(&returned);
    assert_eq!(results(&going), ["executing", "executing"], "a delete that was accepted is no deletion");
    assert!(going["machines"][0]["message"].as_str().unwrap().contains("node-1"), "{going}");
    assert_eq!(going["machines"][0]["status"], "shutting-down");
    world.vanish(&a);
    assert_eq!(results(&world.status(&returned)), ["succeed", "executing"]);
    world.vanish(&b);
    let gone = world.status(&returned);
    assert_eq!((&gone["status"], results(&gone)), (&json!("complete"), vec!["succeed", "succeed"]));
    assert_eq!(gone["machines"][0]["status"], "terminated");
}

#[test]
fn a_refused_delete_is_no_failure_and_is_said() {
    let mut world = World::known();
    let id = world.running(1);
    let returned = world.give_back(&[&format!("{id}-0")]);
    world.delete(Some("pods is forbidden: cannot delete"));
    let answer = world.status(&returned);
    assert_eq!(results(&answer), ["executing"]);
    assert_eq!(answer["machines"][0]["message"], "pods is forbidden: cannot delete");
    assert_eq!(world.delete(None), 1, "it is asked for again");
}

#[test]
fn returned_before_its_pod_exists_it_is_gone_at_once_and_never_created() {
    let mut world = World::known();
    let id = world.request(2);
    let returned = world.give_back(&[&format!("{id}-0"), &format!("{id}-1")]);
    assert_eq!(world.status(&returned)["status"], "complete");
    assert_eq!(world.create(), 0);
    assert_eq!(world.status(&id)["status"], "complete_with_error");
}

#[test]
fn returned_while_it_is_being_created_it_is_deleted_once_that_is_settled() {
    let mut world = World::known();
    let id = world.request(1);
    let claimed = world.write(|tx| tx.claim(&world.target, 10, 10, |_| false));
    let returned = world.give_back(&[&format!("{id}-0")]);
    assert_eq!(results(&world.status(&returned)), ["executing"]);
    assert_eq!(world.delete(None), 0, "nobody knows yet whether there is anything to delete");
    world.write(|tx| {
        let created = hf_store::Settled {
            seq: claimed[0].seq,
            attempt: hf_core::Attempt::Created,
            uid: "u".into(),
            message: String::new(),
        };
        tx.settle([&created], world.now)
    });
    assert_eq!(results(&world.status(&returned)), ["executing"]);
    assert_eq!(world.delete(None), 1);
    world.pods.clear();
    world.list();
    assert_eq!(world.status(&returned)["status"], "complete");
}

#[test]
fn returning_what_is_gone_succeeds() {
    let mut world = World::known();
    let id = world.running(1);
    let name = format!("{id}-0");
    world.vanish(&name);
    for _ in 0..2 {
        let returned = world.give_back(&[&name]);
        let answer = world.status(&returned);
        assert_eq!((&answer["status"], results(&answer)), (&json!("complete"), vec!["succeed"]));
    }
}

#[test]
fn a_name_that_was_never_ours_is_gone_on_known_ground() {
    let world = World::known();
    let returned = world.give_back(&["host-10-1-1-36", "Not A Name", "never-5"]);
    let answer = world.status(&returned);
    assert_eq!(answer["status"], "complete");
    assert_eq!(results(&answer), ["succeed"; 3]);
    for (name, machine) in machines(&answer) {
        assert_eq!(machine["machineId"], name.as_str(), "never empty");
        assert_eq!(machine["status"], "terminated");
        assert_eq!(machine["launchtime"], world.now.as_second());
    }
}

#[test]
fn without_known_ground_it_is_remembered_and_its_pod_deleted_if_it_turns_up() {
    let mut world = World::new();
    let returned = world.give_back(&["lost-1", "nobody"]);
    let answer = world.status(&returned);
    assert_eq!((&answer["status"], results(&answer)), (&json!("running"), vec!["executing", "executing"]));
    let machine = &answer["machines"][0];
    assert!(machine["message"].as_str().unwrap().contains("has not been listed yet"), "{machine}");
    assert_ne!(machine["status"], "terminated", "nobody knows that");

    world.stray("lost", 1, 2);
    world.on_known_ground();
    let answer = world.status(&returned);
    assert_eq!((&answer["status"], results(&answer)), (&json!("running"), vec!["executing", "succeed"]));
    assert_eq!(world.delete(None), 1);
    world.vanish("lost-1");
    assert_eq!(world.status(&returned)["status"], "complete");
}

#[test]
fn what_host_factory_sent_as_an_id_is_repeated_and_all_forms_are_taken() {
    let world = World::known();
    for machines in [
        json!({"name": "a", "machineId": "uuid-0"}),
        json!([{"name": "a", "machineId": "uuid-0"}, {"name": "a"}]),
    ] {
        let answer = world.call(Call::RequestReturnMachines, &json!({"machines": machines})).answer();
        let status = world.status(answer["requestId"].as_str().unwrap());
        assert_eq!(status["machines"].as_array().unwrap().len(), 1);
        assert_eq!(status["machines"][0]["machineId"], "uuid-0");
    }
    let none = world.give_back(&[]);
    assert_eq!(world.status(&none)["status"], "complete");
}
