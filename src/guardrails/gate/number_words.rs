//! Numbers written as words, in English, German and, the small ones, neighbouring languages.

const ENGLISH: &[&str] = &[
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const TENS: &[&str] = &[
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

const GERMAN: &[&str] = &[
    "null",
    "ein",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
];

const GERMAN_TENS: &[&str] = &[
    "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig",
];

const EUROPEAN: &[(&str, i64)] = &[
    ("deux", 2),
    ("trois", 3),
    ("quatre", 4),
    ("cinq", 5),
    ("sept", 7),
    ("huit", 8),
    ("neuf", 9),
    ("dix", 10),
    ("onze", 11),
    ("douze", 12),
    ("quatorze", 14),
    ("quinze", 15),
    ("vingt", 20),
    ("trente", 30),
    ("quarante", 40),
    ("cinquante", 50),
    ("soixante", 60),
    ("dos", 2),
    ("tres", 3),
    ("cuatro", 4),
    ("cinco", 5),
    ("seis", 6),
    ("siete", 7),
    ("ocho", 8),
    ("nueve", 9),
    ("diez", 10),
    ("doce", 12),
    ("catorce", 14),
    ("veinte", 20),
    ("treinta", 30),
    ("cuarenta", 40),
    ("sesenta", 60),
    ("noventa", 90),
    ("tre", 3),
    ("quattro", 4),
    ("cinque", 5),
    ("sette", 7),
    ("otto", 8),
    ("dieci", 10),
    ("quattordici", 14),
    ("trenta", 30),
    ("sessanta", 60),
    ("twee", 2),
    ("drie", 3),
    ("vijf", 5),
    ("dertig", 30),
];
const SCALES: &[&str] = &[
    "dozen",
    "dutzend",
    "hundred",
    "hundert",
    "thousand",
    "tausend",
    "million",
    "millionen",
];
const ONES: &[&str] = &["eine", "einem", "einer", "eines", "einen", "eins", "dreissig"];

/// All of them but those that German makes of several.
pub fn words() -> impl Iterator<Item = &'static str> {
    let lists = [ENGLISH, TENS, GERMAN, GERMAN_TENS, SCALES, ONES];
    let lists = lists.into_iter().flatten().copied();
    lists.chain(EUROPEAN.iter().map(|(word, _)| *word))
}

/// What a word multiplies the number before it by.
pub fn scale(word: &str) -> Option<i64> {
    Some(match word {
        "dozen" | "dutzend" => 12,
        "hundred" | "hundert" => 100,
        "thousand" | "tausend" => 1_000,
        "million" | "millionen" => 1_000_000,
        _ => return None,
    })
}

/// The number that a word stands for.
pub fn word(lower: &str) -> Option<i64> {
    if let Some(n) = (0..).zip(ENGLISH).find(|(_, w)| **w == lower).map(|(n, _)| n) {
        return Some(n);
    }
    if let Some(n) = (2..).zip(TENS).find(|(_, w)| **w == lower).map(|(n, _)| n * 10) {
        return Some(n);
    }
    scale(lower).or_else(|| german(lower)).or_else(|| european(lower))
}

fn german(lower: &str) -> Option<i64> {
    let small = |w: &str| (0..).zip(GERMAN).find(|(_, s)| **s == w).map(|(n, _)| n);
    let tens = |w: &str| {
        (2..)
            .zip(GERMAN_TENS)
            .find(|(_, s)| **s == w || (w == "dreissig" && **s == "dreißig"))
            .map(|(n, _)| n * 10)
    };
    if matches!(lower, "eine" | "einem" | "einer" | "eines" | "einen" | "eins") {
        return Some(1);
    }
    if let Some(n) = small(lower).or_else(|| tens(lower)) {
        return Some(n);
    }
    if let Some((ones, ten)) = lower.split_once("und") {
        return small(ones)?.checked_add(tens(ten)?);
    }
    let hundreds = lower.strip_suffix("hundert")?;
    small(hundreds).map(|n| n * 100)
}

/// Small numbers of neighbouring languages, where they are no words of English or German.
fn european(lower: &str) -> Option<i64> {
    EUROPEAN.iter().find(|(w, _)| *w == lower).map(|(_, n)| *n)
}
