//! `import`: what the predecessor has begun goes on here.

use std::fs;
use std::os::unix::fs::symlink;

use hf_core::ground::Target;
use serde_json::{Value, json};

use crate::predecessor::{Predecessor, uid};
use crate::world::{Ran, World, column, pod_spec, template};

fn import(world: &World, old: &Predecessor, more: &[&str]) -> Ran {
    let from = old.directory.to_str().unwrap();
    world.run(&[&["import", "--from", from, "-o", "json"], more].concat())
}

fn status(world: &World, id: &str) -> Value {
    world.call("get-request-status", &json!({"requests": [{"requestId": id}]}))["requests"][0].clone()
}

fn row<'a>(rows: &'a Value, subject: &str) -> &'a Value {
    rows.as_array()
        .unwrap()
        .iter()
        .find(|row| row["subject"] == subject)
        .unwrap_or_else(|| panic!("{subject}: {rows}"))
}

/// An open request that runs, one half of which is created, and a return half of which is done.
fn old(world: &World) -> Predecessor {
    let old = Predecessor::new(world);
    let spec = world.path("conf/pod.json");
    old.request("runs", 2, &spec);
    old.request("half", 4, &spec);
    for (id, n) in [("runs", 0), ("runs", 1), ("half", 0), ("half", 1)] {
        old.created(id, n);
    }
    old.processed("requests/runs");
    for name in ["runs-0", "runs-1", "half-0"] {
        old.seen(name, "running");
    }
    old.give_back("back", &["runs-0", "runs-1"]);
    old.state("runs-0", "deleted");
    old
}

#[test]
fn open_half_created_and_half_returned_requests_go_on() {
    let world = World::new();
    let old = old(&world);
    let before = old.contents();
    let ran = import(&world, &old, &[]).good();
    assert_eq!(old.contents(), before, "the predecessor's directory is only read");
    let rows = ran.json();
    assert_eq!(column(&rows, "verdict"), ["taken"; 3]);
    let half = row(&rows, "half");
    assert_eq!((&half["to_create"], &half["created"], &half["machines"]), (&2.into(), &2.into(), &4.into()));
    assert_eq!((&half["template"], &half["namespace"]), (&"t".into(), &"grid".into()));
    // Host Factory's ids are known, and machines are called what it was told.
    let half = status(&world, "half");
    assert_eq!(half["status"], "running");
    assert_eq!(column(&half["machines"], "machineId"), [&uid("half-0"), "half-1", "half-2", "half-3"]);
    let back = status(&world, "back");
    assert_eq!(column(&back["machines"], "result"), ["succeed", "executing"]);
    assert_eq!(column(&back["machines"], "machineId"), [uid("runs-0"), uid("runs-1")]);
    // What is missing is created from the pod spec, and what is left is deleted by its UID.
    let target = Target { context: String::new(), namespace: "grid".to_owned() };
    let mut store = world.store();
    let claimed = store.write(|tx| tx.claim(&target, 10, 10, |_| false)).unwrap();
    assert_eq!(claimed.iter().map(|claimed| claimed.name.as_str()).collect::<Vec<_>>(), ["half-2", "half-3"]);
    let manifest = store.read(|tx| tx.manifest(claimed[0].manifest)).unwrap().unwrap();
    let mut expected = crate::world::pod_spec();
    expected["spec"]["restartPolicy"] = "Never".into();
    assert_eq!(serde_json::from_str::<Value>(&manifest).unwrap(), expected);
    let room = hf_store::DeletionRoom {
        most: 10,
        first: 0,
        skip: |_| false,
        spare_orphans: false,
        force_after: None,
    };
    let due = store.read(|tx| tx.due_deletions(&target, &room)).unwrap();
    assert_eq!(due.iter().map(|due| due.uid.clone()).collect::<Vec<_>>(), [uid("runs-1")]);
    assert_eq!(due[0].name.as_str(), "runs-1");
    let shown = world.run(&["show", &uid("half-0"), "-o", "json"]).good().json();
    assert_eq!((&shown["machine"], &shown["node"]), (&"half-0".into(), &"n1".into()));
    assert!(column(&shown["history"], "event").contains(&"imported"));
}

