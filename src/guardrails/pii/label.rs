//! The word that says what a number is: "phone", "order", "IBAN". The nearest word before
//! the number counts, across such as carry no meaning ("my number is"), or one after it.

use super::fold::LETTER;
use super::label_words::Word;
use super::number::before;

/// What a word says about the number beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Phone,
    Card,
    Iban,
    /// A card, but of a shop: for gifts, for loyalty.
    ShopCard,
    /// An item of trade with a check digit of its own.
    Gtin,
    Version,
    Social,
    Person,
    /// An order, a parcel, an item, a sum: anything that isn't a person's.
    Thing,
}

/// How far from the number its word may stand, in bytes.
const REACH: usize = 72;
/// How many words without meaning may stand between.
const FILLERS: usize = 6;

/// What the words before `at` say about a number of `length` digits that begins there.
pub(super) fn left(bytes: &[u8], at: usize, length: usize) -> Option<Label> {
    let floor = at.saturating_sub(REACH);
    let mut end = at;
    let mut fillers = 0;
    let mut gap_ends_sentence = false;
    let mut in_list = true;
    loop {
        // What stands between two words.
        while end > floor && !is_letter(bytes[end - 1]) && !bytes[end - 1].is_ascii_digit() {
            let mark = bytes[end - 1];
            let space_follows = bytes
                .get(end)
                .is_none_or(|b| b.is_ascii_whitespace() || end == at);
            match mark {
                b'#' if end == at => return Some(Label::Thing),
                b'.' | b'!' | b'?' | b';' if space_follows && end < at => gap_ends_sentence = true,
                b'\n'
                    if fillers > 0
                        && bytes.get(..end - 1).and_then(|b| b.trim_ascii_end().last()) != Some(&b':') =>
                {
                    return None;
                }
                _ => {}
            }
            end -= 1;
        }
        if end <= floor {
            return None;
        }
        if bytes[end - 1].is_ascii_digit() {
            // A list of such numbers shares one word; any other number ends the search.
            let start = bytes[..end]
                .iter()
                .rposition(|b| !b.is_ascii_digit())
                .map_or(0, |i| i + 1);
            if (end - start).abs_diff(length) > 1 || gap_ends_sentence || !in_list {
                return None;
            }
            end = start;
            fillers += 1;
        } else {
            let start = bytes[floor..end]
                .iter()
                .rposition(|b| !is_letter(*b))
                .map_or(floor, |i| floor + i + 1);
            let word = Word::of(&bytes[start..end]);
            if gap_ends_sentence && !word.is_abbreviation() {
                return None;
            }
            gap_ends_sentence = false;
            in_list &= word.is_list();
            match word.label() {
                Some(label) => return Some(label),
                None if word.is_empty_of_meaning() => {}
                None => return None,
            }
            end = start;
            fillers += 1;
        }
        if fillers > FILLERS {
            return None;
        }
    }
}

/// What the words after `at` say about the number that ends there: "… is my order number".
pub(super) fn right(bytes: &[u8], at: usize) -> Option<Label> {
    let ceiling = bytes.len().min(at + REACH);
    let mut start = at;
    for _ in 0..4 {
        while start < ceiling && !is_letter(bytes[start]) {
            if matches!(
                bytes[start],
                b'.' | b'!' | b'?' | b';' | b'\n' | b',' | b'|' | b':'
            ) || bytes[start].is_ascii_digit()
            {
                return None;
            }
            start += 1;
        }
        let end = bytes[start..ceiling]
            .iter()
            .position(|b| !is_letter(*b))
            .map_or(ceiling, |n| start + n);
        let word = Word::of(&bytes[start..end]);
        match word.label() {
            Some(label) => return Some(label),
            None if word.is_place() => return Some(Label::Phone),
            None if word.is_empty_of_meaning() => start = end,
            None => return None,
        }
    }
    None
}

/// Whether one of these words, in small letters, stands anywhere in the `REACH` bytes
/// before `at`.
pub(super) fn mentioned(bytes: &[u8], at: usize, words: &[&str]) -> bool {
    let near = &bytes[at.saturating_sub(REACH)..at];
    (0..near.len()).any(|i| {
        let (first, tail) = (near[i].to_ascii_lowercase(), &near[i..]);
        let begins = |w: &&str| {
            let same = || {
                tail.get(..w.len())
                    .is_some_and(|t| t.eq_ignore_ascii_case(w.as_bytes()))
            };
            w.as_bytes().first() == Some(&first) && same()
        };
        words.iter().any(begins)
    })
}

/// Whether a code's letters are tied to the number: "WC-2026", "RE/100".
pub(super) fn is_code(bytes: &[u8], at: usize) -> bool {
    let tied = before(bytes, at).is_some_and(|b| matches!(b, b'-' | b'_' | b'/'));
    let letter = at.checked_sub(2).and_then(|i| bytes.get(i));
    tied && letter.is_some_and(|b| is_letter(*b)) && left(bytes, at, 0) != Some(Label::Phone)
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == LETTER
}

#[cfg(test)]
mod tests {
    use super::{Label, is_code, left, right};

    fn before(text: &str) -> Option<Label> {
        let at = text.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |i| i + 1);
        left(text.as_bytes(), at, text.len() - at)
    }

    #[test]
    fn the_nearest_word_with_a_meaning_counts() {
        assert_eq!(
            before("My order is late, call me on 12345678"),
            Some(Label::Phone)
        );
        assert_eq!(
            before("I called about my order number 12345678"),
            Some(Label::Thing)
        );
        assert_eq!(before("Bestellnummer: 12345678"), Some(Label::Thing));
        assert_eq!(before("Bestell-Nr. 12345678"), Some(Label::Thing));
        assert_eq!(before("Tel.: 12345678"), Some(Label::Phone));
        assert_eq!(
            before("orders 12345678, 12345679 and 12345670"),
            Some(Label::Thing)
        );
        assert_eq!(before("#12345678"), Some(Label::Thing));
        assert_eq!(before("IBAN is 12345678"), Some(Label::Iban));
    }

    #[test]
    fn another_sentence_and_other_words_say_nothing() {
        assert_eq!(before("That is my order. 12345678"), None);
        assert_eq!(before("my phone broke after 12345678"), None);
        assert_eq!(before("order 12, 12345678"), None);
        assert_eq!(before("12345678"), None);
    }

    #[test]
    fn words_after_a_number_and_codes_around_it_count() {
        assert_eq!(right(b"12345678 is my order number", 8), Some(Label::Thing));
        assert_eq!(right(b"12345678 (mobile)", 8), Some(Label::Phone));
        assert_eq!(right(b"12345678. Order it", 8), None);
        assert!(is_code(b"WC-2026", 3));
        assert!(!is_code(b"Tel-2026", 4));
        assert!(!is_code(b"is -2026", 4));
    }
}
