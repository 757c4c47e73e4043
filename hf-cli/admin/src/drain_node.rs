//! `drain-node`: our pods on one node.

use hf_core::PodSeen;
use hf_store::ReportFilter;

use crate::cluster::Way;
use crate::delete_pods::{self, Consent};
use crate::desk::{Desk, Verdict};

/// Deletes our pods on a node, each with the grace that it asks for; Host Factory is told by getReturnRequests how many
/// seconds remain, so that Symphony can move its work, and asks for other machines.
///
/// This does not cordon the node, which is the cluster's administrators' to do: `kubectl cordon NODE` first, or new pods
/// may be put there at once. `kubectl drain NODE` has the same effect for our pods, and heeds disruption budgets.
#[derive(Debug, clap::Args)]
pub(crate) struct DrainNode {
    /// The node
    #[arg(value_name = "NODE")]
    node: String,

    #[command(flatten)]
    consent: Consent,

    #[command(flatten)]
    way: Way,
}

impl DrainNode {
    pub(crate) fn run(self, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        let mut store = desk.store()?;
        let mut found = store.read(|tx| tx.report_machines(&ReportFilter::default()))?;
        found.retain(|report| {
            let machine = &report.row.machine;
            machine.facts.node == self.node && machine.life.pod == PodSeen::Present
        });
        if found.is_empty() {
            desk.screen.say(format_args!(
                "no pod of provider {:?} is known on node {}",
                desk.settings.instance.as_str(),
                self.node
            ));
        } else if !self.consent.dry_run {
            desk.screen.say(format_args!(
                "the node is not cordoned by this; `kubectl cordon {}` keeps new pods away",
                self.node
            ));
        }
        delete_pods::delete(desk, found, &self.consent, &self.way)
    }
}
