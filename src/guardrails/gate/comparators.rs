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

/// What stands around a figure, read once.
#[derive(Debug, Default)]
pub struct Context {
    rate: Option<String>,
    extra: Option<Extra>,
    anchor: Option<Anchor>,
    /// An order of that worth is meant.
    threshold: bool,
    /// It begins after that time, and doesn't last so long.
    later: bool,
}

/// A figure of a sentence and its context, the sentence, and its tongue.
pub struct Claim<'a> {
    /// The figure.
    pub figure: &'a Figure,
    /// What stands around it.
    pub context: Context,
    /// The sentence.
    pub whole: &'a str,
    /// Its tongue.
    pub tongue: Tongue,
    /// Whether the source is of the same.
    pub native: bool,
}

impl Context {
    /// Reads what stands around a figure of a text.
    pub fn read(text: &str, figure: &Figure, tongue: Tongue) -> Self {
        let Some(measure) = measure(figure) else {
            return Self::default();
        };
        let (near, after) = behind(text, figure);
        let before = text.get(..figure.at.start).unwrap_or_default();
        let rate = rate(&after);
        let rest = rate.as_ref().map_or(0, |(_, end)| *end);
        let money = matches!(measure, Measure::Money(_));
        Self {
            extra: if money {
                extra(near, &after[rest..], tongue)
            } else {
                None
            },
            anchor: if is_period(measure) {
                anchor(near, &after, tongue)
            } else {
                None
            },
            threshold: money && is_threshold(before),
            later: figure.side == Side::Lower
                && before.split_whitespace().next_back().is_some_and(|w| {
                    ["after", "nach", "since", "seit", "past", "over", "über"].contains(&fold(w).as_str())
                }),
            rate: rate.map(|(by, _)| by),
        }
    }
}

