//! How much of an order a visitor wants back, as they say it: an amount, a share, all of it; and
//! what of that may be. In whole minor units: what can't be had is said, never rounded up or
//! replaced by something else.

use super::counted;
use crate::agent::brain::extractive::intent::order_number;
use crate::domain::money::Money;

/// What a message says of the amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sum {
    /// All that may be had.
    All,
    /// So many parts of so many.
    Share(u32, u32),
    /// A plain decimal, in the order's currency.
    Named(String),
    /// A plain decimal in the currency of this code.
    In(&'static str, String),
    /// Zero, or less.
    Nothing,
    /// Something about an amount that can't be read.
    Unclear,
}

/// Why an amount can't be proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum No {
    /// More than may be paid back.
    TooMuch,
    /// Nothing, or less.
    Nothing,
    /// The order was paid in another currency.
    Currency,
    /// It can't be told which amount is meant.
    Unclear,
}

/// The currencies that people name, by their words.
const CURRENCIES: [(&str, &[&str]); 12] = [
    ("EUR", &["€", "euro", "euros", "eur"]),
    ("USD", &["$", "dollar", "dollars", "usd"]),
    ("GBP", &["£", "pound", "pounds", "gbp", "pfund"]),
    ("CHF", &["chf", "franken", "francs"]),
    ("PLN", &["zł", "zl", "pln", "zloty"]),
    ("SEK", &["sek", "kr", "kronor"]),
    ("DKK", &["dkk", "kroner"]),
    ("NOK", &["nok"]),
    ("CZK", &["czk", "kč"]),
    ("HUF", &["huf", "forint"]),
    ("JPY", &["¥", "yen", "jpy"]),
    ("CAD", &["cad"]),
];
pub(super) const PERCENT: [&str; 3] = ["%", "percent", "prozent"];
/// What makes a percentage one of something else.
const OF_ELSE: [&str; 8] = [
    "discount", "off", "rabatt", "coupon", "code", "voucher", "vat", "mwst",
];
const ALL: [&str; 14] = [
    "all",
    "everything",
    "full",
    "fully",
    "whole",
    "entire",
    "complete",
    "alles",
    "ganze",
    "ganzen",
    "gesamte",
    "gesamten",
    "komplett",
    "vollständig",
];
/// `All good, thanks` is no amount.
const COURTESIES: [&str; 7] = ["good", "right", "fine", "clear", "klar", "gut", "okay"];
pub(super) const HALF: [&str; 4] = ["half", "hälfte", "halbe", "halben"];
/// What is no share after such a word: a time.
pub(super) const TIMES: [&str; 8] = ["an", "hour", "hours", "year", "stunde", "stunden", "jahr", "tag"];
/// What a bare number stands behind that is an amount.
const BEFORE: [&str; 16] = [
    "me", "us", "mir", "uns", "back", "only", "just", "nur", "bloß", "amount", "betrag", "zurück", "exactly",
    "genau", "minus", "pay",
];
/// The same, for what can't be an order's number.
const VERBS: [&str; 7] = [
    "refund",
    "reimburse",
    "return",
    "erstatten",
    "erstatte",
    "zurückzahlen",
    "sie",
];
/// What stands behind such a number.
pub(super) const AFTER: [&str; 16] = [
    "please",
    "bitte",
    "for",
    "from",
    "on",
    "back",
    "zurück",
    "von",
    "für",
    "aus",
    "only",
    "nur",
    "at",
    "zu",
    "now",
    "erstatten",
];
/// What `of` goes on with there: not with things that are counted.
pub(super) const WHOLE: [&str; 7] = ["order", "my", "it", "that", "this", "what", "purchase"];

