//! What a content is, by the content: its name only decides between Markdown and plain
//! text when the content could be either.

mod container;
pub mod email;

use infer::MatcherType;
use serde::{Deserialize, Serialize};

use crate::domain::document::MAX_UPLOAD_BYTES;
use crate::knowledge::charset;
use crate::knowledge::extract::csv;
use crate::knowledge::unfit::Unfit;

/// A type that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A PDF document.
    Pdf,
    /// A Word document.
    Docx,
    /// A PowerPoint presentation.
    Pptx,
    /// An Excel workbook.
    Xlsx,
    /// An OpenDocument text.
    Odt,
    /// An OpenDocument spreadsheet.
    Ods,
    /// An OpenDocument presentation.
    Odp,
    /// An e-book.
    Epub,
    /// An e-mail.
    Email,
    /// A document in Rich Text Format.
    Rtf,
    /// A picture by itself.
    Picture,
    /// A table as text.
    Csv,
    /// A web page or a part of one.
    Html,
    /// Markdown, with or without front matter.
    Markdown,
    /// Markdown with components.
    Mdx,
    /// Anything else that is text.
    #[default]
    Text,
}

/// What the bytes hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A PDF document.
    Pdf,
    /// A Word document.
    Docx,
    /// A PowerPoint presentation.
    Pptx,
    /// An Excel workbook.
    Xlsx,
    /// An OpenDocument text, spreadsheet or presentation.
    OpenDocument,
    /// An e-book.
    Epub,
    /// An e-mail.
    Email,
    /// A document in Rich Text Format.
    Rtf,
    /// A picture by itself.
    Picture,
    /// A kind of text, decoded.
    Text(Kind, String),
}

/// Where in a file its mark may stand: some mail programs put a line before it.
const PDF_WITHIN: usize = 1024;

/// Finds out what bytes are, and reads what is text.
///
/// # Errors
/// When they are empty, too many, or of a kind that can't be read.
pub fn sniff(bytes: &[u8], name: &str) -> Result<Content, Unfit> {
    if bytes.len() > MAX_UPLOAD_BYTES {
        return Err(Unfit::TooLarge {
            limit_mb: MAX_UPLOAD_BYTES >> 20,
        });
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Unfit::Empty);
    }
    if is_pdf(bytes) {
        return Ok(Content::Pdf);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return container::packed(bytes);
    }
    if bytes.starts_with(b"{\\rtf") {
        return Ok(Content::Rtf);
    }
    if email::is_email(bytes, name) {
        return Ok(Content::Email);
    }
    if is_picture(bytes) {
        return Ok(Content::Picture);
    }
    if let Some(unfit) = binary(bytes) {
        return Err(unfit);
    }
    let text = charset::decode(bytes, looks_like_html(bytes))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(Unfit::Empty);
    }
    // In UTF-16 the markup shows only now.
    let kind = if ends_in(name, &["mdx"]) {
        Kind::Mdx
    } else if looks_like_html(text.as_bytes()) {
        Kind::Html
    } else if ends_in(name, &["csv", "tsv"]) || csv::is_table(text) {
        Kind::Csv
    } else if looks_like_markdown(text, name) {
        Kind::Markdown
    } else {
        Kind::Text
    };
    Ok(Content::Text(kind, text.to_owned()))
}

/// Whether it is a PDF document, by its mark.
#[must_use]
pub fn is_pdf(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(PDF_WITHIN)];
    // A page that only writes about the mark begins with something else.
    head.starts_with(b"%PDF-")
        || (head.windows(5).any(|w| w == b"%PDF-") && head.iter().any(|b| *b >= 0x80 || *b == 0))
}

/// Whether it is a picture of a kind that text can be recognised in.
fn is_picture(bytes: &[u8]) -> bool {
    const KINDS: [&str; 4] = ["image/png", "image/jpeg", "image/tiff", "image/webp"];
    // Text may begin like anything.
    !is_plain(&bytes[..bytes.len().min(4096)])
        && infer::get(bytes).is_some_and(|found| KINDS.contains(&found.mime_type()))
}

fn ends_in(name: &str, endings: &[&str]) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, e)| endings.iter().any(|ending| e.eq_ignore_ascii_case(ending)))
}

fn unsupported(what: &str) -> Unfit {
    Unfit::UnsupportedType {
        what: what.to_owned(),
    }
}

/// Why a binary file can't be read.
fn binary(bytes: &[u8]) -> Option<Unfit> {
    /// The mark of Microsoft's older container.
    const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
    if bytes.starts_with(COMPOUND) {
        return Some(container::compound(bytes));
    }
    // Text may begin like anything.
    if is_plain(&bytes[..bytes.len().min(4096)]) {
        return None;
    }
    let found = infer::get(bytes)?;
    Some(unsupported(match found.matcher_type() {
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
    }))
}

