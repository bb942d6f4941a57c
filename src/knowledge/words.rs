//! Words and their stems, in step with PostgreSQL's text search: snippets and sentences
//! are matched here against lexemes that the database gave.

use std::ops::Range;

use rust_stemmers::Algorithm;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Where it stands, in bytes.
    pub at: Range<usize>,
    /// It in lower case, without a possessive `'s`.
    pub lower: String,
}

/// The words of a text, in order. `made-to-measure` is three, `4.90` and `don't` are one.
#[must_use]
pub fn words(text: &str) -> Vec<Word> {
    let mut chars = text.char_indices().peekable();
    let mut out = Vec::with_capacity(text.len() / 6);
    let (mut from, mut before) = (None, None);
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        if c.is_alphanumeric() || (from.is_some() && joins(before, c, next)) {
            from.get_or_insert(at);
        } else if let Some(start) = from.take() {
            out.push(word(text, start..at));
        }
        before = Some(c);
    }
    if let Some(start) = from {
        out.push(word(text, start..text.len()));
    }
    out
}

/// Whether a character inside a word belongs to it: an apostrophe between letters, a
/// decimal point between digits, a mark on a letter.
fn joins(before: Option<char>, c: char, next: Option<char>) -> bool {
    let (Some(before), Some(next)) = (before, next) else {
        return false;
    };
    match c {
        '\'' | '’' => before.is_alphabetic() && next.is_alphabetic(),
        '.' => before.is_ascii_digit() && next.is_ascii_digit(),
        '\u{ad}' | '\u{300}'..='\u{36f}' => true,
        _ => false,
    }
}

fn word(text: &str, at: Range<usize>) -> Word {
    let found = &text[at.clone()];
    let mut lower = if found.is_ascii() {
        // Most are, and need no more than this.
        found.to_ascii_lowercase()
    } else {
        found.to_lowercase().replace('’', "'").replace('\u{ad}', "")
    };
    if lower.ends_with("'s") {
        lower.truncate(lower.len() - 2);
    }
    Word { at, lower }
}

/// Stems words as a text search configuration does.
pub struct Stemmer(Option<rust_stemmers::Stemmer>);

impl Stemmer {
    /// The stemmer of a configuration; `simple` and those that are unknown leave words as
    /// they are.
    #[must_use]
    pub fn of(config: &str) -> Self {
        let algorithm = match config {
            "arabic" => Algorithm::Arabic,
            "danish" => Algorithm::Danish,
            "dutch" => Algorithm::Dutch,
            "english" => Algorithm::English,
            "finnish" => Algorithm::Finnish,
            "french" => Algorithm::French,
            "german" => Algorithm::German,
            "greek" => Algorithm::Greek,
            "hungarian" => Algorithm::Hungarian,
            "italian" => Algorithm::Italian,
            "norwegian" => Algorithm::Norwegian,
            "portuguese" => Algorithm::Portuguese,
            "romanian" => Algorithm::Romanian,
            "russian" => Algorithm::Russian,
            "spanish" => Algorithm::Spanish,
            "swedish" => Algorithm::Swedish,
            "tamil" => Algorithm::Tamil,
            "turkish" => Algorithm::Turkish,
            _ => return Self(None),
        };
        Self(Some(rust_stemmers::Stemmer::create(algorithm)))
    }

    /// The stem of a lower-case word.
    #[must_use]
    pub fn stem(&self, lower: &str) -> String {
        match &self.0 {
            // PostgreSQL leaves numbers and names like E27 as they are.
            Some(stemmer) if !lower.contains(|c: char| c.is_ascii_digit()) => {
                stemmer.stem(lower).into_owned()
            }
            _ => lower.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_as_the_database_cuts_them() {
        let text = "The shop's made-to-measure shades don’t cost €4.90. E27, 9:00–17:00!";
        let lower: Vec<String> = words(text).into_iter().map(|w| w.lower).collect();
        assert_eq!(
            lower,
            [
                "the", "shop", "made", "to", "measure", "shades", "don't", "cost", "4.90", "e27", "9", "00",
                "17", "00"
            ]
        );
        for word in words("Ünïcode cafe\u{301}. x'") {
            assert!(word.at.end <= "Ünïcode cafe\u{301}. x'".len());
        }
    }

    #[test]
    fn stems_are_those_of_the_configuration() {
        let english = Stemmer::of("english");
        for (word, stem) in [
            ("shipping", "ship"),
            ("deliveries", "deliveri"),
            ("warranty", "warranti"),
            ("e27", "e27"),
        ] {
            assert_eq!(english.stem(word), stem);
        }
        assert_eq!(Stemmer::of("german").stem("lieferungen"), "liefer");
        assert_eq!(Stemmer::of("simple").stem("shipping"), "shipping");
    }
}
