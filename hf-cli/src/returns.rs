//! `getReturnRequests`: which of Host Factory's machines are gone or going.

use std::collections::HashMap;

use hf_core::reclaim::{Candidate, SeenNode, grace_period};
use hf_core::wire::get_return_requests::{Output, Reclaimed};
use hf_core::{MachineName, PodSeen};
use hf_store::{ListedMachine, Store, Tx};

use crate::error::CliError;
use crate::host_factory::{Sign, beside, machines, some};
use crate::surroundings::{Surroundings, View};

/// Goes through the hosts that Host Factory knows.
pub(crate) fn announce(view: View<'_>, store: &mut Store, hosts: &[String]) -> Result<Output, CliError> {
    let sign = Sign { now: view.now, hosts: !hosts.is_empty() };
    let (found, output, sign_is_due) = store.read(|tx| {
        let around = view.within(tx);
        let mut found = Found::default();
        for host in hosts {
            found.look_at(&around, host)?;
        }
        let output = found.output(&around)?;
        Ok::<_, CliError>((found, output, sign.is_due(tx)?))
    })?;
    if sign_is_due || !found.listed.is_empty() {
        beside(store, |tx| {
            found.listed.iter().try_for_each(|machine| tx.claim_machine(*machine))?;
            sign.note(tx)
        });
    }
    Ok(output)
}

/// What is known of the hosts.
#[derive(Default)]
struct Found<'a> {
    reclaimed: Vec<Reclaimed>,
    /// Those that the store does not know, each with the name that its pod would have.
    unknown: Vec<(&'a str, String)>,
    /// The nodes where they are, by context and name: many machines share one. None where nodes are not watched.
    nodes: HashMap<String, Option<HashMap<String, Option<SeenNode>>>>,
    /// Rebuilt from the cluster, and listed by Host Factory for the first time since: no longer unclaimed (rule 13).
    listed: Vec<i64>,
}

impl<'a> Found<'a> {
    fn look_at(&mut self, around: &Surroundings<'_>, host: &'a str) -> Result<(), CliError> {
        let tx = around.tx;
        let name = MachineName::from_host(host, &around.view.config.host_suffix).ok();
        let Some(row) = name.as_ref().map(|name| tx.listed_machine(name)).transpose()?.flatten() else {
            let pod = name.map_or_else(|| host.to_owned(), String::from);
            if !tx.return_of_unknown(&pod)?.silences(around.view.now) {
                self.unknown.push((host, pod));
            }
            return Ok(());
        };
        if row.unlisted {
            self.listed.push(row.seq);
        }
        let candidate = Candidate {
            machine: &row.machine,
            deleting_since: row.deleting_since,
            node: self.node(tx, &row)?,
            reclaim_taints: &around.view.config.reclaim_taints,
            returned: row.returned,
        };
        if let Some(grace_period) = grace_period(&candidate, around.view.now) {
            self.reclaimed.push(Reclaimed { machine: host.to_owned(), grace_period });
        }
        Ok(())
    }

    /// The node of a machine whose pod is there, if nodes are watched.
    fn node(&mut self, tx: &Tx<'_>, row: &ListedMachine) -> Result<Option<&SeenNode>, CliError> {
        let facts = &row.machine.facts;
        if row.machine.life.pod != PodSeen::Present || facts.node.is_empty() {
            return Ok(None);
        }
        if !self.nodes.contains_key(&row.context) {
            let nodes = tx.watches_nodes(&row.context)?.then(HashMap::new);
            self.nodes.insert(row.context.clone(), nodes);
        }
        let Some(Some(nodes)) = self.nodes.get_mut(&row.context) else { return Ok(None) };
        if !nodes.contains_key(&facts.node) {
            nodes.insert(facts.node.clone(), tx.node(&row.context, &facts.node)?);
        }
        Ok(nodes.get(&facts.node).and_then(Option::as_ref))
    }

    /// The answer. Of unknown machines something is said on known ground alone (rule 7).
    fn output(&self, around: &Surroundings<'_>) -> Result<Output, CliError> {
        let mut reclaimed = self.reclaimed.clone();
        let mut said = Vec::new();
        let doubt = if self.unknown.is_empty() { None } else { around.doubt()? };
        if let Some(reason) = doubt {
            let hosts = some(self.unknown.iter().map(|(host, _)| *host));
            let count = self.unknown.len();
            tracing::warn!(
                count,
                hosts,
                "Host Factory lists unknown machines, of which nothing is said: {reason}"
            );
            let are = if count == 1 { "is" } else { "are" };
            said.push(format!("{} {are} not known yet: {reason}", machines(count)));
        } else {
            let mut nowhere = Vec::new();
            for (host, pod) in &self.unknown {
                if !around.tx.is_other(pod)? {
                    nowhere.push(*host);
                }
            }
            if !nowhere.is_empty() {
                let (count, hosts) = (nowhere.len(), some(nowhere.iter().copied()));
                tracing::warn!(
                    count,
                    hosts,
                    "Host Factory lists machines that are nowhere: reported as gone"
                );
            }
            let gone = |host: &str| Reclaimed { machine: host.to_owned(), grace_period: 0 };
            reclaimed.extend(nowhere.into_iter().map(gone));
            said.push(around.trouble(&["hf-watch-pods"])?);
            said.extend(around.refusals()?.iter().cloned());
        }
        said.retain(|text| !text.is_empty());
        Ok(Output::new(said.join("; "), reclaimed))
    }
}
