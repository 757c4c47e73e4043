//! The real entry functions under any input: never a panic, always one document that is valid, and a store that a
//! refusal leaves as it was. The fuzz targets use this too.

use std::fs;
use std::os::unix::fs::MetadataExt;

use clap::Parser;
use hf_cli::{Args, CliError, StoreProvider};
use hf_core::{Call, CallError};
use serde_json::json;

use crate::site::{POD, Printed, TEMPLATES, command, machines_of};
use crate::world::World;

/// A site on known ground where one request, `known`, waits for its machines.
pub(crate) struct Entry {
    world: World,
    provider: StoreProvider,
}

impl Entry {
    pub(crate) fn new() -> Self {
        let world = World::known();
        world.call_with(Call::RequestMachines, &machines_of("wide", 3), &["--request-id=known"]).answer();
        let provider = provider(&world);
        Self { world, provider }
    }

    /// One call with this input.
    pub(crate) fn call(&self, call: Call, input: &[u8]) {
        let code = self.check(call, input);
        assert!(call != Call::GetAvailableTemplates || code == 0, "that call never fails on its input");
    }

    /// The calls that read the templates file, with this one.
    pub(crate) fn templates_file(&self, text: &[u8]) {
        self.world.site.write("k8sprov_templates.json", text);
        self.configured();
        self.world.site.write("k8sprov_templates.json", TEMPLATES);
    }

    /// The calls that read a pod manifest, with this one.
    pub(crate) fn pod_spec(&self, text: &[u8]) {
        self.world.site.write("pod.yaml", text);
        self.configured();
        self.world.site.write("pod.yaml", POD);
    }

    fn configured(&self) {
        self.check(Call::GetAvailableTemplates, b"{}");
        self.check(Call::RequestMachines, machines_of("t", 1).to_string().as_bytes());
    }

    /// One call, checked; its exit code.
    fn check(&self, call: Call, input: &[u8]) -> i32 {
        let before = self.fingerprint();
        // The provider itself, without the program's catching of panics.
        let (code, mut document) = match call.answer(&self.provider, input) {
            Ok(document) => (0, document),
            Err(error) => {
                assert_eq!(self.fingerprint(), before, "a refusal changes nothing");
                (1, json!({"message": said(&error)}).to_string().into_bytes())
            }
        };
        document.push(b'\n');
        Printed::new(call, code, &document).code
    }

    /// Which bytes the store has, as far as the file system tells.
    fn fingerprint(&self) -> Vec<(u64, i64, i64)> {
        let files = ["hf.db", "hf.db-wal"].map(|name| fs::metadata(self.world.site.workdir().join(name)));
        files.into_iter().flatten().map(|file| (file.len(), file.mtime(), file.mtime_nsec())).collect()
    }
}

fn provider(world: &World) -> StoreProvider {
    let (confdir, workdir) = (world.site.confdir(), world.site.workdir());
    let paths = [&confdir, &workdir].map(|path| path.to_str().unwrap());
    let arguments = ["hf-cli", "--provider=k8s", "--confdir", paths[0], "--workdir", paths[1]];
    let args = Args::parse_from([&arguments[..], &[command(Call::GetRequestStatus)]].concat());
    StoreProvider::new(args.common.settings("hf-cli").unwrap(), None, world.now)
}

/// What is said of bad input, which stays short whatever the input is.
fn said(error: &CallError<CliError>) -> String {
    let said = error.to_string();
    assert!(said.len() < 3_000, "{} bytes: {said}", said.len());
    said
}
