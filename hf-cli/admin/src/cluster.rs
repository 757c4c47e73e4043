//! The clusters where machines are, and the deletion of pods there.
//!
//! A pod is deleted only by the UID that the store knows for its machine: a stranger's pod of the same name has
//! another one, and the API server refuses.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use hf_core::Config;
use hf_core::ground::Target;
use hf_k8s::{Access, DeleteOutcome};
use hf_store::MachineReport;

/// How long one delete may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// How many deletes are in flight at once.
const IN_FLIGHT: usize = 16;

/// The way to the cluster: give what the watchers are given.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Way {
    /// The kubeconfig [else KUBECONFIG, else k8sprov_config.json, else ~/.kube/config, else the service account of the
    /// pod we run in]
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    kubeconfig: Option<PathBuf>,

    /// The kubeconfig's context, for templates that name none [else k8sprov_config.json, else the current one]
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    context: Option<String>,

    /// The namespace, for templates and manifests that name none [else k8sprov_config.json, else the context's]
    #[arg(long, env = "HF_K8S_NAMESPACE", value_name = "NAME", help_heading = "Cluster")]
    namespace: Option<String>,

    #[arg(long, env = "KUBECONFIG", hide = true)]
    kubeconfig_variable: Option<OsString>,
}

impl Way {
    fn access(&self, config: &Config, target: &Target) -> Access {
        let variable = self.kubeconfig_variable.as_ref().is_some_and(|value| !value.is_empty());
        // KUBECONFIG may name several files, which those who know how merge.
        let configured = config.kubeconfig.as_ref().filter(|_| !variable).map(PathBuf::from);
        let first = |named: &str, flag: &Option<String>, config: &Option<String>| {
            let filled = |text: &&String| !text.is_empty();
            let named = Some(named.to_owned()).filter(|name| !name.is_empty());
            named.or_else(|| flag.as_ref().filter(filled).cloned()).or_else(|| config.clone())
        };
        Access {
            kubeconfig: self.kubeconfig.clone().or(configured),
            context: first(&target.context, &self.context, &config.context),
            namespace: first(&target.namespace, &self.namespace, &config.namespace),
            max_in_flight: IN_FLIGHT,
        }
    }

    /// Deletes pods, each with the grace that it asks for. Returns what became of each.
    pub(crate) fn delete(
        &self,
        config: &Config,
        machines: &[MachineReport],
    ) -> anyhow::Result<Vec<(String, DeleteOutcome)>> {
        let mut by_target: BTreeMap<&Target, Vec<&MachineReport>> = BTreeMap::new();
        for report in machines {
            by_target.entry(&report.target).or_default().push(report);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut all = Vec::new();
            for (target, machines) in by_target {
                let access = self.access(config, target);
                let cluster = hf_k8s::connect(&access).await;
                let cluster = cluster.with_context(|| format!("no way to the cluster ({target})"))?;
                let mut running = tokio::task::JoinSet::new();
                for report in machines {
                    let cluster = cluster.clone();
                    let (name, uid) =
                        (report.row.machine.name.to_string(), report.row.machine.facts.uid.clone());
                    running.spawn(async move {
                        // The cluster lets so many at a time pass.
                        let outcome = cluster.delete(&name, Some(&uid), None, DEADLINE).await;
                        (name, outcome)
                    });
                }
                all.extend(running.join_all().await);
            }
            all.sort_by(|one, other| one.0.cmp(&other.0));
            Ok(all)
        })
    }
}
