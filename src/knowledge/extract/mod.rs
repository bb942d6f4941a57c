//! From a content to normalised Markdown: headings, lists and tables kept, everything
//! around the text gone. One file a format; `reader` runs them in a process of their own,
//! of which `child` is the inside.

mod chart;
pub mod child;
pub mod csv;
mod docx;
mod email;
mod epub;
mod escape;
mod front_matter;
mod html;
mod limits;
mod markdown;
mod mdx;
mod odf;
mod office;
mod package;
mod pdf;
mod pptx;
pub mod reader;
mod rtf;
mod table;
mod text;
mod texts;
mod writer;
mod xlsx;
mod xml;

use std::path::Path;

use serde::{Deserialize, Serialize};

use self::office::Properties;
pub use self::pdf::ocr;
use crate::knowledge::outline;
use crate::knowledge::sniff::{Content, Kind, sniff};
use crate::knowledge::unfit::Unfit;

/// Text at most, in bytes.
pub const MOST_TEXT: usize = Unfit::most_text();

/// What a content says, and what it says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Extracted {
    /// What it is.
    pub kind: Kind,
    /// Its title.
    pub title: Option<String>,
    /// Its text in normalised Markdown: lines end in `\n`, headings are written with `#`,
    /// no more than one empty line in a row, no raw HTML blocks, and no title.
    pub markdown: String,
    /// Where in `markdown` each page starts, in bytes, in ascending order; empty for what
    /// has no pages. A place is on page `pages.partition_point(|start| *start <= place)`,
    /// counted from 1.
    pub pages: Vec<usize>,
    /// What the site's owner should know, in sentences.
    pub warnings: Vec<String>,
    /// Words that its author filed it under.
    pub tags: Vec<String>,
    /// Where it says that it stands.
    pub url: Option<String>,
    /// The language that it says it is written in, a BCP 47 tag.
    pub lang: Option<String>,
}

impl Extracted {
    /// The page that a place in the text is on, from 1; None for what has no pages.
    #[must_use]
    pub fn page_at(&self, place: usize) -> Option<usize> {
        let page = self.pages.partition_point(|start| *start <= place);
        (!self.pages.is_empty()).then_some(page.max(1))
    }
}

/// Which program reads a PDF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass<'a> {
    /// Our own.
    First,
    /// poppler's `pdftotext`, which is here.
    Second(&'a Path),
    /// `tesseract`, which reads pictures of the pages.
    Pictures(&'a ocr::Programs),
}

/// What a pass found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The text and the rest.
    pub extracted: Extracted,
    /// Why the second pass may do better, for the log.
    pub doubt: Option<String>,
}

/// The most tags that are kept, and the longest, in characters.
const TAGS: (usize, usize) = (32, 60);
/// The longest title, in characters.
const TITLE: usize = 300;

/// Finds out what the bytes are, and extracts. It trusts them with this process's memory
/// and time: see [`reader::Reader`] for what doesn't.
///
/// # Errors
/// When there is no text in it, or its parser gives up.
pub fn extract(bytes: &[u8], name: &str, pass: Pass<'_>) -> Result<Found, Unfit> {
    text_of(sniff(bytes, name)?, bytes, pass)
}

/// The same for what is plain text, of which no other file and no program is part; none for the rest.
fn plain(bytes: &[u8], name: &str) -> Option<Result<Found, Unfit>> {
    match sniff(bytes, name) {
        Ok(content @ Content::Text(..)) => Some(text_of(content, bytes, Pass::First)),
        Ok(_) => None,
        Err(unfit) => Some(Err(unfit)),
    }
}

