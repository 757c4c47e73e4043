//! `templates validate`.

use serde_json::{Value, json};

use crate::world::{World, template};

fn validate(world: &World) -> (i32, Value) {
    let ran = world.run(&["templates", "validate", "-o", "json"]);
    (ran.code, ran.json())
}

fn of<'a>(findings: &'a Value, subject: &str) -> Vec<&'a Value> {
    findings.as_array().unwrap().iter().filter(|finding| finding["subject"] == subject).collect()
}

#[test]
fn a_good_configuration_is_good() {
    let world = World::new();
    let (code, findings) = validate(&world);
    assert_eq!((code, &of(&findings, "t")[0]["verdict"]), (0, &"ok".into()), "{findings}");
    assert!(world.run(&["templates", "validate"]).good().out.contains("ok"));
    assert!(!world.path("work").exists());
}

#[test]
fn each_template_is_ok_or_says_why_not() {
    let world = World::new();
    let mut off = template("off");
    off["maxNumber"] = json!(0);
    let mut lost = template("lost");
    lost["podSpec"] = json!("nowhere.yaml");
    let mut odd = template("odd");
    odd["attributes"] = json!({"ncpus": ["8"], "nram": ["1024"]});
    odd["startTimeuot"] = json!(5);
    let templates = json!({"templates": [template("t"), off, lost, odd, {"templateId": "a b"}]});
    world.write("conf/k8sprov_templates.json", &templates.to_string());
    world.write("conf/k8sprov_config.json", r#"{"startTimeuot": 5}"#);
    let (code, findings) = validate(&world);
    assert_eq!(code, 1);
    let one = |subject: &str| of(&findings, subject)[0];
    assert_eq!(one("t")["verdict"], "ok");
    assert_eq!((&one("off")["verdict"], &one("off")["field"]), (&"error".into(), &"maxNumber".into()));
    assert_eq!(one("lost")["field"], "podSpec");
    assert!(one("lost")["reason"].as_str().unwrap().contains("nowhere.yaml"));
    assert!(one("lost")["file"].as_str().unwrap().ends_with("k8sprov_templates.json"));
    assert_eq!(of(&findings, "a b")[0]["verdict"], "error");
    let fields: Vec<&str> =
        of(&findings, "odd").iter().map(|finding| finding["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["attributes.ncpus", "startTimeuot"], "nram agrees: {findings}");
    let setting = one("configuration");
    assert_eq!((&setting["verdict"], &setting["field"]), (&"warning".into(), &"startTimeuot".into()));
}

#[test]
fn a_manifest_that_hides_a_dead_host_is_refused_by_template_file_and_field() {
    let world = World::new();
    let mut restarts = template("restarts");
    restarts["podSpec"] = json!("restarts.json");
    let templates = json!({"templates": [template("t"), restarts]});
    world.write("conf/k8sprov_templates.json", &templates.to_string());
    let mut pod = crate::world::pod_spec();
    pod["spec"]["restartPolicy"] = json!("OnFailure");
    world.write("conf/restarts.json", &pod.to_string());
    let (code, findings) = validate(&world);
    let found = of(&findings, "restarts")[0];
    assert_eq!((code, &found["verdict"], &found["field"]), (1, &"error".into(), &"podSpec".into()));
    let reason = found["reason"].as_str().unwrap();
    for word in ["restarts.json", "`spec.restartPolicy` is \"OnFailure\"", "use Never"] {
        assert!(reason.contains(word), "{word}: {reason}");
    }
}

#[test]
fn what_is_wrong_with_one_file_hides_nothing_of_the_other() {
    let world = World::new();
    world.write("conf/k8sprov_config.json", r#"{"startTimeout": "soon"}"#);
    let (code, findings) = validate(&world);
    assert_eq!((code, &of(&findings, "configuration")[0]["field"]), (1, &"startTimeout".into()));
    assert_eq!(of(&findings, "t")[0]["verdict"], "ok");
    world.write("conf/k8sprov_templates.json", "{");
    let (code, findings) = validate(&world);
    assert_eq!((code, &of(&findings, "templates")[0]["verdict"]), (1, &"error".into()));
    let nowhere =
        world.command(&["templates", "validate"]).env_remove("HF_K8S_PROVIDER_CONFDIR").output().unwrap();
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("--confdir"));
}
