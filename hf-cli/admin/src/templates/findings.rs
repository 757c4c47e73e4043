//! What is wrong, or odd, with one file or one template.

use hf_core::manifest::Manifest;
use hf_core::quantity::Quantity;
use hf_core::template::TemplateError;
use hf_core::{Config, Template, resources};
use hf_settings::Settings;

use super::{Finding, Severity};

/// The keys of a template that this program reads. All others are passed through to Host Factory.
const KEYS: &[&str] = &[
    "podSpec",
    "namespace",
    "context",
    "startTimeout",
    "createTimeout",
    "readiness",
    "priority",
    "templateId",
    "maxNumber",
    "attributes",
    "availableNumber",
    "requestedMachines",
];

/// The settings file: whether it can be read, and what nobody reads in it.
pub(super) fn configuration(settings: &Settings) -> Vec<Finding> {
    let Some(confdir) = &settings.confdir else { return Vec::new() };
    let path = confdir.join("k8sprov_config.json");
    let finding = |severity, field: &str, reason: String| Finding {
        subject: "configuration".to_owned(),
        severity,
        file: path.display().to_string(),
        field: field.to_owned(),
        reason,
    };
    if let Err(error) = settings.config() {
        let reason = without_path(&error.to_string(), &path.display().to_string());
        let (field, reason) = field_of(&reason);
        return vec![finding(Severity::Error, field, reason.to_owned())];
    }
    // It was read just now, so it is there and short, or not there at all.
    let text = std::fs::read(&path).unwrap_or_else(|_| b"{}".to_vec());
    let unknown = Config::parse(&text).map(|(_, unknown)| unknown).unwrap_or_default();
    if unknown.is_empty() {
        let said = if path.exists() { String::new() } else { "is not there: the defaults hold".to_owned() };
        return vec![finding(Severity::Ok, "", said)];
    }
    let say = |key: &String| finding(Severity::Warning, key, "is no setting of this program".to_owned());
    unknown.iter().map(say).collect()
}

/// A template that cannot be used.
pub(super) fn unusable(file: &str, error: &TemplateError) -> Finding {
    let (field, reason) = field_of(&error.reason);
    Finding {
        subject: error.name.trim_matches('"').to_owned(),
        severity: Severity::Error,
        file: file.to_owned(),
        field: field.to_owned(),
        reason: reason.to_owned(),
    }
}

/// A template that can be used: what is odd about it.
pub(super) fn template(file: &str, template: &Template, manifest: &Manifest) -> Vec<Finding> {
    let finding = |severity, field: String, reason: String| Finding {
        subject: template.id.to_string(),
        severity,
        file: file.to_owned(),
        field,
        reason,
    };
    let mut odd: Vec<(String, String)> = attributes(template, manifest);
    for key in template.other.keys() {
        if let Some(meant) = meant(key) {
            odd.push((key.clone(), format!("is passed through to Host Factory; `{meant}` may be meant")));
        }
    }
    if odd.is_empty() {
        let place = template.target(manifest);
        return vec![finding(Severity::Ok, String::new(), place.to_string())];
    }
    odd.into_iter().map(|(field, reason)| finding(Severity::Warning, field, reason)).collect()
}

/// Attributes by which Symphony sizes its demand, and which are not what the pod asks for.
fn attributes(template: &Template, manifest: &Manifest) -> Vec<(String, String)> {
    const MEBIBYTE: f64 = 1_048_576.0;
    let asked = |resource| resources::requested(manifest.pod(), resource).ok().flatten();
    let (cpu, memory) = (asked("cpu"), asked("memory"));
    let mut odd = Vec::new();
    for (name, amount, unit, what) in
        [("ncpus", cpu, 1.0, "CPU"), ("ncores", cpu, 1.0, "CPU"), ("nram", memory, MEBIBYTE, "MB of memory")]
    {
        let Some(attribute) = template.attributes.get(name) else { continue };
        let field = format!("attributes.{name}");
        // What is no number has made the template unusable, and is said of it as of any other.
        let Ok(said) = attribute.value.parse::<f64>() else { continue };
        match amount.map(|amount| Quantity::as_f64(amount) / unit) {
            None => {
                odd.push((field, format!("is {said}, but the pod asks for no {what}: nothing is reserved")));
            }
            // A fraction of a unit cannot be told by a whole number, whichever way it is rounded.
            Some(asked) if (said - asked).abs() >= 1.0 => {
                let asked = (asked * 1_000.0).round() / 1_000.0;
                odd.push((field, format!("is {said}, but the pod asks for {asked} {what}")));
            }
            Some(_) => {}
        }
    }
    odd
}

/// The key that is meant by one that nobody reads: the same in another case, or with a slip or two.
fn meant(key: &str) -> Option<&'static str> {
    if KEYS.contains(&key) {
        return None;
    }
    let written = key.to_ascii_lowercase().replace(['_', '-'], "");
    KEYS.iter().copied().find(|known| distance(&written, &known.to_ascii_lowercase()) <= 2)
}

/// How many letters have to be changed, added or taken away to make one text of the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// A reason as `` `field`: … `` or `` `field` is … `` says it, cut into field and reason.
fn field_of(reason: &str) -> (&str, &str) {
    let cut = || {
        let rest = reason.strip_prefix('`')?;
        let (field, said) = rest.split_once('`')?;
        Some((field, said.strip_prefix(':').unwrap_or(said).trim_start()))
    };
    cut().unwrap_or(("", reason))
}

/// A message without the name of the file that it begins with.
pub(super) fn without_path(message: &str, path: &str) -> String {
    message.strip_prefix(path).map_or(message, |rest| rest.trim_start_matches([':', ' '])).to_owned()
}

#[cfg(test)]
mod tests;
