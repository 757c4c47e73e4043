//! `cargo xtask tidy`: what the compiler and clippy do not see. Each rule is a file, and has its reason.

mod dependencies;
mod manifests;
mod migrations;
mod modules;
mod sources;
pub(crate) mod tree;

use anyhow::ensure;

use crate::cargo::Workspace;
use crate::console::complain;

/// What is wrong, one line each, as `file: what`.
type Findings = Vec<String>;

/// Checks all rules.
pub(crate) fn run() -> anyhow::Result<()> {
    let workspace = Workspace::read()?;
    let files = tree::files(&workspace.root)?;
    let mut findings = Findings::new();
    findings.extend(dependencies::check(&workspace)?);
    findings.extend(manifests::check(&workspace)?);
    findings.extend(migrations::check(&files));
    findings.extend(modules::check(&workspace, &files));
    findings.extend(sources::check(&files));
    for finding in &findings {
        complain(finding);
    }
    ensure!(findings.is_empty(), "{} findings", findings.len());
    Ok(())
}