/// Whether it is UTF-8 without control characters; a character may be cut at the end.
fn is_plain(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(e) => e.error_len().is_none(),
    };
    valid
        && !head
            .iter()
            .any(|b| *b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c))
}

/// Whether the first thing in it, comments aside, is a tag that pages begin with.
#[must_use]
pub fn looks_like_html(bytes: &[u8]) -> bool {
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
    if ends_in(name, &["md", "markdown", "mdown"]) {
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
    use std::io::Cursor;

    use super::*;

    fn kind(text: &str, name: &str) -> Kind {
        match sniff(text.as_bytes(), name).unwrap() {
            Content::Text(kind, _) => kind,
            other => panic!("{other:?}"),
        }
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
        let Content::Text(Kind::Html, text) = sniff(&page, "x").unwrap() else {
            panic!("no page")
        };
        assert!(text.starts_with("<html>"), "{text}");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let code = |bytes: &[u8]| sniff(bytes, "file.md").unwrap_err().code();
        assert_eq!(code(b""), "empty");
        assert_eq!(code(b" \r\n\t"), "empty");
        assert_eq!(code("\u{feff} \u{a0}".as_bytes()), "empty");
        assert_eq!(code(b"GIF89a\x01\0\x01\0\x80"), "unsupported_type");
        assert_eq!(
            code(&[b"\x7fELF\x02\x01\x01".as_slice(), &[0; 57]].concat()),
            "unsupported_type"
        );
        assert_eq!(code(&[7; 100]), "unsupported_type");
        assert_eq!(code(&vec![b'a'; MAX_UPLOAD_BYTES + 1]), "too_large");
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        assert_eq!(sniff(png, "x.md"), Ok(Content::Picture));
        let image = sniff(b"GIF89a\x01\0\x01\0\x80", "x.md").unwrap_err();
        assert!(image.to_string().contains("an image"), "{image}");
    }

    #[test]
    fn office_files_are_known_by_what_is_in_them() {
        use std::io::Write as _;
        let zip = |part: &str| {
            let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
            zip.start_file(part, zip::write::SimpleFileOptions::default())
                .unwrap();
            zip.write_all(b"x").unwrap();
            zip.finish().unwrap().into_inner()
        };
        assert_eq!(sniff(&zip("word/document.xml"), "x.txt"), Ok(Content::Docx));
        assert_eq!(sniff(&zip("XL\\workbook.xml"), "x.txt"), Ok(Content::Xlsx));
        assert_eq!(sniff(&zip("ppt/presentation.xml"), "x.txt"), Ok(Content::Pptx));
        assert_eq!(sniff(&zip("content.xml"), "x.txt"), Ok(Content::OpenDocument));
        assert_eq!(sniff(&zip("META-INF/container.xml"), "x.txt"), Ok(Content::Epub));
        for (part, what) in [
            ("xl/workbook.bin", ".xlsx"),
            ("Index/Document.iwa", "Pages"),
            ("a.txt", "archive"),
        ] {
            let unfit = sniff(&zip(part), "x.docx").unwrap_err();
            assert!(unfit.to_string().contains(what), "{unfit}");
        }
        let cut = &zip("word/document.xml")[..60];
        assert_eq!(sniff(cut, "x.docx"), Err(Unfit::Corrupt));
        assert_eq!(sniff(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "x.txt"), Ok(Content::Pdf));
        let talk = sniff(b"A file that begins with %PDF-1.7 is a PDF.", "x.txt");
        assert!(matches!(talk, Ok(Content::Text(Kind::Text, _))), "{talk:?}");
        let locked: Vec<u8> = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
            .iter()
            .copied()
            .chain("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        assert_eq!(sniff(&locked, "x.docx"), Err(Unfit::Encrypted));
        for (stream, save_as) in [
            ("WordDocument", "(.docx)"),
            ("Workbook", "(.xlsx)"),
            ("PowerPoint Document", "(.pptx)"),
            ("__properties_version1.0", "(.eml)"),
        ] {
            // The mark and the rest of the head, a text that only mentions a stream, the list.
            let mut file = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
            file.resize(512, 0);
            file.extend("Book Antiqua".encode_utf16().flat_map(u16::to_le_bytes));
            file.resize(1024, 0);
            file.extend(stream.encode_utf16().flat_map(u16::to_le_bytes));
            file.resize(1024 + 64, 0);
            file.extend((2 * stream.len() as u16 + 2).to_le_bytes());
            file.resize(1024 + 128, 0);
            let unfit = sniff(&file, "x.doc").unwrap_err();
            assert_eq!(unfit.code(), "unsupported_type");
            assert!(unfit.to_string().contains(save_as), "{unfit}");
        }
    }
}
