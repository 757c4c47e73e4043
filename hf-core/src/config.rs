//! `k8sprov_config.json`: the settings of the provider. All are optional; times are in seconds.

use serde::Deserialize;

use crate::reclaim::{ReclaimTaint, default_taints};
use crate::status::{PartialFailure, Readiness};
use crate::wire::InputError;

/// The settings, with their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Config {
    /// Where pods are made, unless the template or its manifest says otherwise.
    pub namespace: Option<String>,
    /// The kubeconfig context to use.
    pub context: Option<String>,
    /// The kubeconfig file.
    pub kubeconfig: Option<String>,
    /// The most API requests in flight to one cluster.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub max_in_flight: u32,
    /// When a machine counts as delivered.
    pub readiness: Readiness,
    /// How long a pod may take to start, from its creation, in seconds.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub start_timeout: u32,
    /// How long a machine may take to be created, from its request, in seconds.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub create_timeout: u32,
    /// How long Host Factory may ignore what it asked for, in seconds.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub claim_timeout: u32,
    /// What to do with machines that Host Factory never asked for again.
    pub unclaimed: Action,
    /// What to answer for a request of which a part failed.
    pub partial_failure: PartialFailure,
    /// What hosts append to their machine's name, with its leading dot.
    #[cfg_attr(test, schemars(regex(pattern = r"^(\..*)?$")))]
    pub host_suffix: String,
    /// How long closed requests and their history are kept, in seconds.
    pub retention: u32,
    /// How long a pod that failed or ended is kept, from when that was answered, in seconds.
    pub failed_pod_retention: u32,
    /// After how many seconds a pod that does not terminate is deleted by force. Off unless set.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub force_delete_after: Option<u32>,
    /// What to do with pods of machines that are over.
    pub orphans: Action,
    /// How often the store is compared with what should be, in seconds.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub resync_interval: u32,
    /// Whether getAvailableTemplates says how many more machines may be had, and which are had.
    pub show_availability: bool,
    /// Whether the work directory is shared between hosts.
    pub shared_workdir: bool,
    /// The taints that mean that a node goes. A list of one's own replaces the defaults; an empty one watches nodes for
    /// their ends only.
    pub reclaim_taints: Vec<ReclaimTaint>,
}

/// What to do with something that should not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema, serde::Serialize))]
pub enum Action {
    /// Delete it.
    Delete,
    /// Only say so.
    Report,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            namespace: None,
            context: None,
            kubeconfig: None,
            max_in_flight: 128,
            readiness: Readiness::Running,
            start_timeout: 300,
            create_timeout: 1_800,
            claim_timeout: 1_800,
            unclaimed: Action::Report,
            partial_failure: PartialFailure::Complete,
            host_suffix: String::new(),
            retention: 2_592_000,
            failed_pod_retention: 600,
            force_delete_after: None,
            orphans: Action::Delete,
            resync_interval: 60,
            show_availability: false,
            shared_workdir: false,
            reclaim_taints: default_taints(),
        }
    }
}

impl Config {
    /// Reads the file's text. Also returns the keys that it does not know, to be warned about.
    ///
    /// # Errors
    /// If it is not JSON, or a value has a wrong type or is out of range.
    pub fn parse(json: &[u8]) -> Result<(Self, Vec<String>), InputError> {
        let mut unknown = Vec::new();
        let value: serde_json::Value = crate::wire::parse(json)?;
        let mut note = |path: serde_ignored::Path<'_>| {
            // An editor's key, by which it finds the schema.
            unknown.extend(Some(path.to_string()).filter(|path| path != "$schema"));
        };
        let noted = serde_ignored::Deserializer::new(&value, &mut note);
        let config: Self = serde_path_to_error::deserialize(noted)?;
        config.check()?;
        Ok((config, unknown))
    }

    fn check(&self) -> Result<(), InputError> {
        let error =
            |path: &str, error: &str| InputError::Shape { path: path.to_owned(), error: error.to_owned() };
        for (path, value) in [
            ("maxInFlight", self.max_in_flight),
            ("startTimeout", self.start_timeout),
            ("createTimeout", self.create_timeout),
            ("claimTimeout", self.claim_timeout),
            ("resyncInterval", self.resync_interval),
        ] {
            if value == 0 {
                return Err(error(path, "must be 1 or more"));
            }
        }
        if self.force_delete_after == Some(0) {
            return Err(error(
                "forceDeleteAfter",
                "must be 1 or more, or left out to delete nothing by force",
            ));
        }
        if !self.host_suffix.is_empty() && !self.host_suffix.starts_with('.') {
            return Err(error("hostSuffix", "must begin with a dot, as \".grid.example.com\""));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Config::parse(b"{}").unwrap(), (Config::default(), vec![]));
    }

    #[test]
    fn unknown_keys_are_named() {
        let (config, unknown) = Config::parse(br#"{"startTimeuot": 5, "startTimeout": 7}"#).unwrap();
        assert_eq!((config.start_timeout, unknown), (7, vec!["startTimeuot".to_owned()]));
    }

    #[test]
    fn the_key_of_the_schema_is_known() {
        let json = br#"{"$schema": "k8sprov_config.schema.json", "startTimeout": 7}"#;
        assert_eq!(Config::parse(json).unwrap().1, Vec::<String>::new());
        let deeper = br#"{"reclaimTaints": [{"taint": "a", "$schema": ""}]}"#;
        assert_eq!(Config::parse(deeper).unwrap().1.len(), 1);
    }

    #[test]
    fn an_own_list_of_taints_replaces_the_defaults() {
        let json = br#"{"reclaimTaints": [{"taint": "example.com/going=yes:NoSchedule", "seconds": 90}]}"#;
        let (config, unknown) = Config::parse(json).unwrap();
        let taint = "example.com/going=yes:NoSchedule".to_owned().try_into().unwrap();
        assert_eq!(config.reclaim_taints, [ReclaimTaint { taint, seconds: Some(90) }]);
        assert_eq!(unknown, Vec::<String>::new());
        assert_eq!(Config::parse(br#"{"reclaimTaints": []}"#).unwrap().0.reclaim_taints, []);
    }

    #[test]
    fn a_wrong_value_is_refused_by_its_key() {
        for (json, path) in [
            (r#"{"startTimeout": "5"}"#, "startTimeout"),
            (r#"{"startTimeout": -5}"#, "startTimeout"),
            (r#"{"startTimeout": 0}"#, "startTimeout"),
            (r#"{"forceDeleteAfter": 0}"#, "forceDeleteAfter"),
            (r#"{"unclaimed": "keep"}"#, "unclaimed"),
            (r#"{"hostSuffix": "grid"}"#, "hostSuffix"),
            (r#"{"readiness": "maybe"}"#, "readiness"),
            (r#"{"reclaimTaints": [{"taint": "a:Soon", "seconds": 1}]}"#, "reclaimTaints[0].taint"),
            (r#"{"reclaimTaints": [{"taint": "a", "seconds": -1}]}"#, "reclaimTaints[0].seconds"),
            (r#"{"reclaimTaints": [{"seconds": 1}]}"#, "reclaimTaints[0]"),
        ] {
            let error = Config::parse(json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(path), "{json}: {error}");
        }
        assert!(Config::parse(b"{").is_err() && Config::parse(b"[]").is_err());
    }
}
