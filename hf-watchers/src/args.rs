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

    /// The most requests in flight to one cluster [else k8sprov_config.json, else 128]
    #[arg(long, env = "HF_K8S_MAX_IN_FLIGHT", value_name = "N", help_heading = "Cluster", value_parser = in_flight)]
    pub max_in_flight: Option<InFlight>,

    #[arg(long, env = "KUBECONFIG", hide = true)]
    kubeconfig_variable: Option<OsString>,
}

impl Args {
    /// The way to a target. What the target leaves open is the watcher's setting.
    pub(crate) fn access(&self, config: &Config, target: &Target) -> Access {
        let variable = self.kubeconfig_variable.as_ref().is_some_and(|value| !value.is_empty());
        // KUBECONFIG may name several files, which are then merged: that is left to those who know how.
        let configured = config.kubeconfig.as_ref().filter(|_| !variable).map(PathBuf::from);
        let max_in_flight = self.max_in_flight.and_then(|given| given.0).unwrap_or(config.max_in_flight);
        Access {
            kubeconfig: self.kubeconfig.clone().or(configured),
            context: first(&target.context, self.context.as_ref(), config.context.as_ref()),
            namespace: first(&target.namespace, self.namespace.as_ref(), config.namespace.as_ref()),
            max_in_flight: usize::try_from(max_in_flight).unwrap_or(usize::MAX),
        }
    }
}

/// A number of requests, or nothing: an empty variable counts as unset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlight(Option<u32>);

fn in_flight(text: &str) -> Result<InFlight, String> {
    if text.is_empty() {
        return Ok(InFlight(None));
    }
    let number = text.parse().ok().filter(|number| (1..=4_096).contains(number));
    number.map(|number| InFlight(Some(number))).ok_or_else(|| "it must be a number from 1 to 4096".to_owned())
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

    #[test]
    fn an_empty_number_is_none_and_a_bad_one_is_refused() {
        let most = |text| {
            let args = Args::try_parse_from(["w", "--max-in-flight", text]).ok()?;
            Some(args.access(&Config::default(), &Target::default()).max_in_flight)
        };
        assert_eq!((most(""), most("7")), (Some(128), Some(7)));
        assert_eq!((most("0"), most("many"), most("5000")), (None, None, None));
    }
}
