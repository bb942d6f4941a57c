//! Links, e-mail addresses and phone numbers: a sentence may carry only those that a
//! source, a tool or the visitor gave, and links only of the web and of mail.

use std::ops::Range;

/// A link, an address or a number as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Without what makes no difference.
    pub key: String,
    /// Of a scheme that is never let through.
    pub bad: bool,
    /// Where it stands, in bytes.
    pub at: Range<usize>,
}

/// The links of a text.
pub fn links(text: &str) -> Vec<Link> {
    let mut out = Vec::new();
    targets(text, &mut out);
    let mut at = 0;
    for word in text.split_inclusive(|c: char| {
        c.is_whitespace() || matches!(c, '<' | '>' | '"' | '|' | '(' | ')' | '[' | ']')
    }) {
        let start = at;
        at += word.len();
        let bare = word.trim_end_matches(|c: char| {
            !c.is_alphanumeric() && !matches!(c, '/' | '=' | '_' | '-' | '#' | '&')
        });
        let lead = bare.len()
            - bare
                .trim_start_matches(|c: char| !c.is_alphanumeric() && c != '/')
                .len();
        let bare = &bare[lead..];
        if let Some((key, bad)) = read(bare) {
            out.push(Link {
                key,
                bad,
                at: start + lead..start + lead + bare.len(),
            });
        }
    }
    phones(text, &mut out);
    out.sort_by_key(|l| l.at.start);
    out
}

/// Whether each link is among those that were given, and of a scheme that is let through.
pub fn all_in(links: &[Link], given: &[Link]) -> bool {
    links
        .iter()
        .all(|l| !l.bad && given.iter().any(|g| g.key == l.key && !g.bad))
}

/// What stands in `](…)` is a link, whatever it looks like.
fn targets(text: &str, out: &mut Vec<Link>) {
    for (i, _) in text.match_indices("](") {
        let from = i + 2;
        let end = text[from..]
            .find([')', ' ', '\n'])
            .map_or(text.len(), |e| e + from);
        let target = text[from..end].trim_matches(['<', '>']);
        if target.is_empty() {
            continue;
        }
        let (key, bad) =
            read(target).unwrap_or_else(|| (target.to_owned(), target.contains([':', '&', '\\', '%'])));
        out.push(Link {
            key,
            bad,
            at: from..end,
        });
    }
}

/// Reads one word: what it is compared as, and whether its scheme is a bad one.
fn read(word: &str) -> Option<(String, bool)> {
    if let Some((scheme, rest)) = word.split_once(':')
        && !scheme.is_empty()
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
    {
        let scheme = scheme.to_ascii_lowercase();
        if matches!(scheme.as_str(), "http" | "https") && rest.starts_with("//") {
            return Some((address(&rest[2..]), false));
        }
        if scheme == "mailto" {
            return Some((address(rest), false));
        }
        let known = [
            "javascript",
            "data",
            "vbscript",
            "file",
            "tel",
            "sms",
            "ftp",
            "blob",
            "about",
            "intent",
            "ws",
            "wss",
            "ssh",
        ];
        if rest.starts_with("//") || known.contains(&scheme.as_str()) && !rest.is_empty() {
            return Some((word.to_owned(), true));
        }
    }
    if let Some(rest) = word.strip_prefix("//") {
        return Some((address(rest), false));
    }
    let host = word.split(['/', '?', '#']).next()?;
    let domain = host.rsplit('@').next()?;
    let mut labels: Vec<&str> = domain.split('.').collect();
    let top = labels.pop()?;
    let fits = !labels.is_empty()
        && labels
            .iter()
            .all(|l| !l.is_empty() && l.chars().all(|c| c.is_alphanumeric() || c == '-'))
        && (2..=24).contains(&top.chars().count())
        && top.chars().all(char::is_alphabetic)
        && (host.contains('@') || labels.iter().all(|l| l.chars().count() > 1))
        && labels.last().is_some_and(|l| l.contains(char::is_alphabetic));
    fits.then(|| (address(word), false))
}

/// Host in lower case, no `www.`, no `/` at the end.
fn address(rest: &str) -> String {
    let cut = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..cut].to_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    format!("{host}{}", rest[cut..].trim_end_matches('/'))
}

/// Numbers of seven digits and more that begin with `+` or `0`, or stand in groups.
fn phones(text: &str, out: &mut Vec<Link>) {
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let plus = bytes[i] == b'+' || (bytes[i] == b'(' && bytes.get(i + 1) == Some(&b'+'));
        let before = i.checked_sub(1).map(|b| bytes[b]);
        let begins = (plus || bytes[i].is_ascii_digit())
            && !before.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b',' | b':'));
        if !begins || out.iter().any(|l| l.at.contains(&i)) {
            i += 1;
            continue;
        }
        let mut end = i;
        let mut digits = String::new();
        let mut j = i;
        // `2026-11-15 10:00` is none.
        let grouped = |b: u8| {
            b == b' ' || ((plus || bytes[i] == b'0') && matches!(b, b'-' | b'/' | b'(' | b')' | b'+'))
        };
        while j < bytes.len() && (bytes[j].is_ascii_digit() || grouped(bytes[j])) {
            if bytes[j].is_ascii_digit() {
                digits.push(char::from(bytes[j]));
                end = j + 1;
            }
            j += 1;
        }
        let tail = bytes.get(end).is_some_and(|b| b.is_ascii_alphabetic());
        let national = digits.starts_with('0') || plus;
        if digits.len() >= 7 && (national || digits.len() >= 9) && !tail {
            let digits = if plus { format!("+{digits}") } else { digits };
            let key = match digits.strip_prefix("00") {
                Some(rest) => format!("+{rest}"),
                None => digits,
            };
            out.push(Link {
                key,
                bad: false,
                at: i..end,
            });
        }
        i = end.max(i + 1);
    }
}

/// The text with blanks where its links stand.
pub fn blanked(text: &str, links: &[Link]) -> String {
    let mut out = text.to_owned();
    for link in links {
        if out.is_char_boundary(link.at.start) && out.is_char_boundary(link.at.end) {
            out.replace_range(link.at.clone(), &" ".repeat(link.at.len()));
        }
    }
    out
}
