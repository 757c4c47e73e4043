//! The kinds of objects that are served: one table, from which routes and discovery are made.

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::enum_variant_names, reason = "the API's own names")]
pub(crate) enum Resource {
    Pods,
    Nodes,
    Namespaces,
    Events,
    ResourceQuotas,
    ServiceAccounts,
    ConfigMaps,
    Secrets,
    LimitRanges,
}

/// All kinds, in the order of [`Resource`], so that a kind is an index.
pub(crate) const ALL: [Resource; 9] = [
    Resource::Pods,
    Resource::Nodes,
    Resource::Namespaces,
    Resource::Events,
    Resource::ResourceQuotas,
    Resource::ServiceAccounts,
    Resource::ConfigMaps,
    Resource::Secrets,
    Resource::LimitRanges,
];

/// What the API says about a kind.
pub(crate) struct Info {
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) short: &'static [&'static str],
    pub(crate) namespaced: bool,
    /// Whether there is a status subresource.
    pub(crate) status: bool,
    /// Whether a deletion answers with the object, not with a `Status`.
    pub(crate) returns_deleted: bool,
}

const fn info(
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
) -> Info {
    Info { plural, singular, kind, short, namespaced: true, status: false, returns_deleted: false }
}

static INFOS: [Info; 9] = [
    Info { status: true, returns_deleted: true, ..info("pods", "pod", "Pod", &["po"]) },
    Info { namespaced: false, status: true, ..info("nodes", "node", "Node", &["no"]) },
    Info { namespaced: false, status: true, ..info("namespaces", "namespace", "Namespace", &["ns"]) },
    info("events", "event", "Event", &["ev"]),
    Info {
        status: true,
        returns_deleted: true,
        ..info("resourcequotas", "resourcequota", "ResourceQuota", &["quota"])
    },
    Info { returns_deleted: true, ..info("serviceaccounts", "serviceaccount", "ServiceAccount", &["sa"]) },
    info("configmaps", "configmap", "ConfigMap", &["cm"]),
    info("secrets", "secret", "Secret", &[]),
    info("limitranges", "limitrange", "LimitRange", &["limits"]),
];

impl Resource {
    pub(crate) fn info(self) -> &'static Info {
        &INFOS[self as usize]
    }

    pub(crate) fn plural(self) -> &'static str {
        self.info().plural
    }

    pub(crate) fn kind(self) -> &'static str {
        self.info().kind
    }

    pub(crate) fn namespaced(self) -> bool {
        self.info().namespaced
    }

    pub(crate) fn from_plural(plural: &str) -> Option<Self> {
        ALL.into_iter().find(|resource| resource.plural() == plural)
    }
}
