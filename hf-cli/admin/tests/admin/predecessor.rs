//! A work directory as the predecessor leaves it, made by hand from the description of its format.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::world::World;

/// The predecessor's work directory.
pub(crate) struct Predecessor {
    pub(crate) directory: PathBuf,
}

impl Predecessor {
    pub(crate) fn new(world: &World) -> Self {
        let directory = world.path("old");
        for name in ["requests", "return-requests", "pods", "pods-status"] {
            fs::create_dir_all(directory.join(name)).unwrap();
        }
        Self { directory }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A request whose machines are still to be created from a pod spec.
    pub(crate) fn request(&self, id: &str, count: u32, spec: &Path) {
        fs::create_dir(self.at(&format!("requests/{id}"))).unwrap();
        for n in 0..count {
            symlink(spec, self.at(&format!("requests/{id}/{id}-{n}"))).unwrap();
            self.state(&format!("{id}-{n}"), "creating");
        }
    }

    /// The pod of a machine was made.
    pub(crate) fn created(&self, id: &str, n: u32) {
        let path = self.at(&format!("requests/{id}/{id}-{n}"));
        fs::remove_file(&path).unwrap();
        fs::write(path, "").unwrap();
    }

    /// The watch has seen the pod of a machine.
    pub(crate) fn seen(&self, name: &str, phase: &str) {
        let running = (phase == "running").then(|| json!({"started_at": "2024-01-01T00:00:05+00:00"}));
        let pod = json!({
            "api_version": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "uid": uid(name), "namespace": "grid",
                         "creation_timestamp": "2024-01-01T00:00:00+00:00"},
            "spec": {"node_name": "n1", "termination_grace_period_seconds": 7},
            "status": {"phase": phase, "pod_ip": "10.1.2.3", "start_time": "2024-01-01T00:00:02+00:00",
                       "container_statuses": [{"state": {"running": running}}]},
        });
        fs::write(self.at(&format!("pods/{name}")), pod.to_string()).unwrap();
        self.state(name, phase);
    }

    /// The state of a machine: a link to nowhere, whose target's name says it.
    pub(crate) fn state(&self, name: &str, state: &str) {
        let path = self.at(&format!("pods-status/{name}"));
        let _ = fs::remove_file(&path);
        symlink(state, path).unwrap();
    }

    pub(crate) fn give_back(&self, id: &str, names: &[&str]) {
        fs::create_dir(self.at(&format!("return-requests/{id}"))).unwrap();
        for name in names {
            fs::write(self.at(&format!("return-requests/{id}/{name}")), "").unwrap();
        }
    }

    /// A watcher has handled a directory.
    pub(crate) fn processed(&self, request: &str) {
        fs::write(self.at(&format!("{request}/.processed")), "").unwrap();
    }

    /// Everything in it, to see that nothing is touched.
    pub(crate) fn contents(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut open = vec![self.directory.clone()];
        while let Some(path) = open.pop() {
            let found = path.symlink_metadata().unwrap();
            let modified = found.modified().unwrap();
            all.push(format!("{} {:?} {} {modified:?}", path.display(), found.file_type(), found.len()));
            if found.is_dir() {
                open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
        all.sort();
        all
    }
}

pub(crate) fn uid(name: &str) -> String {
    format!("11111111-{name}")
}
