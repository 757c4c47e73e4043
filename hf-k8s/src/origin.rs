//! The metadata by which a pod is known as ours.

use std::sync::Arc;

use hf_core::{Instance, MAX_MACHINES, MachineName, RequestId, TemplateId};

use crate::raw::Meta;

/// The label that the watch selects on: the provider instance, hashed where it is no label.
pub(crate) const INSTANCE: &str = "symphony/hostfactory-instance";
/// The predecessor's label, which its users select on. Also an annotation.
pub(crate) const REQUEST_LABEL: &str = "symphony/hostfactory-reqid";
/// Annotation: the request.
pub(crate) const REQUEST: &str = "symphony/hostfactory-request";
/// Annotation: the template.
pub(crate) const TEMPLATE: &str = "symphony/hostfactory-template";
/// Annotation: which machine of the request it is, counted from 0.
pub(crate) const ORDINAL: &str = "symphony/hostfactory-ordinal";
/// Annotation: how many machines the request asked for.
pub(crate) const COUNT: &str = "symphony/hostfactory-count";

/// Which machine of which request a pod is. All of it is in the pod's metadata, so that a lost store can be rebuilt
/// from the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The provider instance that made it, shared by all pods of a listing.
    pub instance: Arc<Instance>,
    /// The request that it was made for.
    pub request: RequestId,
    /// Which machine of the request it is, counted from 0.
    pub ordinal: u32,
    /// How many machines the request asked for.
    pub count: u32,
    /// The template.
    pub template: TemplateId,
    /// Its name, which follows from request and ordinal.
    pub name: MachineName,
}

impl Origin {
    /// The `ordinal`-th of `count` machines of a request.
    pub fn new(
        instance: impl Into<Arc<Instance>>,
        request: RequestId,
        ordinal: u32,
        count: u32,
        template: TemplateId,
    ) -> Self {
        let name = request.machine(ordinal);
        Self { instance: instance.into(), request, ordinal, count, template, name }
    }

    /// The origin that a pod's metadata tells, if it is complete and consistent, and of `ours` where that is given.
    ///
    /// Strangers may copy labels (a Deployment made from one of our pods has them all), so that everything must agree:
    /// labels with annotations, and the name with both.
    pub(crate) fn read(meta: &Meta<'_>, ours: Option<&Arc<Instance>>) -> Option<Self> {
        let (labels, notes) = (meta.labels.as_ref()?, meta.annotations.as_ref()?);
        let instance = &notes.instance.as_ref()?.0;
        let instance = match ours {
            Some(ours) if ours.as_str() == instance => Arc::clone(ours),
            Some(_) => return None,
            None => Arc::new(Instance::parse(instance).ok()?),
        };
        let request = RequestId::parse(&notes.request.as_ref()?.0).ok()?;
        let template = TemplateId::parse(&notes.template.as_ref()?.0).ok()?;
        let ordinal = number(&notes.ordinal.as_ref()?.0)?;
        let count = number(&notes.count.as_ref()?.0)?;
        let found = Self::new(instance, request, ordinal, count, template);
        let agrees = labels.instance.as_ref()?.0 == found.instance.label()
            && labels.request.as_ref()?.0 == found.request.as_str()
            && meta.name.as_ref()?.0 == found.name.as_str()
            && ordinal < count
            && count <= MAX_MACHINES;
        agrees.then_some(found)
    }
}

/// A number as we write it: no sign, no leading zeros.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| number.to_string() == text)
}
