//! Bank accounts in the form of ISO 13616: a country, two check digits, as many characters
//! as that country's accounts have.

use super::label::{self, Label};
use super::number::{Group, before, is_word};
use super::{Kind, Taken, checksum};

/// Countries and the length of their accounts, after SWIFT's registry of IBANs.
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// How many marks may stand between two characters.
const GAP: usize = 3;

/// Accounts whose check digits are right.
pub(super) fn valid(bytes: &[u8], groups: &[Group], taken: &mut Taken) {
    let accounts = groups.iter().filter_map(|g| account(bytes, *g));
    let right = accounts
        .filter(|a| a.is_right())
        .map(|a| (a.start, a.end))
        .collect();
    taken.add(Kind::Iban, right);
}

/// Accounts with wrong check digits that the text calls accounts, or writes as such are
/// printed: a slip of the finger.
pub(super) fn labelled(bytes: &[u8], groups: &[Group], taken: &mut Taken) {
    let accounts = groups.iter().filter_map(|g| account(bytes, *g));
    let wrong = accounts.filter(|a| {
        !a.is_right() && (a.is_printed(bytes) || label::left(bytes, a.start, 0) == Some(Label::Iban))
    });
    let wrong = wrong.map(|a| (a.start, a.end)).collect();
    taken.add(Kind::Iban, wrong);
}

struct Account {
    start: usize,
    end: usize,
    /// As printed, without spaces: 15 to 34 characters.
    characters: Vec<u8>,
}

impl Account {
    fn is_right(&self) -> bool {
        let (head, tail) = self.characters.split_at(4);
        checksum::mod97(tail.iter().chain(head).copied()) == 1
    }

    /// Whether it stands there in capitals and in fours.
    fn is_printed(&self, bytes: &[u8]) -> bool {
        let fours = self.characters.chunks(4).collect::<Vec<_>>().join(&b' ');
        bytes[self.start..self.end] == *fours
    }
}

/// The account whose check digits are the first two of `group`.
fn account(bytes: &[u8], group: Group) -> Option<Account> {
    if group.len() < 2 {
        return None;
    }
    let gap = before(bytes, group.start).is_some_and(|b| matches!(b, b' ' | b'-'));
    let letters_end = group.start - usize::from(gap);
    let start = letters_end.checked_sub(2)?;
    let country = &bytes[start..letters_end];
    let (_, length) = LENGTHS.iter().find(|(c, _)| c.eq_ignore_ascii_case(country))?;
    // Apart from its digits a country is only believed in capitals: "at 20 …".
    if gap && !(country.iter().all(u8::is_ascii_uppercase) && group.len() == 2) {
        return None;
    }
    let word = &bytes[start.saturating_sub(4)..start];
    if is_word(word.last()) && !word.eq_ignore_ascii_case(b"iban") {
        return None;
    }
    let mut characters = country.to_ascii_uppercase();
    let mut digits = 0;
    let mut at = group.start;
    let mut gap = 0;
    while characters.len() < *length {
        match bytes.get(at)? {
            b if b.is_ascii_alphanumeric() => {
                characters.push(b.to_ascii_uppercase());
                digits += usize::from(b.is_ascii_digit());
                gap = 0;
            }
            b' ' | b'-' | b'.' | b'\t' | b'\n' | b'\r' | b'_' | b'/' if gap < GAP => gap += 1,
            _ => return None,
        }
        at += 1;
    }
    let ends = !is_word(bytes.get(at));
    (ends && digits >= 8).then_some(Account {
        start,
        end: at,
        characters,
    })
}