#[test]
fn a_second_import_changes_nothing_and_says_so() {
    let world = World::new();
    let old = old(&world);
    import(&world, &old, &[]).good();
    let before = world.run(&["show", "half", "-o", "json"]).good().out;
    let ran = import(&world, &old, &[]).good();
    assert!(ran.err.contains("nothing was changed"), "{ran:?}");
    assert_eq!(column(&ran.json(), "verdict"), ["known"; 3]);
    assert_eq!(world.run(&["show", "half", "-o", "json"]).good().out, before);
}

#[test]
fn a_dry_run_shows_the_same_and_leaves_nothing_behind() {
    let world = World::new();
    let old = old(&world);
    let ran = import(&world, &old, &["--dry-run"]).good();
    assert_eq!(column(&ran.json(), "verdict"), ["would be taken"; 3]);
    assert!(!world.path("work").exists(), "not even a store");
    world.request("t", 1);
    import(&world, &old, &["--dry-run"]).good();
    assert_eq!(world.run(&["requests", "-o", "json"]).good().json().as_array().unwrap().len(), 1);
}

#[test]
fn conflicts_are_named_and_then_nothing_or_the_rest_is_taken_over() {
    let world = World::new();
    let old = old(&world);
    // An id that Host Factory gave us since.
    let mut store = world.store();
    let id = hf_core::RequestId::parse("half").unwrap();
    store.write(|tx| tx.register_return(Some(id), &[], crate::world::now())).unwrap();
    let ran = import(&world, &old, &[]).bad();
    let rows = ran.json();
    let half = row(&rows, "half");
    assert_eq!(half["verdict"], "conflict");
    assert!(half["reason"].as_str().unwrap().contains("return"), "{half}");
    assert!(ran.err.contains("--skip-conflicts"), "{ran:?}");
    let count = || world.run(&["requests", "-o", "json"]).good().json().as_array().unwrap().len();
    assert_eq!(count(), 1);
    import(&world, &old, &["--skip-conflicts"]).bad();
    assert_eq!(count(), 3);
}

#[test]
fn what_was_finished_long_ago_is_left_out_unless_it_is_asked_for() {
    let world = World::new();
    let old = Predecessor::new(&world);
    let spec = world.path("conf/pod.json");
    for id in ["done", "fresh"] {
        old.request(id, 1, &spec);
        old.created(id, 0);
        old.seen(&format!("{id}-0"), "running");
        old.state(&format!("{id}-0"), "deleted");
    }
    old.give_back("gaveback", &["done-0"]);
    // Links have times of their own.
    let long_ago = std::process::Command::new("touch")
        .args(["-h", "-d", "3 days ago"])
        .arg(old.directory.join("pods-status/done-0"))
        .status();
    assert!(long_ago.unwrap().success());
    let rows = import(&world, &old, &["--dry-run"]).good().json();
    assert_eq!(row(&rows, "requests/done")["verdict"], "left out");
    assert_eq!(row(&rows, "return-requests/gaveback")["verdict"], "left out");
    assert_eq!(row(&rows, "fresh")["gone"], 1);
    import(&world, &old, &["--all"]).good();
    assert_eq!(status(&world, "done")["status"], "complete_with_error");
    assert_eq!(status(&world, "gaveback")["status"], "complete");
}

#[test]
fn garbage_is_named_and_harms_nothing() {
    let world = World::new();
    let old = old(&world);
    let at = |name: &str| old.directory.join(name);
    fs::write(at("requests/file"), "").unwrap();
    fs::create_dir(at("requests/Not An Id")).unwrap();
    fs::create_dir(at("requests/.hidden")).unwrap();
    symlink("/etc", at("requests/linked")).unwrap();
    fs::create_dir(at("requests/empty")).unwrap();
    fs::write(at("requests/runs/other-0"), "").unwrap();
    fs::write(at("requests/runs/runs-01"), "").unwrap();
    fs::write(at("requests/runs/runs-4294967295"), "").unwrap();
    fs::create_dir(at("requests/runs/runs-7")).unwrap();
    fs::write(at("pods/runs-1"), "{ torn").unwrap();
    fs::remove_file(at("pods-status/half-1")).unwrap();
    symlink("../../etc/passwd", at("pods-status/half-1")).unwrap();
    fs::write(at("return-requests/back/..bad"), "").unwrap();
    fs::write(at("return-requests/back/Bad_Name"), "").unwrap();
    symlink("/etc/hostname", at("pods/half-2")).unwrap();
    let ran = import(&world, &old, &[]).good();
    let rows = ran.json();
    for ignored in [
        "file",
        "Not An Id",
        "linked",
        "empty",
        "runs/other-0",
        "runs/runs-01",
        "runs/runs-4294967295",
        "runs/runs-7",
    ] {
        assert_eq!(row(&rows, &format!("requests/{ignored}"))["verdict"], "ignored");
    }
    assert_eq!(row(&rows, "return-requests/back/Bad_Name")["verdict"], "ignored");
    for odd in ["runs/runs-1", "half/half-1", "half/half-2"] {
        assert_eq!(row(&rows, &format!("requests/{odd}"))["verdict"], "warning");
    }
    assert_eq!(column(&status(&world, "runs")["machines"], "machineId"), [&uid("runs-0"), "runs-1"]);
    assert_eq!(row(&rows, "half")["machines"], 4);
}

