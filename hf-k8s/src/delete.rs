//! Deleting one pod.

use std::time::Duration;

use kube::core::params::{DeleteParams, Preconditions};

use crate::Cluster;
use crate::cluster::is_pod_name;
use crate::error::ApiError;
use crate::request::{Answer, build};

/// What became of a delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// The pod goes, or is gone.
    Accepted,
    /// There is no pod of that name.
    Absent,
    /// Another pod has that name, with another UID: it was left alone.
    Other,
    /// It was not done, or nobody knows; it may be tried again without harm.
    Refused(ApiError),
}

impl Cluster {
    /// Deletes a pod, only the one with the UID where that is given.
    ///
    /// `grace` is in seconds; `None` leaves the pod the grace that it asks for, `Some(0)` removes it by force, whether
    /// or not its containers have stopped.
    pub async fn delete(
        &self,
        name: &str,
        uid: Option<&str>,
        grace: Option<u32>,
        deadline: Duration,
    ) -> DeleteOutcome {
        if !is_pod_name(name) {
            return DeleteOutcome::Absent;
        }
        let preconditions =
            uid.map(|uid| Preconditions { uid: Some(uid.to_owned()), resource_version: None });
        let parameters =
            DeleteParams { grace_period_seconds: grace, preconditions, ..DeleteParams::default() };
        let request = match build(self.pods().delete(name, &parameters)) {
            Ok(request) => request,
            Err(error) => return DeleteOutcome::Refused(error),
        };
        match self.call(request, deadline).await {
            Ok(Answer::Done(_)) => DeleteOutcome::Accepted,
            Ok(Answer::Refused(refusal)) if refusal.is_not_found() => DeleteOutcome::Absent,
            Ok(Answer::Refused(refusal)) if uid.is_some() && refusal.is_other_uid() => DeleteOutcome::Other,
            Ok(Answer::Refused(refusal)) => DeleteOutcome::Refused(refusal.error()),
            Err(lost) => DeleteOutcome::Refused(lost.error()),
        }
    }
}
