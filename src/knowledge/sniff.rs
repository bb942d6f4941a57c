//! What a content is, by the content: its name only decides between Markdown and plain
//! text when the content could be either.

use infer::MatcherType;

use crate::domain::document::MAX_UPLOAD_BYTES;
use crate::knowledge::charset;
use crate::knowledge::unfit::Unfit;

/// A type that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Markdown, with or without front matter.
    Markdown,
    /// A web page or a part of one.
    Html,
    /// Anything else that is text.
    Text,
}

/// Finds out what bytes are, and reads them as text.
///
/// # Errors
/// When they are empty, too many, binary, or not text.
pub fn sniff(bytes: &[u8], name: &str) -> Result<(Kind, String), Unfit> {
    if bytes.len() > MAX_UPLOAD_BYTES {
        return Err(Unfit::TooLarge {
            limit_mb: MAX_UPLOAD_BYTES >> 20,
        });
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Unfit::Empty);
    }
    if let Some(what) = binary(bytes) {
        return Err(Unfit::UnsupportedType { what });
    }
    let text = charset::decode(bytes, looks_like_html(bytes))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(Unfit::Empty);
    }
    // In UTF-16 the markup shows only now.
    let kind = if looks_like_html(text.as_bytes()) {
        Kind::Html
    } else if looks_like_markdown(text, name) {
        Kind::Markdown
    } else {
        Kind::Text
    };
    Ok((kind, text.to_owned()))
}

/// The name of a binary type, with its article.
fn binary(bytes: &[u8]) -> Option<String> {
    if bytes.starts_with(b"{\\rtf") {
        return Some("an RTF document".to_owned());
    }
    let found = infer::get(bytes)?;
    let named =
        match found.mime_type() {
            "application/pdf" => "a PDF document",
            "application/msword"
            | "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "a Word document",
            "application/vnd.ms-excel"
            | "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "an Excel table",
            "application/vnd.ms-powerpoint"
            | "application/vnd.openxmlformats-officedocument.presentationml.presentation" => "a presentation",
            "application/epub+zip" => "an e-book",
            _ => match found.matcher_type() {
                MatcherType::Image => "an image",
                MatcherType::Audio => "a sound",
                MatcherType::Video => "a video",
                MatcherType::Font => "a font",
                MatcherType::Archive => "an archive",
                MatcherType::Book => "an e-book",
                MatcherType::Doc => "an office document",
                MatcherType::App => "a program",
                // Its guesses at HTML, XML and scripts are ours to make.
                MatcherType::Text | MatcherType::Custom => return None,
            },
        };
    Some(named.to_owned())
}

/// Whether the first thing in it, comments aside, is a tag that pages begin with.
fn looks_like_html(bytes: &[u8]) -> bool {
    const FIRST: [&str; 24] = [
        "!doctype html",
        "html",
        "head",
        "body",
        "main",
        "article",
        "section",
        "div",
        "p",
        "h1",
        "h2",
        "h3",
        "title",
        "meta",
        "table",
        "ul",
        "ol",
        "dl",
        "header",
        "nav",
        "span",
        "script",
        "style",
        "link",
    ];
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]).to_ascii_lowercase();
    let mut rest = head.trim_start_matches(['\u{feff}', '\u{fffd}']).trim_start();
    loop {
        let skipped = if let Some(comment) = rest.strip_prefix("<!--") {
            comment.split_once("-->")
        } else if let Some(declaration) = rest.strip_prefix("<?xml") {
            declaration.split_once("?>")
        } else {
            break;
        };
        match skipped {
            Some((_, tail)) => rest = tail.trim_start(),
            None => return false,
        }
    }
    let Some(tag) = rest.strip_prefix('<') else {
        return false;
    };
    FIRST.iter().any(|name| {
        tag.strip_prefix(name).is_some_and(|after| {
            after.is_empty() || after.starts_with(|c: char| !c.is_alphanumeric() && c != '-')
        })
    })
}

/// Whether enough lines look as only Markdown's do.
fn looks_like_markdown(text: &str, name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    if matches!(ending.as_deref(), Some("md" | "markdown" | "mdown" | "mdx")) {
        return true;
    }
    let mut signs = 0;
    for (i, line) in text.lines().take(2000).enumerate() {
        let line = line.trim_end();
        let heading = line.trim_start_matches('#');
        let hashes = line.len() - heading.len();
        let front_matter =
            i == 0 && line == "---" && text.lines().skip(1).take(50).any(|l| l.trim_end() == "---");
        if front_matter
            || ((1..=6).contains(&hashes) && heading.starts_with(' '))
            || line.starts_with("```")
            || (line.starts_with('|') && line.ends_with('|') && line.contains("---"))
        {
            signs += 2;
        } else if line.contains("](") || line.contains("**") {
            signs += 1;
        }
        if signs >= 2 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str, name: &str) -> Kind {
        sniff(text.as_bytes(), name).unwrap().0
    }

    #[test]
    fn the_content_decides_and_not_the_name() {
        for html in [
            "<!DOCTYPE html><html><body><p>x</p></body></html>",
            "\n <!-- saved from a shop -->\n<HTML lang=en>",
            "<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\">",
            "<div class=\"entry\">Text</div>",
            "<p>One paragraph.",
        ] {
            assert_eq!(kind(html, "notes.txt"), Kind::Html, "{html}");
        }
        for markdown in [
            "# Returns\n\nThirty days.",
            "---\ntitle: Returns\n---\nThirty days.",
            "Prices\n\n| a | b |\n|---|---|\n| 1 | 2 |",
            "See [returns](/returns) and [shipping](/shipping)\nand **this**.",
        ] {
            assert_eq!(kind(markdown, "page.html"), Kind::Markdown, "{markdown}");
        }
        for plain in [
            "Thirty days from delivery.",
            "Call us.\n#1 in lamps\n- not a heading",
            "<3 lamps",
            "a < b and b > c",
        ] {
            assert_eq!(kind(plain, "page.html"), Kind::Text, "{plain}");
        }
        assert_eq!(kind("Thirty days from delivery.", "returns.md"), Kind::Markdown);
    }

    #[test]
    fn a_page_in_utf16_is_a_page() {
        let page: Vec<u8> = "\u{feff}<html><body>Grün</body></html>"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let (kind, text) = sniff(&page, "x").unwrap();
        assert_eq!(kind, Kind::Html);
        assert!(text.starts_with("<html>"), "{text}");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let code = |bytes: &[u8]| sniff(bytes, "file.md").unwrap_err().code();
        assert_eq!(code(b""), "empty");
        assert_eq!(code(b" \r\n\t"), "empty");
        assert_eq!(code("\u{feff} \u{a0}".as_bytes()), "empty");
        assert_eq!(code(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3"), "unsupported_type");
        assert_eq!(code(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "unsupported_type");
        assert_eq!(
            code(&[b"\x7fELF\x02\x01\x01".as_slice(), &[0; 57]].concat()),
            "unsupported_type"
        );
        assert_eq!(code(b"{\\rtf1\\ansi hello}"), "unsupported_type");
        assert_eq!(code(&[7; 100]), "not_text");
        assert_eq!(code(&vec![b'a'; MAX_UPLOAD_BYTES + 1]), "too_large");
        let pdf = sniff(b"%PDF-1.7\n", "x.md").unwrap_err();
        assert!(pdf.to_string().contains("a PDF document"), "{pdf}");
    }
}
