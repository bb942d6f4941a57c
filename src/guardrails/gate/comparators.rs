//! The words around a figure that make another claim of it: an exact price of "from €8", a price per
//! order of one per item, a sum with customs of one without, 30 days from the order of 30 days from
//! delivery.

use std::sync::LazyLock;

use super::figures::{Figure, Kind, Side, Unit as Measure};
use super::numerals::{Token, tokens};
use super::tongue::Tongue;
use super::units::Unit;
use super::words::{Term, fold, same, terms};

/// How much behind a figure is looked at, in bytes.
const NEAR: usize = 96;

/// A sentence, and the part of it that a figure stands in.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    /// The part.
    pub part: &'a str,
    /// The sentence.
    pub whole: &'a str,
    /// Its tongue.
    pub tongue: Tongue,
    /// Whether the source is of the same.
    pub native: bool,
}

/// Whether a unit says a figure as a part says it, if it says it at all.
pub fn agree(figure: &Figure, claim: Claim<'_>, unit: &Unit) -> bool {
    let mut said = unit
        .figures
        .iter()
        .filter(|g| figure.is_said_by(g, |_| false))
        .peekable();
    said.peek().is_none()
        || said.any(|source| {
            sides(figure, source, unit)
                && rates(figure, source, claim, unit)
                && extras(figure, source, claim, unit)
                && anchors(figure, source, claim, unit)
        })
}

fn measure(figure: &Figure) -> Option<Measure> {
    match figure.kind {
        Kind::Amount { unit, .. } => Some(unit),
        _ => None,
    }
}

fn is_money(figure: &Figure) -> bool {
    matches!(measure(figure), Some(Measure::Money(_)))
}

/// The words that stand behind a figure, and what text they are of.
fn behind<'a>(text: &'a str, figure: &Figure) -> (&'a str, Vec<Token>) {
    let rest = text.get(figure.at.end..).unwrap_or_default();
    let mut end = rest.len().min(NEAR);
    while !rest.is_char_boundary(end) {
        end -= 1;
    }
    let near = &rest[..end];
    (near, tokens(near))
}

/// Keys of words that mean the same.
fn key(word: &str) -> String {
    terms(word, Tongue::English, &[])
        .pop()
        .map_or_else(String::new, |t| t.key)
}

/// Exact is what the source doesn't limit: `from €8` isn't `€8`, `up to 20 %` isn't `20 %`, and what
/// takes at least five days doesn't take five.
fn sides(figure: &Figure, source: &Figure, unit: &Unit) -> bool {
    static PRICES: LazyLock<[String; 3]> = LazyLock::new(|| ["cost", "refund", "discount"].map(key));
    static FREE: LazyLock<String> = LazyLock::new(|| key("free"));
    if figure.side != Side::Exact || source.side == Side::Exact {
        return true;
    }
    let has = |k: &String| unit.terms.iter().any(|t| t.key == *k);
    let before = unit.text.get(..source.at.start).unwrap_or_default();
    match measure(source) {
        Some(Measure::Percent) => false,
        Some(Measure::Money(_)) => {
            let threshold = before.split_whitespace().rev().take(5).any(|w| {
                let lower = fold(w);
                [
                    "order",
                    "purchase",
                    "basket",
                    "value",
                    "bestell",
                    "einkauf",
                    "warenkorb",
                    "wert",
                ]
                .iter()
                .any(|n| lower.contains(n))
            });
            threshold || has(&FREE) || !PRICES.iter().any(has)
        }
        Some(Measure::Time | Measure::WorkDays | Measure::Months) if source.side == Side::Lower => {
            let last = before
                .split_whitespace()
                .next_back()
                .map(fold)
                .unwrap_or_default();
            ["after", "nach", "since", "seit", "past", "over", "über"].contains(&last.as_str())
        }
        _ => true,
    }
}

/// What an amount may be counted by.
const RATES: &[(&str, &[&str])] = &[
    (
        "item",
        &[
            "item", "items", "piece", "pieces", "product", "products", "article", "artikel", "stück",
            "produkt", "apiece", "unit",
        ],
    ),
    (
        "order",
        &[
            "order",
            "orders",
            "purchase",
            "bestellung",
            "bestellungen",
            "auftrag",
            "einkauf",
        ],
    ),
    (
        "parcel",
        &[
            "parcel",
            "parcels",
            "package",
            "shipment",
            "paket",
            "pakete",
            "sendung",
            "lieferung",
            "delivery",
        ],
    ),
    (
        "person",
        &["person", "persons", "people", "head", "kopf", "customer", "kunde"],
    ),
    (
        "hour",
        &["hour", "hours", "hourly", "stunde", "stunden", "stündlich"],
    ),
    ("day", &["day", "days", "daily", "tag", "tage", "täglich"]),
    (
        "week",
        &["week", "weeks", "weekly", "woche", "wochen", "wöchentlich"],
    ),
    (
        "month",
        &[
            "month",
            "months",
            "monthly",
            "monat",
            "monate",
            "monats",
            "monatlich",
        ],
    ),
    (
        "year",
        &[
            "year",
            "years",
            "yearly",
            "annum",
            "annually",
            "jahr",
            "jahre",
            "jahres",
            "jährlich",
        ],
    ),
    ("kilo", &["kg", "kilo", "kilogram", "kilogramm"]),
    ("metre", &["m", "metre", "meter", "metres"]),
];

fn class(word: &str) -> Option<&'static str> {
    RATES
        .iter()
        .find(|(_, words)| words.contains(&word))
        .map(|(class, _)| *class)
}

