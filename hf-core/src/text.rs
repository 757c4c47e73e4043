//! Texts that go into messages.

/// The most characters of somebody else's text that a message repeats.
const MOST: usize = 400;

/// A text as it is, or its beginning and its end. Whoever sends a megabyte where a name belongs is not sent it back,
/// nor does it fill the log.
pub(crate) fn shorten(text: &str) -> String {
    if text.len() <= MOST {
        return text.to_owned();
    }
    let beginning = text.floor_char_boundary(MOST / 2);
    let end = text.ceil_char_boundary(text.len() - MOST / 2);
    format!("{} … {}", &text[..beginning], &text[end..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_ends_stay() {
        assert_eq!(shorten("short"), "short");
        let long = shorten(&format!("from{}to", "x".repeat(10_000)));
        assert!(long.starts_with("from") && long.contains(" … ") && long.ends_with("to"), "{long}");
    }

    proptest! {
        #[test]
        fn never_longer_and_never_cut_within_a_character(text in "\\PC{0,900}") {
            prop_assert!(shorten(&text).len() <= MOST + " … ".len());
        }
    }
}
