//! Words that are one slip of the fingers away: a letter too many, too few, a wrong one,
//! or two in the wrong order. Tried for words that the site doesn't know.

use crate::models::tokens;

/// How much a mended word counts.
pub const WEIGHT: f64 = 0.8;
/// Shorter words are too close to too many others.
const SHORTEST: usize = 5;
const LONGEST: usize = 24;
/// A word that is more frequent than this in general text is no slip.
const COMMON: u32 = 60_000;

/// A word that might have been meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Guess {
    /// How unlikely the slip is, from 0.
    pub slip: u8,
    /// The word.
    pub word: String,
}

/// Whether an unknown word looks misspelt rather than rare.
#[must_use]
pub fn is_suspect(word: &str) -> bool {
    let length = word.chars().count();
    (SHORTEST..=LONGEST).contains(&length)
        && word.chars().all(char::is_alphabetic)
        && tokens::rank(word).is_none_or(|rank| rank > COMMON)
}

/// Up to which slip a word may be mended: one that exists in general text was hardly
/// meant to be another with a different letter.
#[must_use]
pub fn worst_slip(word: &str) -> u8 {
    if tokens::rank(word).is_some() { 0 } else { u8::MAX }
}

/// What one slip could have made this word of, likeliest slips first.
#[must_use]
pub fn guesses(word: &str) -> Vec<Guess> {
    let chars: Vec<char> = word.chars().collect();
    let letters: Vec<char> = if word.is_ascii() {
        ('a'..='z').collect()
    } else {
        "abcdefghijklmnopqrstuvwxyzäöüßéèàñç".chars().collect()
    };
    let mut out = Vec::new();
    let mut guess = |slip: u8, chars: Vec<char>| {
        out.push(Guess {
            slip,
            word: chars.into_iter().collect(),
        });
    };
    for i in 0..chars.len() {
        if i + 1 < chars.len() && chars[i] != chars[i + 1] {
            let mut swapped = chars.clone();
            swapped.swap(i, i + 1);
            guess(0, swapped);
        }
        // The first letter is seldom the wrong one.
        let first = u8::from(i == 0) * 2;
        let mut fewer = chars.clone();
        let doubled = i > 0 && fewer[i - 1] == fewer[i];
        fewer.remove(i);
        guess(u8::from(!doubled) + first, fewer);
        for letter in &letters {
            if *letter != chars[i] {
                let mut other = chars.clone();
                other[i] = *letter;
                guess(2 + first, other);
            }
        }
    }
    for i in 0..=chars.len() {
        for letter in &letters {
            let doubles = i > 0 && chars[i - 1] == *letter;
            let mut more = chars.clone();
            more.insert(i, *letter);
            guess(u8::from(!doubles) + u8::from(i == 0) * 2, more);
        }
    }
    out.sort();
    out.dedup_by(|a, b| a.word == b.word);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_undone() {
        for (slip, meant) in [
            ("retrun", "return"),
            ("warrenty", "warranty"),
            ("celing", "ceiling"),
            ("adress", "address"),
            ("delivvery", "delivery"),
            ("lieferng", "lieferung"),
        ] {
            assert!(guesses(slip).iter().any(|g| g.word == meant), "{slip}");
            assert!(is_suspect(slip), "{slip}");
        }
        let swaps: Vec<Guess> = guesses("retrun").into_iter().filter(|g| g.slip == 0).collect();
        assert!(
            swaps.iter().any(|g| g.word == "return") && swaps.len() < 15,
            "{swaps:?}"
        );
    }

    #[test]
    fn words_that_exist_are_left_alone() {
        for word in ["drone", "franchise", "bitcoin", "E27x", "oil"] {
            assert!(!is_suspect(word), "{word}");
        }
    }
}
