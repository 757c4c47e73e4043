//! Names as types: what is one was checked at its only constructor, and can be used as a pod's name, a label or a
//! key without a second look.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::text::shorten;

/// The most machines that one request may ask for. Far above what one template is given in practice; it keeps a
/// mistyped count from becoming a store of a billion rows.
pub const MAX_MACHINES: u32 = 100_000;

/// The longest DNS label (RFC 1123), which bounds a pod's hostname.
const MAX_LABEL: usize = 63;

/// A name that is not of the form that its kind demands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {value:?} {rule}")]
pub struct IdError {
    kind: &'static str,
    value: String,
    rule: &'static str,
}

impl IdError {
    fn new(kind: &'static str, value: &str, rule: &'static str) -> Self {
        Self { kind, value: shorten(value), rule }
    }
}

/// The id of an acquire or return request. Both kinds share one space.
///
/// One that we mint has 12 characters: a letter, then `[a-z0-9]`. One given from outside may be any DNS label
/// whose machine names fit 63 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// A fresh id from 64 random bits.
    pub fn mint(random: u64) -> Self {
        const ALL: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        // Spread over 128 bits, of which each character takes its share.
        let mut rest = u128::from(random).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        let mut take = |n: u8| {
            let index = (rest % u128::from(n)) as usize;
            rest /= u128::from(n);
            char::from(ALL[index])
        };
        let letter = take(26);
        Self(std::iter::once(letter).chain((0..11).map(|_| take(36))).collect())
    }

    /// Takes an id that was given from outside.
    ///
    /// # Errors
    /// If it is no DNS label, or too long for the names of the machines of a request.
    pub fn parse(value: &str) -> Result<Self, IdError> {
        let longest = MAX_LABEL - format!("-{}", MAX_MACHINES - 1).len();
        let error = |rule| IdError::new("request id", value, rule);
        if !is_dns_label(value) {
            return Err(error(
                "is not a DNS label (a-z, 0-9 and '-', beginning and ending with a letter or digit)",
            ));
        }
        if value.len() > longest {
            return Err(error("is too long: the names of its machines would not fit 63 characters"));
        }
        Ok(Self(value.to_owned()))
    }

    /// The name of the `n`-th machine, counted from 0: the same one for ever, so that asking twice for it meets
    /// the same pod.
    ///
    /// ```
    /// let request: hf_core::RequestId = "req1".parse()?;
    /// assert_eq!(request.machine(2).as_str(), "req1-2");
    /// # Ok::<(), hf_core::IdError>(())
    /// ```
    pub fn machine(&self, n: u32) -> MachineName {
        MachineName(format!("{}-{n}", self.0))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a machine: its pod's name and hostname. A DNS label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineName(String);

impl MachineName {
    /// Takes a name that Host Factory or the cluster gave.
    ///
    /// # Errors
    /// If it is no DNS label: then no pod that could be a machine has it.
    pub fn parse(value: &str) -> Result<Self, IdError> {
        if is_dns_label(value) {
            Ok(Self(value.to_owned()))
        } else {
            Err(IdError::new("machine name", value, "is not a DNS label"))
        }
    }

    /// As [`Self::parse`], for a host that calls itself `<machine name><suffix>`. The suffix may be missing.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_host(host: &str, suffix: &str) -> Result<Self, IdError> {
        Self::parse(host.strip_suffix(suffix).unwrap_or(host))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a template: 1 to 64 of `0-9A-Za-z-_` (IBM's page on getAvailableTemplates).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateId(String);

impl TemplateId {
    /// Takes an id from Host Factory or from the templates file.
    ///
    /// # Errors
    /// If it has another form.
    pub fn parse(value: &str) -> Result<Self, IdError> {
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if (1..=64).contains(&value.len()) && value.bytes().all(good) {
            Ok(Self(value.to_owned()))
        } else {
            let rule = "is not 1 to 64 of the characters 0-9, A-Z, a-z, '-' and '_'";
            Err(IdError::new("template id", value, rule))
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The provider *instance* (`HF_PROVIDER_NAME`): several may share one plug-in, one work directory, one namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(String);

impl Instance {
    /// Takes the name under which Host Factory knows the provider.
    ///
    /// # Errors
    /// If it is empty, longer than 253 characters, or has control characters.
    pub fn parse(value: &str) -> Result<Self, IdError> {
        if (1..=253).contains(&value.len()) && !value.chars().any(char::is_control) {
            Ok(Self(value.to_owned()))
        } else {
            let rule = "is not 1 to 253 characters without control characters";
            Err(IdError::new("provider name", value, rule))
        }
    }

    /// The instance as a Kubernetes label value (at most 63 of `[A-Za-z0-9._-]`, alphanumeric at both ends): itself
    /// where it is one, else a hash of it.
    pub fn label(&self) -> String {
        let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = self.0.as_bytes();
        let inner = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if bytes.len() <= MAX_LABEL && bytes.iter().all(inner) && edge(bytes.first()) && edge(bytes.last()) {
            return self.0.clone();
        }
        let hash = Sha256::digest(bytes);
        hash.iter().take(20).fold(String::from("sha-"), |text, byte| format!("{text}{byte:02x}"))
    }

    /// The instance as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What every kind of name can do. Reading one back goes through the check again.
macro_rules! text {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(value: &str) -> Result<Self, IdError> {
                Self::parse(value)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    )*};
}
text!(RequestId, MachineName, TemplateId, Instance);

/// A DNS label as RFC 1123 has it and Kubernetes checks it.
pub(crate) fn is_dns_label(value: &str) -> bool {
    let bytes = value.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    bytes.len() <= MAX_LABEL
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn request_ids_from_outside() {
        for good in ["a", "req1", "a681e4c2-7ba1-4ac8-934a-c7337e59c5a4", "0"] {
            assert!(RequestId::parse(good).is_ok(), "{good}");
        }
        let long = "a".repeat(58);
        for bad in ["", "-a", "a-", "A", "a.b", "a/b", "../x", "a b", "ä", &long] {
            assert!(RequestId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_text_and_is_read_from_text() {
        let name: MachineName = "r-1".parse().unwrap();
        assert_eq!(
            (name.as_ref(), format!("{name:>4}"), String::from(name.clone())),
            ("r-1", " r-1".into(), "r-1".into())
        );
        assert!("R_1".parse::<MachineName>().is_err() && "R_1".parse::<TemplateId>().is_ok());
    }

    #[test]
    fn what_is_said_of_a_bad_name_is_short_however_long_it_is() {
        let said = TemplateId::parse(&"\u{1}ä".repeat(1_000_000)).unwrap_err().to_string();
        assert!(said.len() < 4_000, "{} bytes", said.len());
    }

    #[test]
    fn the_longest_request_id_has_machines_that_fit() {
        let id = RequestId::parse(&"a".repeat(57)).unwrap();
        assert!(MachineName::parse(id.machine(MAX_MACHINES - 1).as_str()).is_ok());
    }

    #[test]
    fn a_host_is_known_with_and_without_its_suffix() {
        let name = MachineName::parse("r-1").unwrap();
        assert_eq!(MachineName::from_host("r-1.grid.example", ".grid.example").unwrap(), name);
        assert_eq!(MachineName::from_host("r-1", ".grid.example").unwrap(), name);
        assert!(MachineName::from_host("r-1.elsewhere", ".grid.example").is_err());
    }

    #[test]
    fn an_instance_that_is_no_label_is_hashed() {
        assert_eq!(Instance::parse("k8s-hf").unwrap().label(), "k8s-hf");
        for odd in ["a b", "-a", &"x".repeat(64), "ä"] {
            let label = Instance::parse(odd).unwrap().label();
            assert!(label.starts_with("sha-") && label.len() == 44, "{label}");
        }
    }

    proptest! {
        #[test]
        fn minted_ids_have_the_promised_form(random: u64) {
            let id = RequestId::mint(random);
            prop_assert_eq!(id.as_str().len(), 12);
            prop_assert!(id.as_str().as_bytes()[0].is_ascii_lowercase());
            prop_assert_eq!(RequestId::parse(id.as_str()), Ok(id));
        }
    }
}
