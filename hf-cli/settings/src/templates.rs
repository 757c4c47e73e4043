//! `k8sprov_templates.json` with the pod manifests that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hf_core::Template;
use hf_core::manifest::Manifest;
use hf_core::template::{self, TemplateError};
use serde_json::Value;

use crate::error::{SettingsError, TemplateLookupError};
use crate::{files, manifest};

/// The templates of the file.
#[derive(Debug, Clone)]
pub struct Templates {
    /// The templates file.
    pub path: PathBuf,
    /// Those that can be used, in the file's order. Never empty.
    pub usable: Vec<(Template, Manifest)>,
    /// Those that cannot, and why, in the file's order.
    pub bad: Vec<TemplateError>,
}

impl Templates {
    /// The template called `id`.
    ///
    /// # Errors
    /// If there is none, with those that there are; or if it cannot be used, with the reason.
    pub fn find(&self, id: &str) -> Result<&(Template, Manifest), TemplateLookupError> {
        let found = self.usable.iter().find(|(template, _)| template.id.as_str() == id);
        found.ok_or_else(|| {
            let usable = self.usable.iter().map(|(template, _)| template);
            not_found(&self.path, id, &self.bad, usable)
        })
    }

    pub(crate) fn read(path: &Path) -> Result<Self, SettingsError> {
        let (mut usable, mut bad) = (Vec::new(), Vec::new());
        let mut manifests = Manifests::new(path);
        for template in parse(path)? {
            match template.and_then(|template| manifests.complete(template)) {
                Ok(complete) => usable.push(complete),
                Err(error) => bad.push(error),
            }
        }
        if usable.is_empty() {
            return Err(SettingsError::NoTemplate { path: path.to_owned(), bad });
        }
        Ok(Self { path: path.to_owned(), usable, bad })
    }
}

/// One template, without reading the manifests of the others.
pub(crate) fn read_one(path: &Path, id: &str) -> Result<(Template, Manifest), SettingsError> {
    let (mut sound, mut bad) = (Vec::new(), Vec::new());
    for template in parse(path)? {
        match template {
            Ok(template) if template.id.as_str() == id => {
                let complete = Manifests::new(path).complete(template);
                let unusable = |error| TemplateLookupError::Unusable { path: path.to_owned(), error };
                return complete.map_err(|error| unusable(error).into());
            }
            Ok(template) => sound.push(template),
            Err(error) => bad.push(error),
        }
    }
    Err(not_found(path, id, &bad, sound.iter()).into())
}

fn parse(path: &Path) -> Result<Vec<Result<Template, TemplateError>>, SettingsError> {
    let text = files::read(path, files::MAX_TEMPLATES)?;
    template::parse_file(&text).map_err(|error| SettingsError::Templates { path: path.to_owned(), error })
}

fn not_found<'a>(
    path: &Path,
    id: &str,
    bad: &[TemplateError],
    usable: impl Iterator<Item = &'a Template>,
) -> TemplateLookupError {
    const SHOWN: usize = 20;
    let path = path.to_owned();
    // `TemplateError` has the id as it is printed, because it may be none.
    let name = format!("{id:?}");
    if let Some(error) = bad.iter().find(|error| error.name == name) {
        return TemplateLookupError::Unusable { path, error: error.clone() };
    }
    let ids: Vec<_> = usable.map(|template| template.id.as_str()).collect();
    let known = match ids.len() {
        0 => "none that can be used".to_owned(),
        n if n > SHOWN => format!("{} and {} more", ids[..SHOWN].join(", "), n - SHOWN),
        _ => ids.join(", "),
    };
    TemplateLookupError::Unknown { id: id.chars().take(100).collect(), path, known }
}

/// Manifests by their path: templates that differ in their attributes alone share one.
struct Manifests {
    directory: PathBuf,
    read: BTreeMap<PathBuf, Result<Value, String>>,
}

impl Manifests {
    fn new(templates_file: &Path) -> Self {
        let directory = templates_file.parent().map(Path::to_owned).unwrap_or_default();
        Self { directory, read: BTreeMap::new() }
    }

    fn complete(&mut self, template: Template) -> Result<(Template, Manifest), TemplateError> {
        let path = self.directory.join(&template.pod_spec);
        let read = self.read.entry(path.clone()).or_insert_with(|| manifest::read(&path));
        let manifest = match read {
            Ok(pod) => Manifest::new(pod.clone()).map_err(|error| format!("{}: {error}", path.display())),
            Err(reason) => Err(format!("{} {reason}", path.display())),
        };
        match manifest {
            Ok(manifest) => Ok((template, manifest)),
            Err(reason) => Err(TemplateError {
                name: format!("{:?}", template.id.as_str()),
                reason: format!("`podSpec`: {reason}"),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
