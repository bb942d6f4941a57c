//! What counts as a yes or a no to a proposal, word for word (GRD-2): a closed list, in every
//! language that it knows, whatever the visitor's. A model never judges it.

/// Yes.
const YES: [&str; 22] = [
    "yes",
    "yes please",
    "yes, please",
    "yep",
    "yeah",
    "ok",
    "okay",
    "sure",
    "confirm",
    "i confirm",
    "yes i confirm",
    "go ahead",
    "yes go ahead",
    "yes, go ahead",
    "do it",
    "please do",
    "ja",
    "ja bitte",
    "ja, bitte",
    "einverstanden",
    "bestätigt",
    "ich bestätige",
];
/// No.
const NO: [&str; 14] = [
    "no",
    "no thanks",
    "no, thanks",
    "no thank you",
    "no, thank you",
    "nope",
    "don't",
    "do not",
    "cancel",
    "stop",
    "nein",
    "nein danke",
    "nein, danke",
    "abbrechen",
];

/// Yes, no, or neither.
#[must_use]
pub fn read(message: &str) -> Option<bool> {
    let bare = message
        .trim()
        .trim_end_matches(['.', '!', ' '])
        .replace('\u{2019}', "'")
        .to_lowercase();
    let said = bare.split_whitespace().collect::<Vec<_>>().join(" ");
    if YES.contains(&said.as_str()) {
        Some(true)
    } else if NO.contains(&said.as_str()) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_exact_word_counts() {
        for yes in ["yes", "Yes!", " JA, bitte. ", "ok", "Go ahead"] {
            assert_eq!(read(yes), Some(true), "{yes}");
        }
        for no in ["no", "Nein, danke!", "don\u{2019}t"] {
            assert_eq!(read(no), Some(false), "{no}");
        }
        for neither in [
            "",
            "yes but only half",
            "yes?",
            "not yes",
            "yes or no",
            "I said yes to the other",
            "y",
            "no idea",
            "yes, 100 EUR",
            "yesno",
            "да",
        ] {
            assert_eq!(read(neither), None, "{neither}");
        }
    }
}
