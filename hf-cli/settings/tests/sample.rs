//! The sample configuration tree in `scripts/conf` is good, and its parts agree with each other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use hf_core::attributes::Attribute;
use hf_core::quantity::Quantity;
use hf_core::resources;
use hf_settings::{Common, Settings};
use serde_json::Value;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    common: Common,
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts")
}

fn json(path: &str) -> Value {
    serde_json::from_slice(&fs::read(scripts().join("conf").join(path)).unwrap()).unwrap()
}

fn settings() -> Settings {
    let confdir = scripts().join("conf/providers/k8s-hf/conf");
    let flags = ["test".as_ref(), "--confdir".as_ref(), confdir.as_os_str()];
    Program::parse_from(flags).common.settings("test").unwrap()
}

#[test]
fn the_configuration_is_read_without_a_doubt() {
    settings().config().unwrap();
    let text = fs::read(scripts().join("conf/providers/k8s-hf/conf/k8sprov_config.json")).unwrap();
    assert_eq!(hf_core::Config::parse(&text).unwrap().1, Vec::<String>::new());
}

#[test]
fn every_template_can_be_used_and_says_what_its_pod_asks_for() {
    let templates = settings().templates().unwrap();
    assert_eq!(templates.bad, vec![]);
    for (template, manifest) in &templates.usable {
        assert_eq!(settings().template(template.id.as_str()).unwrap().0, *template);
        let asked = |resource| resources::requested(manifest.pod(), resource).unwrap().unwrap();
        for attribute in ["ncpus", "ncores"] {
            assert_eq!(template.attributes[attribute], Attribute::number(asked("cpu").ceil()));
        }
        let megabytes = &template.attributes["nram"].value;
        assert_eq!(Quantity::parse(&format!("{megabytes}Mi")), Ok(asked("memory")));
        let spec = &manifest.pod()["spec"];
        assert_eq!(spec["restartPolicy"], "Never");
        assert!(spec["terminationGracePeriodSeconds"].as_u64() >= Some(30));
    }
}

#[test]
fn host_factorys_files_name_each_other() {
    let plugins = json("providerplugins/hostProviderPlugins.json");
    let providers = json("providers/hostProviders.json");
    let (plugin, provider) = (&plugins["providerplugins"][0], &providers["providers"][0]);
    assert_eq!((&plugins["version"], &providers["version"]), (&2.into(), &2.into()));
    assert_eq!(plugin["name"], provider["plugin"]);
    assert_eq!((&plugin["enabled"], &provider["enabled"]), (&1.into(), &1.into()));
    let below = provider["confPath"].as_str().unwrap().strip_prefix("${HF_CONFDIR}/").unwrap();
    assert!(scripts().join("conf").join(below).join("k8sprov_templates.json").exists());
}

#[test]
fn units_and_services_name_the_three_watchers_and_the_same_provider() {
    let provider = json("providers/hostProviders.json")["providers"][0]["name"].as_str().unwrap().to_owned();
    let environment = fs::read_to_string(scripts().join("systemd/hf-watch.env")).unwrap();
    assert!(environment.contains(&format!("\nHF_PROVIDER_NAME={provider}\n")));
    for watcher in ["hf-watch-requests", "hf-watch-returns", "hf-watch-pods"] {
        let unit = fs::read_to_string(scripts().join(format!("systemd/{watcher}.service"))).unwrap();
        assert!(unit.contains(&format!("\nExecStart=/opt/hf-k8s/bin/{watcher}\n")), "{watcher}");
        assert!(unit.contains("\nRestart=always\n") && unit.contains("\nPrivateTmp=no\n"), "{watcher}");
        let service = fs::read_to_string(scripts().join(format!("ego/{watcher}.xml"))).unwrap();
        assert!(service.contains(&format!("/opt/hf-k8s/bin/{watcher}<")), "{watcher}");
        assert!(service.contains(&format!("\"HF_PROVIDER_NAME\">{provider}<")), "{watcher}");
    }
}
