//! What a site's administrator would have written: the templates and the pod that they name.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::json;

/// The template that the tasks ask for.
pub(crate) const TEMPLATE: &str = "k8s-small";

/// Writes the files of a configuration directory.
pub(crate) fn write(directory: &Path, image: &str) -> anyhow::Result<()> {
    let templates = json!({"templates": [{
        "templateId": TEMPLATE,
        "maxNumber": 100_000,
        "attributes": {
            "type": ["String", "X86_64"],
            "ncpus": ["Numeric", "1"],
            "ncores": ["Numeric", "1"],
            "nram": ["Numeric", "512"]
        },
        "podSpec": "pod.yaml"
    }]});
    put(&directory.join("k8sprov_templates.json"), &format!("{templates:#}\n"))?;
    put(&directory.join("pod.yaml"), &pod(image))
}

/// A pod that asks for next to nothing and goes at once when it is deleted.
pub(crate) fn pod(image: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata:
  labels:
    made-by: xtask
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  automountServiceAccountToken: false
  containers:
    - name: host
      image: {}
      resources:
        requests:
          cpu: 1m
          memory: 8Mi
",
        json!(image)
    )
}

fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
