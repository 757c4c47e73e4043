//! The setting `reclaimTaints`: the taints that mean *this node goes*.

use serde::Deserialize;

use crate::facts::Taint;

/// A taint that means that its node goes, and the seconds that are left from when it was first seen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct ReclaimTaint {
    /// Which taint: `key`, `key=value`, `key:Effect` or `key=value:Effect`, as `kubectl taint` writes them. What is
    /// not written may be anything.
    #[cfg_attr(test, schemars(with = "String", regex(pattern = TAINT)))]
    pub taint: TaintPattern,
    /// The seconds from the taint to the end of the node. Without it pods are evicted one by one, and each has the
    /// grace that it asks for itself.
    pub seconds: Option<u32>,
}

/// Which taints are meant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TaintPattern {
    key: String,
    value: Option<String>,
    effect: Option<String>,
}

/// Text that says no taint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no taint: write key, key=value, key:Effect or key=value:Effect, with the effect NoSchedule, PreferNoSchedule or NoExecute"
)]
pub struct TaintError(String);

/// What is a taint, for the schema.
#[cfg(test)]
const TAINT: &str = "^[A-Za-z0-9_./-]+(=[A-Za-z0-9_./-]*)?(:(NoSchedule|PreferNoSchedule|NoExecute))?$";

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

impl TryFrom<String> for TaintPattern {
    type Error = TaintError;

    fn try_from(text: String) -> Result<Self, TaintError> {
        let (rest, effect) = match text.split_once(':') {
            Some((rest, effect)) => (rest, Some(effect.to_owned())),
            None => (text.as_str(), None),
        };
        let (key, value) = match rest.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (rest, None),
        };
        let good = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let known = effect.as_deref().is_none_or(|effect| EFFECTS.contains(&effect));
        if key.is_empty()
            || !key.chars().all(good)
            || !value.iter().flat_map(|v| v.chars()).all(good)
            || !known
        {
            return Err(TaintError(text));
        }
        Ok(Self { key: key.to_owned(), value, effect })
    }
}

impl TaintPattern {
    /// Whether a taint is one that is meant.
    pub fn is(&self, taint: &Taint) -> bool {
        let fits =
            |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        self.key == taint.key && fits(&self.value, &taint.value) && fits(&self.effect, &taint.effect)
    }
}

/// What holds unless the setting says otherwise; a list of one's own replaces all of it.
///
/// | taint | seconds | source |
/// | --- | --- | --- |
/// | `karpenter.sh/disrupted` | the pod's grace | Karpenter 1, [*Disruption*](https://karpenter.sh/docs/concepts/disruption/): set on a node that is to be disrupted, whose pods are evicted once its replacements are ready, each with its own grace. It is taken away again if they do not become ready |
/// | `karpenter.sh/disruption` | the pod's grace | the same of Karpenter 0.32 to 0.37 |
/// | `ToBeDeletedByClusterAutoscaler` | the pod's grace | cluster autoscaler, [*FAQ*](https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md): a node that is scaled down is drained, and pods have their own grace up to `--max-graceful-termination-sec` |
/// | `cloud.google.com/impending-node-termination` | 25 | GKE: [*maintenance of nodes that do not live migrate*](https://cloud.google.com/kubernetes-engine/docs/concepts/handle-disruption-gpu-tpu), and the notice of a [*preemptible VM*](https://cloud.google.com/kubernetes-engine/docs/concepts/preemptible-vm), which ends after 30 s, of which its pods have 25: the shortest of them counts |
/// | `aws-node-termination-handler/spot-itn` | 120 | AWS: a spot instance is interrupted two minutes after the [notice](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html) |
/// | `aws-node-termination-handler/scheduled-maintenance`, `…/asg-lifecycle-termination` | 120 | [AWS node termination handler](https://github.com/aws/aws-node-termination-handler), its chart's `taintNode` and `nodeTerminationGracePeriod`: taint and drain begin 120 s before the end |
/// | `remediator.kubernetes.azure.com/unschedulable` | 30 | AKS, [*Node auto-drain*](https://learn.microsoft.com/azure/aks/node-auto-drain): set when a scheduled event (preempt, redeploy, terminate) takes the node; a spot machine has 30 s at least |
/// | `remediator.aks.microsoft.com/unschedulable` | 30 | its older name |
///
/// Not among them is what a node carries, or gets, and lives on:
///
/// - labels and taints of healthy spot nodes, such as `kubernetes.azure.com/scalesetpriority`;
/// - a cordon;
/// - `DeletionCandidateOfClusterAutoscaler`, which the autoscaler takes away again when the node is needed;
/// - `aws-node-termination-handler/rebalance-recommendation`: a [*recommendation*](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/rebalance-recommendations.html)
///   says that an interruption has become likelier, and no more; the handler does not even cordon for it unless it is
///   told to, and where it drains, the evictions are seen. A site that wants to give such nodes up lists it.
pub fn defaults() -> Vec<ReclaimTaint> {
    [
        ("karpenter.sh/disrupted", None),
        ("karpenter.sh/disruption", None),
        ("ToBeDeletedByClusterAutoscaler", None),
        ("cloud.google.com/impending-node-termination", Some(25)),
        ("aws-node-termination-handler/spot-itn", Some(120)),
        ("aws-node-termination-handler/scheduled-maintenance", Some(120)),
        ("aws-node-termination-handler/asg-lifecycle-termination", Some(120)),
        ("remediator.kubernetes.azure.com/unschedulable", Some(30)),
        ("remediator.aks.microsoft.com/unschedulable", Some(30)),
    ]
    .into_iter()
    .map(|(key, seconds)| {
        let taint = TaintPattern { key: key.to_owned(), value: None, effect: None };
        ReclaimTaint { taint, seconds }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint(key: &str, value: &str, effect: &str) -> Taint {
        Taint { key: key.into(), value: value.into(), effect: effect.into() }
    }

    #[test]
    fn what_is_not_written_may_be_anything() {
        let full = taint("a.b/c", "v", "NoSchedule");
        for (pattern, fits) in [
            ("a.b/c", true),
            ("a.b/c=v", true),
            ("a.b/c:NoSchedule", true),
            ("a.b/c=v:NoSchedule", true),
            ("a.b/c=", false),
            ("a.b/c=w", false),
            ("a.b/c:NoExecute", false),
            ("a.b", false),
            ("v", false),
        ] {
            assert_eq!(TaintPattern::try_from(pattern.to_owned()).unwrap().is(&full), fits, "{pattern}");
        }
    }

    #[test]
    fn what_is_no_taint_is_refused() {
        for bad in ["", "=v", ":NoSchedule", "a:Soon", "a:", "a b", "a=b=c", "a:NoSchedule:NoExecute"] {
            assert!(TaintPattern::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn healthy_spot_nodes_and_candidates_are_no_reclaim() {
        for (key, value) in [
            ("kubernetes.azure.com/scalesetpriority", "spot"),
            ("cloud.google.com/gke-spot", "true"),
            ("cloud.google.com/gke-preemptible", "true"),
            ("eks.amazonaws.com/capacityType", "SPOT"),
            ("karpenter.sh/capacity-type", "spot"),
            ("DeletionCandidateOfClusterAutoscaler", "1700000000"),
            ("aws-node-termination-handler/rebalance-recommendation", "1700000000"),
            (crate::facts::CORDON, ""),
        ] {
            let healthy = taint(key, value, "NoSchedule");
            assert!(!defaults().iter().any(|entry| entry.taint.is(&healthy)), "{key}");
        }
    }
}
