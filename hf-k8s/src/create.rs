//! Creating one pod.

use std::time::Duration;

use kube::core::params::{GetParams, PostParams};
use tokio::time::Instant;

use crate::error::{ApiError, Trouble};
use crate::origin::{INSTANCE, REQUEST_LABEL};
use crate::pod::{self, Reading};
use crate::raw::utf8;
use crate::request::{Answer, build};
use crate::transport::Lost;
use crate::{Cluster, Origin};

/// What became of a create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateOutcome {
    /// The pod was made.
    Created {
        /// Its `metadata.uid`.
        uid: String,
    },
    /// It had been made before, and is ours.
    Exists {
        /// Its `metadata.uid`.
        uid: String,
    },
    /// It never will be: a stranger's pod has its name.
    Rejected(String),
    /// Neither it nor any other pod of the same manifest ever will be, in the server's words.
    Invalid(String),
    /// It was not made, and may be tried again.
    Refused(ApiError),
    /// Nobody knows whether it was made. It may be tried again: its name tells.
    Unknown(ApiError),
}

impl Cluster {
    /// Creates a pod that [`spec::pod`](crate::spec::pod) made for `wanted`: one request, and a second one only where
    /// the name is taken, to see by whom.
    pub async fn create(
        &self,
        pod: &serde_json::Value,
        wanted: &Origin,
        deadline: Duration,
    ) -> CreateOutcome {
        let until = Instant::now() + deadline;
        let body = pod.to_string().into_bytes();
        let request = match build(self.pods().create(&PostParams::default(), body)) {
            Ok(request) => request,
            Err(error) => return CreateOutcome::Invalid(error.message),
        };
        match self.call(request, deadline).await {
            // An answer that cannot be read is as good as none; asking again tells.
            Ok(Answer::Done(body)) => match uid(&body) {
                Some(uid) => CreateOutcome::Created { uid },
                None => {
                    CreateOutcome::Unknown(ApiError::new(Trouble::Bad, "the answer to the create is no pod"))
                }
            },
            Ok(Answer::Refused(refusal)) if refusal.is_already_exists() => self.whose(wanted, until).await,
            Ok(Answer::Refused(refusal)) => refusal.of_create(),
            Err(Lost::NotSent(error)) => CreateOutcome::Refused(error),
            Err(Lost::Unanswered(error)) => CreateOutcome::Unknown(error),
        }
    }

    /// The UID of the pod that the predecessor has made for a machine, if it has: a pod of that very name with its
    /// labels, and with nothing of ours. Only for machines that were taken over, since anybody may write labels.
    ///
    /// # Errors
    /// If the server does not say.
    pub async fn predecessors(
        &self,
        wanted: &Origin,
        deadline: Duration,
    ) -> Result<Option<String>, ApiError> {
        let name = wanted.name.as_str();
        let request = build(self.pods().get(name, &GetParams::default()))?;
        let body = match self.call(request, deadline).await.map_err(Lost::error)? {
            Answer::Done(body) => body,
            Answer::Refused(refusal) if refusal.is_not_found() => return Ok(None),
            Answer::Refused(refusal) => return Err(refusal.error()),
        };
        let pod: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let meta = &pod["metadata"];
        let theirs =
            meta["labels"]["app"] == name && meta["labels"][REQUEST_LABEL] == wanted.request.as_str();
        let ours = !meta["labels"][INSTANCE].is_null() || !meta["annotations"][INSTANCE].is_null();
        let uid = meta["uid"].as_str().filter(|uid| theirs && !ours && !uid.is_empty());
        Ok(uid.map(str::to_owned))
    }

    /// Whose pod has the name that we wanted.
    async fn whose(&self, wanted: &Origin, until: Instant) -> CreateOutcome {
        let left = until.saturating_duration_since(Instant::now());
        let name = wanted.name.as_str();
        match self.get(name, left).await {
            Ok(Some(pod)) => match pod.origin {
                Some(origin) if origin == *wanted => CreateOutcome::Exists { uid: pod.uid },
                Some(_) => CreateOutcome::Rejected(format!(
                    "the pod {name} exists already and belongs to another request of the same id"
                )),
                None if pod.facts.is_none() => CreateOutcome::Unknown(ApiError::new(
                    Trouble::Bad,
                    format!("the pod {name} exists already, but cannot be read"),
                )),
                None => CreateOutcome::Rejected(format!("a pod {name} that is not ours exists already")),
            },
            // It was there a moment ago, perhaps ours.
            Ok(None) => CreateOutcome::Unknown(ApiError::new(
                Trouble::Busy,
                format!("the pod {name} existed already, but is gone now"),
            )),
            Err(error) => CreateOutcome::Unknown(error),
        }
    }
}

fn uid(body: &[u8]) -> Option<String> {
    let read = pod::read(&utf8(body), &Reading::Names)?;
    Some(read.pod.uid).filter(|uid| !uid.is_empty())
}
