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

/// Words that a yes or a no is hedged with.
const LEANING: [&str; 22] = [
    "yes",
    "yeah",
    "yep",
    "ok",
    "okay",
    "sure",
    "maybe",
    "perhaps",
    "fine",
    "confirm",
    "confirmed",
    "accept",
    "no",
    "nope",
    "don't",
    "ja",
    "jein",
    "vielleicht",
    "gut",
    "nein",
    "nicht",
    "einverstanden",
];
/// The most words of a message that may be one.
const FEW: usize = 14;

/// Whether a message may be meant as a yes or a no and is neither: the visitor is told what counts.
#[must_use]
pub fn is_unclear(message: &str) -> bool {
    let words: Vec<String> = message
        .split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '\u{2019}'))
        .filter(|w| !w.is_empty())
        .map(|w| w.to_lowercase().replace('\u{2019}', "'"))
        .collect();
    read(message).is_none()
        && words.len() <= FEW
        && !message.contains('?')
        && words.iter().any(|w| LEANING.contains(&w.as_str()))
}

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
    fn a_hedged_yes_or_no_is_told_from_other_things() {
        for unclear in [
            "well, maybe yes, but only if it is quick",
            "yes no yes",
            "no wait",
            "ja schon, aber erst nächste Woche",
        ] {
            assert!(is_unclear(unclear), "{unclear}");
        }
        for other in ["yes", "No!", "Do you say yes?", "How long is the warranty", ""] {
            assert!(!is_unclear(other), "{other}");
        }
    }

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
