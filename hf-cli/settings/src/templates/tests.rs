use std::fs;

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::*;

const POD: &str = "apiVersion: v1\nkind: Pod\nspec:\n  containers: [{name: a, image: b}]\n";

/// A configuration directory with a good manifest, `pod.yaml`, and these templates.
struct Site(TempDir);

impl Site {
    fn new(templates: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("pod.yaml"), POD).unwrap();
        fs::write(directory.path().join("templates.json"), templates).unwrap();
        Self(directory)
    }

    fn of(templates: &Value) -> Self {
        Self::new(&json!({"templates": templates}).to_string())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("templates.json")
    }

    fn read(&self) -> Result<Templates, SettingsError> {
        Templates::read(&self.path())
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }
}

fn template(id: &str, pod_spec: &str) -> Value {
    json!({"templateId": id, "maxNumber": 10, "podSpec": pod_spec})
}

#[test]
fn usable_and_bad_templates_are_told_apart_in_the_files_order() {
    let site = Site::of(&json!([
        template("z", "pod.yaml"),
        template("gone", "gone.yaml"),
        template("a", "pod.json"),
        template("net", "net.yaml"),
        {"templateId": "zero", "maxNumber": 0, "podSpec": "pod.yaml"},
        template("broken", "broken.yaml"),
    ]));
    site.write(
        "pod.json",
        &json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "image": "b"}]}})
            .to_string(),
    );
    site.write("net.yaml", &format!("{POD}  hostNetwork: true\n"));
    site.write("broken.yaml", "a: [\n");
    let templates = site.read().unwrap();
    let usable: Vec<_> = templates.usable.iter().map(|(template, _)| template.id.as_str()).collect();
    assert_eq!(usable, ["z", "a"]);
    let bad: Vec<_> = templates.bad.iter().map(ToString::to_string).collect();
    for (error, words) in bad.iter().zip([
        ["\"gone\"", "podSpec", "gone.yaml does not exist"],
        ["\"net\"", "net.yaml", "spec.hostNetwork"],
        ["\"zero\"", "maxNumber", "0"],
        ["\"broken\"", "broken.yaml", "line"],
    ]) {
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    assert_eq!(bad.len(), 4);
}

#[test]
fn a_manifest_may_have_an_absolute_path() {
    let elsewhere = Site::new("");
    let path = elsewhere.0.path().join("pod.yaml");
    let site = Site::of(&json!([template("a", path.to_str().unwrap())]));
    assert_eq!(site.read().unwrap().usable.len(), 1);
}

#[test]
fn a_lookup_says_why_it_found_nothing() {
    let site =
        Site::of(&json!([template("a", "pod.yaml"), template("b", "pod.yaml"), template("c", "gone.yaml")]));
    let templates = site.read().unwrap();
    assert_eq!(templates.find("b").unwrap().0.id.as_str(), "b");
    assert!(super::read_one(&site.path(), "b").is_ok());
    for (id, words) in [
        ("x", ["unknown template \"x\"", "has a, b"]),
        ("c", ["\"c\": `podSpec`", "gone.yaml does not exist"]),
    ] {
        let error = templates.find(id).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
        let error = super::read_one(&site.path(), id).unwrap_err().to_string();
        assert!(error.contains(words[0]) && error.contains("templates.json"), "{error}");
    }
    let error = templates.find(&"long".repeat(1_000)).unwrap_err().to_string();
    assert!(error.len() < 500, "{error}");
}

#[test]
fn a_file_with_nothing_to_use_is_an_error_that_says_what_is_wrong() {
    for (templates, words) in [
        ("", vec!["templates.json", "not valid JSON"]),
        ("{", vec!["line 1"]),
        ("[]", vec!["object"]),
        (r#"{"templates": 5}"#, vec!["`templates`"]),
        (r#"{"templates": []}"#, vec!["templates.json", "the list is empty"]),
        (r#"{"templates": [{"templateId": "a"}]}"#, vec!["templates.json", "\"a\"", "maxNumber"]),
    ] {
        let error = Site::new(templates).read().unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{templates}: {error}");
    }
    let many: Vec<_> = (0..9).map(|n| template(&format!("t{n}"), "gone.yaml")).collect();
    let error = Site::of(&many.into()).read().unwrap_err().to_string();
    assert!(error.contains("\"t4\"") && !error.contains("\"t5\"") && error.contains("4 more"), "{error}");
}

#[test]
fn a_manifest_that_is_no_file_of_sensible_size_is_refused() {
    let site = Site::of(&json!([template("a", "pod.yaml"), template("b", "."), template("c", "large.yaml")]));
    site.write("large.yaml", &"# \n".repeat(400_000));
    let bad = site.read().unwrap().bad;
    assert!(bad[0].reason.contains("is a directory"), "{bad:?}");
    assert!(bad[1].reason.contains("larger than 1 MiB"), "{bad:?}");
}

proptest! {
    #[test]
    fn no_templates_file_panics(text in "\\PC{0,60}", pod in "\\PC{0,60}") {
        let site = Site::new(&text);
        let _ = site.read();
        site.write("pod.yaml", &pod);
        site.write("templates.json", &json!({"templates": [template("a", "pod.yaml")]}).to_string());
        let _ = site.read();
    }

    #[test]
    fn no_template_panics(id in "\\PC{0,8}", number: i64, path in "\\PC{0,20}", name in "\\PC{0,8}") {
        let site = Site::of(&json!([{"templateId": id, "maxNumber": number, "podSpec": path, "attributes": {name: path}}]));
        let _ = site.read();
        let _ = super::read_one(&site.path(), &id);
    }
}
