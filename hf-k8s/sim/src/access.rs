//! Who asks, and what they may: tokens, and the rules of roles.

use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use crate::{defaults, options::Options};

/// The user of the kubeconfig that is written.
pub(crate) const USER: &str = "kubesim-user";
/// The user of the administrator's kubeconfig.
pub(crate) const ADMIN: &str = "kubernetes-admin";

/// Tokens and rules.
pub(crate) struct Access {
    /// Whether tokens are demanded.
    pub(crate) demanded: bool,
    pub(crate) user_token: String,
    pub(crate) admin_token: String,
    /// `None`: everything is allowed.
    rules: Option<Vec<Rule>>,
}

/// A rule of a role.
#[derive(Clone, Debug)]
struct Rule {
    /// `None` for a cluster role.
    namespace: Option<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
    verbs: Vec<String>,
    paths: Vec<String>,
}

/// What is asked for.
pub(crate) struct Question<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    /// With its subresource: `pods/status`.
    pub(crate) resource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

/// Reads roles from a file of JSON, or of YAML with one or several documents.
pub fn read_roles(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read roles from {}", path.display()))?;
    let documents: Vec<Value> = match serde_json::from_str(&text) {
        Ok(value) => vec![value],
        Err(_) => serde_saphyr::from_multiple(&text)
            .map_err(|error| anyhow::anyhow!("{error}"))
            .with_context(|| format!("cannot read roles from {}", path.display()))?,
    };
    let roles = documents.into_iter().flat_map(|document| match document["items"].as_array() {
        Some(items) => items.clone(),
        None => vec![document],
    });
    Ok(roles.filter(|role| role["kind"] == "Role" || role["kind"] == "ClusterRole").collect())
}

impl Access {
    pub(crate) fn new(options: &Options, rng: &mut fastrand::Rng) -> Self {
        // A restarted simulator has the same seed, so that kubeconfigs stay good.
        let rules = options.roles.iter().flat_map(|role| rules(role, &options.namespace));
        Self {
            demanded: options.tokens || !options.roles.is_empty(),
            user_token: defaults::uid(rng),
            admin_token: defaults::uid(rng),
            rules: (!options.roles.is_empty()).then(|| rules.collect()),
        }
    }

    /// The user behind a bearer token, or behind the path `/as/USER` where no token came.
    pub(crate) fn user(&self, authorization: Option<&str>, path_user: Option<&str>) -> Option<&'static str> {
        if !self.demanded {
            return Some(ADMIN);
        }
        match authorization {
            Some(header) => {
                let token = header.strip_prefix("Bearer ")?;
                if token == self.user_token {
                    Some(USER)
                } else {
                    (token == self.admin_token).then_some(ADMIN)
                }
            }
            None => [USER, ADMIN].into_iter().find(|user| path_user == Some(user)),
        }
    }

    pub(crate) fn allows(&self, user: &str, question: &Question<'_>) -> bool {
        match &self.rules {
            Some(rules) if user != ADMIN => rules.iter().any(|rule| rule.allows(question)),
            _ => true,
        }
    }

    /// The rules that hold for a user in a namespace, as a rules review tells them.
    pub(crate) fn review(&self, user: &str, namespace: &str) -> Value {
        let everything = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
        let resource_rules = match &self.rules {
            Some(rules) if user != ADMIN => rules
                .iter()
                .filter(|rule| rule.namespace.as_ref().is_none_or(|ns| ns == namespace))
                .filter(|rule| !rule.resources.is_empty())
                .map(|rule| {
                    let mut shown =
                        json!({"verbs": rule.verbs, "apiGroups": rule.groups, "resources": rule.resources});
                    if !rule.names.is_empty() {
                        shown["resourceNames"] = json!(rule.names);
                    }
                    shown
                })
                .collect(),
            _ => everything,
        };
        let paths = json!([{"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/version"]}]);
        json!({"resourceRules": resource_rules, "nonResourceRules": paths, "incomplete": false})
    }
}

fn rules(role: &Value, default_namespace: &str) -> Vec<Rule> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
    };
    let namespace = (role["kind"] == "Role")
        .then(|| role["metadata"]["namespace"].as_str().unwrap_or(default_namespace).to_owned());
    let rules = role["rules"].as_array().into_iter().flatten();
    rules
        .map(|rule| Rule {
            namespace: namespace.clone(),
            groups: texts(&rule["apiGroups"]),
            resources: texts(&rule["resources"]),
            names: texts(&rule["resourceNames"]),
            verbs: texts(&rule["verbs"]),
            paths: texts(&rule["nonResourceURLs"]),
        })
        .collect()
}

impl Rule {
    fn allows(&self, question: &Question<'_>) -> bool {
        let has = |list: &[String], wanted: &str| list.iter().any(|one| one == "*" || one == wanted);
        let subresource = question.resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
        self.paths.is_empty()
            && self.namespace.as_deref().is_none_or(|ns| ns == question.namespace)
            && has(&self.groups, question.group)
            && (has(&self.resources, question.resource)
                || subresource.is_some_and(|any| self.resources.contains(&any)))
            && (self.names.is_empty() || self.names.iter().any(|name| name == question.name))
            && has(&self.verbs, question.verb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_allow_what_they_name() {
        let role = json!({"kind": "Role", "metadata": {"namespace": "n"}, "rules": [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["s"], "verbs": ["get"]},
            {"apiGroups": [""], "resources": ["*/status"], "verbs": ["patch"]},
        ]});
        let options = Options { roles: vec![role], ..Options::default() };
        let access = Access::new(&options, &mut fastrand::Rng::with_seed(1));
        for (verb, resource, namespace, name, expected) in [
            ("get", "pods", "n", "a", true),
            ("list", "pods", "n", "", true),
            ("delete", "pods", "n", "a", false),
            ("list", "pods", "m", "", false),
            ("list", "pods", "", "", false),
            ("get", "pods/log", "n", "a", false),
            ("patch", "pods/status", "n", "a", true),
            ("get", "secrets", "n", "s", true),
            ("get", "secrets", "n", "t", false),
        ] {
            let question = Question { verb, group: "", resource, namespace, name };
            assert_eq!(access.allows(USER, &question), expected, "{verb} {resource} {namespace}/{name}");
            assert!(access.allows(ADMIN, &question));
        }
    }
}
