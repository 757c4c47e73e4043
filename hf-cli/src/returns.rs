//! `getReturnRequests`: which of Host Factory's machines are gone or going.

use hf_core::reclaim::{Candidate, grace_period};
use hf_core::wire::get_return_requests::{Output, Reclaimed};
use hf_core::{Config, MachineName};
use hf_settings::Settings;
use hf_store::Tx;
use jiff::Timestamp;

use crate::error::CliError;
use crate::host_factory::doubt;

/// Goes through the hosts that Host Factory knows.
pub(crate) fn announce(
    tx: &Tx<'_>,
    settings: &Settings,
    config: &Config,
    hosts: &[String],
    now: Timestamp,
) -> Result<Output, CliError> {
    let mut reclaimed = Vec::new();
    let mut unknown = Vec::new();
    for host in hosts {
        let name = MachineName::from_host(host, &config.host_suffix).ok();
        let Some(row) = name.as_ref().map(|name| tx.machine(name)).transpose()?.flatten() else {
            unknown.push((host, name));
            continue;
        };
        let returned = tx.return_of(row.seq)?;
        let candidate = Candidate { machine: &row.machine, deleting_since: row.deleting_since, returned };
        if let Some(grace_period) = grace_period(&candidate, now) {
            reclaimed.push(Reclaimed { machine: host.clone(), grace_period });
        }
    }
    let doubt = if unknown.is_empty() { None } else { doubt(tx, settings, config, now)? };
    if let Some(reason) = doubt {
        tracing::warn!(
            count = unknown.len(),
            "Host Factory lists unknown machines, of which nothing is said: {reason}"
        );
        let message = format!("{} machines are not known yet: {reason}", unknown.len());
        return Ok(Output::new(message, reclaimed));
    }
    for (host, name) in unknown {
        let pod = name.as_ref().map_or(host.as_str(), MachineName::as_str);
        if !tx.is_other(pod)? {
            tracing::warn!(host, "Host Factory lists a machine that is nowhere: it is reported as gone");
            reclaimed.push(Reclaimed { machine: host.clone(), grace_period: 0 });
        }
    }
    Ok(Output::new(String::new(), reclaimed))
}
