//! All objects of a kind, as one consistent value.

use kube::core::Request;
use kube::core::params::ListParams;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{ApiError, Trouble};
use crate::pod::{self, Reading};
use crate::raw::{Text, utf8};
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

/// What is listed, or watched.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: Request,
    /// The label selector.
    pub(crate) selector: Option<String>,
    /// The content types, in order of preference.
    pub(crate) accept: &'static str,
}

impl Cluster {
    /// Lists the pods of a scope as they are now.
    ///
    /// No version is asked for, which makes it a quorum read: an answer from a cache could miss a pod that was created
    /// before. Each page has its own time limit. It is the whole list or an error, never a part.
    pub async fn list(&self, scope: &Scope) -> Result<Listing, ApiError> {
        let asked = Asked { path: self.pods(), selector: Some(scope.selector()), accept: scope.accept(true) };
        let reading = scope.reading();
        let mut listing =
            self.collect(&asked, Listing::empty, |listing, page| listing.add(page, &reading)).await?;
        listing.pods.shrink_to_fit();
        Ok(listing)
    }

    /// Adds all pages to what is empty at first: the whole list or an error, never a part.
    pub(crate) async fn collect<T>(
        &self,
        asked: &Asked,
        empty: impl Fn() -> T,
        add: impl Fn(&mut T, &str) -> Result<Option<String>, ApiError>,
    ) -> Result<T, ApiError> {
        let mut attempt = 1;
        loop {
            match self.collect_once(asked, &empty, &add).await {
                // The server forgot the version that the pages are from; what was read so far is worth nothing.
                Err(error) if error.kind == Trouble::Expired && attempt < ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    async fn collect_once<T>(
        &self,
        asked: &Asked,
        empty: &impl Fn() -> T,
        add: &impl Fn(&mut T, &str) -> Result<Option<String>, ApiError>,
    ) -> Result<T, ApiError> {
        let mut all = empty();
        let mut more = None;
        loop {
            let body = self.page(asked, more.take()).await?;
            more = add(&mut all, &utf8(&body))?;
            if more.is_none() {
                return Ok(all);
            }
        }
    }

    async fn page(&self, asked: &Asked, more: Option<String>) -> Result<Vec<u8>, ApiError> {
        let parameters = ListParams {
            label_selector: asked.selector.clone(),
            limit: Some(self.limits().page),
            continue_token: more,
            ..ListParams::default()
        };
        let request = get(asked.path.list(&parameters), asked.accept)?;
        match self.call(request, self.limits().answer).await.map_err(Lost::error)? {
            Answer::Done(body) => Ok(body),
            Answer::Refused(refusal) => Err(refusal.error()),
        }
    }
}

impl Listing {
    fn empty() -> Self {
        Self { pods: Vec::new(), resource_version: String::new(), unreadable: 0 }
    }

    /// Adds a page, and returns where the next one begins.
    fn add(&mut self, page: &str, reading: &Reading) -> Result<Option<String>, ApiError> {
        let Self { pods, resource_version, unreadable } = self;
        read_page(page, resource_version, |item| match pod::read(item, reading) {
            Some(read) => pods.push(read.pod),
            None => *unreadable += 1,
        })
    }
}

/// Hands out the items of a page, and returns where the next one begins. All pages have to be of the first one's
/// version.
pub(crate) fn read_page(
    page: &str,
    resource_version: &mut String,
    mut item: impl FnMut(&str),
) -> Result<Option<String>, ApiError> {
    let page: Page<'_> = serde_json::from_str(page)
        .map_err(|error| ApiError::new(Trouble::Bad, format!("a page of the list is none: {error}")))?;
    let version = page.metadata.resource_version.0.as_ref();
    if version.is_empty() {
        return Err(ApiError::new(Trouble::Bad, "the list has no version"));
    }
    if resource_version.is_empty() {
        version.clone_into(resource_version);
    } else if resource_version != version {
        // Pages of different moments are no listing: an object may have moved between them.
        return Err(ApiError::new(Trouble::Expired, "the pages of the list are of different versions"));
    }
    page.items.as_deref().unwrap_or_default().iter().for_each(|one| item(one.get()));
    Ok(page.metadata.more.map(|more| more.0.into_owned()).filter(|more| !more.is_empty()))
}

#[cfg(test)]
mod tests;
