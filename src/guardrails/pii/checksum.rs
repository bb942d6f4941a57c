//! Check digits: what tells a number that someone gave out from any other row of digits.

fn value(digit: u8) -> u32 {
    u32::from(digit.wrapping_sub(b'0'))
}

/// Luhn's sum (ISO/IEC 7812-1, annex B): payment cards and others.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let doubled = |d: u32| if d > 4 { 2 * d - 9 } else { 2 * d };
    let places = digits.iter().rev().enumerate();
    let sum: u32 = places
        .map(|(i, d)| if i % 2 == 1 { doubled(value(*d)) } else { value(*d) })
        .sum();
    sum.is_multiple_of(10)
}

/// The check digit of trade items (GS1 General Specifications, 7.9), 8 to 14 digits.
pub(super) fn gtin(digits: &[u8]) -> bool {
    let places = digits.iter().rev().enumerate();
    let sum: u32 = places
        .map(|(i, d)| if i % 2 == 1 { 3 * value(*d) } else { value(*d) })
        .sum();
    sum.is_multiple_of(10)
}

/// ISO/IEC 7064, MOD 97-10, over digits and letters (A is 10): IBAN's check.
pub(super) fn mod97(characters: impl Iterator<Item = u8>) -> u32 {
    characters.fold(0, |rest, c| match c {
        b'0'..=b'9' => (rest * 10 + value(c)) % 97,
        _ => (rest * 100 + u32::from(c.to_ascii_uppercase().wrapping_sub(b'A')) + 10) % 97,
    })
}

/// ISO/IEC 7064, MOD 11,10: the German tax id.
pub(super) fn mod11_10(digits: &[u8]) -> bool {
    let Some((last, first)) = digits.split_last() else {
        return false;
    };
    let product = first.iter().fold(10, |product, d| {
        let sum = (value(*d) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == value(*last)
}

/// The sum of each digit times its weight.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(d, w)| value(*d) * w).sum()
}

/// The number that at most 18 digits write.
pub(super) fn number(digits: &[u8]) -> u64 {
    digits
        .iter()
        .take(18)
        .fold(0, |n, d| n * 10 + u64::from(value(*d)))
}

#[cfg(test)]
mod tests {
    use super::{gtin, luhn, mod11_10, mod97};

    /// A check, and a number that passes it.
    type Case = (fn(&[u8]) -> bool, &'static [u8]);

    #[test]
    fn right_numbers_pass_and_each_changed_digit_is_seen() {
        let checks: [Case; 4] = [
            (luhn, b"4111111111111111"),
            (gtin, b"4006381333931"),
            (mod11_10, b"86095742719"),
            (|d| mod97(d.iter().copied()) == 1, b"3214282912345698765432161182"),
        ];
        for (check, right) in checks {
            assert!(check(right));
            for place in 0..right.len() {
                let mut wrong = right.to_vec();
                wrong[place] = if wrong[place] == b'9' {
                    b'0'
                } else {
                    wrong[place] + 1
                };
                assert!(!check(&wrong), "{place} of {}", String::from_utf8_lossy(right));
            }
        }
    }
}
