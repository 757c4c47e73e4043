//! Inputs of the scripts, clean-up, and recorded calls made again.

use hf_settings::{Recorded, Recorder};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{World, column, now};

#[test]
fn inputs_are_what_the_scripts_take() {
    let world = World::new();
    let input = world.run(&["make-request", "t", "--count", "3"]).good().json();
    let id = world.call("request-machines", &input)["requestId"].as_str().unwrap().to_owned();
    assert_eq!(world.run(&["make-request"]).good().json()["template"]["templateId"], "t");
    assert!(world.run(&["make-request", "other"]).bad().err.contains("\"other\""));
    assert_eq!(world.run(&["make-request", "t", "--count", "0"]).code, 2);
    let open = world.run(&["make-status"]).good().json();
    assert_eq!(column(&open["requests"], "requestId"), [id.as_str()]);
    assert_eq!(world.call("get-request-status", &open)["requests"][0]["status"], "running");
    world.start_all();
    let hosts = world.run(&["make-hosts"]).good().json();
    assert_eq!(column(&hosts["machines"], "name").len(), 3);
    let name = format!("{id}-2");
    let one = world.run(&["make-return", &name]).good().json();
    assert_eq!(one, json!({"machines": [{"name": name, "machineId": name}]}));
    world.call("request-return-machines", &one);
    let ran = world.run(&["make-return", "other"]).good();
    assert!(ran.err.contains("not known") && ran.json()["machines"][0]["name"] == "other", "{ran:?}");
    let all = world.run(&["make-return", "--request", &id]).good().json();
    assert_eq!(column(&all["machines"], "name").len(), 3);
    assert!(world.run(&["make-return", "--request", "other"]).bad().err.contains("no request"));
}

#[test]
fn clean_up_shows_what_is_due_and_does_it_only_when_told() {
    let world = World::new();
    world.write("conf/k8sprov_config.json", r#"{"createTimeout": 60}"#);
    let id = world.request("t", 2);
    let returned = world.request("t", 1);
    world.start_all();
    let waiting = world.request("t", 2);
    world.give_back(&[&format!("{returned}-0")]);
    // The watchers have counted a minute.
    let target = hf_core::ground::Target::default();
    let mut store = world.store();
    store.write(|tx| tx.wait_for_creation(&target, std::time::Duration::from_secs(59), now())).unwrap();
    let due = || world.run(&["cleanup", "--dry-run", "-o", "json"]).good();
    let names =
        |rows: &Value| column(rows, "machine").iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&due().json()), [format!("{returned}-0")]);
    // Whatever is due now was due a moment ago: nothing else is counted.
    let seconds = std::time::Duration::from_millis(999);
    store.write(|tx| tx.wait_for_creation(&target, seconds, now())).unwrap();
    assert_eq!(due().json().as_array().unwrap().len(), 1);
    let state =
        |id: &str| world.run(&["machines", "--request", id, "-o", "json"]).good().json()[0]["state"].clone();
    assert_eq!((state(&waiting), state(&id)), ("waiting".into(), "running".into()));
    let ended = world.run(&["cleanup"]).good();
    assert!(ended.err.contains("0 given up; 1 more"), "{ended:?}");
}

#[test]
fn recorded_calls_are_made_again_with_the_ids_of_now() {
    let world = World::new();
    let file = world.path("calls.jsonl");
    let recorder = Recorder::new(&file);
    let mut at = now();
    let mut record = |call: &str, input: Value, output: Value, exit: u8| {
        let (input, output) = (input.to_string(), output.to_string());
        recorder.add(&Recorded::new(at, call, input.as_bytes(), output.as_bytes(), exit, 3)).unwrap();
        at += SignedDuration::from_hours(1);
    };
    let input = json!({"template": {"templateId": "t", "machineCount": 2}});
    record("requestMachines", input, json!({"requestId": "old", "message": ""}), 0);
    record("getRequestStatus", json!({"requests": [{"requestId": "old"}]}), json!({"requests": []}), 0);
    record(
        "requestReturnMachines",
        json!({"machines": [{"name": "old-1"}]}),
        json!({"requestId": "oldback"}),
        0,
    );
    record("requestMachines", json!({"template": {"templateId": "gone", "machineCount": 2}}), json!({}), 0);
    let file = file.to_str().unwrap();
    assert!(world.run(&["replay", file]).bad().err.contains("--yes"), "nobody is there to ask");
    assert!(!world.path("work").exists());
    // The scripts are told of the provider as Host Factory tells them.
    let script = "#!/bin/sh\ncase $0 in *requestReturn*) echo '{\"requestId\": \"newback\"}' ;; \
                  *requestM*) grep -q '\"gone\"' \"$2\" && exit 1; echo '{\"requestId\": \"new\"}' ;; \
                  *) echo '{}' ;; esac\ncat \"$2\" >>\"$HF_K8S_WORKDIR.calls\"; echo >>\"$HF_K8S_WORKDIR.calls\"\n";
    std::fs::create_dir(world.path("scripts")).unwrap();
    for call in hf_core::Call::ALL {
        let name = format!("scripts/{call}.sh");
        world.write(&name, script);
        std::fs::set_permissions(world.path(&name), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
    }
    let scripts = world.path("scripts");
    let arguments =
        ["replay", file, "--yes", "--speed", "0", "--scripts", scripts.to_str().unwrap(), "-o", "json"];
    let ran = world.run(&arguments).bad();
    assert_eq!(column(&ran.json(), "verdict"), ["same", "same", "same", "other"]);
    let sent = std::fs::read_to_string(world.path("work.calls")).unwrap();
    let sent: Vec<Value> = sent.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(sent[1]["requests"][0]["requestId"], "new");
    assert_eq!(sent[2]["machines"][0]["name"], "new-1");
}

#[test]
fn a_recording_that_is_none_is_refused_by_its_line() {
    let world = World::new();
    world.write("calls.jsonl", "{\"at\": 5}\n");
    let file = world.path("calls.jsonl");
    let ran = world.run(&["replay", file.to_str().unwrap(), "--yes"]).bad();
    assert!(ran.err.contains("line 1") && ran.err.contains("calls.jsonl"), "{ran:?}");
    world.write("calls.jsonl", "");
    assert!(world.run(&["replay", file.to_str().unwrap(), "--yes"]).bad().err.contains("no calls"));
}
