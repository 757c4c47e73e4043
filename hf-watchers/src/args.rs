//! The command line of the watchers.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use hf_core::Config;
use hf_core::ground::Target;
use hf_k8s::Access;
use hf_settings::Common;

/// A watcher of the Host Factory provider for Kubernetes.
///
/// Runs until SIGTERM or SIGINT, which lets what is in flight end and exits with 0; a second one ends it at once. A
/// second watcher of a kind on the same work directory stands by until the first has ended.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Args {
    /// What every program takes.
    #[command(flatten)]
    pub common: Common,

    /// The kubeconfig [else KUBECONFIG, else k8sprov_config.json, else ~/.kube/config, else the service account of the
    /// pod we run in]
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,

    /// The kubeconfig's context, for templates that name none [else k8sprov_config.json, else the current one]
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub context: Option<String>,

    /// The namespace, for templates and manifests that name none [else k8sprov_config.json, else the context's]
    #[arg(long, env = "HF_K8S_NAMESPACE", value_name = "NAME", help_heading = "Cluster")]
    pub namespace: Option<String>,

    /// The most requests in flight to one cluster [else k8sprov_config.json, else 64]
    #[arg(long, env = "HF_K8S_MAX_IN_FLIGHT", value_name = "N", help_heading = "Cluster",
          value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub max_in_flight: Option<u32>,

    #[arg(long, env = "KUBECONFIG", hide = true)]
    kubeconfig_variable: Option<OsString>,
}

impl Args {
    /// The way to a target. What the target leaves open is the watcher's setting.
    pub(crate) fn access(&self, config: &Config, target: &Target) -> Access {
        let variable = self.kubeconfig_variable.as_ref().is_some_and(|value| !value.is_empty());
        // KUBECONFIG may name several files, which are then merged: that is left to those who know how.
        let configured = config.kubeconfig.as_ref().filter(|_| !variable).map(PathBuf::from);
        let max_in_flight = self.max_in_flight.unwrap_or(config.max_in_flight);
        Access {
            kubeconfig: self.kubeconfig.clone().or(configured),
            context: first(&target.context, self.context.as_ref(), config.context.as_ref()),
            namespace: first(&target.namespace, self.namespace.as_ref(), config.namespace.as_ref()),
            max_in_flight: usize::try_from(max_in_flight).unwrap_or(usize::MAX),
        }
    }
}

fn first(named: &str, flag: Option<&String>, config: Option<&String>) -> Option<String> {
    let named = Some(named.to_owned()).filter(|name| !name.is_empty());
    named.or_else(|| flag.filter(|name| !name.is_empty()).cloned()).or_else(|| config.cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_target_names_comes_first_then_the_flag_then_the_file() {
        let config = Config { namespace: Some("file".into()), ..Config::default() };
        let flag = Args::parse_from(["w", "--namespace", "flag"]);
        let none = Args::parse_from(["w", "--namespace", ""]);
        let named = Target { namespace: "target".into(), ..Target::default() };
        assert_eq!(flag.access(&config, &named).namespace.as_deref(), Some("target"));
        assert_eq!(flag.access(&config, &Target::default()).namespace.as_deref(), Some("flag"));
        assert_eq!(none.access(&config, &Target::default()).namespace.as_deref(), Some("file"));
        assert_eq!(none.access(&Config::default(), &Target::default()).namespace, None);
    }
}
