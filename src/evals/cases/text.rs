//! How an answer is compared with what a case demands of it: letters' case, white space
//! and typography don't count, numbers count as a whole.

/// A text as it is compared: lower case, typographic quotes, dashes and blanks made plain,
/// emphasis and code marks of Markdown left out, runs of white space made one blank.
#[must_use]
pub fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' | '`' | '\u{ad}' | '\u{200b}' | '\u{feff}' => {}
            '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{2032}' => out.push('\''),
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' => out.push('"'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => out.push('-'),
            '\u{2026}' => out.push_str("..."),
            c if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c => out.extend(c.to_lowercase()),
        }
    }
    out.trim().to_owned()
}

/// Whether a text has the wanted words. They begin where a word begins, but may end within
/// one (`lamp` is in `lamps`); a number must be there as a whole (`4` isn't in `4.90`).
#[must_use]
pub fn has(text: &str, wanted: &str) -> bool {
    has_folded(&folded(text), &folded(wanted))
}

/// The same for texts that are folded already.
#[must_use]
pub fn has_folded(text: &str, wanted: &str) -> bool {
    if wanted.is_empty() {
        return false;
    }
    text.match_indices(wanted)
        .any(|(at, _)| begins(&text[..at], wanted) && ends(wanted, &text[at + wanted.len()..]))
}

fn begins(before: &str, wanted: &str) -> bool {
    let mut back = before.chars().rev();
    let (last, last_but_one) = (back.next(), back.next());
    if wanted.starts_with(|c: char| c.is_ascii_digit()) {
        let decimal = matches!(last, Some('.' | ',')) && last_but_one.is_some_and(|c| c.is_ascii_digit());
        return !decimal && !last.is_some_and(char::is_alphanumeric);
    }
    !wanted.starts_with(char::is_alphanumeric) || !last.is_some_and(char::is_alphanumeric)
}

fn ends(wanted: &str, after: &str) -> bool {
    if !wanted.ends_with(|c: char| c.is_ascii_digit()) {
        return true;
    }
    let mut on = after.chars();
    match on.next() {
        Some('.' | ',') => !on.next().is_some_and(|c| c.is_ascii_digit()),
        next => !next.is_some_and(|c| c.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typography_and_case_dont_count() {
        assert!(has(
            "You\u{2019}ll get it  within\n**30\u{a0}Days**.",
            "you'll get it within 30 days"
        ));
        assert!(has("Mon\u{2013}Fri 9:00\u{2013}17:00", "mon-fri 9:00-17:00"));
        assert!(has("\u{201e}Offen\u{201c}", "\"offen\""));
        assert!(!has("It costs 4,90 \u{20ac}.", "\u{20ac}4.90"));
    }

    #[test]
    fn numbers_count_as_a_whole_and_words_from_their_beginning() {
        assert!(has("Shipping costs \u{20ac}4.90.", "4.90"));
        assert!(has("It costs \u{20ac}4.", "4"));
        for text in ["It costs 4.90", "It costs 14", "It costs 0.4", "In 47 days", "B4"] {
            assert!(!has(text, "4"), "{text}");
        }
        assert!(has("two lamps", "lamp"));
        assert!(!has("clamp", "lamp"));
        assert!(has("5 years", "5 year") && !has("2.5 years", "5 years"));
        assert!(!has("anything", "") && !has("anything", "  "));
    }
}
