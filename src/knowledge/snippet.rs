//! A short extract of a passage around the words that found it, with these in bold.

use std::collections::BTreeMap;

use crate::knowledge::blocks;
use crate::knowledge::words::{Stemmer, Word, words};

/// How long an extract is, in characters, without its marks.
const LENGTH: usize = 220;
/// What may stand before its first word or after its last one, in characters: marks mostly.
const AROUND: usize = 10;

/// A passage without its markup, cut into words: what its extracts are taken from.
#[derive(Debug)]
pub struct Plain {
    text: String,
    words: Vec<Word>,
    stems: Vec<String>,
}

impl Plain {
    /// Of a passage in this language.
    #[must_use]
    pub fn of(markdown: &str, lang: &str) -> Self {
        let plain = blocks::plain(markdown);
        let text = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        let words = words(&text);
        let stemmer = Stemmer::of(lang);
        Self {
            stems: words.iter().map(|w| stemmer.stem(&w.lower)).collect(),
            words,
            text,
        }
    }

    /// The extract that says most about the lexemes, which come with how telling each is.
    /// Found words stand between `**`; an extract that leaves something out begins or ends
    /// with `…`. The words are exactly the passage's; nothing is escaped.
    #[must_use]
    pub fn extract(&self, lexemes: &BTreeMap<String, f64>) -> String {
        let Self { text, words, stems } = self;
        let weights: Vec<f64> = stems
            .iter()
            .map(|s| lexemes.get(s).copied().unwrap_or(0.0))
            .collect();
        let window = best_window(text, words, stems, &weights);
        let Some((first, last)) = window else {
            return text.chars().take(LENGTH).collect();
        };
        let near = |gap: &str| gap.chars().take(AROUND + 1).count() <= AROUND;
        let start = if first == 0 && near(&text[..words[first].at.start]) {
            0
        } else {
            words[first].at.start
        };
        let end = if last + 1 == words.len() && near(&text[words[last].at.end..]) {
            text.len()
        } else {
            words[last].at.end
        };
        // A word may be longer than an extract: it is cut, as is what stands between words.
        let end = text[start..end]
            .char_indices()
            .nth(LENGTH + 2 * AROUND)
            .map_or(end, |(at, _)| start + at);
        let mut out = String::new();
        if start > 0 {
            out.push('…');
        }
        let mut at = start;
        for i in first..=last {
            let word = words[i].at.start.min(end)..words[i].at.end.min(end);
            if weights[i] > 0.0 && !word.is_empty() {
                out.push_str(&text[at..word.start]);
                out.push_str("**");
                out.push_str(&text[word.clone()]);
                out.push_str("**");
                at = word.end;
            }
        }
        out.push_str(&text[at..end]);
        if end < text.len() {
            out.push('…');
        }
        out
    }
}

/// The words between which the extract is: the window with the most telling distinct
/// lexemes, that begins a sentence if there is a choice.
fn best_window(text: &str, words: &[Word], stems: &[String], weights: &[f64]) -> Option<(usize, usize)> {
    // Where each word begins and ends, in characters.
    let mut places = Vec::with_capacity(words.len());
    let (mut at, mut chars) = (0, 0);
    for word in words {
        let start = chars + text[at..word.at.start].chars().count();
        chars = start + text[word.at.clone()].chars().count();
        at = word.at.end;
        places.push((start, chars));
    }
    let mut best: Option<(f64, usize, usize)> = None;
    let mut last = 0;
    for first in 0..words.len() {
        last = last.max(first);
        while last + 1 < words.len() && places[last + 1].1 - places[first].0 <= LENGTH {
            last += 1;
        }
        let mut seen: BTreeMap<&str, f64> = BTreeMap::new();
        // The others would add nothing, and they are most.
        for i in (first..=last).filter(|i| weights[*i] > 0.0) {
            seen.insert(&stems[i], weights[i]);
        }
        let opens = first == 0
            || text[..words[first].at.start]
                .trim_end()
                .ends_with(['.', '!', '?']);
        let score = seen.values().sum::<f64>() + if opens { 0.5 } else { 0.0 };
        if best.is_none_or(|(top, _, _)| score > top + 1e-9) {
            best = Some((score, first, last));
        }
    }
    best.map(|(_, first, last)| (first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snippet(markdown: &str, lang: &str, lexemes: &BTreeMap<String, f64>) -> String {
        Plain::of(markdown, lang).extract(lexemes)
    }

    fn lexemes(of: &[(&str, f64)]) -> BTreeMap<String, f64> {
        of.iter().map(|(l, w)| ((*l).to_owned(), *w)).collect()
    }

    #[test]
    fn found_words_are_marked_and_markup_is_gone() {
        let passage = "## Costs\n\nA *return label* costs €4.90, see [here](https://x.example).";
        let marked = snippet(
            passage,
            "english",
            &lexemes(&[("cost", 1.0), ("label", 2.0), ("4.90", 3.0)]),
        );
        assert_eq!(
            marked,
            "**Costs** A return **label** **costs** €**4.90**, see here."
        );
    }

    #[test]
    fn text_without_blanks_is_cut_in_characters() {
        let lexemes = lexemes(&[("lamp", 1.0), ("返品", 1.0)]);
        for (text, lang) in [
            ("a".repeat(100_000), "english"),
            (
                format!("{} lamp {}", "-".repeat(5000), "=".repeat(5000)),
                "english",
            ),
            ("返品は三十日以内に受け付けます".repeat(500), "simple"),
            ("การคืนสินค้าภายในสามสิบวัน".repeat(500), "simple"),
        ] {
            let found = snippet(&text, lang, &lexemes);
            assert!(found.chars().count() <= LENGTH + 30, "{}", found.chars().count());
            assert!(found.ends_with('…') && found.chars().count() > 3, "{found}");
        }
        // In characters, not in bytes.
        let greek = "Η επιστροφή γίνεται μέσα σε τριάντα ημέρες. ".repeat(20);
        assert!(snippet(&greek, "greek", &lexemes).chars().count() > LENGTH - 20);
    }

    #[test]
    fn a_long_passage_is_cut_where_the_words_are() {
        let filler = "Nothing of interest stands in this sentence at all. ".repeat(20);
        let passage = format!("{filler}Oil the desk twice a year. {filler}");
        let found = snippet(&passage, "english", &lexemes(&[("oil", 3.0), ("year", 1.0)]));
        assert!(found.contains("**Oil** the desk twice a **year**"), "{found}");
        assert!(found.starts_with('…') && found.ends_with('…'), "{found}");
        assert!(found.chars().count() < LENGTH + 20, "{found}");
        let nothing = snippet(&passage, "english", &lexemes(&[]));
        assert!(nothing.starts_with("Nothing of interest"), "{nothing}");
        assert_eq!(snippet("", "english", &lexemes(&[])), "");
    }
}
