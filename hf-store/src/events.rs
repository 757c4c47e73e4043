//! The history: what happened to each request and machine, and when.

use jiff::Timestamp;

use crate::error::Result;
use crate::store::Tx;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Host Factory asked for the request.
    Requested,
    /// It was rebuilt from the cluster.
    Adopted,
    /// It was taken over from another provider.
    Imported,
    /// The API server accepted the pod.
    Created,
    /// It will never be created.
    NotCreated,
    /// The pod has a node.
    Scheduled,
    /// The images of all its containers are on the node.
    Pulled,
    /// All of its containers run.
    Running,
    /// It is Ready.
    Ready,
    /// The cluster is about to take it.
    Disrupted,
    /// It ended by itself.
    Ended,
    /// It did not start in time.
    NotStarted,
    /// Host Factory gave it back.
    Returned,
    /// Host Factory never asked for it again.
    Unclaimed,
    /// A pod turned up of a machine that was over.
    Orphaned,
    /// It is being deleted.
    Deleting,
    /// It is no longer there.
    Gone,
    /// Its node got a taint.
    NodeTainted,
    /// Its node is not ready, or cannot be reached.
    NodeNotReady,
    /// Its node is no longer there.
    NodeGone,
    /// The terminal answer was given.
    Answered,
}

impl Event {
    /// Its spelling in the store and in exports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Adopted => "adopted",
            Self::Imported => "imported",
            Self::Created => "created",
            Self::NotCreated => "not-created",
            Self::Scheduled => "scheduled",
            Self::Pulled => "pulled",
            Self::Running => "running",
            Self::Ready => "ready",
            Self::Disrupted => "disrupted",
            Self::Ended => "ended",
            Self::NotStarted => "not-started",
            Self::Returned => "returned",
            Self::Unclaimed => "unclaimed",
            Self::Orphaned => "orphaned",
            Self::Deleting => "deleting",
            Self::Gone => "gone",
            Self::NodeTainted => "node-tainted",
            Self::NodeNotReady => "node-not-ready",
            Self::NodeGone => "node-gone",
            Self::Answered => "answered",
        }
    }
}

impl Tx<'_> {
    /// Adds to the history of a request, or of one of its machines.
    pub(crate) fn note(
        &self,
        at: Timestamp,
        request: i64,
        machine: Option<i64>,
        event: Event,
        detail: &str,
    ) -> Result<()> {
        self.prepare(
                "INSERT INTO events (instance, at, request, machine, kind, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((self.instance, at.as_millisecond(), request, machine, event.as_str(), detail))?;
        Ok(())
    }

    /// Adds the same to the history of each of these machines.
    pub(crate) fn note_of_machines(&self, at: Timestamp, machines: &[i64], event: Event) -> Result<()> {
        // CROSS keeps the order.
        let sql = "INSERT OR FAIL INTO events (instance, at, request, machine, kind, detail)
                   SELECT ?1, ?2, m.request, m.seq, ?3, ''
                   FROM json_each(?4) AS listed CROSS JOIN machines AS m ON m.seq = listed.value";
        let listed = serde_json::json!(machines).to_string();
        self.prepare(sql)?.execute((self.instance, at.as_millisecond(), event.as_str(), listed))?;
        Ok(())
    }
}