fn text_of(content: Content, bytes: &[u8], pass: Pass<'_>) -> Result<Found, Unfit> {
    let mut doubt = None;
    let mut extracted = match content {
        Content::Text(Kind::Html, text) => html::extract(&text)?,
        Content::Text(Kind::Markdown, text) => markdown::extract(&text),
        Content::Text(Kind::Mdx, text) => mdx::extract(&text),
        Content::Text(Kind::Csv, text) => normal(csv::extract(&text)?),
        Content::Text(_, text) => text::extract(&text),
        Content::Docx => {
            let (properties, markdown) = docx::read(bytes)?;
            titled(Kind::Docx, properties, &markdown, Vec::new())
        }
        Content::Pptx => {
            let read = pptx::read(bytes)?;
            untitled(Kind::Pptx, read.properties, &read.markdown, read.warnings)
        }
        Content::Xlsx => {
            let read = xlsx::read(bytes)?;
            untitled(Kind::Xlsx, read.properties, &read.markdown, read.warnings)
        }
        Content::OpenDocument => {
            let read = odf::read(bytes)?;
            match read.kind {
                Kind::Odt => titled(read.kind, read.properties, &read.markdown, read.warnings),
                kind => untitled(kind, read.properties, &read.markdown, read.warnings),
            }
        }
        Content::Epub => normal(epub::read(bytes)?),
        Content::Email => normal(email::extract(bytes)?),
        Content::Rtf => {
            let read = rtf::extract(bytes)?;
            let properties = Properties {
                title: read.title,
                keywords: Vec::new(),
            };
            titled(Kind::Rtf, properties, &read.markdown, Vec::new())
        }
        Content::Picture => match pass {
            Pass::Pictures(programs) => {
                let mut read = portable(ocr::picture_alone(programs, bytes)?)?;
                read.kind = Kind::Picture;
                read
            }
            Pass::First | Pass::Second(_) => return Err(Unfit::Picture),
        },
        Content::Pdf => {
            let document = match pass {
                Pass::First => pdf::first(bytes)?,
                Pass::Second(program) => pdf::second(program, bytes)?,
                Pass::Pictures(programs) => ocr::read(programs, bytes)?,
            };
            doubt = document.doubt.map(|d| format!("{d:?}"));
            portable(document)?
        }
    };
    if extracted.markdown.len() > MOST_TEXT {
        return Err(Unfit::too_much_text());
    }
    let own = [&mut extracted.title, &mut extracted.url, &mut extracted.lang];
    own.into_iter().flatten().for_each(printable);
    extracted.tags.iter_mut().for_each(printable);
    printable(&mut extracted.markdown);
    if !extracted.markdown.contains(char::is_alphanumeric) {
        return Err(Unfit::NoText);
    }
    extracted.title = extracted
        .title
        .map(|t| one_line(&t, TITLE))
        .filter(|t| !t.is_empty());
    extracted.tags = extracted
        .tags
        .iter()
        .map(|t| one_line(t, TAGS.1))
        .filter(|t| !t.is_empty())
        .take(TAGS.0)
        .collect();
    Ok(Found { extracted, doubt })
}

/// A text that may begin with its title.
fn titled(kind: Kind, properties: Properties, markdown: &str, warnings: Vec<String>) -> Extracted {
    let (heading, rest) = markdown::split_title(&markdown::normalise(markdown), None);
    let at_top = heading.filter(|_| rest.len() < markdown.trim().len());
    Extracted {
        kind,
        title: at_top.or(properties.title),
        markdown: rest,
        tags: properties.keywords,
        warnings,
        ..Extracted::default()
    }
}

/// Slides and sheets: each has its own title, and the first one's may be that of all.
fn untitled(kind: Kind, properties: Properties, markdown: &str, warnings: Vec<String>) -> Extracted {
    let mut markdown = markdown::normalise(markdown);
    if let Some(title) = &properties.title
        && let Some(first) = outline::outline(&markdown).into_iter().next()
        && first.lines.start == 0
        && first.text == one_line(title, TITLE)
        && markdown[first.lines.end..].contains(char::is_alphanumeric)
    {
        markdown = markdown[first.lines.end..].trim_start_matches('\n').to_owned();
    }
    Extracted {
        kind,
        title: properties.title,
        markdown,
        tags: properties.keywords,
        warnings,
        ..Extracted::default()
    }
}

fn normal(mut read: Extracted) -> Extracted {
    read.markdown = markdown::normalise(&read.markdown);
    read
}

fn portable(document: pdf::Document) -> Result<Extracted, Unfit> {
    if !document.markdown.contains(char::is_alphanumeric) {
        return Err(Unfit::Scanned);
    }
    let (heading, markdown) = markdown::split_title(&document.markdown, None);
    let cut = document.markdown.len() - markdown.len();
    let (title, markdown, cut) = if cut == 0 {
        (document.title.or(heading), markdown, 0)
    } else if markdown.trim().is_empty() {
        // A single line in large letters is the text.
        (heading, document.markdown, 0)
    } else {
        (heading.or(document.title), markdown, cut)
    };
    Ok(Extracted {
        kind: Kind::Pdf,
        title,
        markdown,
        pages: document.pages.iter().map(|p| p.saturating_sub(cut)).collect(),
        warnings: document.warnings,
        tags: document.keywords,
        ..Extracted::default()
    })
}

/// Characters that nobody can read, and the database has no place for, to blanks. Those are as long, so what is
/// known of places in the text stays right.
fn printable(text: &mut String) {
    let odd = |c: char| c.is_ascii_control() && !matches!(c, '\n' | '\t');
    if text.contains(odd) {
        *text = text.replace(odd, " ");
    }
}

/// White space to single blanks, and no longer than that.
fn one_line(text: &str, most: usize) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.chars().take(most).collect()
}
