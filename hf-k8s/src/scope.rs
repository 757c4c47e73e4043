//! Which pods of a namespace are listed and watched.

use std::sync::Arc;

use hf_core::Instance;

use crate::origin::INSTANCE;
use crate::pod::Reading;

/// Which pods are looked at. The two scopes of one instance have no pod in common, and together they are all pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those that carry the instance's label, with their facts.
    Ours(Instance),
    /// All others, those without any label too: names and times only, which is cheap for the server as well.
    Others(Instance),
}

impl Scope {
    /// The label selector. `!=` includes what does not have the label.
    pub(crate) fn selector(&self) -> String {
        match self {
            Self::Ours(instance) => format!("{INSTANCE}={}", instance.label()),
            Self::Others(instance) => format!("{INSTANCE}!={}", instance.label()),
        }
    }

    /// How much of its pods is worth reading.
    pub(crate) fn reading(&self) -> Reading {
        match self {
            Self::Ours(instance) => Reading::Of(Arc::new(instance.clone())),
            Self::Others(_) => Reading::Names,
        }
    }

    /// The content types that are asked for, in order of preference. A server that cannot reduce objects to their
    /// metadata sends them whole, which is read just the same.
    pub(crate) fn accept(&self, list: bool) -> &'static str {
        match (self, list) {
            (Self::Ours(_), _) => "application/json",
            (Self::Others(_), true) => {
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
            }
            (Self::Others(_), false) => {
                "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
            }
        }
    }
}
