//! The syntax of names, labels and their values.

/// A DNS-1123 subdomain: lower-case letters, digits, `-` and `.`, at most 253 bytes.
pub(crate) fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && !name.is_empty() && name.split('.').all(is_label_any_length)
}

/// A DNS-1123 label: a subdomain without dots, at most 63 bytes.
pub(crate) fn is_dns_label(name: &str) -> bool {
    name.len() <= 63 && is_label_any_length(name)
}

fn is_label_any_length(part: &str) -> bool {
    let edge = |c: Option<&u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let bytes = part.as_bytes();
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'-')
}

/// The part of a label key after its prefix, or a value: at most 63 letters, digits, `-`, `_`, `.`.
fn is_name_part(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
}

/// `name` or `prefix/name`.
pub(crate) fn is_label_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_name_part(name),
        None => is_name_part(key),
    }
}

/// A label's value, which may be empty.
pub(crate) fn is_label_value(value: &str) -> bool {
    value.is_empty() || is_name_part(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_dns() {
        for (name, good) in [
            ("a", true),
            ("a-b.c0", true),
            ("", false),
            ("A", false),
            ("-a", false),
            ("a-", false),
            ("a..b", false),
            ("a_b", false),
            ("a/b", false),
        ] {
            assert_eq!(is_subdomain(name), good, "{name}");
        }
        assert!(is_subdomain(&"a".repeat(253)) && !is_subdomain(&"a".repeat(254)));
        assert!(is_dns_label(&"a".repeat(63)) && !is_dns_label(&"a".repeat(64)) && !is_dns_label("a.b"));
    }

    #[test]
    fn labels_have_a_syntax() {
        for (key, good) in
            [("a", true), ("x.io/A_b", true), ("/a", false), ("a/", false), ("a/b/c", false), ("a b", false)]
        {
            assert_eq!(is_label_key(key), good, "{key}");
        }
        assert!(is_label_value("") && is_label_value(&"v".repeat(63)) && !is_label_value(&"v".repeat(64)));
        assert!(!is_label_value("-x") && !is_label_value("a/b"));
    }
}
