use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn settings(confdir: Option<&TempDir>) -> Settings {
    Settings {
        workdir: "/nowhere".into(),
        confdir: confdir.map(|directory| directory.path().to_owned()),
        instance: Instance::parse("test").unwrap(),
        program: "hf-test",
        log: LogSettings {
            file: None,
            level: tracing::level_filters::LevelFilter::INFO,
            format: LogFormat::Text,
        },
    }
}

fn site(config: &[u8]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("k8sprov_config.json"), config).unwrap();
    directory
}

#[test]
fn no_configuration_is_the_default() {
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(settings(Some(&empty)).config().unwrap(), Config::default());
    assert_eq!(settings(None).config().unwrap(), Config::default());
}

#[test]
fn a_kubeconfig_in_the_configuration_is_found_from_there() {
    for (written, expected) in [("kube/config", None), ("/etc/kube", Some("/etc/kube"))] {
        let site = site(format!(r#"{{"kubeconfig": {written:?}}}"#).as_bytes());
        let beside = site.path().join(written).to_string_lossy().into_owned();
        let found = settings(Some(&site)).config().unwrap().kubeconfig.unwrap();
        assert_eq!(found, expected.map_or(beside, str::to_owned));
    }
}

#[test]
fn a_mistake_in_the_configuration_is_named_by_file_and_key() {
    for (config, words) in [
        ("{", ["k8sprov_config.json", "line 1"]),
        (r#"{"startTimeout": "soon"}"#, ["k8sprov_config.json", "`startTimeout`"]),
    ] {
        let error = settings(Some(&site(config.as_bytes()))).config().unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("k8sprov_config.json")).unwrap();
    let error = settings(Some(&directory)).config().unwrap_err().to_string();
    assert!(error.contains("is a directory"), "{error}");
}

#[test]
fn an_unknown_key_harms_nothing() {
    let config = settings(Some(&site(br#"{"startTimeuot": 5, "startTimeout": 7}"#))).config().unwrap();
    assert_eq!(config.start_timeout, 7);
}

#[test]
fn templates_need_a_configuration_directory() {
    let error = settings(None).templates().unwrap_err().to_string();
    assert!(error.contains("HF_PROVIDER_CONFDIR") && error.contains("--confdir"), "{error}");
    let empty = tempfile::tempdir().unwrap();
    let error = settings(Some(&empty)).template("a").unwrap_err().to_string();
    assert!(error.contains("k8sprov_templates.json: does not exist"), "{error}");
}

proptest! {
    #[test]
    fn no_configuration_panics(text: Vec<u8>, key in "[a-zA-Z]{0,8}", value in "\\PC{0,8}") {
        let _ = settings(Some(&site(&text))).config();
        let _ = settings(Some(&site(format!("{{\"{key}\": {value}}}").as_bytes()))).config();
    }
}
