//! `k8sprov_templates.json`: what may be asked for.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::attributes::{Attribute, Attributes};
use crate::ground::Target;
use crate::manifest::Manifest;
use crate::quantity::Quantity;
use crate::status::Readiness;
use crate::text::{plain, shorten};
use crate::wire::{InputError, get_available_templates};
use crate::{MAX_MACHINES, TemplateId, resources};

/// One template of the file, before its manifest is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// The most machines at a time; `None` is no limit (−1 in the file).
    pub max_number: Option<u32>,
    /// What the site says of each machine.
    pub attributes: Attributes,
    /// The path of the pod manifest: absolute, or relative to the templates file.
    pub pod_spec: String,
    /// Settings of its own.
    pub own: Own,
    /// Keys that are passed through to Host Factory.
    pub other: Map<String, Value>,
}

/// Settings that a template may have of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Own {
    /// The namespace where its pods are made.
    #[cfg_attr(test, schemars(length(max = 63), regex(pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")))]
    pub namespace: Option<String>,
    /// The kubeconfig context.
    pub context: Option<String>,
    /// How long a pod may take to start, in seconds.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub start_timeout: Option<u32>,
    /// How long a machine may take to be created, in seconds.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub create_timeout: Option<u32>,
    /// When a machine counts as delivered.
    pub readiness: Option<Readiness>,
    /// Machines of templates with a higher one are created first.
    pub priority: i32,
}

/// The file.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct File {
    /// The templates, in order of preference.
    #[cfg_attr(test, schemars(with = "Vec<crate::schema::Template>", length(min = 1)))]
    templates: Vec<Value>,
}

/// What every template says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Known {
    /// Its id, which no other template of the file has.
    #[cfg_attr(test, schemars(regex(pattern = "^[0-9A-Za-z_-]{1,64}$")))]
    template_id: String,
    /// The most machines at a time; -1 is no limit.
    #[cfg_attr(test, schemars(schema_with = "crate::schema::max_number"))]
    max_number: i64,
    /// What each machine is, by name. What is missing is taken from the pod.
    #[serde(default)]
    #[cfg_attr(test, schemars(schema_with = "crate::schema::attributes"))]
    attributes: Map<String, Value>,
    /// The path of the Pod manifest, absolute or relative to this file.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pod_spec: String,
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template {name}: {reason}")]
pub struct TemplateError {
    /// The template's id, or its place in the file.
    pub name: String,
    /// The field and what is wrong with it.
    pub reason: String,
}

/// Reads the file's text: each template or the reason why it cannot be used. One bad template harms no other.
///
/// # Errors
/// If the file is not `{"templates": […]}`.
pub fn parse_file(json: &[u8]) -> Result<Vec<Result<Template, TemplateError>>, InputError> {
    let file: File = crate::wire::parse(json)?;
    let mut seen = std::collections::BTreeSet::new();
    let parse = |(index, value): (usize, Value)| {
        let given = value["templateId"].as_str();
        let name = given.map_or_else(|| format!("number {}", index + 1), |id| shorten(&format!("{id:?}")));
        let reason = |reason: String| TemplateError { name: name.clone(), reason: shorten(&reason) };
        let template = parse(value).map_err(reason)?;
        if seen.insert(template.id.clone()) {
            Ok(template)
        } else {
            Err(TemplateError { name, reason: "`templateId` is used twice".to_owned() })
        }
    };
    Ok(file.templates.into_iter().enumerate().map(parse).collect())
}

