//! All pods of a scope, as one consistent value.

use kube::core::params::ListParams;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{ApiError, Trouble};
use crate::pod::{self, Reading};
use crate::raw::Text;
use crate::request::{Answer, get};
use crate::transport::Lost;
use crate::{Cluster, Pod, Scope};

/// How often a listing is begun before it is given up.
const ATTEMPTS: u32 = 3;

/// All pods of a scope at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The pods, in the server's order.
    pub pods: Vec<Pod>,
    /// The moment, from which a watch goes on.
    pub resource_version: String,
    /// How many objects have no name that can be read. A listing with such objects does not prove that a pod is gone.
    pub unreadable: usize,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    metadata: PageMeta<'a>,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMeta<'a> {
    #[serde(borrow)]
    resource_version: Text<'a>,
    #[serde(borrow, rename = "continue")]
    more: Option<Text<'a>>,
}

impl Cluster {
    /// Lists the pods of a scope as they are now.
    ///
    /// No version is asked for, which makes it a quorum read: an answer from a cache could miss a pod that was created
    /// before. Each page has its own time limit. It is the whole list or an error, never a part.
    pub async fn list(&self, scope: &Scope) -> Result<Listing, ApiError> {
        let mut attempt = 1;
        loop {
            match self.list_once(scope).await {
                // The server forgot the version that the pages are from; what was read so far is worth nothing.
                Err(error) if error.kind == Trouble::Expired && attempt < ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    async fn list_once(&self, scope: &Scope) -> Result<Listing, ApiError> {
        let mut listing = Listing { pods: Vec::new(), resource_version: String::new(), unreadable: 0 };
        let reading = scope.reading();
        let mut more = None;
        loop {
            let body = self.page(scope, more.take()).await?;
            more = listing.add(&String::from_utf8_lossy(&body), &reading)?;
            if more.is_none() {
                listing.pods.shrink_to_fit();
                return Ok(listing);
            }
        }
    }

    async fn page(&self, scope: &Scope, more: Option<String>) -> Result<Vec<u8>, ApiError> {
        let parameters = ListParams {
            label_selector: Some(scope.selector()),
            limit: Some(self.limits().page),
            continue_token: more,
            ..ListParams::default()
        };
        let request = get(self.pods().list(&parameters), scope.accept(true))?;
        match self.call(request, self.limits().answer).await.map_err(Lost::error)? {
            Answer::Done(body) => Ok(body),
            Answer::Refused(refusal) => Err(refusal.error()),
        }
    }
}

impl Listing {
    /// Adds a page, and returns where the next one begins.
    fn add(&mut self, page: &str, reading: &Reading) -> Result<Option<String>, ApiError> {
        let page: Page<'_> = serde_json::from_str(page).map_err(|error| {
            ApiError::new(Trouble::Bad, format!("a page of the list of pods is none: {error}"))
        })?;
        let version = page.metadata.resource_version.0.as_ref();
        if version.is_empty() {
            return Err(ApiError::new(Trouble::Bad, "the list of pods has no version"));
        }
        if self.resource_version.is_empty() {
            version.clone_into(&mut self.resource_version);
        } else if self.resource_version != version {
            // Pages of different moments are no listing: a pod may have moved between them.
            return Err(ApiError::new(
                Trouble::Expired,
                "the pages of the list of pods are of different versions",
            ));
        }
        for item in page.items.as_deref().unwrap_or_default() {
            match pod::read(item.get(), reading) {
                Some(read) => self.pods.push(read.pod),
                None => self.unreadable += 1,
            }
        }
        Ok(page.metadata.more.map(|more| more.0.into_owned()).filter(|more| !more.is_empty()))
    }
}

#[cfg(test)]
mod tests;
