//! Running totals of what pods take, by node and by namespace, kept up with each change.

use std::collections::HashMap;

use crate::{
    defaults,
    facts::{Amounts, PodFacts},
    resource::Resource,
    store::Event,
};

/// A total.
#[derive(Debug, Default)]
pub(crate) struct Used {
    /// Pods that have not ended.
    pub(crate) pods: i128,
    /// All pod objects.
    pub(crate) objects: i128,
    pub(crate) requests: Amounts,
    pub(crate) limits: Amounts,
}

/// All totals.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    nodes: HashMap<Box<str>, Used>,
    namespaces: HashMap<String, Used>,
}

impl Usage {
    pub(crate) fn node(&self, name: &str) -> Option<&Used> {
        self.nodes.get(name)
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<&Used> {
        self.namespaces.get(name)
    }

    /// Follows a change.
    pub(crate) fn follow(&mut self, event: &Event) {
        if event.object.resource != Resource::Pods {
            return;
        }
        if let Some(pod) = event.previous.as_ref().and_then(|old| old.facts.pod.as_ref()) {
            self.add(&event.object.key.namespace, pod, -1);
        }
        if event.change != crate::store::Change::Deleted
            && let Some(pod) = &event.object.facts.pod
        {
            self.add(&event.object.key.namespace, pod, 1);
        }
    }

    /// Adds a pod, or takes it away with `sign` -1.
    pub(crate) fn add(&mut self, namespace: &str, pod: &PodFacts, sign: i128) {
        if !self.namespaces.contains_key(namespace) {
            self.namespaces.insert(namespace.to_owned(), Used::default());
        }
        if let Some(used) = self.namespaces.get_mut(namespace) {
            used.objects += sign;
            used.add(pod, sign);
        }
        if !pod.node.is_empty() {
            self.nodes.entry(pod.node.clone()).or_default().add(pod, sign);
        }
    }
}

impl Used {
    fn add(&mut self, pod: &PodFacts, sign: i128) {
        if defaults::counts(pod) {
            self.pods += sign;
            add(&mut self.requests, &pod.requests, sign);
            add(&mut self.limits, &pod.limits, sign);
        }
    }
}

fn add(total: &mut Amounts, amounts: &Amounts, sign: i128) {
    for (name, amount) in amounts {
        match total.iter_mut().find(|(n, _)| n == name) {
            Some((_, total)) => *total += sign * amount,
            None => total.push((name.clone(), sign * amount)),
        }
    }
}
