//! What the environment says is noted with the history. Only a process has an environment of its own.

use std::process::{Child, Command, Stdio};

use hf_core::Instance;
use hf_core::metadata::Metadata;
use hf_store::{Durability, Error, Options, Store, Tx};
use serde_json::json;

use crate::world::{World, eventually, options};

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs hf-watch-requests with these variables until something is noted.
async fn noted(world: &World, variables: &[(&str, &str)], count: usize) -> Vec<Metadata> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hf-watch-requests"));
    command.args(world.common()).arg("--kubeconfig").arg(world.path("kubeconfig"));
    command.envs(variables.iter().copied()).stdin(Stdio::null()).stderr(Stdio::null());
    let _running = Running(command.spawn().unwrap());
    let workdir = world.path("work");
    let instance = Instance::parse("p").unwrap();
    eventually(|| {
        let options = Options { workdir: workdir.clone(), shared: false, durability: Durability::Repeat };
        let mut store = Store::open(options, instance.clone()).ok()?;
        let entries =
            |tx: &Tx<'_>| Ok::<Vec<_>, Error>(tx.metadata()?.into_iter().map(|one| one.entries).collect());
        store.read(entries).ok().filter(|all| all.len() == count)
    })
    .await
}

#[tokio::test]
async fn the_environment_of_the_watcher_is_noted_and_each_bad_variable_is_said() {
    let world = World::with(options(), json!({})).await;
    let of = |site: &str| Metadata::from([("site".to_owned(), site.to_owned())]);
    let bad = ("HF_K8S_METADATA_A-B", "x");
    let first = noted(&world, &[("HF_K8S_METADATA_SITE", "london"), bad], 1).await;
    assert_eq!(first, [of("london")]);
    let log = std::fs::read_to_string(world.path("log")).unwrap();
    assert_eq!(log.matches("HF_K8S_METADATA_A-B").count(), 1, "{log}");
    let second = noted(&world, &[("HF_K8S_METADATA_SITE", "paris")], 2).await;
    assert_eq!(second, [of("london"), of("paris")]);
}