/// What takes something off the sum beside it: how much is left is for the visitor to say.
const LESS: &[&str] = &[
    "except",
    "excluding",
    "without",
    "minus",
    "less",
    "but",
    "apart",
    "außer",
    "abzüglich",
    "weniger",
    "ohne",
    "ausgenommen",
    "bis",
    "aber",
];
/// A message in pieces: signs of currency and percent apart, punctuation off.
fn pieces(text: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(text.len() + 8);
    for c in text.to_lowercase().chars() {
        match c {
            '€' | '$' | '£' | '¥' | '%' => spaced.extend([' ', c, ' ']),
            '\u{2212}' | '\u{2013}' => spaced.push('-'),
            _ => spaced.push(c),
        }
    }
    spaced
        .split_whitespace()
        .map(|w| w.trim_end_matches(",-").trim_end_matches(".-"))
        .map(|w| w.trim_matches(|c: char| ".,;:!?()\"'„“”".contains(c)).to_owned())
        .filter(|w| !w.is_empty())
        .flat_map(|w| match unit_of(&w) {
            Some(at) => vec![w[..at].to_owned(), w[at..].to_owned()],
            None => vec![w],
        })
        .collect()
}

/// Where a currency's word begins that stands at its number (`20eur`), or a number at its word (`eur20`).
fn unit_of(piece: &str) -> Option<usize> {
    let is_currency = |word: &str| CURRENCIES.iter().any(|(_, words)| words.contains(&word));
    let at = piece
        .find(|c: char| c.is_alphabetic() != piece.starts_with(char::is_alphabetic))
        .filter(|at| *at > 0)?;
    (is_currency(&piece[..at]) || is_currency(&piece[at..])).then_some(at)
}

/// A number as people write it, as a plain decimal: `12`, `12,50`, `1.234,50`, `5,000`. Three
/// digits behind the only separator are thousands.
fn decimal(piece: &str) -> Option<String> {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let grouped = |s: &str, by: char| -> Option<String> {
        let mut groups = s.split(by);
        let first = groups.next().filter(|g| digits(g))?;
        let rest: Vec<&str> = groups.collect();
        // No thousands stand behind a zero: `0.005` is a half of a cent.
        if !rest.is_empty() && first.starts_with('0') {
            return None;
        }
        let fits = rest.is_empty() || (first.len() <= 3 && rest.iter().all(|g| g.len() == 3 && digits(g)));
        fits.then(|| first.to_owned() + &rest.concat())
    };
    let last = piece.rfind(['.', ',']);
    let plain = match last {
        None => grouped(piece, '\'')?,
        Some(at) => {
            let (whole, part) = (&piece[..at], &piece[at + 1..]);
            let sign = char::from(*piece.as_bytes().get(at)?);
            let other = if sign == '.' { ',' } else { '.' };
            if !digits(part) {
                return None;
            }
            if part.len() == 3 && !whole.contains(other) {
                grouped(piece, sign)?
            } else if part.len() <= 2 && !whole.contains(sign) {
                format!("{}.{part}", grouped(whole, other)?)
            } else {
                return None;
            }
        }
    };
    (plain.len() <= 15).then_some(plain)
}

pub(super) fn currency(piece: Option<&String>) -> Option<&'static str> {
    let piece = piece?.as_str();
    let named = CURRENCIES.iter().find(|(_, words)| words.contains(&piece));
    named.map(|(code, _)| *code)
}

fn is_zero(decimal: &str) -> bool {
    decimal.bytes().all(|b| matches!(b, b'0' | b'.'))
}

/// A share of a hundred, with at most one digit behind the point.
fn percent(decimal: &str) -> Sum {
    let (whole, part) = decimal.split_once('.').unwrap_or((decimal, ""));
    let tenths = part.get(..1).unwrap_or("0");
    match format!("{whole}{tenths}").parse::<u32>() {
        Ok(0) => Sum::Nothing,
        Ok(parts) if part.len() <= 1 => Sum::Share(parts, 1_000),
        _ => Sum::Unclear,
    }
}

/// What a message says of the amount; none when it says nothing of one.
pub fn read(text: &str) -> Option<Sum> {
    sum(text, false)
}