fn parse(value: Value) -> Result<Template, String> {
    let read = |error: serde_path_to_error::Error<serde_json::Error>| match error.path().to_string() {
        path if path == "." => plain(&error.into_inner().to_string()),
        path => format!("`{path}`: {}", plain(&error.into_inner().to_string())),
    };
    let known: Known = serde_path_to_error::deserialize(&value).map_err(read)?;
    let own: Own = serde_path_to_error::deserialize(&value).map_err(read)?;
    own.check()?;
    let id = TemplateId::parse(&known.template_id).map_err(|error| format!("`templateId`: {error}"))?;
    let mut attributes = Attributes::new();
    for (name, json) in known.attributes {
        let attribute =
            Attribute::read_as(&name, &json).map_err(|reason| format!("`attributes.{name}` {reason}"))?;
        attributes.insert(name, attribute);
    }
    let mut other = match value {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    // Host Factory's parser takes keys whatever their case: a second spelling would compete with what we print.
    let printed = ["templateId", "maxNumber", "availableNumber", "requestedMachines", "attributes"];
    other.retain(|key, _| !printed.iter().any(|printed| key.eq_ignore_ascii_case(printed)));
    if known.pod_spec.is_empty() {
        return Err("`podSpec` is empty; it must be the path of a Pod manifest".to_owned());
    }
    Ok(Template {
        id,
        max_number: max_number(known.max_number)?,
        attributes,
        pod_spec: known.pod_spec,
        own,
        other,
    })
}

fn max_number(number: i64) -> Result<Option<u32>, String> {
    match number {
        -1 => Ok(None),
        0 => Err("`maxNumber` is 0, which can remove the provider from Host Factory for good; \
                  take the template out of the file, or use -1 for no limit"
            .to_owned()),
        n => u32::try_from(n)
            .map(Some)
            .map_err(|_| format!("`maxNumber` is {n}; it must be 1 or more, or -1 for no limit")),
    }
}

impl Own {
    fn check(&self) -> Result<(), String> {
        let zero = |field: &Option<u32>| *field == Some(0);
        if zero(&self.start_timeout) || zero(&self.create_timeout) {
            return Err("`startTimeout` and `createTimeout` must be 1 or more seconds".to_owned());
        }
        match &self.namespace {
            Some(name) if !crate::id::is_dns_label(name) => {
                Err(format!("`namespace` {name:?} names no namespace"))
            }
            _ => Ok(()),
        }
    }
}

impl Template {
    /// Where its pods are made: the template's word, else the manifest's (for the namespace). What both leave open is
    /// the watchers' setting, which may come from a flag.
    pub fn target(&self, manifest: &Manifest) -> Target {
        let context = self.own.context.as_deref();
        let namespace = self.own.namespace.as_deref().or(manifest.namespace());
        Target {
            context: context.unwrap_or_default().to_owned(),
            namespace: namespace.unwrap_or_default().to_owned(),
        }
    }

    /// What Host Factory is told, with the attributes that the site left out taken from the pod.
    ///
    /// No limit is printed as [`MAX_MACHINES`], which is safe however Host Factory reads a negative number.
    pub fn announce(&self, manifest: &Manifest) -> get_available_templates::Template {
        let mut attributes = self.attributes.clone();
        for (name, attribute) in derived(manifest.pod()) {
            attributes.entry(name.to_owned()).or_insert(attribute);
        }
        get_available_templates::Template {
            template_id: self.id.to_string(),
            max_number: self.max_number.unwrap_or(MAX_MACHINES),
            available_number: None,
            requested_machines: None,
            attributes,
            other: self.other.clone(),
        }
    }
}

/// The mandatory attributes as the pod's requests give them; a pod that asks for nothing is one CPU and 1024 MB.
fn derived(pod: &Value) -> [(&'static str, Attribute); 4] {
    const MEBIBYTE: i128 = 1 << 20;
    let asked = |resource| resources::requested(pod, resource).ok().flatten();
    let cpus = asked("cpu").map_or(1, Quantity::ceil).max(1);
    let memory = asked("memory").map_or(1_024, |memory| memory.floor_in(MEBIBYTE)).max(1);
    let machine = match pod["spec"]["nodeSelector"]["kubernetes.io/arch"].as_str() {
        Some("arm64") => "AARCH64",
        _ => "X86_64",
    };
    [
        ("type", Attribute::string(machine)),
        ("ncpus", Attribute::number(cpus)),
        ("ncores", Attribute::number(cpus)),
        ("nram", Attribute::number(memory)),
    ]
}

#[cfg(test)]
mod tests;
