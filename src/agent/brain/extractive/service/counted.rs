//! How much a visitor wants back, said in a way that can't be computed from: words of numbers, parts of
//! a coin, fractions, things that are counted. It is seen and asked about, never guessed.

use super::sum::{AFTER, HALF, PERCENT, TIMES, WHOLE, currency};

/// Parts of a coin.
const SMALL: &[&str] = &["cent", "cents", "pence", "penny", "rappen", "øre"];
/// Numbers in words.
const WORDS: &[&str] = &[
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "fifteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred",
    "eins", "ein", "eine", "einen", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun",
    "zehn", "elf", "zwölf", "zwanzig", "dreißig", "vierzig", "fünfzig", "hundert", "dozen", "couple",
];
/// What is counted behind one where no thing is meant.
const NO_THING: &[&str] = &[
    "day",
    "days",
    "week",
    "weeks",
    "month",
    "months",
    "year",
    "years",
    "hour",
    "hours",
    "minute",
    "minutes",
    "time",
    "times",
    "more",
    "order",
    "orders",
    "tag",
    "tage",
    "tagen",
    "woche",
    "wochen",
    "monat",
    "monaten",
    "jahr",
    "stunden",
    "mal",
    "bestellung",
    "erstattung",
];
/// What stands before a number of things that are to be paid back.
const COUNTING: &[&str] = &[
    "refund",
    "return",
    "reimburse",
    "for",
    "only",
    "just",
    "except",
    "but",
    "back",
    "nur",
    "für",
    "erstatten",
    "erstatte",
    "zurückgeben",
];
const FRACTIONS: [char; 6] = ['½', '⅓', '⅔', '¼', '¾', '⅛'];

/// Whether a message says how much in a way that can't be computed from: words of numbers, a part of a
/// coin, a fraction, things that are counted.
pub(super) fn in_words(all: &[String], asked: bool) -> bool {
    let word = |i: usize| all.get(i).map_or("", String::as_str);
    let digit = |i: usize| {
        all.get(i).is_some_and(|p| {
            p.trim_start_matches('-')
                .starts_with(|c: char| c.is_ascii_digit())
        })
    };
    (0..all.len()).any(|i| {
        let (piece, next) = (word(i), word(i + 1));
        let before = i.checked_sub(1).map_or("", word);
        let after = if next == "of" { word(i + 2) } else { next };
        let unit = PERCENT.contains(&piece) || currency(Some(&all[i])).is_some();
        let numberless = unit && !digit(i + 1) && !i.checked_sub(1).is_some_and(digit);
        // "half a euro"
        let half = HALF.contains(&piece)
            && (i + 1..i + 3).any(|k| all.get(k).is_some_and(|p| currency(Some(p)).is_some()));
        let fraction = piece.contains(FRACTIONS)
            || piece.split_once('/').is_some_and(
                |(a, b)| matches!((a.parse::<u32>(), b.parse::<u32>()), (Ok(a), Ok(b)) if a < b && b <= 10),
            )
            || matches!(
                piece,
                "quarter" | "quarters" | "viertel" | "third" | "thirds" | "drittel"
            ) && !TIMES.contains(&after)
                && !["a", "one", "two", "ein", "einen", "zwei"].contains(&before);
        let few = piece.len() <= 2 && piece.bytes().all(|b| b.is_ascii_digit());
        let things = (few || WORDS.contains(&piece))
            && COUNTING.contains(&before)
            && !next.is_empty()
            && !NO_THING.contains(&next)
            && !AFTER.contains(&next)
            && !PERCENT.contains(&next)
            && currency(all.get(i + 1)).is_none()
            && !matches!(
                next,
                "third" | "thirds" | "drittel" | "quarter" | "quarters" | "viertel"
            )
            && !(next == "of" && WHOLE.contains(&word(i + 2)));
        numberless
            || half
            || fraction
            || SMALL.contains(&piece)
            || things
            || asked
                && WORDS[1..].contains(&piece)
                && !matches!(next, "third" | "thirds" | "drittel" | "quarters" | "viertel")
    })
}
