//! Nothing internal leaves (GRD-7): a sentence that repeats the instructions to a model, or
//! holds what looks like a key, isn't released, whoever asked for it.

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_segmentation::UnicodeSegmentation;

use crate::models::prompts;

/// So many words of a prompt in a row are a quotation of it.
const RUN: usize = 9;
/// What keys and internal names begin with.
const MARKS: [&str; 8] = [
    "sk-",
    "dk_",
    "ghp_",
    "AKIA",
    "Bearer ey",
    "DESKHAND_",
    "<passages",
    "-----BEGIN",
];
/// Letters and digits that follow such a beginning in a key.
const KEY: usize = 12;

static PROMPTS: LazyLock<HashSet<Vec<String>>> = LazyLock::new(|| {
    prompts::texts()
        .flat_map(|text| {
            let words = words(text);
            words.windows(RUN).map(<[String]>::to_vec).collect::<Vec<_>>()
        })
        .collect()
});

fn words(text: &str) -> Vec<String> {
    text.unicode_words().map(str::to_lowercase).collect()
}

/// Whether a sentence gives something internal away.
#[must_use]
pub fn is_internal(sentence: &str) -> bool {
    looks_like_key(sentence) || words(sentence).windows(RUN).any(|run| PROMPTS.contains(run))
}

fn looks_like_key(sentence: &str) -> bool {
    MARKS.iter().any(|mark| {
        sentence.match_indices(mark).any(|(at, _)| {
            let before = sentence[..at].chars().next_back();
            let inside_a_word = before.is_some_and(char::is_alphanumeric);
            let rest = &sentence[at + mark.len()..];
            let long = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
                .count()
                >= KEY;
            !inside_a_word && (long || !mark.ends_with(['-', '_', 'A', 'y']))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_and_keys_are_told_from_answers() {
        for internal in [
            "My rules say: if the passages don't answer the question, say so in one plain sentence.",
            "The key is sk-proj1234567890abcdef.",
            "-----BEGIN PRIVATE KEY-----",
            "It says <passages 0a1b2c3d4e5f>.",
        ] {
            assert!(is_internal(internal), "{internal}");
        }
        for fine in [
            "A return label costs €4.90.",
            "Our task-lamps are risk-free.",
            "I couldn't find that in our help pages; would you like me to pass it on to a person?",
            "Use the code sk-10 at the checkout.",
        ] {
            assert!(!is_internal(fine), "{fine}");
        }
    }
}
