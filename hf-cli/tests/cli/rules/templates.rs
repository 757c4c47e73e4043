//! Rules 8, 9 and 10: what may be asked for, and what a refused or accepted request leaves behind.

use hf_core::{Call, TemplateId};
use serde_json::json;

use crate::site::{POD, machines_of};
use crate::world::World;

#[test]
fn what_is_announced_is_what_the_pod_asks_for_in_the_files_order() {
    let world = World::new();
    let resources = "image: sleep, resources: {requests: {cpu: 1500m, memory: 1.5Gi}}";
    world.site.write("pod.yaml", POD.replace("image: sleep", resources));
    let answer = world.call(Call::GetAvailableTemplates, &json!({})).answer();
    let attributes = json!({
        "ncores": ["Numeric", "2"],
        "ncpus": ["Numeric", "2"],
        "nram": ["Numeric", "1536"],
        "type": ["String", "X86_64"],
    });
    let template = |id, max| json!({"templateId": id, "maxNumber": max, "attributes": attributes, "podSpec": "pod.yaml"});
    assert_eq!(answer, json!({"message": "", "templates": [template("t", 10), template("wide", 100_000)]}));
}

#[test]
fn availability_is_said_where_the_setting_asks_for_it() {
    let mut world = World::known();
    let id = world.running(3);
    world.give_back(&[&format!("{id}-1")]);
    let said = |world: &World| {
        let answer = world.call(Call::GetAvailableTemplates, &json!({})).answer();
        let of = |at: usize| {
            let template = &answer["templates"][at];
            (template["availableNumber"].clone(), template["requestedMachines"].clone())
        };
        (of(0), of(1))
    };
    let nothing = (json!(null), json!(null));
    assert_eq!(said(&world), (nothing.clone(), nothing.clone()));
    world.site.write("k8sprov_config.json", r#"{"showAvailability": true, "hostSuffix": ".grid"}"#);
    let had = json!([format!("{id}-0.grid"), format!("{id}-2.grid")]);
    assert_eq!(said(&world), ((json!(8), had), (json!(100_000), json!([]))));
    // The call never fails on it.
    world.site.write("k8sprov_config.json", r#"{"showAvailability": true, "startTimeout": "soon"}"#);
    assert_eq!(said(&world), (nothing.clone(), nothing));
}

#[test]
fn one_bad_template_is_left_out_and_refused_by_name() {
    let world = World::known();
    let good = r#"{"templateId": "good", "maxNumber": 5, "podSpec": "pod.yaml"}"#;
    let bad = r#"{"templateId": "bad", "maxNumber": 5, "podSpec": "missing.yaml"}"#;
    world.site.write("k8sprov_templates.json", format!(r#"{{"templates": [{bad}, {good}]}}"#));
    let answer = world.call(Call::GetAvailableTemplates, &json!({})).answer();
    assert_eq!(answer["templates"].as_array().unwrap().len(), 1);
    assert_eq!(answer["templates"][0]["templateId"], "good");
    assert!(answer["message"].as_str().unwrap().contains("1 template cannot be used"), "{answer}");
    world.call(Call::RequestMachines, &machines_of("bad", 1)).refused(&["template \"bad\"", "missing.yaml"]);
    world.call(Call::RequestMachines, &machines_of("good", 1)).answer();

    world.site.write("k8sprov_templates.json", format!(r#"{{"templates": [{bad}]}}"#));
    world.call(Call::GetAvailableTemplates, &json!({})).refused(&["no template can be used", "missing.yaml"]);
}

#[test]
fn the_manifest_that_counts_is_the_one_that_stood_when_the_request_was_accepted() {
    let world = World::known();
    world.request(1);
    world.site.write("pod.yaml", POD.replace("sleep", "another"));
    world.request(1);
    let claimed = world.write(|tx| tx.claim(&world.target, 10, 10, |_| false));
    let manifests = claimed.iter().map(|machine| world.write(|tx| tx.manifest(machine.manifest)).unwrap());
    let images: Vec<_> = manifests
        .map(|pod| {
            serde_json::from_str::<serde_json::Value>(&pod).unwrap()["spec"]["containers"][0]["image"].clone()
        })
        .collect();
    assert_eq!(images, ["sleep", "another"]);
}

#[test]
fn only_live_machines_count_against_the_limit() {
    let mut world = World::known();
    let id = world.running(10);
    let more = |world: &World| world.call(Call::RequestMachines, &machines_of("t", 1));
    more(&world).refused(&["10 live already"]);
    world.vanish(&format!("{id}-0"));
    more(&world).answer();
    more(&world).refused(&["10 live already"]);
    world.give_back(&[&format!("{id}-1")]);
    more(&world).answer();
    assert_eq!(world.write(|tx| tx.live_machines(&"t".parse::<TemplateId>().unwrap())), 10);
    // `wide` has no limit, and limits are each template's own.
    world.call(Call::RequestMachines, &machines_of("wide", 1_000)).answer();
}

/// What was answered is in the file, not in some process.
#[test]
fn an_id_is_printed_only_once_the_request_is_in_the_store() {
    let world = World::known();
    let id = world.request(2);
    let found = world.write(|tx| {
        let request = tx.request(&id)?.expect("it is there");
        tx.machines_of(request.seq)
    });
    assert_eq!(found.len(), 2);
}
