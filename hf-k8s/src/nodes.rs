//! The nodes of a cluster: whether they may be looked at, all of them, and what happens to them.

mod read;

use futures::Stream;
use hf_core::facts::NodeFacts;
use kube::core::Request;
use kube::core::params::PostParams;
use serde::Deserialize;
use serde_json::json;

use crate::Cluster;
use crate::error::{ApiError, Trouble};
use crate::list::{Asked, read_page};
use crate::request::{Answer, build};
use crate::transport::Lost;
use crate::watch::event::{What, read_as};

/// All nodes at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeListing {
    /// The nodes, in the server's order. Of one that could not be read beyond its name only that is known.
    pub nodes: Vec<NodeFacts>,
    /// The moment, from which a watch goes on.
    pub resource_version: String,
    /// How many objects have no name that can be read. A listing with such objects does not prove that a node is gone.
    pub unreadable: usize,
}

/// A change of a node, and the version of the cluster that it led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeChanged {
    /// What changed.
    pub change: NodeChange,
    /// Where to go on from once the change has been taken in. `None` if it could not be read: then from the last one.
    pub resource_version: Option<String>,
}

/// What a watch of nodes tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all changes are `Present`; a box for each would save nothing"
)]
pub enum NodeChange {
    /// A node was made or changed.
    Present(NodeFacts),
    /// The node of this name is gone.
    Gone(String),
    /// Nothing happened, up to this version: a bookmark. The watch is alive.
    Progress,
    /// An event without a readable name: only a new listing can settle what happened.
    Unreadable,
}

impl Cluster {
    /// Whether we may list and watch nodes. A server that does not let us ask does not let us watch either.
    pub async fn may_watch_nodes(&self) -> Result<bool, ApiError> {
        Ok(self.may("list", "nodes").await? && self.may("watch", "nodes").await?)
    }

    /// Whether we may do something with all objects of a kind of the core group.
    async fn may(&self, verb: &str, resource: &str) -> Result<bool, ApiError> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"group": "", "resource": resource, "verb": verb}},
        });
        let reviews = Request::new("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
        let request = build(reviews.create(&PostParams::default(), review.to_string().into_bytes()))?;
        match self.call(request, self.limits().answer).await.map_err(Lost::error)? {
            Answer::Done(body) => allowed(&body).ok_or_else(|| {
                ApiError::new(Trouble::Bad, "the answer to the question of what we may do is none")
            }),
            Answer::Refused(refusal) if matches!(refusal.code(), 403 | 404) => Ok(false),
            Answer::Refused(refusal) => Err(refusal.error()),
        }
    }

    /// Lists all nodes as they are now: the whole list or an error, never a part.
    pub async fn list_nodes(&self) -> Result<NodeListing, ApiError> {
        self.collect(&asked(), NodeListing::empty, NodeListing::add).await
    }

    /// Watches the nodes from a version on: one call, which ends as that of pods does ([`Cluster::watch`]).
    pub fn watch_nodes(
        &self,
        resource_version: &str,
    ) -> impl Stream<Item = Result<NodeChanged, ApiError>> + Send + 'static + use<> {
        self.follow(asked(), resource_version, changed)
    }
}

fn asked() -> Asked {
    Asked { path: Cluster::nodes(), selector: None, accept: "application/json" }
}

fn allowed(body: &[u8]) -> Option<bool> {
    #[derive(Deserialize)]
    struct Review {
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        allowed: bool,
    }
    Some(serde_json::from_slice::<Review>(body).ok()?.status.allowed)
}

impl NodeListing {
    fn empty() -> Self {
        Self { nodes: Vec::new(), resource_version: String::new(), unreadable: 0 }
    }

    fn add(&mut self, page: &str) -> Result<Option<String>, ApiError> {
        let Self { nodes, resource_version, unreadable } = self;
        read_page(page, resource_version, |item| match read::node(item) {
            Some((node, _)) => nodes.push(node),
            None => *unreadable += 1,
        })
    }
}

fn changed(line: &str) -> Result<NodeChanged, ApiError> {
    let told = read_as(line, read::node)?;
    let change = match told.what {
        What::Present(node) => NodeChange::Present(node),
        What::Gone(node) => NodeChange::Gone(node.name),
        What::Progress => NodeChange::Progress,
        What::Unreadable => NodeChange::Unreadable,
    };
    Ok(NodeChanged { change, resource_version: told.resource_version })
}
