//! The five calls of Host Factory.

use crate::wire::{
    get_available_templates, get_request_status, get_return_requests, request_machines,
    request_return_machines,
};

/// A provider of machines, as Host Factory calls it.
///
/// Each call answers at once; the work that it starts goes on after it. An error is printed as
/// [`{"message": "…"}`](crate::wire::Failure) and means that nothing was changed. [`Call`](crate::Call) reads the
/// input and writes the answer.
pub trait Provider {
    /// Why a call could not be answered.
    type Error: std::error::Error;

    /// What may be asked for. Host Factory may ask only once, at its start.
    ///
    /// # Errors
    /// If there is nothing that could be asked for: an empty list would remove the provider for good.
    fn get_available_templates(
        &self,
        input: get_available_templates::Input,
    ) -> Result<get_available_templates::Output, Self::Error>;

    /// Registers a request for machines of one template. It is durable before its id is returned.
    ///
    /// # Errors
    /// If the template is unknown, the count is refused, or the request could not be kept.
    fn request_machines(
        &self,
        input: request_machines::Input,
    ) -> Result<request_machines::Output, Self::Error>;

    /// Registers the return of machines. Returning what is gone already succeeds.
    ///
    /// # Errors
    /// If the request could not be kept.
    fn request_return_machines(
        &self,
        input: request_return_machines::Input,
    ) -> Result<request_return_machines::Output, Self::Error>;

    /// The state of acquire and return requests, each once, in the order in which they were named.
    ///
    /// # Errors
    /// If the state cannot be known; Host Factory asks again.
    fn get_request_status(
        &self,
        input: get_request_status::Input,
    ) -> Result<get_request_status::Output, Self::Error>;

    /// Which of Host Factory's machines are gone or going.
    ///
    /// # Errors
    /// If that cannot be known; Host Factory asks again.
    fn get_return_requests(
        &self,
        input: get_return_requests::Input,
    ) -> Result<get_return_requests::Output, Self::Error>;
}
