//! One-time codes in what a visitor writes: six digits, alone or as two groups of three. They are
//! no personal data by themselves; whoever knows that one is awaited has them hidden.

use std::ops::Range;

/// Words before a number that say what it is, and that it is no code.
const NAMES: [&str; 16] = [
    "order",
    "orders",
    "bestellung",
    "bestellnummer",
    "auftrag",
    "auftragsnummer",
    "number",
    "nummer",
    "nr",
    "no",
    "ticket",
    "invoice",
    "rechnung",
    "customer",
    "kundennummer",
    "tracking",
];

/// All that look like codes, and whether a word or sign before each says that it is something
/// else.
#[must_use]
pub fn find(text: &str) -> Vec<(Range<usize>, bool)> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = run(bytes, at);
        let code = match end - at {
            6 => Some(end),
            3 => {
                let second = end + usize::from(matches!(bytes.get(end), Some(b' ' | b'-')));
                let last = run(bytes, second);
                // Groups beside them make a longer number of it.
                let alone = !follows_digit(bytes, at) && !leads_to_digit(bytes, last);
                (second > end && last - second == 3 && alone).then_some(last)
            }
            _ => None,
        };
        let joins = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || b"+_/@".contains(b));
        let before = at.checked_sub(1).and_then(|i| bytes.get(i));
        match code {
            Some(end) if !joins(before) && !joins(bytes.get(end)) => {
                out.push((at..end, is_named(&text[..at])));
                at = end;
            }
            _ => at = end,
        }
    }
    out
}

/// The end of the digits from `at` on.
fn run(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|b| b.is_ascii_digit()).count()
}

/// Whether a group of digits stands before this place, after a blank or a hyphen.
fn follows_digit(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(..at), Some([.., digit, b' ' | b'-']) if digit.is_ascii_digit())
}

fn leads_to_digit(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at..), Some([b' ' | b'-', digit, ..]) if digit.is_ascii_digit())
}

fn is_named(before: &str) -> bool {
    let trimmed = before.trim_end_matches([' ', '.', ':', '#']);
    let word = trimmed
        .rsplit(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default();
    before.trim_end().ends_with('#') || NAMES.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, bool)> {
        find(text)
            .into_iter()
            .map(|(range, named)| (&text[range], named))
            .collect()
    }

    #[test]
    fn codes_are_told_from_other_numbers() {
        assert_eq!(found("042137"), [("042137", false)]);
        assert_eq!(found("it's 042 137, thanks"), [("042 137", false)]);
        assert_eq!(found("Code: 042-137."), [("042-137", false)]);
        assert_eq!(
            found("order 204170 and 042137"),
            [("204170", true), ("042137", false)]
        );
        assert_eq!(found("#204170"), [("204170", true)]);
        assert_eq!(found("Bestellnr. 1004, Nr. 204170"), [("204170", true)]);
        for none in [
            "",
            "1004",
            "1234567",
            "JJD042137",
            "+43 7612 555 010",
            "12 345 678",
            "042.137",
            "user042137@x.example",
        ] {
            assert!(found(none).is_empty(), "{none}: {:?}", found(none));
        }
    }
}
