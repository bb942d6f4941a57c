//! Payment cards: 12 to 19 digits in a known issuer's range with Luhn's check digit, in
//! whatever groups and whatever stands between them. In doubt a number is a card, since a
//! card that is taken for something else would be kept.

use std::ops::Range;

use super::label::{self, Label};
use super::number::{Group, before, between, is_word};
use super::{Kind, Taken, checksum};

/// How few digits cards have, and how many.
const FEWEST: usize = 12;
const MOST: usize = 19;
/// Up to this length other numbers are as likely, and what stands around them decides too.
const WEAK: usize = 13;
/// How many characters may stand between two groups.
const GAP: usize = 4;

/// Words that make a card likely wherever they stand before it.
const NEARBY: &[&str] = &[
    "card",
    "karte",
    "visa",
    "amex",
    "american express",
    "maestro",
    "diners",
    "discover",
    "jcb",
    "kredit",
    "credit",
    "cvv",
    "cvc",
    "pay",
];

pub(super) fn find(bytes: &[u8], groups: &[Group], taken: &mut Taken) {
    let mut found = Vec::new();
    for first in 0..groups.len() {
        if let Some(end) = longest(bytes, groups, first) {
            let start = groups[first].start;
            if !taken.overlaps(start, end) {
                found.push((start, end));
            }
        }
    }
    taken.add(Kind::Card, found);
}

/// Where the longest card that begins with the group `first` ends.
fn longest(bytes: &[u8], groups: &[Group], first: usize) -> Option<usize> {
    let mut digits = [0_u8; MOST];
    let mut count = 0;
    let mut end = None;
    for last in first..groups.len() {
        if last > first && !joins(between(bytes, groups[last - 1], groups[last])) {
            break;
        }
        let group = groups[last];
        let room = digits.get_mut(count..count + group.len());
        let Some(room) = room else { break };
        room.copy_from_slice(group.of(bytes));
        count += group.len();
        let digits = &digits[..count];
        if count >= FEWEST && issuer(digits) && is_card(bytes, groups, first..last + 1, digits) {
            end = Some(group.end);
        }
    }
    end
}

/// Whether two groups can belong to one card with this between them.
fn joins(gap: &[u8]) -> bool {
    gap.len() <= GAP && !gap.iter().any(|b| is_word(Some(b)))
}

fn is_card(bytes: &[u8], groups: &[Group], range: Range<usize>, digits: &[u8]) -> bool {
    let own = &groups[range.clone()];
    let (start, end) = (own[0].start, own[own.len() - 1].end);
    if !loose(bytes, start, end, digits.len()) {
        return false;
    }
    let said = label::left(bytes, start, digits.len());
    if !checksum::luhn(digits) {
        // A slip of the finger, where the words leave no doubt.
        return said == Some(Label::Card)
            && matches!(digits.len(), 15 | 16)
            && usual(bytes, own)
            && !label::mentioned(
                bytes,
                start,
                &["gift", "geschenk", "gutschein", "loyalty", "bonus"],
            );
    }
    if digits.len() <= WEAK {
        let phone = before(bytes, start) == Some(&b'+') || said == Some(Label::Phone);
        let item = said == Some(Label::Gtin) && checksum::gtin(digits);
        if phone || item {
            return false;
        }
    } else if said == Some(Label::Gtin) && own.len() == 1 && digits.len() == 14 && checksum::gtin(digits) {
        return false;
    }
    usual(bytes, own) && (digits.len() > WEAK || whole(bytes, groups, &range))
        || one_by_one(bytes, groups, range)
        || label::mentioned(bytes, start, NEARBY)
}

/// Whether the number stands for itself, and isn't a part of a longer code.
fn loose(bytes: &[u8], start: usize, end: usize, count: usize) -> bool {
    let single = |near: Option<&u8>, far: Option<&u8>| is_word(near) && !is_word(far);
    let left = single(
        before(bytes, start),
        start.checked_sub(2).and_then(|i| bytes.get(i)),
    );
    let right = single(bytes.get(end), bytes.get(end + 1));
    count > 14 || !left && !right
}

/// Whether the groups are as cards are printed.
fn usual(bytes: &[u8], own: &[Group]) -> bool {
    let [front @ .., last] = own else { return false };
    if front.is_empty() {
        return true;
    }
    let fours = front.iter().all(|g| g.len() == 4);
    let count: usize = own.iter().map(|g| g.len()).sum();
    if count <= WEAK {
        let gap = between(bytes, own[0], own[1]);
        let same = own.windows(2).all(|w| between(bytes, w[0], w[1]) == gap);
        return same && fours && last.len() >= 4 && matches!(gap, b" " | b"-" | b".");
    }
    fours || own.iter().all(|g| g.len() >= 4)
}

/// Whether no further group stands right beside a number of several.
fn whole(bytes: &[u8], groups: &[Group], range: &Range<usize>) -> bool {
    range.len() == 1 || !tied(bytes, groups, range.start) && !tied(bytes, groups, range.end)
}

/// Whether the group `i` stands so near to the one before it that both could be one number.
fn tied(bytes: &[u8], groups: &[Group], i: usize) -> bool {
    let pair = i
        .checked_sub(1)
        .and_then(|j| Some((groups.get(j)?, groups.get(i)?)));
    pair.is_some_and(|(a, b)| a.end + 1 == b.start && joins(between(bytes, *a, *b)))
}

/// Whether every digit stands alone, and all of these belong to the number.
fn one_by_one(bytes: &[u8], groups: &[Group], range: Range<usize>) -> bool {
    let alone = |i: usize| groups.get(i).is_some_and(|g| g.len() == 1);
    let before = range.start.checked_sub(1).is_some_and(alone) && tied(bytes, groups, range.start);
    let after = alone(range.end) && tied(bytes, groups, range.end);
    range.len() > WEAK && range.clone().all(alone) && !before && !after
}

/// Whether an issuer's cards begin like this and have this many digits.
fn issuer(digits: &[u8]) -> bool {
    let head = |n: usize| u32::try_from(checksum::number(&digits[..n])).unwrap_or(0);
    let (one, two, three, four) = (head(1), head(2), head(3), head(4));
    match digits.len() {
        // Visa.
        13 | 16 | 19 if one == 4 => true,
        // American Express; JCB's oldest.
        15 if matches!(two, 34 | 37) || matches!(four, 1800 | 2131) => true,
        // Mastercard, Mir, Borica, JCB, Verve, RuPay, Troy, Uzcard, Humo, GPN.
        16 if matches!(two, 51..=55 | 81 | 82)
            || matches!(four, 2221..=2720 | 2200..=2205 | 9792 | 8600 | 9860 | 1946) =>
        {
            true
        }
        // Diners Club.
        14..=19 if matches!(three, 300..=305 | 309) || matches!(two, 36 | 38 | 39) => true,
        // JCB; UnionPay.
        16 if two == 35 => true,
        16..=19 if matches!(four, 3528..=3589 | 8100..=8171) => true,
        // Maestro, and within its ranges Discover, UnionPay, Verve, Elo, Hipercard, Dankort.
        12..=19 => matches!(two, 50 | 56..=69) || four == 604,
        _ => false,
    }
}
