//! PDF: text with its places, from pdf-extract and, where that fails or is doubtful, from
//! poppler; then one way from places to headings, paragraphs, lists and tables.

mod around;
mod blocks;
mod glyphs;
pub mod ocr;
mod page;
mod poppler;
mod signs;
mod table;
mod torn;
mod widths;
mod write;

use std::path::Path;

use self::page::{Line, Page};
use crate::knowledge::unfit::Unfit;

/// One character in so many without a meaning is one too many.
const UNMAPPED_ONE_IN: usize = 50;
/// One change of line in so many that goes up the page is one too many.
const UP_ONE_IN: usize = 5;

/// A document as it was read.
#[derive(Debug)]
pub struct Document {
    /// From its properties.
    pub title: Option<String>,
    /// Normalised Markdown.
    pub markdown: String,
    /// Where each page starts in it, in bytes.
    pub pages: Vec<usize>,
    /// What it says that it is about.
    pub keywords: Vec<String>,
    /// Why another reader may do better.
    pub doubt: Option<Doubt>,
    /// What the site's owner should know.
    pub warnings: Vec<String>,
}

/// Why another reader may do better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Some pages failed.
    FailedPages,
    /// Characters without a meaning.
    Unmapped,
    /// The order of the text isn't that of the page.
    Order,
    /// Its words have fallen into pieces.
    Torn,
}

/// Reads with pdf-extract.
///
/// # Errors
/// When it can't.
pub fn first(bytes: &[u8]) -> Result<Document, Unfit> {
    let glyphs = glyphs::read(bytes)?;
    let pages: Vec<Vec<Line>> = glyphs.pages.iter().map(page::lines).collect();
    let letters = glyphs.pages.iter().map(|p| p.pieces.len()).sum::<usize>();
    let doubt = if !glyphs.failed.is_empty() {
        Some(Doubt::FailedPages)
    } else if glyphs.unmapped * UNMAPPED_ONE_IN > letters {
        Some(Doubt::Unmapped)
    } else if pages.iter().any(|p| is_out_of_order(p)) {
        Some(Doubt::Order)
    } else {
        None
    };
    let mut document = document(&glyphs.pages, pages, glyphs.title);
    let doubt = doubt.or_else(|| torn::is_torn(&document.markdown).then_some(Doubt::Torn));
    if glyphs.locked && !document.markdown.contains(char::is_alphanumeric) {
        return Err(Unfit::Encrypted);
    }
    document.doubt = doubt;
    document.keywords = glyphs
        .keywords
        .map(|k| k.split([',', ';']).map(|w| w.trim().to_owned()).collect())
        .unwrap_or_default();
    if !glyphs.failed.is_empty() {
        document.warnings.push(failed_pages(&glyphs.failed));
    }
    if glyphs.unmapped > 0 && doubt == Some(Doubt::Unmapped) {
        document
            .warnings
            .push("Some of the document's characters can't be mapped to letters.".to_owned());
    }
    Ok(document)
}

/// Reads with poppler's `pdftotext`.
///
/// # Errors
/// When it can't.
pub fn second(program: &Path, bytes: &[u8]) -> Result<Document, Unfit> {
    let words = poppler::read(program, bytes)?;
    let pages = words.pages.iter().map(page::lines).collect();
    Ok(document(&words.pages, pages, words.title))
}

fn document(sizes: &[Page], mut pages: Vec<Vec<Line>>, title: Option<String>) -> Document {
    let heights: Vec<f64> = sizes.iter().map(|p| p.height).collect();
    around::remove(&mut pages, &heights);
    let blocks = blocks::blocks(pages);
    let (markdown, pages) = write::write(&blocks, sizes.len());
    Document {
        title,
        markdown,
        pages,
        keywords: Vec::new(),
        doubt: None,
        warnings: Vec::new(),
    }
}

/// Whether lines jump up the page more often than columns and boxes explain.
fn is_out_of_order(lines: &[Line]) -> bool {
    let ups = lines
        .windows(2)
        .filter(|w| w[0].turned == w[1].turned && w[1].y < w[0].y - 0.5 * w[0].size)
        .count();
    lines.len() > 8 && ups * UP_ONE_IN > lines.len()
}

fn failed_pages(failed: &[usize]) -> String {
    let shown: Vec<String> = failed.iter().take(10).map(usize::to_string).collect();
    let more = if failed.len() > 10 { " and more" } else { "" };
    match failed {
        [_] => format!("Page {} couldn't be read whole.", shown.join(", ")),
        _ => format!("Pages {}{more} couldn't be read whole.", shown.join(", ")),
    }
}

/// A title that somebody gave, rather than a program: no file names.
fn sensible_title(title: &str) -> Option<String> {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = title.to_lowercase();
    let left_over = ["untitled", "title", "document", "unknown", "none", "-"].contains(&lower.as_str())
        || lower.starts_with("microsoft word")
        || lower.starts_with("microsoft powerpoint")
        || [
            ".doc", ".docx", ".pdf", ".tex", ".dvi", ".indd", ".odt", ".ppt", ".pptx", ".qxd", ".rtf", ".txt",
        ]
        .iter()
        .any(|e| lower.ends_with(e));
    (!left_over && title.chars().filter(|c| c.is_alphabetic()).count() > 2).then_some(title)
}
