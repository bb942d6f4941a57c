//! The forms of national ids that carry a check, or a shape that nothing else has. Sources
//! are the issuers' public descriptions; each function names the country and the number.

use super::checksum::{luhn, mod11_10, number, weighted};
use super::number::two;

/// A number in capitals without what stands between its parts, and where that stood.
#[derive(Default)]
pub(super) struct Form {
    characters: [u8; 18],
    len: usize,
    /// Mark and the number of characters before it.
    marks: Vec<(u8, usize)>,
}

impl Form {
    pub(super) fn push(&mut self, byte: u8) {
        if let Some(place) = self.characters.get_mut(self.len) {
            *place = byte.to_ascii_uppercase();
            self.len += 1;
        }
    }

    pub(super) fn mark(&mut self, mark: u8) {
        self.marks.push((mark, self.len));
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn get(&self) -> &[u8] {
        &self.characters[..self.len]
    }

    /// Whether marks stand after these counts of characters, and nowhere else.
    fn cut(&self, mark: &[u8], places: &[usize]) -> bool {
        let own = self.marks.iter().filter(|m| m.1 < self.len);
        own.clone().count() == places.len() && own.zip(places).all(|(m, p)| m.1 == *p && mark.contains(&m.0))
    }

    fn is_whole(&self) -> bool {
        self.cut(b"", &[])
    }

    /// Digits (0), letters (A), or either (other) at each place.
    fn is_like(&self, pattern: &[u8]) -> bool {
        let fits = |(c, p): (&u8, &u8)| match p {
            b'0' => c.is_ascii_digit(),
            b'A' => c.is_ascii_uppercase(),
            _ => true,
        };
        self.len == pattern.len() && self.get().iter().zip(pattern).all(fits)
    }
}

/// Whether a check says that this is a national id.
pub(super) fn is_checked(form: &Form) -> bool {
    const ALL: &[fn(&Form) -> bool] = &[
        us_social_security,
        uk_national_insurance,
        german_tax,
        german_pension,
        austrian_social_security,
        swiss_social_security,
        french_social_security,
        spanish_identity,
        italian_tax,
        belgian_register,
        swedish_person,
        norwegian_birth,
        finnish_identity,
        czech_birth,
        brazilian_tax,
        chinese_identity,
        singaporean_identity,
    ];
    ALL.iter().any(|check| check(form))
}

/// A day and month, as two digits each.
fn is_day(day: &[u8], month: &[u8]) -> bool {
    (1..=31).contains(&two(day)) && (1..=12).contains(&two(month))
}

/// 3-2-4 with dashes; no area 000, 666 or from 900, no part of zeros alone.
fn us_social_security(f: &Form) -> bool {
    let c = f.get();
    f.is_like(b"000000000")
        && f.cut(b"-", &[3, 5])
        && !matches!(&c[..3], b"000" | b"666" | [b'9', ..])
        && &c[3..5] != b"00"
        && &c[5..] != b"0000"
}

/// Two letters, six digits in pairs, a letter from A to D. In one word it could be any
/// item's number, so only the printed form counts here.
fn uk_national_insurance(f: &Form) -> bool {
    let c = f.get();
    f.is_like(b"AA000000A")
        && (f.cut(b" -", &[2, 4, 6, 8]) || f.cut(b" ", &[2, 8]))
        && !b"DFIQUV".contains(&c[0])
        && !b"DFIQUVO".contains(&c[1])
        && !matches!(&c[..2], b"BG" | b"GB" | b"NK" | b"KN" | b"TN" | b"NT" | b"ZZ")
        && b"ABCD".contains(&c[8])
}

/// Eleven digits, of the first ten one twice or three times and the others at most once.
fn german_tax(f: &Form) -> bool {
    if !f.is_like(b"00000000000") || !(f.is_whole() || f.cut(b" ", &[2, 5, 8])) {
        return false;
    }
    let c = f.get();
    let mut counts = [0_u8; 10];
    for digit in &c[..10] {
        counts[usize::from(digit - b'0')] += 1;
    }
    let repeated = counts.iter().filter(|n| **n > 1).count();
    c[0] != b'0' && repeated == 1 && counts.iter().all(|n| *n <= 3) && mod11_10(c)
}

/// Area, day of birth, first letter of the name, serial number, check digit.
fn german_pension(f: &Form) -> bool {
    const WEIGHTS: [u32; 12] = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    if !f.is_like(b"00000000A000") {
        return false;
    }
    let c = f.get();
    let letter = c[8] - b'A' + 1;
    let mut digits = c[..8].to_vec();
    digits.extend([b'0' + letter / 10, b'0' + letter % 10]);
    digits.extend(&c[9..11]);
    let products = digits.iter().zip(WEIGHTS).map(|(d, w)| u32::from(d - b'0') * w);
    let sum: u32 = products.map(|p| p / 10 + p % 10).sum();
    is_day(&c[2..4], &c[4..6]) && sum % 10 == u32::from(c[11] - b'0')
}

/// Serial number and check digit, then the day of birth, with a space between.
fn austrian_social_security(f: &Form) -> bool {
    let c = f.get();
    f.is_like(b"0000000000")
        && f.cut(b" ", &[4])
        && is_day(&c[4..6], &c[6..8])
        && c[0] != b'0'
        && weighted(c, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11 == u32::from(c[3] - b'0')
}

/// 756 and ten digits, with the check digit of trade items.
fn swiss_social_security(f: &Form) -> bool {
    let c = f.get();
    f.is_like(b"0000000000000")
        && (f.is_whole() || f.cut(b". ", &[3, 7, 11]))
        && c.starts_with(b"756")
        && super::checksum::gtin(c)
}

/// Sex, year, month, department, commune, order, and 97 less the rest.
fn french_social_security(f: &Form) -> bool {
    if !f.is_like(b"00000.000000000") {
        return false;
    }
    let mut c = f.get().to_vec();
    // Corsica's 2A and 2B stand for 19 and 18.
    match &c[5..7] {
        b"2A" => c[5..7].copy_from_slice(b"19"),
        b"2B" => c[5..7].copy_from_slice(b"18"),
        _ => {}
    }
    matches!(c[0], b'1' | b'2')
        && matches!(two(&c[3..5]), 1..=12 | 20..=42)
        && c.iter().all(u8::is_ascii_digit)
        && 97 - number(&c[..13]) % 97 == number(&c[13..])
}

/// DNI: eight digits and a letter; NIE: X, Y or Z for the first digit.
fn spanish_identity(f: &Form) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let mut c = f.get().to_vec();
    if f.is_like(b"A0000000A") && (b'X'..=b'Z').contains(&c[0]) {
        c[0] = c[0] - b'X' + b'0';
    } else if !f.is_like(b"00000000A") {
        return false;
    }
    let rest = usize::try_from(number(&c[..8]) % 23).unwrap_or(0);
    LETTERS[rest] == c[8]
}

/// Codice fiscale: name, day of birth, place, and a check letter.
fn italian_tax(f: &Form) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
    ];
    if !f.is_like(b"AAAAAA00A00A000A") {
        return false;
    }
    let c = f.get();
    let place = |b: u8| usize::from(if b.is_ascii_digit() { b - b'0' } else { b - b'A' });
    let value = |(i, b): (usize, &u8)| match i % 2 {
        0 => ODD[place(*b)],
        _ => u32::try_from(place(*b)).unwrap_or(0),
    };
    let sum: u32 = c[..15].iter().enumerate().map(value).sum();
    sum % 26 == u32::from(c[15] - b'A')
}