/// Whether a unit says a figure as a sentence says it, if it says it at all.
pub fn agree(claim: &Claim<'_>, unit: &Unit) -> bool {
    let figure = claim.figure;
    let mut said = unit
        .figures
        .iter()
        .zip(&unit.contexts)
        .filter(|(g, _)| figure.is_said_by(g, |_| false))
        .peekable();
    said.peek().is_none()
        || said.any(|(source, context)| {
            sides(figure, source, context, unit)
                && rates(claim, context, unit)
                && extras(claim, context, unit)
                && anchors(claim, context, unit)
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

fn is_period(measure: Measure) -> bool {
    matches!(measure, Measure::Time | Measure::WorkDays | Measure::Months)
}

/// Whether what goes before an amount makes it what an order is worth.
fn is_threshold(before: &str) -> bool {
    const WORTH: &[&str] = &[
        "order",
        "purchase",
        "basket",
        "value",
        "bestell",
        "einkauf",
        "warenkorb",
        "wert",
    ];
    before.split_whitespace().rev().take(5).any(|w| {
        let lower = fold(w);
        WORTH.iter().any(|n| lower.contains(n))
    })
}

/// Words that a full stop shortens: `8 € zzgl. Versand`.
const SHORTENED: [&str; 5] = ["incl", "excl", "inkl", "exkl", "zzgl"];

/// The words that stand behind a figure, and what text they are of.
fn behind<'a>(text: &'a str, figure: &Figure) -> (&'a str, Vec<Token>) {
    let rest = text.get(figure.at.end..).unwrap_or_default();
    let mut end = rest.len().min(NEAR);
    while !rest.is_char_boundary(end) {
        end -= 1;
    }
    let near = &rest[..end];
    // Another cell is another thing's.
    let end = near.match_indices(['|', '.', '!', '?']).find(|(at, mark)| {
        let shortened = |word: &str| SHORTENED.iter().any(|s| fold(word).ends_with(s));
        *mark != "." || !shortened(&near[..*at])
    });
    let near = end.map_or(near, |(at, _)| &near[..at]);
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
fn sides(figure: &Figure, source: &Figure, context: &Context, unit: &Unit) -> bool {
    static PRICES: LazyLock<[String; 3]> = LazyLock::new(|| ["cost", "refund", "discount"].map(key));
    static FREE: LazyLock<String> = LazyLock::new(|| key("free"));
    if figure.side != Side::Exact || source.side == Side::Exact {
        return true;
    }
    let has = |k: &String| unit.terms.iter().any(|t| t.key == *k);
    match measure(source) {
        Some(Measure::Percent) => false,
        Some(Measure::Money(_)) => context.threshold || has(&FREE) || !PRICES.iter().any(has),
        Some(measure) if is_period(measure) && source.side == Side::Lower => context.later,
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

/// What an amount is counted by, from the words behind it, and how many of them say so.
fn rate(after: &[Token]) -> Option<(String, usize)> {
    const TIMES: &[&str] = &["hour", "day", "week", "month", "year", "item"];
    let word = |k: usize| after.get(k).map_or("", |t| t.lower.as_str());
    let by = |k: usize| class(word(k)).map(|c| (c.to_owned(), k + 1));
    let each = ["each", "every", "jede", "jeden", "jeder", "jedes"];
    match word(0) {
        "per" | "pro" | "je" | "/" => {
            by(1).or_else(|| Some((word(1).to_owned(), 2)).filter(|(w, _)| !w.is_empty()))
        }
        "each" if by(1).is_none() => Some(("item".to_owned(), 1)),
        "for" | "für" if each.contains(&word(1)) => by(2),
        w if each.contains(&w) => by(1),
        "a" | "an" | "im" => by(1).filter(|(c, _)| TIMES.contains(&c.as_str())),
        "apiece" => Some(("item".to_owned(), 1)),
        w if w.ends_with("ly") || w.ends_with("lich") => by(0),
        _ => None,
    }
}

fn rates(claim: &Claim<'_>, context: &Context, unit: &Unit) -> bool {
    let counts = |text: &str, by: &str| {
        let is = |word: &str| class(word) == Some(by) || word == by;
        text.split(|c: char| !c.is_alphanumeric())
            .any(|w| !w.is_empty() && is(&fold(w)))
    };
    let money = is_money(claim.figure);
    let sum = money || measure(claim.figure) == Some(Measure::Percent);
    match (&claim.context.rate, &context.rate) {
        (Some(mine), Some(theirs)) => mine == theirs,
        (Some(mine), None) => !sum || counts(&unit.text, mine),
        // A shop's prices are an order's.
        (None, Some(theirs)) => !money || theirs == "order" || counts(claim.whole, theirs),
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

fn extras(claim: &Claim<'_>, context: &Context, unit: &Unit) -> bool {
    let alike = |a: &String, b: &String| same(a, b, claim.tongue);
    let names = |k: &String| {
        let whole = terms(claim.whole, claim.tongue, &[]);
        whole.iter().any(|t| alike(&t.key, k))
    };
    match (&claim.context.extra, &context.extra) {
        (Some(Extra::Plus(a)), Some(Extra::Plus(b))) | (Some(Extra::With(a)), Some(Extra::With(b))) => {
            alike(a, b) || !claim.native
        }
        (Some(_), Some(_)) | (Some(Extra::With(_)), None) => false,
        (Some(Extra::Plus(a)), None) => unit.terms.iter().any(|t| alike(&t.key, a)),
        (None, Some(Extra::Plus(b))) => names(b),
        (None, _) => true,
    }
}

/// What a period is counted from, or to.
#[derive(Debug)]
struct Anchor {
    to: bool,
    key: String,
}

fn anchor(text: &str, after: &[Token], tongue: Tongue) -> Option<Anchor> {
    const FROM: &[&str] = &[
        "from",
        "of",
        "after",
        "since",
        "following",
        "upon",
        "ab",
        "nach",
        "seit",
    ];
    const TO: &[&str] = &["before", "vor", "ahead", "prior"];
    let first = after.first()?;
    let to = TO.contains(&first.lower.as_str());
    if !to && !FROM.contains(&first.lower.as_str()) {
        return None;
    }
    let clause = text[first.at.end..].split([',', ';', ')', ':']).next()?;
    let key = terms(clause, tongue, &[]).into_iter().next()?.key;
    Some(Anchor { to, key })
}

fn anchors(claim: &Claim<'_>, context: &Context, unit: &Unit) -> bool {
    match (&claim.context.anchor, &context.anchor) {
        (Some(mine), Some(theirs)) => {
            let says = |t: &Term| same(&mine.key, &t.key, claim.tongue);
            mine.to == theirs.to && (!claim.native || unit.terms.iter().any(says))
        }
        _ => true,
    }
}
