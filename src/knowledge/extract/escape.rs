//! Text as it has to be written in Markdown to mean itself.

/// Escapes what would be markup anywhere in a line.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let after = chars.peek().copied().unwrap_or(' ');
        let special = match c {
            '\\' | '`' | '[' | ']' | '*' => true,
            // Within a word it is a letter.
            '_' => !(before.is_alphanumeric() && after.is_alphanumeric()),
            '<' => after.is_alphabetic() || matches!(after, '/' | '!' | '?'),
            '&' => after.is_alphabetic() || after == '#',
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}

/// Escapes what would be markup only at the beginning of a paragraph.
pub fn escape_start(text: &str) -> String {
    let line = text.trim_start();
    // Hyphens and numbers stay: lists that somebody typed are lists.
    let rule = line.len() >= 3 && line.chars().take(3).all(|c| c == '-');
    if rule || line.starts_with(['#', '>', '|', '=', '~']) {
        return format!("\\{line}");
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_markup_stays_as_it_is() {
        for text in ["snake_case 3 < 4 & 5", "a - b", "AT&T 2"] {
            assert_eq!(escape_start(text), text);
        }
        assert_eq!(escape("snake_case 3 < 4 & 5"), "snake_case 3 < 4 & 5");
        assert_eq!(escape("_x_ <b> [1] 2*3"), "\\_x\\_ \\<b> \\[1\\] 2\\*3");
        assert_eq!(escape_start("# 1 in lamps"), "\\# 1 in lamps");
        assert_eq!(escape_start("--- "), "\\--- ");
    }
}