/// What an amount is counted by, from the words behind it.
fn rate(after: &[Token]) -> Option<String> {
    const TIMES: &[&str] = &["hour", "day", "week", "month", "year"];
    let word = |k: usize| after.get(k).map_or("", |t| t.lower.as_str());
    let by = |k: usize| class(word(k)).map(str::to_owned);
    let each = ["each", "every", "jede", "jeden", "jeder", "jedes"];
    match word(0) {
        "per" | "pro" | "je" | "/" => by(1).or_else(|| Some(word(1).to_owned()).filter(|w| !w.is_empty())),
        "each" if by(1).is_none() => Some("item".to_owned()),
        "for" | "für" if each.contains(&word(1)) => by(2),
        w if each.contains(&w) => by(1),
        "a" | "an" | "im" => by(1).filter(|c| TIMES.contains(&c.as_str()) || c == "item"),
        "apiece" => Some("item".to_owned()),
        w if w.ends_with("ly") || w.ends_with("lich") => by(0),
        _ => None,
    }
}

fn rates(figure: &Figure, source: &Figure, claim: Claim<'_>, unit: &Unit) -> bool {
    let mine = rate(&behind(claim.part, figure).1);
    let theirs = rate(&behind(&unit.text, source).1);
    let counts = |text: &str, by: &str| {
        tokens(text)
            .iter()
            .any(|t| class(&t.lower) == Some(by) || t.lower == by)
    };
    let sum = is_money(figure) || measure(figure) == Some(Measure::Percent);
    match (mine, theirs) {
        (Some(mine), Some(theirs)) => mine == theirs,
        (Some(mine), None) => !sum || counts(&unit.text, &mine),
        // A shop's prices are an order's.
        (None, Some(theirs)) => !is_money(figure) || theirs == "order" || counts(claim.whole, &theirs),
        (None, None) => true,
    }
}

/// What comes on top of an amount, or is in it.
#[derive(Debug, PartialEq)]
enum Extra {
    Plus(String),
    With(String),
}

fn extra(text: &str, after: &[Token], tongue: Tongue) -> Option<Extra> {
    const PLUS: &[&str] = &[
        "plus",
        "zzgl",
        "zuzüglich",
        "+",
        "excl",
        "excluding",
        "exkl",
        "exklusive",
        "ohne",
        "without",
    ];
    const WITH: &[&str] = &["incl", "including", "inkl", "inklusive", "einschließlich"];
    let skipped = after
        .iter()
        .take_while(|t| matches!(t.lower.as_str(), "," | "("))
        .count();
    let word = |k: usize| after.get(skipped + k).map_or("", |t| t.lower.as_str());
    let noun = |k: usize| {
        let token = after.get(skipped + k)?;
        let clause = text[token.at.start..].split(['.', ',', ';', ')']).next()?;
        terms(clause, tongue, &[]).into_iter().next().map(|t| t.key)
    };
    match word(0) {
        w if PLUS.contains(&w) => noun(1 + usize::from(word(1) == ".")).map(Extra::Plus),
        w if WITH.contains(&w) => noun(1 + usize::from(word(1) == ".")).map(Extra::With),
        _ => match (word(1), word(2)) {
            ("included" | "inklusive" | "inbegriffen" | "eingeschlossen", _) => noun(0).map(Extra::With),
            ("is" | "are" | "ist" | "sind", "included" | "inbegriffen") => noun(0).map(Extra::With),
            ("excluded" | "extra", _) | ("not", "included") => noun(0).map(Extra::Plus),
            _ => None,
        },
    }
}

fn extras(figure: &Figure, source: &Figure, claim: Claim<'_>, unit: &Unit) -> bool {
    if !is_money(figure) {
        return true;
    }
    let read = |text: &str, f: &Figure| {
        let (near, after) = behind(text, f);
        extra(near, &after, claim.tongue)
    };
    let (mine, theirs) = (read(claim.part, figure), read(&unit.text, source));
    let alike = |a: &String, b: &String| same(a, b, claim.tongue);
    let names = |k: &String| {
        terms(claim.whole, claim.tongue, &[])
            .iter()
            .any(|t| alike(&t.key, k))
    };
    match (mine, theirs) {
        (Some(Extra::Plus(a)), Some(Extra::Plus(b))) | (Some(Extra::With(a)), Some(Extra::With(b))) => {
            alike(&a, &b) || !claim.native
        }
        (Some(_), Some(_)) | (Some(Extra::With(_)), None) => false,
        (Some(Extra::Plus(a)), None) => unit.terms.iter().any(|t| alike(&t.key, &a)),
        (None, Some(Extra::Plus(b))) => names(&b) || !claim.native,
        (None, _) => true,
    }
}

/// What a period is counted from.
fn anchor(text: &str, after: &[Token], tongue: Tongue) -> Option<Term> {
    const FROM: &[&str] = &[
        "from",
        "of",
        "after",
        "since",
        "following",
        "upon",
        "before",
        "ab",
        "nach",
        "seit",
        "vor",
    ];
    let first = after.first().filter(|t| FROM.contains(&t.lower.as_str()))?;
    let clause = text[first.at.end..].split(['.', ',', ';', ')', ':']).next()?;
    terms(clause, tongue, &[]).into_iter().next()
}

fn anchors(figure: &Figure, source: &Figure, claim: Claim<'_>, unit: &Unit) -> bool {
    let period = matches!(
        measure(figure),
        Some(Measure::Time | Measure::WorkDays | Measure::Months)
    );
    if !period || !claim.native {
        return true;
    }
    let read = |text: &str, f: &Figure| {
        let (near, after) = behind(text, f);
        anchor(near, &after, claim.tongue)
    };
    match (read(claim.part, figure), read(&unit.text, source)) {
        (Some(mine), Some(_)) => unit.terms.iter().any(|t| same(&mine.key, &t.key, claim.tongue)),
        _ => true,
    }
}
