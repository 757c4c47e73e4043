//! Lists, details, timings, exports, backups.

use std::io::Read;
use std::process::Stdio;

use jiff::SignedDuration;
use serde_json::Value;

use crate::world::{World, column, now};

#[test]
fn requests_and_machines_in_every_format() {
    let world = World::new();
    let id = world.request("t", 2);
    world.start_all();
    let back = world.give_back(&[&format!("{id}-1")]);
    let rows = world.run(&["requests", "-o", "json"]).good().json();
    assert_eq!(column(&rows, "request_id"), [id.as_str(), &back]);
    assert_eq!(
        (column(&rows, "kind"), column(&rows, "state")),
        (vec!["acquire", "return"], vec!["complete", "running"])
    );
    assert_eq!((&rows[0]["succeeded"], &rows[0]["failed"]), (&1.into(), &1.into()));
    let machines = world.run(&["machines", "-o", "json"]).good().json();
    assert_eq!(column(&machines, "state"), ["running", "ending"]);
    assert_eq!(machines[0]["uid"], format!("uid-{id}-0"));
    for command in ["requests", "machines"] {
        let json = world.run(&[command, "--output", "json"]).good().json();
        let yaml = world.run(&[command, "--output", "yaml"]).good().out;
        assert!(yaml.contains("state: running"), "{yaml}");
        let csv = world.run(&[command, "--output", "csv"]).good().out;
        let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
        assert!(header.iter().all(|name| json[0].get(name).is_some()), "{header:?}");
        let table = world.run(&[command]).good().out;
        assert!(table.lines().count() == 4 && table.contains(&id), "{table}");
    }
}

#[test]
fn filters_hold_together_and_nothing_found_is_said_on_stderr() {
    let world = World::new();
    let id = world.request("t", 3);
    world.start_all();
    world.vanish(&id, &[2], now());
    let count = |arguments: &[&str]| {
        let ran = world.run(&[&["machines", "-o", "json"], arguments].concat()).good();
        let found = ran.json().as_array().unwrap().len();
        assert_eq!(found == 0, ran.err.contains("no machines found"), "{ran:?}");
        found
    };
    assert_eq!(count(&["--state", "running"]), 2);
    assert_eq!(count(&["--state", "running,gone"]), 3);
    assert_eq!(count(&["--state", "gone", "--template", "other"]), 0);
    assert_eq!(count(&["--since", "1h"]), 3);
    assert_eq!(count(&["--age", "1h"]), 0);
    assert_eq!(count(&["--node", "n1"]), 1);
    assert_eq!(count(&["--request", "other"]), 0);
    let table = world.run(&["machines", "--template", "other"]).good();
    assert_eq!(table.out, "");
    let wrong = world.run(&["machines", "--state", "runing"]).bad();
    assert!(wrong.err.contains("running") && wrong.err.contains("starting"), "{wrong:?}");
    assert_eq!(world.run(&["machines", "--since", "soon"]).code, 2);
}

#[test]
fn another_providers_rows_are_pointed_to() {
    let world = World::new();
    world.request("t", 1);
    let ran = world.run(&["requests", "--provider", "other"]).good();
    assert!(ran.err.contains("those of p") && ran.err.contains("--provider"), "{ran:?}");
}

#[test]
fn show_tells_all_of_one_thing_in_order() {
    let world = World::new();
    let id = world.request("t", 2);
    world.start_all();
    let name = format!("{id}-1");
    let back = world.give_back(&[&name]);
    world.vanish(&id, &[1], now() + SignedDuration::from_secs(60));
    let request = world.run(&["show", &id, "-o", "json"]).good().json();
    assert_eq!((&request["state"], &request["machines"][1]["state"]), (&"complete".into(), &"gone".into()));
    assert_eq!(request["history"][0]["event"], "requested");
    let machine = world.run(&["show", &name, "-o", "json"]).good().json();
    let events: Vec<&str> = column(&machine["history"], "event");
    assert_eq!((events.len(), events[0], events[7]), (8, "requested", "gone"), "{events:?}");
    assert!(
        ["created", "scheduled", "pulled", "running", "ready", "returned"]
            .iter()
            .all(|event| events.contains(event))
    );
    assert_eq!(machine["returns"][0]["request_id"], back);
    let giving_back = world.run(&["show", &back, "-o", "json"]).good().json();
    assert_eq!(
        (&giving_back["kind"], &giving_back["machines"][0]["machine"]),
        (&"return".into(), &name.as_str().into())
    );
    let text = world.run(&["show", &id]).good().out;
    assert!(text.contains("request_id") && text.contains("history"), "{text}");
    let none = world.run(&["show", "nothing"]).bad();
    assert!(none.err.contains("\"nothing\""), "{none:?}");
}

