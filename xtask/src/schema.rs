//! `cargo xtask schema`: the JSON Schemas of the configuration files, written anew from the types.
//!
//! The types have their schemas in tests only, so that the programs carry nothing of it: a test that is not run
//! otherwise writes them, and another one notices when they are old.

use crate::cargo;

/// Writes `docs/schemas/k8sprov_*.schema.json`.
pub(crate) fn run() -> anyhow::Result<()> {
    let arguments = ["test", "--quiet", "--locked", "--package", "hf-core", "--lib"];
    cargo::run(cargo::command(&arguments).args(["--", "--ignored", "--exact", "schema::write_the_schemas"]))
}