/// The same of a message that answers the question for an amount: any number is one.
pub fn answer(text: &str) -> Option<Sum> {
    sum(text, true)
}

/// What it says, where that is one thing: several amounts, one that another is taken off, and what
/// can't be computed are asked about.
fn sum(text: &str, asked: bool) -> Option<Sum> {
    let all = pieces(text);
    let mut found = find(text, asked);
    let first = if found.is_empty() {
        None
    } else {
        Some(found.remove(0).0)
    };
    let others = found.iter().any(|(sum, _)| Some(sum) != first.as_ref());
    let less = || {
        let at = all.iter().position(|p| LESS.contains(&p.as_str()));
        // "minus 20 euros" is an amount by itself.
        first.is_some() && first != Some(Sum::Nothing) && at.is_some()
    };
    if others || less() || counted::in_words(&all, asked) {
        return Some(Sum::Unclear);
    }
    first
}

/// Whether a number of a message is its amount, and no order's number.
pub fn is_amount(text: &str, number: &str) -> bool {
    let found = find(text, false);
    found
        .iter()
        .any(|(_, piece)| piece.trim_start_matches('-') == number)
}

/// All amounts that it says, each with its piece.
fn find(text: &str, asked: bool) -> Vec<(Sum, String)> {
    let mut out = Vec::new();
    let all = pieces(text);
    let order = order_number(text);
    let at = |i: Option<usize>| i.and_then(|i| all.get(i));
    let is = |piece: Option<&String>, list: &[&str]| piece.is_some_and(|p| list.contains(&p.as_str()));
    for (i, piece) in all.iter().enumerate() {
        let (before, next) = (at(i.checked_sub(1)), at(Some(i + 1)));
        let bare = piece.trim_start_matches('-');
        if !bare.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let mut found = |sum| out.push((sum, piece.clone()));
        let coin = currency(next).or_else(|| currency(before));
        let share = is(next, &PERCENT);
        if share && (is(at(Some(i + 2)), &OF_ELSE) || is(before, &["vat", "mwst"])) {
            continue;
        }
        let negative =
            piece.starts_with('-') || is(before, &["minus"]) || (is(before, &["-"]) && coin.is_some());
        if coin.is_none() && !share && !asked && !stands_alone(&all, i, negative, order.as_deref()) {
            continue;
        }
        if coin.is_none() && order.as_deref() == Some(bare) {
            continue;
        }
        let Some(decimal) = decimal(bare) else {
            if coin.is_some() || share || asked {
                found(Sum::Unclear);
            }
            continue;
        };
        found(match coin {
            _ if negative || is_zero(&decimal) => Sum::Nothing,
            _ if share => percent(&decimal),
            None => Sum::Named(decimal),
            Some(currency) => Sum::In(currency, decimal),
        });
    }
    for (i, piece) in all.iter().enumerate() {
        let (before, next) = (at(i.checked_sub(1)), at(Some(i + 1)));
        let counted = || match before.map(String::as_str) {
            Some("two" | "zwei") => Some(2),
            Some("a" | "one" | "ein" | "einen") => Some(1),
            _ => None,
        };
        let sum = match piece.as_str() {
            half if HALF.contains(&half) && !is(next, &TIMES) => Some(Sum::Share(1, 2)),
            "third" | "thirds" | "drittel" => counted().map(|n| Sum::Share(n, 3)),
            "quarter" | "quarters" | "viertel" => counted().map(|n| Sum::Share(n, 4)),
            all if ALL.contains(&all) && !is(next, &COURTESIES) => Some(Sum::All),
            _ => None,
        };
        out.extend(sum.map(|sum| (sum, piece.clone())));
    }
    out
}

