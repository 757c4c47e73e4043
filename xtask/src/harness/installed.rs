//! The provider as a site installs it: the sample configuration copied as it is, the scripts where it says, and
//! `hf-cli` where they look for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{Layout, Site};

/// Installs it, and tells how the provider instance is called and where its things are.
pub(crate) fn install(site: &Site<'_>) -> anyhow::Result<(String, Layout)> {
    let conf = site.path("conf");
    let tree = site.programs().scripts();
    copy(&tree.join("conf"), &conf)?;

    let plugins = read(&conf.join("providerplugins/hostProviderPlugins.json"))?;
    let providers = read(&conf.join("providers/hostProviders.json"))?;
    let (plugin, provider) = (&plugins["providerplugins"][0], &providers["providers"][0]);
    ensure!(plugins["version"] == 2 && providers["version"] == 2, "Host Factory reads version 2");
    ensure!(plugin["name"] == provider["plugin"], "the provider's plug-in is not there");
    let name = provider["name"].as_str().context("the provider has no name")?;
    let expand = |value: &Value| {
        let text = value.as_str().with_context(|| format!("{provider} and {plugin} lack a path"))?;
        let text = text.replace("${HF_CONFDIR}", &conf.to_string_lossy());
        let text = text.replace("${HF_WORKDIR}", &site.path("tmp").to_string_lossy());
        anyhow::Ok(PathBuf::from(text.replace("${HF_LOGDIR}", &site.path("log").to_string_lossy())))
    };
    let layout = Layout {
        confdir: expand(&provider["confPath"])?,
        workdir: expand(&provider["workPath"])?,
        logdir: expand(&provider["logPath"])?,
        scripts: expand(&plugin["scriptPath"])?,
        hf_cli: None,
        flags: false,
    };
    fs::create_dir_all(&layout.scripts)?;
    let mut scripts = Vec::new();
    for entry in fs::read_dir(tree)? {
        scripts.push(entry?.path());
    }
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "sh"));
    // By another process: what this one writes is open in whatever another thread starts meanwhile, and a file that is
    // open for writing cannot be run.
    let copied = Command::new("cp").args(scripts).arg(&layout.scripts).status().context("cannot run cp")?;
    ensure!(copied.success(), "cp cannot copy the scripts");
    let programs = layout.scripts.join("../bin");
    fs::create_dir_all(&programs)?;
    std::os::unix::fs::symlink(site.programs().path("hf-cli")?, programs.join("hf-cli"))?;
    Ok((name.to_owned(), layout))
}

/// A JSON file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))
}

/// Copies a directory with all that is in it.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
