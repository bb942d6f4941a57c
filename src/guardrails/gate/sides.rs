//! Which side of an amount is meant: from and at least, up to and at most, before and after, in
//! English and German, before the amount or behind it.

use super::figures::Side;
use super::numerals::Token;

const UPPER: &[&str] = &[
    "under",
    "below",
    "within",
    "until",
    "till",
    "maximum",
    "max",
    "bis",
    "unter",
    "unterhalb",
    "höchstens",
    "innerhalb",
    "binnen",
    "maximal",
    "längstens",
    "before",
    "by",
    "vor",
    "spätestens",
    "≤",
    "<",
];
const LOWER: &[&str] = &[
    "over",
    "above",
    "from",
    "exceed",
    "exceeds",
    "exceeding",
    "minimum",
    "min",
    "ab",
    "über",
    "oberhalb",
    "mindestens",
    "mind",
    "frühestens",
    "übersteigt",
    "after",
    "nach",
    "past",
    "since",
    "seit",
    "≥",
    ">",
];
/// What may stand between the word and the amount.
const BETWEEN: &[&str] = &[
    "€",
    "$",
    "£",
    "eur",
    "usd",
    "chf",
    "about",
    "around",
    "approximately",
    "roughly",
    "circa",
    "ca",
    "etwa",
    "rund",
    "zu",
    "to",
];
const NOT: &[&str] = &["no", "not", "nicht", "never", "nie"];
/// How far back `ab einem Bestellwert von 80 €` is looked for.
const FAR: usize = 6;

fn other(side: Side) -> Side {
    match side {
        Side::Upper => Side::Lower,
        Side::Lower => Side::Upper,
        Side::Exact => Side::Exact,
    }
}

/// The side that the words before an amount give it.
pub fn side(t: &[Token], i: usize) -> Side {
    let word = |k: usize| i.checked_sub(k).map_or("", |b| t[b].lower.as_str());
    let k = if BETWEEN.contains(&word(1)) { 2 } else { 1 };
    let (last, before) = (word(k), word(k + 1));
    // The side, and how far back its first word stands.
    let (side, first) = match last {
        "up" if word(1) == "to" => (Side::Upper, k),
        "than" | "als" => match before {
            "less" | "fewer" | "earlier" | "weniger" | "früher" => (Side::Upper, k + 1),
            "more" | "later" | "longer" | "mehr" | "später" | "länger" => (Side::Lower, k + 1),
            _ => (Side::Exact, k),
        },
        "most" if before == "at" => (Side::Upper, k + 1),
        "least" if before == "at" => (Side::Lower, k + 1),
        "at" if ["start", "starts", "starting", "begin", "begins", "beginning"].contains(&before) => {
            (Side::Lower, k + 1)
        }
        "of" | "von" => far(t, i - k),
        _ if UPPER.contains(&last) => (Side::Upper, k),
        _ if LOWER.contains(&last) => (Side::Lower, k),
        _ => (Side::Exact, k),
    };
    if NOT.contains(&word(first + 1)) {
        other(side)
    } else {
        side
    }
}

/// `from a total of €80`, `bis zu einem Gewicht von 30 kg`: the word before the noun, seen from the one
/// before the amount.
fn far(t: &[Token], of: usize) -> (Side, usize) {
    for back in 1..=FAR {
        let Some(token) = of.checked_sub(back).map(|b| &t[b]) else {
            break;
        };
        let word = token.lower.as_str();
        let ends = matches!(word, "." | "," | ";" | ":" | "|" | "(" | ")");
        // `over a period of 14 days` is as long as that.
        let lasts = matches!(word, "period" | "course" | "zeitraum");
        if ends || lasts || token.number.is_some() || token.clock.is_some() {
            break;
        }
        let side = match word {
            "up" | "most" => Some(Side::Upper),
            "least" => Some(Side::Lower),
            "by" | "past" | "after" | "nach" | "since" | "seit" | "before" | "vor" => None,
            _ if UPPER.contains(&word) => Some(Side::Upper),
            _ if LOWER.contains(&word) => Some(Side::Lower),
            _ => None,
        };
        if let Some(side) = side {
            return (side, back + 1);
        }
    }
    (Side::Exact, 1)
}

/// The side that the words behind an amount give it: `or more`, `at the latest`.
pub fn side_after(t: &[Token], next: usize) -> Option<Side> {
    const ENDS: &[(&[&str], Side)] = &[
        (&["at", "most"], Side::Upper),
        (&["at", "the", "most"], Side::Upper),
        (&["at", "the", "latest"], Side::Upper),
        (&["maximum"], Side::Upper),
        (&["max"], Side::Upper),
        (&["maximal"], Side::Upper),
        (&["at", "least"], Side::Lower),
        (&["at", "the", "earliest"], Side::Lower),
        (&["minimum"], Side::Lower),
        (&["upwards"], Side::Lower),
        (&["aufwärts"], Side::Lower),
        (&["+"], Side::Lower),
    ];
    let word = |k: usize| t.get(next + k).map_or("", |t| t.lower.as_str());
    if matches!(word(0), "or" | "and" | "oder" | "und") {
        return match word(1) {
            "more" | "above" | "over" | "up" | "upwards" | "longer" | "later" | "mehr" | "darüber"
            | "länger" | "später" => Some(Side::Lower),
            "less" | "under" | "below" | "fewer" | "earlier" | "weniger" | "darunter" | "kürzer"
            | "früher" => Some(Side::Upper),
            _ => None,
        };
    }
    ENDS.iter()
        .find(|(words, _)| words.iter().enumerate().all(|(k, w)| word(k) == *w))
        .map(|(_, side)| *side)
}