#[test]
fn a_pod_spec_that_cannot_be_used_fails_its_machines_with_the_reason() {
    let world = World::new();
    let old = Predecessor::new(&world);
    old.request("lost", 2, std::path::Path::new("../../nowhere.yaml"));
    old.created("lost", 0);
    old.seen("lost-0", "running");
    world.write(
        "network.yaml",
        "apiVersion: v1\nkind: Pod\nspec: {hostNetwork: true, containers: [{name: a, image: b}]}\n",
    );
    old.request("host", 1, &world.path("network.yaml"));
    let rows = import(&world, &old, &[]).good().json();
    assert_eq!((&row(&rows, "lost")["created"], &row(&rows, "lost")["failed"]), (&1.into(), &1.into()));
    assert!(row(&rows, "host")["reason"].as_str().unwrap().contains("hostNetwork"), "{rows}");
    let machines = status(&world, "lost")["machines"].clone();
    assert_eq!(column(&machines, "result"), ["executing", "fail"]);
    assert!(machines[1]["message"].as_str().unwrap().contains("nowhere.yaml"), "{machines}");
    assert_eq!(status(&world, "host")["status"], "complete_with_error");
}

#[test]
fn the_template_is_that_of_the_pod_spec_or_the_one_that_is_named() {
    let world = World::new();
    let old = Predecessor::new(&world);
    old.request("made", 1, &world.path("conf/pod.json"));
    old.created("made", 0);
    old.request("open", 1, &world.path("conf/pod.json"));
    let rows = import(&world, &old, &["--dry-run"]).good().json();
    assert_eq!(
        (&row(&rows, "made")["template"], &row(&rows, "open")["template"]),
        (&"imported".into(), &"t".into())
    );
    let rows = import(&world, &old, &["--template", "t"]).good().json();
    assert_eq!(row(&rows, "made")["template"], "t");
    assert!(import(&world, &old, &["--template", "a b"]).bad().err.contains("--template"));
}

#[test]
fn what_is_imported_has_the_priority_of_its_template() {
    let world = World::new();
    let mut urgent = template("urgent");
    urgent["priority"] = 5.into();
    urgent["podSpec"] = "urgent.json".into();
    world.write("conf/urgent.json", &pod_spec().to_string());
    world.write("conf/k8sprov_templates.json", &json!({"templates": [template("t"), urgent]}).to_string());
    let fresh = world.request("t", 1);
    let old = Predecessor::new(&world);
    old.request("plain", 1, &world.path("conf/pod.json"));
    old.request("urgent", 1, &world.path("conf/urgent.json"));
    import(&world, &old, &[]).good();
    let claimed = world.store().write(|tx| tx.claim(&Target::default(), 10, 10, |_| false)).unwrap();
    let order: Vec<_> = claimed.iter().map(|claimed| claimed.request.as_str()).collect();
    assert_eq!(order, ["urgent", &fresh, "plain"]);
}

#[test]
fn a_directory_that_is_no_work_directory_is_refused() {
    let world = World::new();
    fs::create_dir(world.path("old")).unwrap();
    let from = world.path("old");
    let ran = world.run(&["import", "--from", from.to_str().unwrap()]).bad();
    assert!(
        ran.err.contains("neither requests nor return-requests") && ran.err.contains("HF_K8S_WORKDIR"),
        "{ran:?}"
    );
    symlink("/etc", world.path("old/requests")).unwrap();
    let ran = world.run(&["import", "--from", from.to_str().unwrap()]).bad();
    assert!(ran.err.contains("not followed"), "{ran:?}");
}
