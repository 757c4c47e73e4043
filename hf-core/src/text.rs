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

/// A number of things, in words: `1 machine`, `2 machines`. The plural must be that of most words.
pub fn counted(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// What serde expects, as somebody who writes the file says it.
pub(crate) fn plain(error: &str) -> String {
    let (number, rest) =
        ("expected a whole number", [("u32", "0 to 4294967295"), ("i32", "-2147483648 to 2147483647")]);
    let mut text = error.replace("expected i64", number).replace("expected u64", number);
    for (kind, range) in rest {
        text = text.replace(&format!("expected {kind}"), &format!("{number}, {range}"));
    }
    text.replace("expected a boolean", "expected true or false")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn types_are_said_as_ranges() {
        let said = plain("invalid type: string \"soon\", expected u32");
        assert_eq!(said, "invalid type: string \"soon\", expected a whole number, 0 to 4294967295");
        assert_eq!(plain("expected i64"), "expected a whole number");
    }

    #[test]
    fn one_is_one() {
        assert_eq!([0, 1, 2].map(|n| counted(n, "call")), ["0 calls", "1 call", "2 calls"]);
    }

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
