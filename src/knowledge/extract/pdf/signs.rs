//! What a line's own text says: a list's label, a heading's form, a word that the line's
//! end broke.

use std::collections::HashSet;

/// A heading that is only told by its words has at most so many characters.
pub const PLAIN_HEADING: usize = 60;

/// Adds a line to a text: a word that was broken at the line's end is whole again.
pub fn join(text: &mut String, line: &str, words: &HashSet<String>) {
    if text.ends_with('\u{ad}') {
        text.pop();
        text.push_str(line);
        return;
    }
    let broken = text.ends_with(['-', '‐'])
        && text.chars().rev().nth(1).is_some_and(char::is_alphabetic)
        && line.chars().next().is_some_and(char::is_lowercase);
    if broken {
        let hyphen = text.pop().unwrap_or('-');
        let head = text.rsplit(|c: char| !c.is_alphanumeric() && c != '-').next();
        let head = head.unwrap_or_default().to_lowercase();
        let tail = line.split(|c: char| !c.is_alphanumeric() && c != '-').next();
        let tail = tail.unwrap_or_default().to_lowercase();
        let hyphenated =
            words.contains(&format!("{head}-{tail}")) && !words.contains(&format!("{head}{tail}"));
        if hyphenated || head.contains('-') {
            text.push(hyphen);
        }
        text.push_str(line);
        return;
    }
    if text.ends_with(['-', '–', '/']) && text.chars().rev().nth(1).is_some_and(char::is_alphanumeric) {
        text.push_str(line);
        return;
    }
    let unspaced =
        text.chars().next_back().is_some_and(is_unspaced) && line.chars().next().is_some_and(is_unspaced);
    if !text.is_empty() && !unspaced {
        text.push(' ');
    }
    text.push_str(line);
}

/// Chinese and Japanese have no blanks between words.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff60}')
}

/// The dots that lead to a page's number are one sign.
pub fn without_leaders(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut dots = String::new();
    for c in text.chars().chain(['\0']) {
        if c == '.' || (c == ' ' && !dots.is_empty()) {
            dots.push(c);
            continue;
        }
        if dots.matches('.').count() > 4 {
            out.truncate(out.trim_end().len());
            out.push_str(" … ");
        } else {
            out.push_str(&dots);
        }
        dots.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out.trim_end().to_owned()
}

/// A list's label, and where the text after it begins.
pub fn label(text: &str) -> Option<(String, usize)> {
    let first = text.chars().next()?;
    if "•◦▪▫‣●○■□–—∙·*-➢➤✓✔\u{2043}\u{f0b7}".contains(first) {
        let rest = &text[first.len_utf8()..];
        let sure = !"–—*-".contains(first);
        return (rest.starts_with(' ') || (sure && !rest.is_empty()) || (sure && rest.is_empty()))
            .then(|| ("-".to_owned(), text.len() - rest.trim_start().len()));
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let rest = &text[digits..];
    if (1..=3).contains(&digits) && (rest.starts_with(". ") || rest.starts_with(") ")) {
        let at = text.len() - rest[1..].trim_start().len();
        return Some((format!("{}.", &text[..digits]), at));
    }
    if first == '(' || first.is_ascii_lowercase() {
        let inner = text.trim_start_matches('(');
        let mut chars = inner.chars();
        if chars.next().is_some_and(|c| c.is_ascii_lowercase()) && chars.as_str().starts_with(") ") {
            return Some(("-".to_owned(), 0));
        }
    }
    None
}

/// `Boots Self-Locking Nut`: all words but the small ones begin with a capital.
pub fn is_plain_heading(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let chars = text.chars().count();
    let capital = |w: &&str| w.chars().next().is_some_and(char::is_uppercase);
    (2..=8).contains(&words.len())
        && chars <= PLAIN_HEADING
        && capital(&words[0])
        && words.iter().filter(|w| w.len() > 3).all(capital)
        && words.iter().any(|w| w.len() > 3)
        && !text.ends_with(['.', ',', ';', ':', '!', '…'])
        && !text.contains(|c: char| c.is_ascii_digit() || "@,()€$".contains(c))
}

/// `2.1 Costs` on a line of its own.
pub fn is_numbered_heading(text: &str) -> bool {
    let Some((number, rest)) = text.split_once(' ') else {
        return false;
    };
    let parts: Vec<&str> = number.trim_end_matches('.').split('.').collect();
    let numbered = (2..=4).contains(&parts.len())
        && parts
            .iter()
            .all(|p| (1..=2).contains(&p.len()) && p.chars().all(|c| c.is_ascii_digit()));
    numbered
        && rest.chars().next().is_some_and(char::is_uppercase)
        && rest.chars().count() <= 80
        && !rest.ends_with(['.', ',', ';', ':'])
        && !rest.contains(['€', '$', '%'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaders_and_lines_in_capitals_are_told() {
        assert_eq!(without_leaders("Returns . . . . . . . 7"), "Returns … 7");
        assert_eq!(without_leaders("Wait... then go."), "Wait... then go.");
        for (text, heading) in [
            ("Boots Self-Locking Nut", true),
            ("Care of the Wood", true),
            ("Anna Huber, Linz", false),
            ("We sell lamps", false),
            ("Yes", false),
        ] {
            assert_eq!(is_plain_heading(text), heading, "{text}");
        }
    }
}
