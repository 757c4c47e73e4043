//! `getAvailableTemplates`: from the templates file alone.

use hf_core::wire::get_available_templates::Output;
use hf_settings::Templates;

use crate::error::CliError;

/// What may be asked for. A template that cannot be used is left out, and said loudly in the log.
#[expect(clippy::unnecessary_wraps, reason = "one of the five answers, all of which may fail")]
pub(crate) fn announce(templates: &Templates) -> Result<Output, CliError> {
    for error in &templates.bad {
        tracing::error!(file = %templates.path.display(), "{error}; it is left out");
    }
    let message = match templates.bad.len() {
        0 => String::new(),
        1 => "1 template cannot be used and is left out; the log says why".to_owned(),
        left_out => format!("{left_out} templates cannot be used and are left out; the log says why"),
    };
    let templates = templates.usable.iter().map(|(template, manifest)| template.announce(manifest)).collect();
    Ok(Output { message, templates })
}
