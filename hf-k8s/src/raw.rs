//! The few fields of a pod that are read, as they are on the wire.
//!
//! Texts are borrowed from the page or the line where they stand, everything else is skipped by the parser: that is
//! several times faster than parsing whole pods, and nothing is allocated for what is not kept. Every field is optional
//! and `null` is the same as absent, since an API server promises neither and Go writes `null` for empty lists.

use std::borrow::Cow;

use serde::Deserialize;

/// A text, borrowed unless it has escapes. (Serde borrows in a `Cow` only where it is a field by itself.)
#[derive(Debug, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The text that arrived; what is not UTF-8 is replaced. To look for that first is several times quicker where there is
/// none.
pub(crate) fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// A pod, or the metadata of one.
#[derive(Debug, Deserialize)]
pub(crate) struct RawPod<'a> {
    #[serde(borrow)]
    pub(crate) metadata: Meta<'a>,
    #[serde(borrow)]
    pub(crate) spec: Option<Spec<'a>>,
    #[serde(borrow)]
    pub(crate) status: Option<Status<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meta<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) uid: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) resource_version: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) creation_timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) deletion_timestamp: Option<Text<'a>>,
    pub(crate) deletion_grace_period_seconds: Option<i64>,
    #[serde(borrow)]
    pub(crate) labels: Option<Labels<'a>>,
    #[serde(borrow)]
    pub(crate) annotations: Option<Annotations<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Labels<'a> {
    #[serde(borrow, rename = "symphony/hostfactory-instance")]
    pub(crate) instance: Option<Text<'a>>,
    #[serde(borrow, rename = "symphony/hostfactory-reqid")]
    pub(crate) request: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Annotations<'a> {
    #[serde(borrow, rename = "symphony/hostfactory-instance")]
    pub(crate) instance: Option<Text<'a>>,
    #[serde(borrow, rename = "symphony/hostfactory-request")]
    pub(crate) request: Option<Text<'a>>,
    #[serde(borrow, rename = "symphony/hostfactory-template")]
    pub(crate) template: Option<Text<'a>>,
    #[serde(borrow, rename = "symphony/hostfactory-ordinal")]
    pub(crate) ordinal: Option<Text<'a>>,
    #[serde(borrow, rename = "symphony/hostfactory-count")]
    pub(crate) count: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spec<'a> {
    #[serde(borrow)]
    pub(crate) node_name: Option<Text<'a>>,
    pub(crate) termination_grace_period_seconds: Option<i64>,
    #[serde(borrow)]
    pub(crate) containers: Option<Vec<Container<'a>>>,
    #[serde(borrow)]
    pub(crate) init_containers: Option<Vec<Container<'a>>>,
    #[serde(borrow)]
    pub(crate) tolerations: Option<Vec<Toleration<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Toleration<'a> {
    #[serde(borrow)]
    pub(crate) key: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) operator: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) value: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) effect: Option<Text<'a>>,
    #[serde(rename = "tolerationSeconds")]
    pub(crate) seconds: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Container<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) restart_policy: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status<'a> {
    #[serde(borrow)]
    pub(crate) phase: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) reason: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) message: Option<Text<'a>>,
    #[serde(borrow, rename = "podIP")]
    pub(crate) pod_ip: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) start_time: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) conditions: Option<Vec<Condition<'a>>>,
    #[serde(borrow)]
    pub(crate) container_statuses: Option<Vec<ContainerStatus<'a>>>,
    #[serde(borrow)]
    pub(crate) init_container_statuses: Option<Vec<ContainerStatus<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Condition<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) reason: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) message: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) last_transition_time: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContainerStatus<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(rename = "imageID", borrow)]
    pub(crate) image_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) state: Option<State<'a>>,
    #[serde(borrow)]
    pub(crate) last_state: Option<State<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct State<'a> {
    #[serde(borrow)]
    pub(crate) waiting: Option<Waiting<'a>>,
    #[serde(borrow)]
    pub(crate) running: Option<Running<'a>>,
    #[serde(borrow)]
    pub(crate) terminated: Option<Terminated<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Waiting<'a> {
    #[serde(borrow)]
    pub(crate) reason: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) message: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Running<'a> {
    #[serde(borrow)]
    pub(crate) started_at: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Terminated<'a> {
    pub(crate) exit_code: Option<i64>,
    #[serde(borrow)]
    pub(crate) reason: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) message: Option<Text<'a>>,
}

/// The text of an optional field, empty where there is none.
pub(crate) fn text<'a>(field: Option<&'a Text<'_>>) -> &'a str {
    field.map_or("", |text| &text.0)
}

/// The items of an optional list.
pub(crate) fn items<T>(list: Option<&Vec<T>>) -> &[T] {
    list.map_or(&[], Vec::as_slice)
}
