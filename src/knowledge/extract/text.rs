//! Plain text: paragraphs and simple lists are kept, and nothing that only happens to
//! look like Markdown is taken for it.

use crate::knowledge::extract::{Extracted, markdown};

/// A first line of at most this many characters that is no sentence is the title.
const TITLE: usize = 100;

/// Reads plain text.
pub fn extract(text: &str) -> Extracted {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let escaped: String = text.lines().map(|line| format!("{}\n", escape(line))).collect();
    let normal = markdown::normalise(&escaped);
    let (title, markdown) = markdown::split_title(&normal, None);
    if title.is_some() {
        return Extracted {
            title,
            markdown,
            ..Extracted::default()
        };
    }
    match first_line(&normal) {
        Some((title, rest)) => Extracted {
            title: Some(title.replace('\\', "")),
            markdown: rest.to_owned(),
            ..Extracted::default()
        },
        None => Extracted {
            markdown: normal,
            ..Extracted::default()
        },
    }
}

/// A line as it has to be written in Markdown to mean itself.
fn escape(line: &str) -> String {
    // Indented lines would be code.
    let line = line.trim();
    let mut out = String::with_capacity(line.len() + 2);
    if line.starts_with(['#', '>', '|']) || line.starts_with("```") || line.starts_with("~~~") {
        out.push('\\');
    }
    for c in line.chars() {
        // `-` and `=` stay: lists and underlined headings mean in text what they mean here.
        if matches!(c, '\\' | '`' | '<' | '[' | ']' | '_') || (c == '*' && !line.starts_with("* ")) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A short first line that stands alone and is no sentence.
fn first_line(text: &str) -> Option<(&str, &str)> {
    let (line, rest) = text.split_once("\n\n")?;
    let short = line.chars().count() <= TITLE && !line.contains('\n');
    let sentence = line.ends_with(['.', '!', ':', ';', ',']);
    let list = line.starts_with(['-', '*', '+']) || line.starts_with(|c: char| c.is_ascii_digit());
    (short && !sentence && !list && !rest.trim().is_empty()).then_some((line, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::blocks::{Block, blocks};

    #[test]
    fn text_means_what_it_says() {
        let text = "Opening hours\r\n\r\n    Mon-Fri 9:00-17:00\r\n#1 in lamps_and_wood <today>\r\n\r\n- by phone\r\n- by e-mail\r\n";
        let extracted = extract(text);
        assert_eq!(extracted.title.as_deref(), Some("Opening hours"));
        let item = |text: &str| Block::Item {
            text: text.into(),
            numbered: false,
        };
        assert_eq!(
            blocks(&extracted.markdown),
            [
                Block::Paragraph("Mon-Fri 9:00-17:00 #1 in lamps_and_wood <today>".into()),
                item("by phone"),
                item("by e-mail"),
            ]
        );
    }

    #[test]
    fn a_sentence_is_no_title() {
        let extracted = extract("We are open on Monday.\n\nCall us.");
        assert_eq!(extracted.title, None);
        assert!(extracted.markdown.starts_with("We are open"));
        let underlined = extract("Opening hours\n-------------\n\nMonday to Friday.");
        assert_eq!(underlined.title.as_deref(), Some("Opening hours"));
    }
}