#[test]
fn timings_between_any_two_events() {
    let world = World::new();
    let id = world.request("t", 20);
    world.start_all();
    world.give_back(&[&format!("{id}-0")]);
    world.vanish(&id, &[0], now() + SignedDuration::from_secs(100));
    let all = world.run(&["timings", "-o", "json"]).good().json();
    let pair = |from: &str, to: &str| {
        let rows = all.as_array().unwrap().iter();
        rows.into_iter().find(|row| row["from"] == from && row["to"] == to).cloned().unwrap()
    };
    let running = pair("requested", "running");
    assert_eq!(running["machines"], 20);
    let close = |value: &Value, expected: f64| (value.as_f64().unwrap() - expected).abs() < 3.0;
    assert!(
        close(&running["p50_s"], 9.0) && close(&running["p95_s"], 18.0) && close(&running["max_s"], 19.0),
        "{running}"
    );
    assert!(close(&pair("returned", "gone")["max_s"], 100.0));
    let one = world.run(&["timings", "--from", "created", "--to", "gone", "-o", "csv"]).good().out;
    assert!(one.lines().count() == 2 && one.contains("t,created,gone,1,"), "{one}");
    assert!(world.run(&["timings", "--from", "born", "--to", "gone"]).bad().err.contains("requested"));
    assert_eq!(world.run(&["timings", "--from", "created"]).code, 2);
}

