//! The provider as a site installs it: the sample configuration copied as it is, the scripts where it says, and
//! `hf-cli` where they look for it.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};

use crate::harness::{Site, Watcher, expect_delivered, installed};

/// Host Factory reads its own files, and finds everything.
pub(crate) fn from_samples(site: &Site<'_>) -> anyhow::Result<()> {
    let (name, layout) = installed::install(site)?;
    let templates = installed::read(&layout.confdir.join("k8sprov_templates.json"))?;
    let template = templates["templates"][0]["templateId"].as_str().context("the sample has no template")?;
    let workdir = layout.workdir.clone();
    let mut provider = site.installed(&name, layout)?;
    provider.start(&Watcher::ALL)?;
    let request = provider.settled(&provider.factory.request(template, 2)?)?;
    expect_delivered(&request, 2)?;
    provider.expect_pods(&request.machines)?;
    private(&workdir, 0o700)?;
    private(&workdir.join("hf.db"), 0o600)?;
    provider.give_back(&request.hosts())?;
    provider.expect_no_pods()
}

/// What we make is ours alone.
fn private(path: &Path, expected: u32) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        fs::metadata(path).with_context(|| format!("{} is not there", path.display()))?.permissions().mode();
    ensure!(mode & 0o777 == expected, "{} has the mode {:o}", path.display(), mode & 0o777);
    Ok(())
}
