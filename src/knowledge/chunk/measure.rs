//! How long a text is in tokens, counted within bounds. Tokenisers take many times a word's
//! own memory, and some call a word of any length one token; so a long run without blanks is
//! counted in slices, and nothing is counted further than it matters.

use std::ops::Range;

use text_splitter::ChunkSizer;

use super::Count;

/// A word longer than this, in bytes, is counted in slices.
const WORD: usize = 256;
/// A slice's length at most, in characters. WordPiece gives up on words of more than 100.
const SLICE: usize = 96;
/// Text up to this length, in bytes, is counted whole.
const WHOLE: usize = 16 << 10;
/// A run without blanks or stops that is longer than this, in bytes, is no language: it is cut
/// hard, since looking for a good place takes time that grows with its square.
const RUN: usize = 2 << 10;

/// A token stands for no more bytes than this. Blanks and marks that a tokenizer passes over make a passage long
/// all the same, and so do copies of them: its overlap with the one before, the head of its table.
const A_TOKEN: usize = 16;

/// Counts.
#[derive(Clone, Copy)]
pub(super) struct Measure<'a> {
    count: Count<'a>,
    /// What is more than this is only known to be more.
    most: usize,
}

impl<'a> Measure<'a> {
    pub(super) fn new(count: Count<'a>, most: usize) -> Self {
        Self { count, most }
    }

    /// A text's tokens; of a long one at least whether they are more than the most.
    pub(super) fn of(&self, text: &str) -> usize {
        let least = text.len() / A_TOKEN;
        if least > self.most {
            return least;
        }
        self.counted(text).max(least)
    }

    fn counted(&self, text: &str) -> usize {
        let (mut rest, mut sum) = (text, 0);
        while rest.len() > WHOLE && sum <= self.most {
            let head = &rest[..rest.floor_char_boundary(WHOLE)];
            let at = head.rfind(char::is_whitespace).filter(|at| *at > 0);
            let (part, left) = rest.split_at(at.unwrap_or(head.len()));
            sum += self.whole(part);
            rest = left;
        }
        if sum > self.most {
            sum
        } else {
            sum + self.whole(rest)
        }
    }

    fn whole(&self, text: &str) -> usize {
        let long = |word: &&str| word.len() > WORD;
        if !text.split_whitespace().any(|word| long(&word)) {
            return (self.count)(text);
        }
        let (mut sum, mut from) = (0, 0);
        for word in text.split_whitespace().filter(long) {
            let at = word.as_ptr() as usize - text.as_ptr() as usize;
            sum += (self.count)(&text[from..at]);
            sum += slices(word, SLICE).map(self.count).sum::<usize>();
            from = at + word.len();
        }
        sum + (self.count)(&text[from..])
    }

    /// A run that is no language in pieces of at most so many tokens.
    pub(super) fn hard<'t>(&self, run: &'t str, capacity: usize) -> Vec<(usize, &'t str)> {
        let (mut pieces, mut from, mut at, mut sum) = (Vec::new(), 0, 0, 0);
        // A token is at least a byte, and a character has at most four.
        for slice in slices(run, SLICE.min((capacity / 4).max(1))) {
            let tokens = (self.count)(slice);
            if sum + tokens > capacity && at > from {
                pieces.push((from, &run[from..at]));
                (from, sum) = (at, 0);
            }
            sum += tokens;
            at += slice.len();
        }
        if at > from {
            pieces.push((from, &run[from..at]));
        }
        pieces
    }
}

impl ChunkSizer for Measure<'_> {
    fn size(&self, chunk: &str) -> usize {
        self.of(chunk)
    }
}

fn slices(text: &str, chars: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.char_indices().nth(chars).map_or(rest.len(), |(at, _)| at);
        let (slice, left) = rest.split_at(end);
        rest = left;
        Some(slice)
    })
}

/// A text as stretches: what can be read, and runs that are no language (`true`).
pub(super) fn stretches(text: &str) -> Vec<(Range<usize>, bool)> {
    let ends = |c: char| c.is_whitespace() || "。！？、，．；：…「」『』（）।".contains(c);
    let (mut out, mut from, mut run) = (Vec::new(), 0, 0);
    let mut close = |run: Range<usize>, from: &mut usize| {
        if run.len() > RUN {
            if run.start > *from {
                out.push((*from..run.start, false));
            }
            *from = run.end;
            out.push((run, true));
        }
    };
    for (at, c) in text.char_indices() {
        if ends(c) {
            close(run..at, &mut from);
            run = at + c.len_utf8();
        }
    }
    close(run..text.len(), &mut from);
    if from < text.len() {
        out.push((from..text.len(), false));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_without_blanks_are_told_from_text() {
        let run = "x".repeat(RUN + 1);
        let text = format!("Before. {run} after");
        let found = stretches(&text);
        assert_eq!(
            found,
            [
                (0..8, false),
                (8..8 + run.len(), true),
                (8 + run.len()..text.len(), false)
            ]
        );
        assert!(
            stretches(&"商品は三十日以内に返品できます。".repeat(1000))
                .iter()
                .all(|(_, hard)| !hard)
        );
        assert_eq!(stretches(""), []);
    }

    #[test]
    fn a_word_of_any_length_is_never_one_token() {
        // As WordPiece counts: a word that is too long is one unknown.
        let wordpiece = |text: &str| {
            text.split_whitespace()
                .map(|w| {
                    if w.chars().count() > 100 {
                        1
                    } else {
                        w.chars().count().div_ceil(2)
                    }
                })
                .sum()
        };
        let measure = Measure::new(&wordpiece, 100);
        assert_eq!(measure.of("some words"), 5);
        assert!(measure.of(&"b".repeat(1000)) >= 400);
        assert!(measure.of(&"b ".repeat(1_000_000)) > 100);
        // Blanks are no tokens, but they take room.
        assert_eq!(measure.of(&format!("a{}b", " ".repeat(798))), 50);
        assert!(measure.of(&" ".repeat(2_000)) > 100);
        let run = "b".repeat(10_000);
        let pieces = measure.hard(&run, 50);
        assert!(
            pieces.iter().all(|(_, p)| measure.of(p) <= 50),
            "{}",
            pieces.len()
        );
        assert_eq!(pieces.iter().map(|(_, p)| *p).collect::<String>(), run);
    }
}
