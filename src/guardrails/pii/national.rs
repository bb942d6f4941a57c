//! Numbers that a state gives to a person. A form with a check of its own is believed
//! wherever it stands; the others only beside a word that names them.

use super::label::{self, Label};
use super::national_forms::{self as forms, Form};
use super::number::{Group, before, is_word};
use super::{Kind, Taken};

/// How long such a number may be, without and with what stands between its parts.
const MOST: usize = 18;
const SPREAD: usize = 26;
/// How many characters of one with letters stand before its first digit at most.
const LETTERS: usize = 6;
/// How many marks stand between the parts of one that only a word tells.
const MARKS: usize = 5;

pub(super) fn find(bytes: &[u8], groups: &[Group], taken: &mut Taken) {
    let mut found = Vec::new();
    for group in groups {
        let start = begin(bytes, *group);
        if let Some(end) = checked(bytes, start).or_else(|| named(bytes, start)) {
            found.push((start, end));
        }
    }
    taken.add(Kind::NationalId, found);
}

/// Where the code begins whose first digits these are: at most `LETTERS` before them.
fn begin(bytes: &[u8], group: Group) -> usize {
    let letters = bytes[..group.start].iter().rev().take(LETTERS + 1);
    let count = letters.take_while(|b| b.is_ascii_alphabetic()).count();
    let start = group.start - count;
    // "QQ 12 34 56 C" has a space before its digits.
    let spaced = count == 0 && group.len() == 2 && before(bytes, start) == Some(&b' ');
    if spaced && start >= 3 {
        let pair = &bytes[start - 3..start - 1];
        if pair.iter().all(u8::is_ascii_uppercase) && !is_word(before(bytes, start - 3)) {
            return start - 3;
        }
    }
    start
}

/// The end of the longest form with a check of its own that begins at `start`.
fn checked(bytes: &[u8], start: usize) -> Option<usize> {
    if is_word(before(bytes, start)) || before(bytes, start).is_some_and(|b| b"+-#/.".contains(b)) {
        return None;
    }
    let mut form = Form::default();
    let mut longest = None;
    for at in start..bytes.len().min(start + SPREAD) {
        let byte = bytes[at];
        if byte.is_ascii_alphanumeric() {
            if form.len() == MOST {
                break;
            }
            form.push(byte);
            let ends = !is_word(bytes.get(at + 1)) && !tied(bytes, at + 1);
            if ends && form.len() >= 9 && forms::is_checked(&form) {
                longest = Some(at + 1);
            }
        } else if b" -./+".contains(&byte) && is_word(bytes.get(at + 1)) {
            form.mark(byte);
        } else {
            break;
        }
    }
    let said = || label::left(bytes, start, form.len()).or_else(|| label::right(bytes, start + form.len()));
    longest.filter(|_| {
        !matches!(
            said(),
            Some(Label::Thing | Label::Phone | Label::Gtin | Label::ShopCard)
        )
    })
}

/// Whether more digits hang on to what ends here.
fn tied(bytes: &[u8], end: usize) -> bool {
    bytes.get(end).is_some_and(|b| b"-./".contains(b)) && bytes.get(end + 1).is_some_and(u8::is_ascii_digit)
}

/// The end of the code that begins at `start`, where a word says that it is such a number.
fn named(bytes: &[u8], start: usize) -> Option<usize> {
    if is_word(before(bytes, start)) {
        return None;
    }
    let mut end = start;
    let (mut digits, mut count, mut marks) = (0, 0, 0);
    for at in start..bytes.len().min(start + SPREAD) {
        let byte = bytes[at];
        if byte.is_ascii_alphanumeric() {
            count += 1;
            digits += usize::from(byte.is_ascii_digit());
            end = at + 1;
        } else if b"-./".contains(&byte) && is_word(bytes.get(at + 1))
            || byte == b' ' && goes_on(bytes, at + 1)
        {
            marks += 1;
        } else {
            break;
        }
    }
    let fits = !is_word(bytes.get(end)) && digits >= 5 && (7..=MOST).contains(&count) && marks <= MARKS;
    let is_named = || match label::left(bytes, start, 0) {
        Some(Label::Social) => true,
        Some(Label::Person) => is_a_persons(bytes, start),
        _ => label::mentioned(bytes, start, PHRASES),
    };
    (fits && is_named()).then_some(end)
}

/// What a word alone doesn't say.
const PHRASES: &[&str] = &[
    "social security number",
    "social security no",
    "social security is",
    "social security:",
    "national insurance number",
    "national insurance no",
    "social insurance number",
    "tax id",
    "tax identification number",
    "national id",
    "identity card number",
    "id card number",
];

/// After a space only digits go on, or the one letter that ends such numbers.
fn goes_on(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(u8::is_ascii_digit)
        || bytes.get(at).is_some_and(u8::is_ascii_uppercase) && !is_word(bytes.get(at + 1))
}

/// A licence may be a program's, a pass a lift's.
fn is_a_persons(bytes: &[u8], start: usize) -> bool {
    label::mentioned(
        bytes,
        start,
        &[
            "driver",
            "driving",
            "passport",
            "reisepass",
            "ausweis",
            "perso ",
            "fuhrerschein",
        ],
    )
}
