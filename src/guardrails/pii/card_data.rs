//! What is written beside a card's number and must be kept as little as the number itself: its
//! security code and its expiry. By a word that says so, or right after the number, where
//! nothing but marks stands between. A code that is called by its usual name is hidden without
//! a number, too: it may have come in the message before.

use super::number::{Group, before, between, is_word};
use super::{Kind, Taken};

/// How far from the number a word still speaks of it, in bytes.
const NEAR: usize = 200;
/// How far from its word a code or an expiry may stand, in bytes, and across how many others.
const REACH: usize = 48;
const FILLERS: usize = 5;
/// How many marks may stand between the number and what follows it.
const GAP: usize = 6;

/// Names of the security code that mean nothing else.
const CODES: &[&str] = &["cvv", "cvc", "cvn"];
/// Others that mean it beside a card.
const CODES_NEAR: &[&str] = &["csc", "cid", "pin"];
/// Beginnings of such.
const CODES_BEGIN: &[&str] = &[
    "security",
    "verification",
    "sicherheits",
    "pruf",
    "kartenpruf",
    "securite",
    "cryptogramme",
    "seguridad",
    "seguranca",
    "sicurezza",
    "beveiliging",
];
/// Beginnings of words that say when a card expires.
const EXPIRES: &[&str] = &[
    "exp", "valid", "valab", "thru", "gultig", "ablauf", "lauft", "verfall", "venc", "caduc", "scad",
    "verval", "geldig", "wazn",
];
/// Words between a label and its number.
const EMPTY: &[&str] = &[
    "a", "ab", "al", "am", "and", "as", "au", "back", "bis", "code", "codigo", "codice", "const", "data",
    "date", "datum", "de", "del", "der", "di", "die", "el", "end", "es", "est", "fecha", "fin", "fino",
    "for", "hasta", "im", "in", "is", "ist", "jj", "jjjj", "jusqu", "la", "lautet", "mm", "month", "my",
    "no", "nr", "number", "nummer", "numero", "on", "the", "thru", "through", "till", "to", "tot", "und",
    "until", "up", "value", "wert", "y", "year", "yy", "yyyy", "ziffer", "zum",
];
/// How months begin, in the languages that cards' owners write most.
const MONTHS: &[&str] = &[
    "jan", "feb", "fev", "mar", "apr", "avr", "abr", "mai", "may", "mag", "jun", "jui", "giu", "jul", "lug",
    "aug", "aou", "ago", "sep", "set", "okt", "oct", "ott", "nov", "dec", "dez", "dic",
];

pub(super) fn find(bytes: &[u8], groups: &[Group], taken: &mut Taken) {
    let cards: Vec<(usize, usize)> = taken
        .spans
        .iter()
        .filter(|s| s.kind == Kind::Card)
        .map(|s| (s.start, s.end))
        .collect();
    if cards.is_empty() && !names_a_code(bytes) {
        return;
    }
    let near = |g: &Group| {
        cards
            .iter()
            .any(|(start, end)| g.start < end + NEAR && g.end + NEAR > *start)
    };
    let own = |g: &Group| cards.iter().any(|(start, end)| g.start < *end && g.end > *start);
    let mut found = Vec::new();
    for (i, group) in groups.iter().enumerate() {
        if own(group) {
            continue;
        }
        let near = near(group);
        if is_code(bytes, group) && (said(bytes, group, named) || near && said(bytes, group, meant)) {
            found.push((group.start, group.end));
        } else if near && let Some(expiry) = labelled_expiry(bytes, groups, i) {
            found.push(expiry);
        }
    }
    for (_, end) in cards {
        follows(bytes, groups, end, &mut found);
    }
    taken.add(Kind::Card, found);
}

/// Whether a word means the code and nothing else.
fn named(word: &[u8]) -> bool {
    CODES.iter().any(|w| word.eq_ignore_ascii_case(w.as_bytes()))
}

/// Whether a word means the code beside a card.
fn meant(word: &[u8]) -> bool {
    CODES_NEAR.iter().any(|w| word.eq_ignore_ascii_case(w.as_bytes())) || begins(word, CODES_BEGIN)
}

/// Whether a name of the code may stand in the text at all.
fn names_a_code(bytes: &[u8]) -> bool {
    bytes.windows(3).any(|w| {
        w[0].eq_ignore_ascii_case(&b'c') && w[1].eq_ignore_ascii_case(&b'v') && w[2].is_ascii_alphabetic()
    })
}

/// Three or four digits that stand alone.
fn is_code(bytes: &[u8], group: &Group) -> bool {
    let tied = |near: Option<&u8>, far: Option<&u8>| {
        is_word(near) || near.is_some_and(|b| b".,/-".contains(b)) && far.is_some_and(u8::is_ascii_digit)
    };
    let second = group.start.checked_sub(2).and_then(|i| bytes.get(i));
    matches!(group.len(), 3 | 4)
        && !tied(before(bytes, group.start), second)
        && !tied(bytes.get(group.end), bytes.get(group.end + 1))
}

