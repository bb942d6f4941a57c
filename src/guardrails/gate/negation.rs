//! Whether a sentence says yes or no, clause by clause: a source that says "can't" never
//! supports "can", however alike the two are.

use std::collections::HashSet;
use std::sync::LazyLock;

/// A clause of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Where it ends, in bytes; it begins where the one before ends.
    pub end: usize,
    /// Whether it denies: an odd number of negations.
    pub denies: bool,
}

const NO: &str = "not no never none nobody nothing cannot without neither nor unable impossible hardly seldom n't refuse refuses \
    excluded excluding nicht kein keine keinen keinem keiner keines nie niemals ohne weder niemand unmöglich ausgeschlossen nichts";

/// Turns of speech in which a negation denies nothing, or another word says it.
const HARMLESS: &[&str] = &[
    "no later than",
    "no more than",
    "not only",
    "nicht nur",
    "no problem",
    "no worries",
    "don't worry",
    "not later than",
    "not more than",
    "at no cost",
    "at no charge",
    "no cost",
    "nothing extra",
    "costs you nothing",
    "costs nothing",
    "for nothing",
    "nicht später als",
    "nicht mehr als",
    "kostet nichts",
    "€ nichts",
    "kein problem",
    "keine sorge",
];

/// The clauses of a sentence. An answer's `No,` at its beginning is the question's.
pub fn clauses(text: &str) -> Vec<Clause> {
    let lower = masked(text);
    let mut out = Vec::new();
    let mut from = 0;
    let cuts = cuts(&lower);
    for end in cuts.into_iter().chain([lower.len()]) {
        if end > from {
            out.push(Clause {
                end,
                denies: denials(&lower[from..end]) % 2 == 1,
            });
            from = end;
        }
    }
    out
}

/// In lower case and of the same length, without what denies nothing.
fn masked(text: &str) -> String {
    let mut lower: String = text
        .chars()
        .map(|c| {
            c.to_lowercase()
                .next()
                .filter(|l| l.len_utf8() == c.len_utf8())
                .unwrap_or(c)
        })
        .collect();
    lower = lower.replace("n’t", "n't  ");
    let says_no = ["no", "nicht", "kein", "don't"].iter().any(|n| lower.contains(n));
    for phrase in HARMLESS.iter().filter(|_| says_no) {
        if lower.contains(phrase) {
            lower = lower.replace(phrase, &" ".repeat(phrase.len()));
        }
    }
    for answer in ["no,", "nein,", "no –", "no:", "nein:"] {
        if lower.starts_with(answer) {
            lower.replace_range(..answer.len(), &" ".repeat(answer.len()));
        }
    }
    lower
}

/// Where one thought ends and another begins.
fn cuts(lower: &str) -> Vec<usize> {
    const WORDS: &[&str] = &[
        "because ",
        "since ",
        "so that ",
        "but ",
        "although ",
        "weil ",
        "aber ",
        "damit ",
        "obwohl ",
        "– ",
        "even if ",
        "| ",
    ];
    let bytes = lower.as_bytes();
    (0..bytes.len())
        .filter(|i| match bytes[*i] {
            b',' | b';' | b':' => bytes.get(i + 1) == Some(&b' '),
            b' ' => WORDS.iter().any(|w| bytes[i + 1..].starts_with(w.as_bytes())),
            _ => false,
        })
        .collect()
}

fn denials(clause: &str) -> usize {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| NO.split_whitespace().collect());
    words(clause)
        .filter(|w| w.ends_with("n't") || WORDS.contains(w))
        .count()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|w| !w.is_empty())
}

/// Whether a text denies anything.
pub fn denies(text: &str) -> bool {
    clauses(text).iter().any(|c| c.denies)
}

/// Words that take something out or let nothing else in: a source must have one of the
/// same sort.
pub fn limits(text: &str) -> [bool; 3] {
    const ONLY: &[&str] = &[
        "only",
        "nur",
        "solely",
        "exclusively",
        "ausschließlich",
        "just",
        "alone",
        "allein",
        "lediglich",
        "must",
        "cannot",
        "limited",
    ];
    const EXCEPT: &[&str] = &[
        "except",
        "excluding",
        "unless",
        "besides",
        "außer",
        "ausgenommen",
        "ausschließlich der",
        "apart",
        "other",
        "without",
        "not",
        "ausnahme",
        "exception",
        "nicht",
    ];
    const ALL: &[&str] = &[
        "all",
        "every",
        "always",
        "never",
        "everything",
        "everywhere",
        "worldwide",
        "any",
        "anything",
        "anywhere",
        "everyone",
        "alle",
        "allen",
        "immer",
        "jede",
        "jeder",
        "jedes",
        "jeden",
        "überall",
        "alles",
        "nie",
        "weltweit",
        "niemals",
        "each",
        "both",
        "entire",
    ];
    let lower = text.to_lowercase();
    let has = |list: &[&str]| words(&lower).any(|w| list.contains(&w));
    [has(ONLY), has(EXCEPT), has(ALL)]
}

/// Which of the three a sentence itself says.
pub fn says_limits(text: &str) -> [bool; 3] {
    let lower = text.to_lowercase();
    let has = |list: &[&str]| words(&lower).any(|w| list.contains(&w));
    [
        has(&[
            "only",
            "nur",
            "solely",
            "exclusively",
            "ausschließlich",
            "lediglich",
        ]),
        has(&["except", "excluding", "besides", "außer", "ausgenommen"]),
        has(&[
            "all",
            "every",
            "always",
            "everything",
            "everywhere",
            "worldwide",
            "anything",
            "anywhere",
            "everyone",
            "any",
            "alle",
            "immer",
            "jede",
            "jeder",
            "jedes",
            "jeden",
            "überall",
            "alles",
            "weltweit",
        ]),
    ]
}
