//! A site on which one case is played: the provider as it is installed, a cluster, and the names that the case gave.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;

use anyhow::Context;
use serde_json::{Value, json};

use super::cases::Case;
use super::pattern;
use crate::harness::{Layout, Provider, Simulator, Site, Watcher, configuration, installed};
use crate::process::Process;

/// One case being played.
pub(super) struct Stage<'s> {
    pub(super) site: &'s Site<'s>,
    pub(super) provider: Provider<'s>,
    pub(super) layout: Layout,
    /// What the case called something.
    pub(super) names: BTreeMap<String, String>,
    /// How many lines the logs had.
    pub(super) mark: usize,
    /// Watchers that stand by.
    pub(super) others: Vec<Process>,
    /// Another cluster, and the kubeconfig of the first.
    pub(super) elsewhere: Option<(Simulator, String)>,
}

impl<'s> Stage<'s> {
    /// Installs the provider, configures it as the case says, and starts its watchers.
    pub(super) fn set(site: &'s Site<'s>, case: &Case, image: &str) -> anyhow::Result<Self> {
        let (_, mut layout) = installed::install(site)?;
        // The namespace may be one of a real cluster, which the units would have to be told.
        layout.flags = true;
        configuration::write(&layout.confdir, image)?;
        write(&layout, "k8sprov_config.json", case.config.as_ref().unwrap_or(&json!({})))?;
        if let Some(templates) = &case.templates {
            write(&layout, "k8sprov_templates.json", templates)?;
        }
        if let Some(more) = &case.pod {
            let mut pod: Value = serde_saphyr::from_str(&configuration::pod(image))?;
            merge(&mut pod, more);
            write(&layout, "pod.yaml", &pod)?;
        }
        let mut provider = site.installed(&site.unique("k8s-hf"), layout.clone())?;
        let all = || Watcher::ALL.to_vec();
        let watchers =
            case.watchers.as_ref().map_or_else(all, |some| some.iter().map(|w| (*w).into()).collect());
        provider.start(&watchers)?;
        Ok(Self {
            site,
            provider,
            layout,
            names: BTreeMap::new(),
            mark: 0,
            others: Vec::new(),
            elsewhere: None,
        })
    }

    /// A value with its names filled in.
    pub(super) fn filled(&self, value: &Value) -> anyhow::Result<Value> {
        pattern::filled(value, &|name| match name {
            "namespace" => Some(self.site.namespace().to_owned()),
            "instance" => Some(self.provider.instance().to_owned()),
            "confdir" => Some(self.layout.confdir.display().to_string()),
            "workdir" => Some(self.layout.workdir.display().to_string()),
            "tmp" => Some(self.site.path("tmp").display().to_string()),
            name => self.names.get(name).cloned(),
        })
    }

    /// Lets the kubeconfig lead to another cluster, or back.
    pub(super) fn move_cluster(&mut self, away: bool) -> anyhow::Result<()> {
        let kubeconfig = self.site.kubeconfig();
        if !away {
            let (_, text) = self.elsewhere.take().context("the kubeconfig leads to the first cluster")?;
            return Ok(fs::write(kubeconfig, text)?);
        }
        let directory = self.site.path("elsewhere");
        fs::create_dir_all(directory.join("log"))?;
        // Another seed makes other UIDs, by which a cluster is known.
        let seed = ["--seed", "2"].map(str::to_owned);
        let other = Simulator::start(self.site.programs(), &directory, self.site.namespace(), &seed)?;
        let before = fs::read_to_string(kubeconfig)?;
        fs::copy(other.kubeconfig(), kubeconfig)?;
        self.elsewhere = Some((other, before));
        Ok(())
    }

    /// Takes the namespace out of the kubeconfig's context, and out of the watchers' flags.
    pub(super) fn name_no_namespace(&mut self) -> anyhow::Result<()> {
        let mut kubeconfig = installed::read(self.site.kubeconfig())?;
        let context = kubeconfig.pointer_mut("/contexts/0/context").and_then(Value::as_object_mut);
        context.context("the kubeconfig has no context")?.remove("namespace");
        fs::write(self.site.kubeconfig(), kubeconfig.to_string())?;
        self.provider.tell_by_variables();
        Ok(())
    }

    /// The lines of all logs of the provider.
    pub(super) fn logs(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        for entry in fs::read_dir(&self.layout.logdir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                text.push_str(&fs::read_to_string(&path)?);
            }
        }
        Ok(text)
    }
}

/// Writes a file of the configuration: text as it is, anything else as JSON; null is no such file.
pub(super) fn write(layout: &Layout, name: &str, holds: &Value) -> anyhow::Result<()> {
    let path = layout.confdir.join(name);
    let text = match holds {
        Value::Null => {
            return fs::remove_file(&path).with_context(|| format!("there is no {}", path.display()));
        }
        Value::String(text) => text.clone(),
        json => format!("{json:#}\n"),
    };
    // At once: a watcher may be reading it.
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(&layout.confdir)?;
        file.write_all(text.as_bytes())?;
        file.persist(&path)?;
        anyhow::Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Puts the keys of one object into another; what both have is merged, but for lists.
fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more.clone(),
    }
}
