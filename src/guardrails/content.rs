//! The content filter (GRD-3), for what a visitor writes and what a brain does: threats
//! against people, harm to oneself, sexual talk about minors. It is closed and small on
//! purpose: an angry customer isn't filtered.

use unicode_segmentation::UnicodeSegmentation;

/// Phrases in lower case; `*` stands for up to three words.
const PHRASES: [&str; 38] = [
    "i will kill you",
    "i'll kill you",
    "i am going to kill * you",
    "i'm going to kill you",
    "going to kill your",
    "i will shoot you",
    "i'll shoot you",
    "i will stab you",
    "i will burn down your",
    "i'll burn down your",
    "bomb in your",
    "a bomb at your",
    "blow up your",
    "i know where you live",
    "kill myself",
    "end my life",
    "want to die",
    "hurt myself",
    "commit suicide",
    "how to make a bomb",
    "how to build a bomb",
    "naked * children",
    "sex with * child",
    "sex with * children",
    "sexual * minors",
    "child porn",
    "ich bringe dich um",
    "ich bringe euch um",
    "ich bring dich um",
    "ich bring euch um",
    "ich töte dich",
    "ich töte euch",
    "bombe in eurem",
    "mich umbringen",
    "mir das leben nehmen",
    "selbstmord begehen",
    "nackte * kinder",
    "sex mit * kindern",
];
/// Words that a `*` may stand for.
const BETWEEN: usize = 3;

/// Whether the filter trips.
#[must_use]
pub fn trips(text: &str) -> bool {
    let words: Vec<String> = text
        .replace('’', "'")
        .unicode_words()
        .map(str::to_lowercase)
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    PHRASES.iter().any(|phrase| {
        let parts: Vec<&str> = phrase.split(' ').collect();
        (0..words.len()).any(|from| fits(&words[from..], &parts))
    })
}

fn fits(words: &[&str], parts: &[&str]) -> bool {
    match parts {
        [] => true,
        ["*", rest @ ..] => (0..=BETWEEN.min(words.len())).any(|skip| fits(&words[skip..], rest)),
        [part, rest @ ..] => words.first() == Some(part) && fits(&words[1..], rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threats_trip_it_and_anger_does_not() {
        for bad in [
            "I’ll kill you all",
            "I am going to kill every one of you",
            "Sometimes I just want to die.",
            "Ich bringe euch um!",
            "there is a BOMB in your shop",
        ] {
            assert!(trips(bad), "{bad}");
        }
        for fine in [
            "This damn lamp killed my fuse, you idiots!",
            "Is the lamp safe for children?",
            "My battery died.",
            "Das ist doch zum Umbringen teuer",
            "",
        ] {
            assert!(!trips(fine), "{fine}");
        }
    }
}
