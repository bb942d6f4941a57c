//! From a content to normalised Markdown: headings, lists and tables kept, everything
//! around the text gone. One file a format.

mod front_matter;
mod html;
mod markdown;
mod table;
mod text;

use crate::knowledge::sniff::Kind;
use crate::knowledge::unfit::Unfit;

/// What a content says, and what it says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extracted {
    /// Its title.
    pub title: Option<String>,
    /// Its text in normalised Markdown: lines end in `\n`, headings are written with `#`,
    /// no more than one empty line in a row, no raw HTML blocks, and no title.
    pub markdown: String,
    /// Words that its author filed it under.
    pub tags: Vec<String>,
    /// Where it says that it stands.
    pub url: Option<String>,
    /// The language that it says it is written in, a BCP 47 tag.
    pub lang: Option<String>,
}

/// The most tags that are kept, and the longest, in characters.
const TAGS: (usize, usize) = (32, 60);
/// The longest title, in characters.
const TITLE: usize = 300;

/// Extracts.
///
/// # Errors
/// When there is no text in it, or its parser gives up.
pub fn extract(kind: Kind, text: &str) -> Result<Extracted, Unfit> {
    let mut extracted = match kind {
        Kind::Markdown => markdown::extract(text),
        Kind::Html => html::extract(text)?,
        Kind::Text => text::extract(text),
    };
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
    Ok(extracted)
}

/// White space to single blanks, and no longer than that.
fn one_line(text: &str, most: usize) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.chars().take(most).collect()
}
