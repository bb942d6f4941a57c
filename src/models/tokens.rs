//! Counting tokens as current OpenAI models do (`o200k_base`). Chunks are measured by it
//! until an embedding model brings its own tokenizer. Its vocabulary also tells how
//! ordinary a word is: it was merged from the most frequent pieces of text first.

use tiktoken_rs::{CoreBPE, o200k_base_singleton};

/// The longest stretch that is tokenized at once. Longer text is cut at white space, or
/// hard where there is none: the tokenizer's regular expressions backtrack over long
/// runs of blanks and could fail on them.
const SLICE: usize = 4096;

fn bpe() -> &'static CoreBPE {
    o200k_base_singleton()
}

/// How many tokens a text is. Text over 4 KiB is counted in slices that end at white
/// space, which can differ from the whole by a token a slice.
#[must_use]
pub fn count(text: &str) -> usize {
    let mut rest = text;
    let mut sum = 0;
    while rest.len() > SLICE {
        let (slice, tail) = rest.split_at(cut(rest));
        sum += bpe().encode_ordinary(slice).len();
        rest = tail;
    }
    sum + bpe().encode_ordinary(rest).len()
}

/// Where to cut a text that is longer than a slice: before the last white space of the
/// slice that follows a non-blank, else at the slice's end.
fn cut(text: &str) -> usize {
    let end = text.floor_char_boundary(SLICE);
    let slice = &text[..end];
    let blank = |c: char| c.is_whitespace();
    let from = slice
        .char_indices()
        .rev()
        .zip(slice.char_indices().rev().skip(1))
        .find(|((_, c), (_, before))| blank(*c) && !blank(*before))
        .map(|((i, _), _)| i);
    from.unwrap_or(end)
}

/// The rank of a lower-case word in the vocabulary, if it is there as a whole; the lower,
/// the more frequent. Everyday words of English are below about 20 000; ones that most
/// texts never mention lie far above or are missing.
#[must_use]
pub fn rank(word: &str) -> Option<u32> {
    if word.is_empty() || word.len() > 64 {
        return None;
    }
    match bpe().encode_ordinary(&format!(" {word}"))[..] {
        [one] => Some(one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_counted_as_the_model_counts_it() {
        assert_eq!(count(""), 0);
        assert_eq!(count("The quick brown fox"), 4);
        assert_eq!(count("tiktoken is great!"), 6);
    }

    #[test]
    fn long_text_is_counted_in_slices_that_change_next_to_nothing() {
        let words = "Shipping to Austria costs 4.90. ".repeat(2000);
        let whole = bpe().encode_ordinary(&words).len();
        let sliced = count(&words);
        assert!(
            whole.abs_diff(sliced) * 1000 < whole,
            "{sliced} in slices, {whole} whole"
        );
        for odd in [" ".repeat(200_000), "ß".repeat(100_000), "\n \n".repeat(50_000)] {
            assert!(count(&odd) > 0);
        }
    }

    #[test]
    fn everyday_words_rank_before_rare_ones() {
        let rank = |w| rank(w).unwrap_or(u32::MAX);
        assert!(rank("good") < rank("lamp"));
        assert!(rank("lamp") < rank("drone"));
        assert_eq!(rank("retrun"), u32::MAX);
    }
}
