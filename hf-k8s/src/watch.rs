//! One watch call.

pub(crate) mod event;
mod lines;

use std::time::Duration;

use futures::{Stream, stream};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::core::params::WatchParams;

use crate::error::{ApiError, Trouble};
use crate::list::Asked;
use crate::raw::utf8;
use crate::request::{get, refusal};
use crate::transport::lost;
use crate::{Cluster, Pod, Scope};
use lines::Lines;

/// A change, and the version of the cluster that it led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// What changed.
    pub change: Change,
    /// Where to go on from once the change has been taken in. `None` if it could not be read: then from the last one.
    pub resource_version: Option<String>,
}

/// What a watch tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all changes are `Present`; a box for each would save nothing"
)]
pub enum Change {
    /// A pod was made or changed.
    Present(Pod),
    /// A pod is gone, or no longer in the scope.
    Gone {
        /// Its name.
        name: String,
        /// Its UID, if it could be read.
        uid: Option<String>,
        /// Its last state, if it could be read beyond its name.
        last: Option<Box<Pod>>,
    },
    /// Nothing happened, up to this version: a bookmark. The watch is alive.
    Progress,
    /// An event without a readable name: only a new listing can settle what happened.
    Unreadable,
}

impl Cluster {
    /// Watches the pods of a scope from a version on: one call, which ends when the server ends it, or with an error.
    ///
    /// After its end, or after an error that is `Unreachable`, `Busy` or `Throttled`, the caller goes on from the last
    /// version that it has seen; after any other it lists again.
    pub fn watch(
        &self,
        scope: &Scope,
        resource_version: &str,
    ) -> impl Stream<Item = Result<Changed, ApiError>> + Send + 'static + use<> {
        let asked =
            Asked { path: self.pods(), selector: Some(scope.selector()), accept: scope.accept(false) };
        let reading = scope.reading();
        self.follow(asked, resource_version, move |line| event::read(line, &reading))
    }

    /// Watches anything from a version on, and reads it line by line.
    pub(crate) fn follow<T, R>(
        &self,
        asked: Asked,
        resource_version: &str,
        read: R,
    ) -> impl Stream<Item = Result<T, ApiError>> + Send + 'static + use<T, R>
    where
        T: 'static,
        R: Fn(&str) -> Result<T, ApiError> + Send + 'static,
    {
        let state = State::Closed(resource_version.to_owned());
        let watching = Watching { cluster: self.clone(), asked, read, state };
        stream::unfold(watching, |mut watching| async move { Some((watching.next().await?, watching)) })
    }
}

struct Watching<R> {
    cluster: Cluster,
    asked: Asked,
    /// Reads a line.
    read: R,
    state: State,
}

enum State {
    Closed(String),
    Open(Body, Lines),
    Ended,
}

impl<T, R: Fn(&str) -> Result<T, ApiError>> Watching<R> {
    async fn next(&mut self) -> Option<Result<T, ApiError>> {
        let result = self.step().await.transpose();
        // An error is the last word, so that nobody misses a change after it.
        if !matches!(result, Some(Ok(_))) {
            self.state = State::Ended;
        }
        result
    }

    async fn step(&mut self) -> Result<Option<T>, ApiError> {
        if let State::Closed(version) = &self.state {
            let body = open(&self.cluster, &self.asked, version).await?;
            self.state = State::Open(body, Lines::default());
        }
        let State::Open(body, lines) = &mut self.state else { return Ok(None) };
        let silence = self.cluster.limits().silence;
        loop {
            if let Some(line) = lines.next() {
                return (self.read)(&utf8(line)).map(Some);
            }
            let frame = tokio::time::timeout(silence, body.frame()).await.map_err(|_| {
                let message = format!("the watch was silent for {} s", silence.as_secs_f32());
                ApiError::new(Trouble::Unreachable, message)
            })?;
            match frame {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        lines.push(&data)?;
                    }
                }
                Some(Err(error)) => return Err(lost(&error).error()),
                // A last line without an end is one that was cut off; the next watch sends it whole.
                None => return Ok(None),
            }
        }
    }
}

/// Makes the call. The server answers at once, though nothing may have happened yet.
async fn open(cluster: &Cluster, asked: &Asked, version: &str) -> Result<Body, ApiError> {
    let limits = cluster.limits();
    let parameters = WatchParams {
        label_selector: asked.selector.clone(),
        timeout: Some(spread(limits.watch)),
        bookmarks: true,
        ..WatchParams::default()
    };
    let mut request = get(asked.path.watch(&parameters, version), asked.accept)?;
    // Servers from 1.37 on compress each event by itself, which is more than a decoder of one stream can undo.
    request.headers_mut().insert(http::header::ACCEPT_ENCODING, http::HeaderValue::from_static("identity"));
    let answer = async {
        let response =
            cluster.client().send(request.map(Body::from)).await.map_err(|error| lost(&error).error())?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        Err(refusal(response).await.error())
    };
    tokio::time::timeout(limits.answer, answer).await.unwrap_or_else(|_| {
        let message = format!("no answer to the watch within {} s", limits.answer.as_secs_f32());
        Err(ApiError::new(Trouble::Unreachable, message))
    })
}

/// A length around the one that is wanted, in whole seconds.
fn spread(length: Duration) -> u32 {
    let seconds = length.as_secs_f64() * (0.8 + 0.4 * fastrand::f64());
    // Bounded before it is converted, so that nothing is lost.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 3600")]
    let seconds = seconds.clamp(1.0, 3600.0) as u32;
    seconds
}

#[cfg(test)]
mod tests;