/// Day of birth backwards, serial number, and 97 less the rest; since 2000 behind a 2.
fn belgian_register(f: &Form) -> bool {
    let printed = f.cut(b".-", &[2, 4, 6, 9]);
    if !f.is_like(b"00000000000") || !(printed || f.is_whole()) {
        return false;
    }
    let c = f.get();
    let (body, check) = (number(&c[..9]), number(&c[9..]));
    let right = [body, 2_000_000_000 + body].iter().any(|b| 97 - b % 97 == check);
    is_day(&c[4..6], &c[2..4]) && right
}

/// Day of birth backwards, a dash or plus, serial number, Luhn's digit; or twelve digits.
fn swedish_person(f: &Form) -> bool {
    let c = f.get();
    let short = f.is_like(b"0000000000") && f.cut(b"-+", &[6]);
    let long = f.is_like(b"000000000000")
        && (f.is_whole() || f.cut(b"-+", &[8]))
        && matches!(&c[..2], b"19" | b"20");
    let Some(last) = c.len().checked_sub(10).filter(|_| short || long) else {
        return false;
    };
    let c = &c[last..];
    is_day(&c[4..6], &c[2..4]) && luhn(c)
}

/// Day of birth, serial number, two check digits.
fn norwegian_birth(f: &Form) -> bool {
    let c = f.get();
    f.is_like(b"00000000000")
        && (f.is_whole() || f.cut(b" ", &[6]))
        && is_day(&c[..2], &c[2..4])
        && weighted(c, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighted(c, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// Day of birth, a mark of the century, serial number, check character.
fn finnish_identity(f: &Form) -> bool {
    const CHECKS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let mut c = f.get().to_vec();
    let dashed = f.cut(b"-+", &[6]) && f.is_like(b"000000000.");
    if !dashed {
        if !(f.is_whole() && f.is_like(b"000000A000.") && b"ABCDEFUVWXY".contains(&c[6])) {
            return false;
        }
        c.remove(6);
    }
    let rest = usize::try_from(number(&c[..9]) % 31).unwrap_or(0);
    is_day(&c[..2], &c[2..4]) && CHECKS[rest] == c[9]
}

/// Rodné číslo: day of birth backwards, women's months with 50 more, a slash, divisible by 11.
fn czech_birth(f: &Form) -> bool {
    let c = f.get();
    if !f.is_like(b"0000000000") || !f.cut(b"/", &[6]) {
        return false;
    }
    let month = two(&c[2..4]) % 50;
    (1..=12).contains(&month) && (1..=31).contains(&two(&c[4..6])) && number(c).is_multiple_of(11)
}

/// CPF: nine digits and two check digits, in its printed form.
fn brazilian_tax(f: &Form) -> bool {
    let c = f.get();
    let check = |sum: u32| if sum % 11 < 2 { 0 } else { 11 - sum % 11 };
    f.is_like(b"00000000000")
        && f.cut(b".-", &[3, 6, 9])
        && check(weighted(c, &[10, 9, 8, 7, 6, 5, 4, 3, 2])) == u32::from(c[9] - b'0')
        && check(weighted(c, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2])) == u32::from(c[10] - b'0')
}

/// Place, day of birth, serial number, and a check character of ISO/IEC 7064, MOD 11-2.
fn chinese_identity(f: &Form) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let c = f.get();
    if !f.is_like(b"00000000000000000.") || !f.is_whole() {
        return false;
    }
    let rest = usize::try_from(weighted(&c[..17], &WEIGHTS) % 11).unwrap_or(0);
    matches!(&c[6..8], b"19" | b"20") && is_day(&c[12..14], &c[10..12]) && b"10X98765432"[rest] == c[17]
}

/// NRIC and FIN: a letter, seven digits, a check letter.
fn singaporean_identity(f: &Form) -> bool {
    let c = f.get();
    if !f.is_like(b"A0000000A") || !f.is_whole() {
        return false;
    }
    let (more, letters): (u32, &[u8; 11]) = match c[0] {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        _ => return false,
    };
    let rest = (weighted(&c[1..8], &[2, 7, 6, 5, 4, 3, 2]) + more) % 11;
    usize::try_from(rest).is_ok_and(|rest| letters[rest] == c[8])
}
