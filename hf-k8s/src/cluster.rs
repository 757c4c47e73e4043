//! One namespace of one cluster.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kube::core::Request;
use kube::core::params::GetParams;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::Pod;
use crate::error::{ApiError, Trouble};
use crate::pod::{self, Reading};
use crate::raw::utf8;
use crate::request::{Answer, get};
use crate::transport::Lost;

/// One namespace of one cluster. Cheap to clone; clones share connections and the bound on requests in flight.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    shared: Arc<Shared>,
    limits: Limits,
}

/// Credentials are in the client, which is not shown.
impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cluster({}, namespace {})", self.server(), self.namespace())
    }
}

struct Shared {
    namespace: String,
    server: String,
    fingerprint: String,
    turns: Semaphore,
}

/// Which cluster it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The UID of the namespace `kube-system`, which lives and dies with the cluster. `None` where it may not be read.
    pub uid: Option<String>,
    /// A hash of the server's address and its certificate authority, for where there is no UID. It changes when either
    /// does, though the cluster may still be the same.
    pub server: String,
}

/// How listing and watching are bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Objects in one page of a listing.
    pub page: u32,
    /// How long one page may take, and the answer to a watch or a look at the identity.
    pub answer: Duration,
    /// How long the server is asked to keep one watch. A fifth more or less is drawn for each, so that many watchers do
    /// not come back at once.
    pub watch: Duration,
    /// How long a watch may be silent before it is given up. API servers send a bookmark about once a minute; a
    /// connection whose other end is gone sends nothing, for ever.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page: 500,
            answer: Duration::from_secs(30),
            watch: Duration::from_mins(5),
            silence: Duration::from_secs(90),
        }
    }
}

impl Cluster {
    pub(crate) fn new(
        client: kube::Client,
        namespace: String,
        server: String,
        fingerprint: String,
        max_in_flight: usize,
    ) -> Self {
        // Semaphores have a largest size, far beyond any use.
        let turns = Semaphore::new(max_in_flight.clamp(1, 4096));
        let shared = Arc::new(Shared { namespace, server, fingerprint, turns });
        Self { client, shared, limits: Limits::default() }
    }

    /// The same cluster, listed and watched within other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.shared.namespace
    }

    /// The server's address, without credentials.
    pub fn server(&self) -> &str {
        &self.shared.server
    }

    /// Which cluster this is. That the namespace may not be read, or that there is none, is an answer too.
    pub async fn identity(&self) -> Result<Identity, ApiError> {
        let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
        let namespaces = Request::new("/api/v1/namespaces");
        let request = get(namespaces.get("kube-system", &GetParams::default()), accept)?;
        let uid = match self.call(request, self.limits.answer).await.map_err(Lost::error)? {
            Answer::Done(body) => {
                let read = pod::read(&utf8(&body), &Reading::Names).filter(|read| !read.pod.uid.is_empty());
                // Without a UID it is not the answer of an API server, so that nothing is known of the cluster.
                let read =
                    read.ok_or_else(|| ApiError::new(Trouble::Bad, "the namespace kube-system has no UID"))?;
                Some(read.pod.uid)
            }
            Answer::Refused(refusal) if matches!(refusal.code(), 403 | 404) => None,
            Answer::Refused(refusal) => return Err(refusal.error()),
        };
        Ok(Identity { uid, server: self.shared.fingerprint.clone() })
    }

    /// One pod, or `None` if the server says that there is none of that name. Its origin may be of any instance.
    pub async fn get(&self, name: &str, deadline: Duration) -> Result<Option<Pod>, ApiError> {
        if !is_pod_name(name) {
            return Ok(None);
        }
        let request = get(self.pods().get(name, &GetParams::default()), "application/json")?;
        match self.call(request, deadline).await.map_err(Lost::error)? {
            Answer::Done(body) => {
                pod::read(&utf8(&body), &Reading::OfAny).map(|read| Some(read.pod)).ok_or_else(|| {
                    ApiError::new(Trouble::Bad, format!("the answer for the pod {name} is no pod"))
                })
            }
            Answer::Refused(refusal) if refusal.is_not_found() => Ok(None),
            Answer::Refused(refusal) => Err(refusal.error()),
        }
    }

    pub(crate) fn client(&self) -> &kube::Client {
        &self.client
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// The path of the namespace's pods. The namespace was checked when the cluster was connected.
    pub(crate) fn pods(&self) -> Request {
        Request::new(format!("/api/v1/namespaces/{}/pods", self.shared.namespace))
    }

    /// The path of the cluster's nodes.
    pub(crate) fn nodes() -> Request {
        Request::new("/api/v1/nodes")
    }

    /// Waits for a turn. It ends when the turn is dropped.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed; without a turn the request would only be made earlier.
        self.shared.turns.acquire().await.ok()
    }
}

/// Whether a pod can have that name (a DNS subdomain). No other text may become part of a path, and none needs to: there
/// is no such pod.
pub(crate) fn is_pod_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_pods() {
        for good in ["a", "r-0", "web.example-1", "0"] {
            assert!(is_pod_name(good), "{good}");
        }
        let long = "a".repeat(254);
        for bad in
            ["", ".", "..", "a.", ".a", "a..b", "-a", "a-", "A", "a/b", "a%2Fb", "a?b", "a b", "ä", &long]
        {
            assert!(!is_pod_name(bad), "{bad}");
        }
    }
}
