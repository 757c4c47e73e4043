//! One request, one answer.

use std::time::Duration;

use http::StatusCode;
use http::header::RETRY_AFTER;
use http_body_util::{BodyExt, Limited};
use kube::client::Body;

use crate::Cluster;
use crate::error::{ApiError, Refusal, Trouble};
use crate::transport::{Lost, lost};

/// The longest body of a refusal that is read.
const LONGEST_REFUSAL: usize = 256 * 1024;

/// An answer.
pub(crate) enum Answer {
    /// 2xx, with its body.
    Done(Vec<u8>),
    /// Anything else.
    Refused(Refusal),
}

/// Makes a request without a body.
pub(crate) fn get(
    request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    accept: &'static str,
) -> Result<http::Request<Vec<u8>>, ApiError> {
    let mut request = build(request)?;
    request.headers_mut().insert(http::header::ACCEPT, http::HeaderValue::from_static(accept));
    Ok(request)
}

/// A request that could not even be made is our mistake; it must not end anything.
pub(crate) fn build(
    request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
) -> Result<http::Request<Vec<u8>>, ApiError> {
    request.map_err(|error| ApiError::new(Trouble::Bad, format!("the request cannot be made: {error}")))
}

impl Cluster {
    /// Sends a request and reads the answer, both within the deadline, which starts when the request has its turn: how
    /// many there are before it says nothing of the server.
    pub(crate) async fn call(
        &self,
        request: http::Request<Vec<u8>>,
        deadline: Duration,
    ) -> Result<Answer, Lost> {
        let _turn = self.turn().await;
        tokio::time::timeout(deadline, self.exchange(request)).await.unwrap_or_else(|_| {
            let message = format!("no answer within {} s", deadline.as_secs_f32());
            Err(Lost::Unanswered(ApiError::new(Trouble::Unreachable, message)))
        })
    }

    async fn exchange(&self, request: http::Request<Vec<u8>>) -> Result<Answer, Lost> {
        let response = self.client().send(request.map(Body::from)).await.map_err(|error| lost(&error))?;
        if !response.status().is_success() {
            return Ok(Answer::Refused(refusal(response).await));
        }
        let body = response.into_body().collect().await;
        Ok(Answer::Done(body.map_err(|error| unanswered(&error))?.to_bytes().into()))
    }
}

/// Reads a refusal. Where its body is lost, the code alone still says what to do.
pub(crate) async fn refusal(response: http::Response<Body>) -> Refusal {
    let code = response.status();
    let seconds =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let body = Limited::new(response.into_body(), LONGEST_REFUSAL).collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Refusal::read(StatusCode::as_u16(&code), seconds, &body)
}

/// An error while the answer was read: by then the server has acted.
pub(crate) fn unanswered(error: &(dyn std::error::Error + 'static)) -> Lost {
    match lost(error) {
        Lost::NotSent(error) | Lost::Unanswered(error) => Lost::Unanswered(error),
    }
}
