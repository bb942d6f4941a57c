//! Plain text out of what a shop keeps as HTML: names of goods come with tags and entities.

/// Plain text of at most so many characters, on one line.
pub(super) fn plain(html: &str, most: usize) -> String {
    let mut out = String::new();
    let mut rest = html;
    let mut taken = 0;
    // A name of a megabyte isn't read to its end for some characters of it.
    while taken < most
        && let Some(c) = rest.chars().next()
    {
        let (text, after) = match c {
            '<' => match tag(rest) {
                Some(after) => (' ', after),
                None => ('<', &rest[1..]),
            },
            '&' => entity(rest).unwrap_or(('&', &rest[1..])),
            c => (c, &rest[c.len_utf8()..]),
        };
        rest = after;
        if text.is_whitespace() || text.is_control() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
                taken += 1;
            }
        } else {
            out.push(text);
            taken += 1;
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// What follows a tag or comment that the text begins with.
fn tag(text: &str) -> Option<&str> {
    let next = text[1..].chars().next()?;
    if !(next.is_ascii_alphabetic() || next == '/' || next == '!') {
        return None;
    }
    let end = text.find('>')?;
    Some(&text[end + 1..])
}

/// The character of an entity that the text begins with, and what follows.
fn entity(text: &str) -> Option<(char, &str)> {
    let end = text.bytes().take(12).position(|b| b == b';')?;
    let name = &text[1..end];
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "times" => '×',
        "euro" => '€',
        "deg" => '°',
        "reg" => '®',
        "trade" => '™',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((c, &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::plain;

    #[test]
    fn tags_and_entities_are_text() {
        for (html, text) in [
            ("Birch <b>M</b> &amp; more", "Birch M & more"),
            ("<span class=\"x\">Oak</span>&nbsp;desk", "Oak desk"),
            ("a < b &lt;b&gt; &#8211; &#x2013; &szlig;", "a < b <b> – – ß"),
            ("&bogus; & &#xFFFFFFFF; &", "&bogus; & &#xFFFFFFFF; &"),
            ("<br", "<br"),
            ("\u{0}\u{7}a\r\n\tb  c", "a b c"),
        ] {
            assert_eq!(plain(html, 100), text, "{html:?}");
        }
        assert_eq!(plain(&"ä".repeat(1000), 3), "äää");
        assert_eq!(plain("&amp;amp;", 100), "&amp;", "decoded once");
    }

    proptest! {
        #[test]
        fn anything_gives_a_short_line(html in "\\PC{0,200}|[<>&#;a-z0-9/! ]{0,200}", most in 0..40_usize) {
            let text = plain(&html, most);
            prop_assert!(text.chars().count() <= most);
            prop_assert!(!text.contains(char::is_control));
        }
    }
}