/// Whether a word before or after the number says what it is.
fn said(bytes: &[u8], group: &Group, is: fn(&[u8]) -> bool) -> bool {
    label_before(bytes, group.start, is).is_some() || label_after(bytes, group.end, is)
}

/// Where the word begins that is such a one, before `at`, with nothing between but marks and
/// words without meaning.
fn label_before(bytes: &[u8], at: usize, is: fn(&[u8]) -> bool) -> Option<usize> {
    let floor = at.saturating_sub(REACH);
    let mut end = at;
    for _ in 0..=FILLERS {
        while end > floor && !is_letter(bytes[end - 1]) {
            // "CVV2" and "CVC2" end in a digit; any other number ends the search.
            let digit = bytes[end - 1].is_ascii_digit();
            let of_a_word = bytes[end - 1] == b'2' && end >= 2 && is_letter(bytes[end - 2]);
            if digit && !of_a_word || matches!(bytes[end - 1], b'!' | b'?' | b';') {
                return None;
            }
            end -= 1;
        }
        let start = bytes[floor..end]
            .iter()
            .rposition(|b| !is_letter(*b))
            .map_or(floor, |i| floor + i + 1);
        if start == end {
            return None;
        }
        let word = &bytes[start..end];
        if is(word) {
            return Some(start);
        }
        if !is_empty(word) {
            return None;
        }
        end = start;
    }
    None
}

fn label_after(bytes: &[u8], at: usize, is: fn(&[u8]) -> bool) -> bool {
    let ceiling = bytes.len().min(at + REACH);
    let mut start = at;
    for _ in 0..=FILLERS {
        while start < ceiling && !is_letter(bytes[start]) {
            if bytes[start].is_ascii_digit() || b".!?;:,\n".contains(&bytes[start]) {
                return false;
            }
            start += 1;
        }
        let end = bytes[start..ceiling]
            .iter()
            .position(|b| !is_letter(*b))
            .map_or(ceiling, |n| start + n);
        let word = &bytes[start..end];
        if word.is_empty() {
            return false;
        }
        if is(word) {
            return true;
        }
        if !is_empty(word) {
            return false;
        }
        start = end;
    }
    false
}

/// An expiry that a word before it names: "12/27", "31.12.2027", "2027-12", "1227", "Dec 2027".
fn labelled_expiry(bytes: &[u8], groups: &[Group], i: usize) -> Option<(usize, usize)> {
    let group = groups[i];
    if let Some(end) = expiry(bytes, groups, i) {
        label_before(bytes, group.start, |w| begins(w, EXPIRES))?;
        return Some((group.start, end));
    }
    let is_year = matches!(group.len(), 2 | 4);
    let month = label_before(bytes, group.start, |w| begins(w, MONTHS)).filter(|_| is_year)?;
    label_before(bytes, month, |w| begins(w, EXPIRES))?;
    Some((month, group.end))
}

/// Where a month with its year ends that begins with the group `i`; a whole day's date, too.
fn expiry(bytes: &[u8], groups: &[Group], i: usize) -> Option<usize> {
    let first = groups[i];
    if is_word(before(bytes, first.start)) {
        return None;
    }
    let joined = |n: usize| {
        let (a, b) = (*groups.get(n)?, *groups.get(n + 1)?);
        matches!(
            between(bytes, a, b),
            b"/" | b"-" | b"." | b"|" | b" / " | b" - " | b" "
        )
        .then_some(b)
    };
    let year = |g: &Group| matches!(g.len(), 2 | 4);
    let end = match joined(i) {
        Some(second) if month(bytes, &first) && year(&second) => match joined(i + 1) {
            // "12/27/2027", "12.11.27": a day of the calendar.
            Some(third) if second.len() == 2 && year(&third) && !is_word(bytes.get(third.end)) => third.end,
            _ => second.end,
        },
        Some(second) if first.len() == 2 && joined(i + 1).is_some_and(|g| year(&g)) => {
            if !month(bytes, &second) {
                return None;
            }
            groups[i + 2].end
        }
        Some(second) if first.len() == 4 && month(bytes, &second) => second.end,
        _ if first.len() == 4 && (1..=12).contains(&number(&first.of(bytes)[..2])) => first.end,
        _ => return None,
    };
    (!is_word(bytes.get(end))).then_some(end)
}

fn month(bytes: &[u8], group: &Group) -> bool {
    group.len() <= 2 && (1..=12).contains(&number(group.of(bytes)))
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0'))
}