#[test]
fn exports_have_the_same_numbers_in_every_format() {
    let world = World::new();
    let id = world.request("t", 2);
    world.start_all();
    world.vanish(&id, &[0], now() + SignedDuration::from_mins(60));
    world.watch_node("n0", 4);
    let export = |format: &str, to: &str| {
        let to = world.path(to);
        world.run(&["export", "--format", format, "--to", to.to_str().unwrap()])
    };
    assert!(export("jsonl", "x.jsonl").good().err.contains("2 rows of machines, 1 row of requests"));
    let text = std::fs::read_to_string(world.path("x.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = lines.iter().find(|line| line["table"] == "machines").unwrap();
    assert_eq!((&first["cpu"], &first["memory_mib"]), (&0.5.into(), &1024.0.into()));
    let (minutes, cpu) = (first["machine_minutes"].as_f64().unwrap(), first["cpu_minutes"].as_f64().unwrap());
    assert!((59.0..61.0).contains(&minutes) && (cpu * 2.0 - minutes).abs() < 0.01, "{first}");
    let tables: Vec<&str> = lines.iter().map(|line| line["table"].as_str().unwrap()).collect();
    assert_eq!(tables, ["machines", "machines", "requests", "nodes", "nodes", "summary", "summary"]);
    export("csv", "csv").good();
    let nodes = std::fs::read_to_string(world.path("csv/nodes.csv")).unwrap();
    assert!(nodes.starts_with("node,context,zone,") && nodes.lines().count() == 3, "{nodes}");
    // Half a CPU of four, all the time that it was used; nothing is known of the other node.
    assert_eq!(
        (&first["zone"], &first["instance_type"], &first["capacity_type"]),
        (&"eu-1a".into(), &"large".into(), &"spot".into())
    );
    let of_node =
        |name: &str| lines.iter().find(|line| line["node"] == name && line["table"] == "nodes").unwrap();
    let share = |line: &Value| line["cpu_share"].as_f64();
    assert_eq!(of_node("n0")["cpu_capacity"], 4.0);
    assert!(share(of_node("n0")).is_some_and(|share| (share - 0.125).abs() < 0.001), "{text}");
    assert_eq!(share(of_node("n1")), None);
    let sum = lines.iter().rfind(|line| line["table"] == "summary").unwrap();
    assert!(share(sum).is_some_and(|share| (share - 0.125).abs() < 0.001), "{sum}");
    export("sqlite", "x.sqlite").good();
    assert!(std::fs::read(world.path("x.sqlite")).unwrap().starts_with(b"SQLite format 3\0"));
    for (format, to) in [("jsonl", "x.jsonl"), ("csv", "csv"), ("sqlite", "x.sqlite")] {
        assert!(export(format, to).bad().err.contains(to), "nothing is replaced");
    }
}

#[test]
fn a_backup_can_be_read_in_place_of_the_store() {
    let world = World::new();
    let id = world.request("t", 2);
    std::fs::create_dir(world.path("copy")).unwrap();
    let to = world.path("copy/hf.db");
    world.run(&["backup", "--to", to.to_str().unwrap()]).good();
    let copy = world.path("copy");
    let rows = world.run(&["requests", "-o", "json", "--workdir", copy.to_str().unwrap()]).good().json();
    assert_eq!(column(&rows, "request_id"), [id.as_str()]);
    assert!(world.run(&["backup", "--to", to.to_str().unwrap()]).bad().err.contains("hf.db"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let world = World::new();
    world.request("t", 100);
    let mut child = world
        .command(&["machines", "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn what_the_site_noted_is_exported_as_it_was_when_a_request_was_made() {
    let world = World::new();
    let note = |pairs: &[(&str, &str)]| {
        let entries = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        world.store().write(|tx| tx.set_metadata(&entries, now())).unwrap();
    };
    // The first one is made before any watcher has run.
    let early = world.request("t", 1);
    note(&[("site", "london, \"east\"")]);
    let london = world.request("t", 1);
    note(&[("site", "paris"), ("team", "a")]);
    let paris = world.request("t", 2);
    note(&[]);
    let none = world.request("t", 1);
    let expected = [
        (&early, "london, \"east\"", ""),
        (&london, "london, \"east\"", ""),
        (&paris, "paris", "a"),
        (&none, "", ""),
    ];
    let export = |format: &str, to: &str| {
        let to = world.path(to);
        world.run(&["export", "--format", format, "--to", to.to_str().unwrap()]).good();
    };
    export("jsonl", "x.jsonl");
    let text = std::fs::read_to_string(world.path("x.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (id, site, team) in expected {
        let of: Vec<_> = lines.iter().filter(|line| line["request_id"] == id.as_str()).collect();
        assert!(of.len() >= 2, "{text}");
        for line in of {
            assert_eq!(line["metadata_site"].as_str().unwrap_or_default(), site, "{line}");
            assert_eq!(line["metadata_team"].as_str().unwrap_or_default(), team, "{line}");
        }
    }
    export("csv", "csv");
    for table in ["machines", "requests"] {
        let csv = std::fs::read_to_string(world.path("csv").join(format!("{table}.csv"))).unwrap();
        assert!(csv.lines().next().unwrap().ends_with("cpu_minutes,metadata_site,metadata_team"), "{csv}");
        assert!(csv.contains(",\"london, \"\"east\"\"\",\n") && csv.contains(",paris,a\n"), "{csv}");
    }
    export("sqlite", "x.sqlite");
    let sqlite = std::fs::read(world.path("x.sqlite")).unwrap();
    assert!(sqlite.windows(15).any(|part| part == b"\"metadata_site\""));
    let shown = |id: &str| world.run(&["show", id, "-o", "json"]).good().json();
    assert_eq!(shown(&paris)["metadata_site"], "paris");
    assert_eq!(shown(&format!("{london}-0"))["metadata_site"], "london, \"east\"");
    let table = world.run(&["show", &paris]).good().out;
    assert!(table.lines().any(|line| line.split_whitespace().eq(["metadata_team", "a"])), "{table}");
}