/// Whether a number without a currency is an amount, by the words beside it. One that could be an
/// order's number is none, unless the order is named besides.
fn stands_alone(all: &[String], i: usize, negative: bool, order: Option<&str>) -> bool {
    let word = |i: Option<usize>| i.and_then(|i| all.get(i)).map_or("", String::as_str);
    let (before, next, behind) = (word(i.checked_sub(1)), word(Some(i + 1)), word(Some(i + 2)));
    let piece = all[i].trim_start_matches('-');
    let digits = piece.bytes().filter(u8::is_ascii_digit).count();
    let short = digits < 3 || digits < piece.len();
    let led = BEFORE.contains(&before) || (VERBS.contains(&before) && (short || negative || order.is_some()));
    let ends = next.is_empty() || AFTER.contains(&next);
    led && (ends || (next == "of" && WHOLE.contains(&behind)))
}

/// The amount that is meant, if that much may be paid back.
///
/// # Errors
/// Why nothing can be proposed.
pub fn within(sum: Option<&Sum>, most: Money) -> Result<Money, No> {
    let named = |text: &str| Money::parse(text, most.currency);
    let meant = match sum {
        None | Some(Sum::All) => return Ok(most),
        Some(Sum::Share(parts, of)) => most.share(*parts, *of).ok_or(No::TooMuch)?,
        Some(Sum::Nothing) => return Err(No::Nothing),
        Some(Sum::Named(text)) => named(text).ok_or(No::Unclear)?,
        Some(Sum::In(code, text)) if most.currency.code() == *code => named(text).ok_or(No::Unclear)?,
        Some(Sum::In(..)) => return Err(No::Currency),
        Some(Sum::Unclear) => return Err(No::Unclear),
    };
    if meant.minor == 0 {
        return Err(No::Nothing);
    }
    most.less(meant).map(|_| meant).ok_or(No::TooMuch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    fn named(text: &str) -> Option<Sum> {
        Some(Sum::Named(text.to_owned()))
    }

    fn euros(text: &str) -> Option<Sum> {
        Some(Sum::In("EUR", text.to_owned()))
    }

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, sum) in [
            ("Refund 10 euros of order 1004 please", euros("10")),
            ("Refund €12,50 for order 1004", euros("12.50")),
            ("Bitte 1.234,50 € von Bestellung 1004 erstatten", euros("1234.50")),
            ("refund 1,234.5 EUR of order 1004", euros("1234.5")),
            ("refund me 5.000 euro", euros("5000")),
            ("Refund me 5000 for order 1004", named("5000")),
            ("Refund me 5000", named("5000")),
            ("refund 20 of order 1004", named("20")),
            ("Erstatten Sie mir nur 20,- von Bestellung 1004", named("20")),
            ("Refund me -20 of order 1004", Some(Sum::Nothing)),
            ("Refund minus 20 euros of order 1004", Some(Sum::Nothing)),
            ("Refund €-20 for order 1004", Some(Sum::Nothing)),
            ("Refund 0 EUR of order 1004", Some(Sum::Nothing)),
            ("Refund me half of order 1004", Some(Sum::Share(1, 2))),
            (
                "Bitte die Hälfte von Bestellung 1004 erstatten",
                Some(Sum::Share(1, 2)),
            ),
            ("Refund 25 % of order 1004", Some(Sum::Share(250, 1_000))),
            (
                "12,5 Prozent zurück für Bestellung 1004",
                Some(Sum::Share(125, 1_000)),
            ),
            ("Refund a third of order 1004", Some(Sum::Share(1, 3))),
            (
                "zwei Drittel von Bestellung 1004 erstatten",
                Some(Sum::Share(2, 3)),
            ),
            ("Refund 150% of order 1004", Some(Sum::Share(1_500, 1_000))),
            ("Refund everything of order 1004", Some(Sum::All)),
            ("Refund 10-20 euros of order 1004", Some(Sum::Unclear)),
            ("Refund $20 of order 1004", Some(Sum::In("USD", "20".into()))),
            ("Refund 20eur of order 1004", euros("20")),
            ("Refund EUR20 of order 1004", euros("20")),
            ("Refund 200 kr of order 1004", Some(Sum::In("SEK", "200".into()))),
            ("Refund ¥2000 of order 1004", Some(Sum::In("JPY", "2000".into()))),
            // What can't be told surely is asked.
            ("refund 0.005 EUR of order 1004", Some(Sum::Unclear)),
            (
                "Order 1004 cost 38.70 euros, please refund 10 euros.",
                Some(Sum::Unclear),
            ),
            ("Refund order 1004 minus the 5 euro label", Some(Sum::Unclear)),
            (
                "Refund everything of order 1004 except 10 euros",
                Some(Sum::Unclear),
            ),
            ("Refund half a euro of order 1004", Some(Sum::Unclear)),
            ("Refund ten euros of order 1004", Some(Sum::Unclear)),
            (
                "Bitte zehn Euro von Bestellung 1004 erstatten",
                Some(Sum::Unclear),
            ),
            ("Refund twenty percent of order 1004", Some(Sum::Unclear)),
            ("Refund quarter of order 1004", Some(Sum::Unclear)),
            ("Refund ½ of order 1004", Some(Sum::Unclear)),
            ("Refund 1/2 of order 1004", Some(Sum::Unclear)),
            ("Refund 3870 cents of order 1004", Some(Sum::Unclear)),
            ("Refund one bulb of order 1004", Some(Sum::Unclear)),
            ("Refund 2 of the bulbs of order 1004", Some(Sum::Unclear)),
            ("Refund order 1004 except for one bulb", Some(Sum::Unclear)),
            (
                "I paid 38.70 EUR for order 1004 and want half of it back",
                Some(Sum::Unclear),
            ),
            // Nothing of an amount.
            ("Refund order 1004, it broke after one week", None),
            ("I want a refund for order 1004 but I lost the box", None),
            ("Refund order 1004", None),
            ("Refund 1004", None),
            ("I want a refund for order 1004, I bought it 3 days ago", None),
            ("Refund order 1004, I had a 10 % discount code", None),
            ("Refund order 1004, it broke after half an hour", None),
        ] {
            assert_eq!(read(text), sum, "{text}");
        }
        assert_eq!(answer("then 20"), named("20"));
        assert_eq!(answer("1500"), named("1500"));
        assert_eq!((answer("All good, thanks"), answer("alles klar")), (None, None));
        assert!(is_amount("Refund me 5000", "5000") && !is_amount("Refund 1004", "1004"));
    }

    #[test]
    fn what_may_be_had_is_computed_in_whole_cents() {
        let eur = |minor| Money {
            minor,
            currency: Currency::EUR,
        };
        let most = eur(3_871);
        let named = |text: &str| Sum::Named(text.to_owned());
        for (sum, want) in [
            (None, Ok(most)),
            (Some(Sum::All), Ok(most)),
            (Some(named("38.71")), Ok(most)),
            (Some(named("12.5")), Ok(eur(1_250))),
            (Some(named("38.72")), Err(No::TooMuch)),
            (Some(named("5000")), Err(No::TooMuch)),
            (Some(named("0.00")), Err(No::Nothing)),
            (Some(named("1.005")), Err(No::Unclear)),
            // Rounded down.
            (Some(Sum::Share(1, 2)), Ok(eur(1_935))),
            (Some(Sum::Share(1, 3)), Ok(eur(1_290))),
            (Some(Sum::Share(1_500, 1_000)), Err(No::TooMuch)),
            (Some(Sum::Nothing), Err(No::Nothing)),
            (Some(Sum::In("USD", "20".into())), Err(No::Currency)),
            (euros("20"), Ok(eur(2_000))),
            (Some(Sum::Unclear), Err(No::Unclear)),
        ] {
            assert_eq!(within(sum.as_ref(), most), want, "{sum:?}");
        }
    }
}
