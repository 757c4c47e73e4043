//! The pod specs that the predecessor meant to use, and the templates that they belong to.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hf_core::Template;
use hf_core::manifest::Manifest;
use hf_settings::{Templates, read_manifest};

/// Pod specs by their path, each read once.
pub(super) struct Manifests<'a> {
    templates: Option<&'a Templates>,
    read: BTreeMap<PathBuf, Result<Manifest, String>>,
}

impl<'a> Manifests<'a> {
    pub(super) fn new(templates: Option<&'a Templates>) -> Self {
        Self { templates, read: BTreeMap::new() }
    }

    /// The manifest at a path; the reason names the file.
    pub(super) fn read(&mut self, path: &Path) -> Result<&Manifest, String> {
        let read = self.read.entry(path.to_owned()).or_insert_with(|| {
            let pod = read_manifest(path).map_err(|reason| format!("{} {reason}", path.display()))?;
            Manifest::new(pod).map_err(|error| format!("{}: {error}", path.display()))
        });
        read.as_ref().map_err(Clone::clone)
    }

    /// The template whose pod spec is at a path, with its manifest as it is now.
    pub(super) fn template(&self, path: &Path) -> Option<&'a (Template, Manifest)> {
        let templates = self.templates?;
        let directory = templates.path.parent().unwrap_or(Path::new(""));
        let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let wanted = real(path);
        templates.usable.iter().find(|(template, _)| real(&directory.join(&template.pod_spec)) == wanted)
    }

    /// The template of that name.
    pub(super) fn named(&self, id: &str) -> Option<&'a (Template, Manifest)> {
        self.templates?.find(id).ok()
    }
}
