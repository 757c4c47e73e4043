//! What `getAvailableTemplates` says beyond the templates file, where a setting asks for it: how many machines more may be
//! had of each template, and which are had.

use std::ffi::OsStr;

use hf_core::Config;
use hf_core::wire::get_available_templates::Output;
use hf_settings::Templates;
use hf_store::Tx;

use crate::error::CliError;
use crate::host_factory;

/// What the flag or the variable says; `None` leaves it to the configuration. What makes no sense is said and ignored,
/// because no call depends on it.
pub(crate) fn wanted(given: Option<&OsStr>) -> Option<bool> {
    let given = given.filter(|given| !given.is_empty())?;
    for (word, meaning) in [("true", true), ("false", false)] {
        if given.eq_ignore_ascii_case(word) {
            return Some(meaning);
        }
    }
    tracing::error!(
        "--show-availability (HF_K8S_SHOW_AVAILABILITY) is {given:?}; it must be true or false, and is ignored"
    );
    None
}

/// Adds it to the answer, all of it from one transaction.
pub(crate) fn add(
    tx: &Tx<'_>,
    config: &Config,
    templates: &Templates,
    output: &mut Output,
) -> Result<(), CliError> {
    let live: Vec<_> =
        templates.usable.iter().map(|(template, _)| tx.live_names(&template.id)).collect::<Result<_, _>>()?;
    for (template, names) in output.templates.iter_mut().zip(live) {
        let had = u32::try_from(names.len()).unwrap_or(u32::MAX);
        template.available_number = Some(template.max_number.saturating_sub(had));
        template.requested_machines =
            Some(names.iter().map(|name| host_factory::host(name, config)).collect());
    }
    Ok(())
}
