//! What a site notes beside its history: `HF_K8S_METADATA_SITE=london` becomes `metadata_site` of every exported row.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// What the names of the variables begin with.
pub const PREFIX: &str = "HF_K8S_METADATA_";

/// The most keys that are kept.
pub const MOST_KEYS: usize = 32;

/// The longest name of a key, in characters.
pub const LONGEST_KEY: usize = 40;

/// The longest value, in bytes.
pub const LONGEST_VALUE: usize = 256;

/// Keys, in lower case, and their values.
pub type Metadata = BTreeMap<String, String>;

/// Why a variable is not kept. Values are not repeated: nobody knows what is in one that was meant for something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Its name cannot be that of a column.
    #[error(
        "the variable {0:?} is not kept: {PREFIX} must be followed by 1 to {LONGEST_KEY} letters a to z, digits and \
         underscores; rename it"
    )]
    Key(String),
    /// Its value is no short text.
    #[error(
        "the variable {0} is not kept: its value must be text of one line, of at most {LONGEST_VALUE} bytes; shorten it"
    )]
    Value(String),
    /// Another one has the same name but for the case of its letters.
    #[error(
        "the variable {0} is not kept: another one is also called {1:?} in lower case; rename one of them"
    )]
    Twice(String, String),
    /// There are too many.
    #[error("the variable {0} is not kept: there are {MOST_KEYS} already, which is the most; remove some")]
    TooMany(String),
}

/// Picks what is meant for the history out of the environment, and says what is wrong with the rest of it. An empty
/// value counts as unset.
pub fn read(environment: impl IntoIterator<Item = (OsString, OsString)>) -> (Metadata, Vec<MetadataError>) {
    let named = environment.into_iter().filter_map(|(name, value)| {
        let name = name.to_string_lossy().into_owned();
        (name.starts_with(PREFIX) && !value.is_empty()).then_some((name, value))
    });
    // In order, so that it is always the same ones that are too many.
    let named: BTreeMap<String, OsString> = named.collect();
    let (mut kept, mut errors) = (Metadata::new(), Vec::new());
    for (name, value) in named {
        match entry(&kept, &name, value) {
            Ok((key, value)) => {
                kept.insert(key, value);
            }
            Err(error) => errors.push(error),
        }
    }
    (kept, errors)
}

fn entry(kept: &Metadata, name: &str, value: OsString) -> Result<(String, String), MetadataError> {
    let key = name.strip_prefix(PREFIX).unwrap_or_default().to_ascii_lowercase();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if key.is_empty() || key.len() > LONGEST_KEY || !key.chars().all(fits) {
        return Err(MetadataError::Key(name.to_owned()));
    }
    let value = value.into_string().ok();
    let short = |value: &String| value.len() <= LONGEST_VALUE && !value.chars().any(char::is_control);
    let value = value.filter(short).ok_or_else(|| MetadataError::Value(name.to_owned()))?;
    if kept.contains_key(&key) {
        return Err(MetadataError::Twice(name.to_owned(), key));
    }
    if kept.len() >= MOST_KEYS {
        return Err(MetadataError::TooMany(name.to_owned()));
    }
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn given(variables: &[(&str, &str)]) -> (Metadata, Vec<MetadataError>) {
        read(variables.iter().map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn names_are_lowered_and_what_is_empty_or_of_others_is_left_out() {
        let (kept, errors) = given(&[
            ("HF_K8S_METADATA_SITE", "london"),
            ("HF_K8S_METADATA_Cost_Centre_7", "a, \"b\" ü"),
            ("HF_K8S_METADATA_NONE", ""),
            ("HF_K8S_NAMESPACE", "n"),
        ]);
        let expected = [("cost_centre_7", "a, \"b\" ü"), ("site", "london")];
        assert_eq!(kept, Metadata::from(expected.map(|(key, value)| (key.to_owned(), value.to_owned()))));
        assert_eq!(errors, []);
    }

    #[test]
    fn each_bad_one_is_named_and_the_good_ones_are_kept() {
        let long_key = format!("{PREFIX}{}", "K".repeat(LONGEST_KEY + 1));
        let long = "v".repeat(LONGEST_VALUE + 1);
        for (name, value, expected) in [
            (PREFIX, "v", MetadataError::Key(PREFIX.into())),
            ("HF_K8S_METADATA_A-B", "v", MetadataError::Key("HF_K8S_METADATA_A-B".into())),
            (&long_key, "v", MetadataError::Key(long_key.clone())),
            ("HF_K8S_METADATA_A", &long, MetadataError::Value("HF_K8S_METADATA_A".into())),
            ("HF_K8S_METADATA_A", "a\nb", MetadataError::Value("HF_K8S_METADATA_A".into())),
            ("HF_K8S_METADATA_site", "v", MetadataError::Twice("HF_K8S_METADATA_site".into(), "site".into())),
        ] {
            let (kept, errors) = given(&[("HF_K8S_METADATA_SITE", "london"), (name, value)]);
            assert_eq!((kept.len(), errors), (1, vec![expected]), "{name}");
        }
        let bytes = OsString::from_vec(vec![0xff]);
        let (kept, errors) = read([("HF_K8S_METADATA_A".into(), bytes)]);
        assert_eq!((kept.len(), errors), (0, vec![MetadataError::Value("HF_K8S_METADATA_A".into())]));
    }

    #[test]
    fn what_is_just_short_enough_is_kept_and_so_are_as_many_as_may_be() {
        let name = |n: usize| format!("{PREFIX}{n:0LONGEST_KEY$}");
        let value = "v".repeat(LONGEST_VALUE);
        let many: Vec<_> = (0..=MOST_KEYS).map(|n| (name(n).into(), value.clone().into())).collect();
        let (kept, errors) = read(many);
        assert_eq!(kept.len(), MOST_KEYS);
        assert_eq!(errors, [MetadataError::TooMany(name(MOST_KEYS))]);
        assert!(!errors[0].to_string().contains("vvv"));
    }
}
