//! Other people's words in our messages: shortened, on one line.

/// The longest message that is kept, in characters.
const LONGEST: usize = 500;

/// The text on one line, cut where it is too long.
pub(crate) fn short(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(4 * LONGEST));
    for (count, character) in text.trim().chars().enumerate() {
        if count == LONGEST {
            line.push('…');
            break;
        }
        line.push(if character.is_control() { ' ' } else { character });
    }
    line
}

/// `reason: message`, or what there is of the two.
pub(crate) fn reason_and_message(reason: &str, message: &str) -> String {
    match (reason.trim(), message.trim()) {
        ("", message) => short(message),
        (reason, "") => short(reason),
        (reason, message) => short(&format!("{reason}: {message}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = short(&"ä".repeat(600));
        assert_eq!(long.chars().count(), 501);
        assert!(long.ends_with('…'));
        assert_eq!(short(" a\nb\t "), "a b");
    }

    #[test]
    fn what_is_missing_leaves_no_colon() {
        assert_eq!(reason_and_message("Evicted", ""), "Evicted");
        assert_eq!(reason_and_message("", "gone"), "gone");
        assert_eq!(reason_and_message("Evicted", "gone"), "Evicted: gone");
        assert_eq!(reason_and_message("", ""), "");
    }
}
