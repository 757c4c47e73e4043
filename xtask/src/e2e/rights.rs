//! The rights of the shipped role against the requests that were made: a verb too few fails a scenario, because kubesim
//! enforces the role; a verb too many is found here.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::harness::Simulator;

/// What every user may do, whatever the roles say (`system:basic-user`).
const EVERYBODYS: &[&str] = &["selfsubjectaccessreviews"];

/// How the watchers' user agent begins. Others who ask kubesim are xtask itself and kubectl.
const WATCHERS: &str = "hf-k8s/";

/// A verb on a resource, as a rule of a role has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Right {
    verb: String,
    resource: String,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)
    }
}

/// Rights that the watchers made use of.
#[derive(Debug, Default)]
pub(super) struct Used(BTreeSet<Right>);

impl Used {
    /// Adds what the watchers asked for and got.
    pub(super) fn add(&mut self, simulator: &Simulator) -> anyhow::Result<()> {
        let books = simulator.ask("requests?log=1000000")?;
        self.0.extend(used(&books).context("kubesim keeps no log of requests")?);
        Ok(())
    }

    /// Fails if a right was granted in vain, or used without having been granted.
    pub(super) fn compare(&self, role: &Path) -> anyhow::Result<()> {
        let text =
            std::fs::read_to_string(role).with_context(|| format!("cannot read {}", role.display()))?;
        let granted = granted(&text).with_context(|| format!("cannot understand {}", role.display()))?;
        let list =
            |rights: Vec<&Right>| rights.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let idle = list(granted.difference(&self.0).collect());
        ensure!(idle.is_empty(), "{} grants what no scenario needs: {idle}", role.display());
        let beyond = list(self.0.difference(&granted).collect());
        ensure!(beyond.is_empty(), "{} does not grant what was used: {beyond}", role.display());
        Ok(())
    }
}

fn used(books: &Value) -> Option<BTreeSet<Right>> {
    let text = |request: &Value, key: &str| request[key].as_str().unwrap_or_default().to_owned();
    let ours = |request: &&Value| {
        text(request, "userAgent").starts_with(WATCHERS)
            && request["status"].as_u64().is_some_and(|status| (200..300).contains(&status))
            && !EVERYBODYS.contains(&text(request, "resource").as_str())
            // Discovery has none.
            && !text(request, "resource").is_empty()
    };
    let right = |request: &Value| Right { verb: text(request, "verb"), resource: text(request, "resource") };
    Some(books["log"].as_array()?.iter().filter(ours).map(right).collect())
}

fn granted(yaml: &str) -> anyhow::Result<BTreeSet<Right>> {
    #[derive(Deserialize)]
    struct Object {
        #[serde(default)]
        rules: Vec<Rule>,
    }
    #[derive(Deserialize)]
    struct Rule {
        resources: Vec<String>,
        verbs: Vec<String>,
    }
    let objects: Vec<Object> = serde_saphyr::from_multiple(yaml)?;
    let mut rights = BTreeSet::new();
    for rule in objects.into_iter().flat_map(|object| object.rules) {
        for resource in &rule.resources {
            let of = |verb: String| Right { verb, resource: resource.clone() };
            rights.extend(rule.verbs.iter().cloned().map(of));
        }
    }
    ensure!(!rights.is_empty(), "it grants nothing");
    Ok(rights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ROLE: &str = "kind: Role\nrules:\n- {apiGroups: [''], resources: [pods], verbs: [create, delete]}\n---\n\
                        kind: RoleBinding\n---\nkind: ClusterRole\nrules:\n- {resources: [nodes], verbs: [watch]}\n";

    fn asked(requests: &[(&str, &str, &str, u16)]) -> Used {
        let log: Vec<_> = requests
            .iter()
            .map(|(agent, verb, resource, status)| {
                json!({"userAgent": agent, "verb": verb, "resource": resource, "status": status})
            })
            .collect();
        Used(used(&json!({ "log": log })).unwrap())
    }

    fn compare(used: &Used) -> Result<(), String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("role.yaml");
        std::fs::write(&path, ROLE).unwrap();
        used.compare(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_role_that_grants_what_is_used_passes() {
        let used = asked(&[
            ("hf-k8s/1", "create", "pods", 201),
            ("hf-k8s/1", "create", "selfsubjectaccessreviews", 201),
            ("hf-k8s/1", "delete", "pods", 200),
            ("hf-k8s/1", "watch", "nodes", 200),
            ("kubectl/1", "get", "secrets", 200),
        ]);
        assert_eq!(compare(&used), Ok(()));
    }

    #[test]
    fn a_verb_too_many_and_one_too_few_are_named() {
        let refused = asked(&[
            ("hf-k8s/1", "create", "pods", 201),
            ("hf-k8s/1", "delete", "pods", 403),
            ("hf-k8s/1", "watch", "nodes", 200),
        ]);
        assert!(compare(&refused).unwrap_err().ends_with("grants what no scenario needs: delete pods"));
        let beyond = asked(&[
            ("hf-k8s/1", "create", "pods", 201),
            ("hf-k8s/1", "delete", "pods", 200),
            ("hf-k8s/1", "watch", "nodes", 200),
            ("hf-k8s/1", "list", "secrets", 200),
        ]);
        assert!(compare(&beyond).unwrap_err().ends_with("does not grant what was used: list secrets"));
    }
}