/// What stands right after a card's number: an expiry, a code, or one after the other.
fn follows(bytes: &[u8], groups: &[Group], card_end: usize, found: &mut Vec<(usize, usize)>) {
    let mut at = card_end;
    let mut dated = false;
    for _ in 0..2 {
        let next = groups.partition_point(|g| g.start < at);
        let Some(group) = groups.get(next) else { return };
        let gap = &bytes[at..group.start];
        let marks = |b: &u8| b.is_ascii_whitespace() || b",;|/:.-()\"'".contains(b);
        if gap.is_empty() || gap.len() > GAP || !gap.iter().all(marks) {
            return;
        }
        let date = expiry(bytes, groups, next).filter(|_| !dated);
        // Words or a sign after a number say what it is, unless the card's date told that already.
        let alone = || {
            let rest = &bytes[group.end..];
            let after = rest.iter().find(|b| **b != b' ');
            after.is_none_or(|b| b",.;|\n\r)\"'".contains(b))
        };
        let end = match date {
            Some(end) => {
                dated = true;
                end
            }
            None if dated && matches!(group.len(), 3 | 4) && !is_word(bytes.get(group.end)) => group.end,
            None if is_code(bytes, group) && alone() => group.end,
            None => return,
        };
        found.push((group.start, end));
        if date.is_none() {
            return;
        }
        at = end;
    }
}

fn begins(word: &[u8], with: &[&str]) -> bool {
    with.iter().any(|with| {
        word.get(..with.len())
            .is_some_and(|w| w.eq_ignore_ascii_case(with.as_bytes()))
    })
}

fn is_empty(word: &[u8]) -> bool {
    EMPTY.iter().any(|e| word.eq_ignore_ascii_case(e.as_bytes()))
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == super::fold::LETTER
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, find, placeholders::Placeholders};

    fn masked(text: &str) -> String {
        assert!(find(text).iter().all(|s| text.get(s.start..s.end).is_some()));
        Placeholders::default().mask(text)
    }

    #[test]
    fn the_code_and_the_expiry_beside_a_card_go_with_it() {
        let c = "4111 1111 1111 1111";
        for (text, wants) in [
            ("card §, 12/27, CVV 123", "card [CARD], [CARD], CVV [CARD]"),
            ("card §, 12/28, 123", "card [CARD], [CARD], [CARD]"),
            ("§ 12/2027 123 Anna Huber", "[CARD] [CARD] [CARD] Anna Huber"),
            ("§|12|27|123", "[CARD]|[CARD]|[CARD]"),
            ("§,12/27,123", "[CARD],[CARD],[CARD]"),
            ("§ 1227 123", "[CARD] [CARD] [CARD]"),
            ("§\n12 / 27\n1234", "[CARD]\n[CARD]\n[CARD]"),
            ("§, 123.", "[CARD], [CARD]."),
            ("My CVC2: 123, number §", "My CVC2: [CARD], number [CARD]"),
            ("§ (security code is 9876)", "[CARD] (security code is [CARD])"),
            (
                "§ und der Sicherheitscode lautet 123",
                "[CARD] und der Sicherheitscode lautet [CARD]",
            ),
            (
                "§, Prüfziffer 123, gültig bis 12/27",
                "[CARD], Prüfziffer [CARD], gültig bis [CARD]",
            ),
            (
                "It is § and expires on 12/27",
                "It is [CARD] and expires on [CARD]",
            ),
            ("§ valid until Dec 2027", "[CARD] valid until [CARD]"),
            ("§ exp. 2027-12", "[CARD] exp. [CARD]"),
            ("expiry 31.12.2027 for §", "expiry [CARD] for [CARD]"),
            ("§ vence 12-27", "[CARD] vence [CARD]"),
            ("§. 123 is the CVV", "[CARD]. [CARD] is the CVV"),
            // Without a number, by its own name.
            ("the cvv is 123", "the cvv is [CARD]"),
            ("CVV2 1234", "CVV2 [CARD]"),
        ] {
            assert_eq!(masked(&text.replace('§', c)), wants, "{text}");
        }
    }

    #[test]
    fn other_numbers_of_such_a_message_stay() {
        for text in [
            "I paid €123 with § on 12/24/2026 and order 1002 hasn't come",
            "§ was charged 49.90 on 12/24 for order 1002",
            "§, 240 EUR were taken",
            "§, 30 days ago",
            "order 1002, card §, order 1003",
            "my PLZ is 1010, card § was refused",
        ] {
            let wants = text.replacen('§', "[CARD]", 1);
            assert_eq!(
                masked(&text.replacen('§', "4111 1111 1111 1111", 1)),
                wants,
                "{text}"
            );
        }
        for text in [
            "The voucher expires 12/27",
            "your security code 1234",
            "CV 123",
            "cvs 1234 store",
            "What is a CVV?",
            "exp. 12/27, order 1002",
        ] {
            assert!(find(text).iter().all(|s| s.kind != Kind::Card), "{text}");
        }
    }
}
