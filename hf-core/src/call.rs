//! The five calls by name: from the bytes that Host Factory sends to the bytes that it is answered with.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Provider;
use crate::wire::{self, InputError};

/// One of the five calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// What may be asked for.
    GetAvailableTemplates,
    /// Asks for machines.
    RequestMachines,
    /// Gives machines back.
    RequestReturnMachines,
    /// How far requests have come.
    GetRequestStatus,
    /// Which machines the provider takes back.
    GetReturnRequests,
}

/// Why a call was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E> {
    /// The input is not what the call takes; the provider was not asked.
    #[error(transparent)]
    Input(InputError),
    /// The provider's own reason.
    #[error(transparent)]
    Provider(E),
    /// The answer cannot be written as JSON.
    #[error("cannot write the answer: {0}")]
    Output(String),
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::GetAvailableTemplates,
        Self::RequestMachines,
        Self::RequestReturnMachines,
        Self::GetRequestStatus,
        Self::GetReturnRequests,
    ];

    /// The name of its script, without the ending: `getRequestStatus`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GetAvailableTemplates => "getAvailableTemplates",
            Self::RequestMachines => "requestMachines",
            Self::RequestReturnMachines => "requestReturnMachines",
            Self::GetRequestStatus => "getRequestStatus",
            Self::GetReturnRequests => "getReturnRequests",
        }
    }

    /// Reads the input, asks the provider, and writes its answer: the one JSON document to print.
    ///
    /// Nothing in the input of `getAvailableTemplates` matters, so it is not read: Host Factory may ask only once, and
    /// that call never fails on its input.
    ///
    /// # Errors
    /// If the input is not what the call takes, or the provider says so. To be printed as [`wire::Failure`].
    pub fn answer<P: Provider>(self, provider: &P, input: &[u8]) -> Result<Vec<u8>, CallError<P::Error>> {
        match self {
            Self::GetAvailableTemplates => answer(b"{}", |input| provider.get_available_templates(input)),
            Self::RequestMachines => answer(input, |input| provider.request_machines(input)),
            Self::RequestReturnMachines => answer(input, |input| provider.request_return_machines(input)),
            Self::GetRequestStatus => answer(input, |input| provider.get_request_status(input)),
            Self::GetReturnRequests => answer(input, |input| provider.get_return_requests(input)),
        }
    }
}

fn answer<I: DeserializeOwned, O: Serialize, E>(
    input: &[u8],
    call: impl FnOnce(I) -> Result<O, E>,
) -> Result<Vec<u8>, CallError<E>> {
    let input = wire::parse(input).map_err(CallError::Input)?;
    let output = call(input).map_err(CallError::Provider)?;
    serde_json::to_vec(&output).map_err(|error| CallError::Output(error.to_string()))
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no call of this name; the five are {}", Call::ALL.map(Call::as_str).join(", "))]
pub struct UnknownCall;

impl FromStr for Call {
    type Err = UnknownCall;

    fn from_str(name: &str) -> Result<Self, UnknownCall> {
        Self::ALL.into_iter().find(|call| call.as_str() == name).ok_or(UnknownCall)
    }
}
