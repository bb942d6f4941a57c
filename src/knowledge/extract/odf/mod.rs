//! OpenDocument files: texts with headings, lists, tables and notes; sheets under their
//! names; slides under their titles. Deleted and hidden text, comments, tables of contents
//! and what stands on every page stay out.

mod inline;
mod sheets;
mod slides;
mod styles;
mod table;
mod text;

use self::styles::Styles;
use self::text::Body;
use super::office::{Properties, is_left_over, keywords};
use super::package::Package;
use super::writer::Writer;
use super::xml::Node;
use crate::knowledge::sniff::Kind;
use crate::knowledge::unfit::Unfit;

/// A document as it was read.
#[derive(Debug)]
pub struct Document {
    /// A text, sheets or slides.
    pub kind: Kind,
    /// What it says about itself.
    pub properties: Properties,
    /// Markdown, not yet in its normal form.
    pub markdown: String,
    /// What was left out.
    pub warnings: Vec<String>,
}

/// Reads a document.
///
/// # Errors
/// When it is damaged, locked, or holds more than is taken in.
pub fn read(bytes: &[u8]) -> Result<Document, Unfit> {
    let package = Package::open(bytes)?;
    if is_locked(&package) {
        return Err(Unfit::Encrypted);
    }
    let content = package.part("content.xml")?.ok_or(Unfit::Corrupt)?;
    let named = package.part("styles.xml").or_else(|e| match e {
        // Without its styles a text is still a text.
        Unfit::Corrupt => Ok(None),
        e => Err(e),
    })?;
    let styles = Styles::read([named.as_ref(), Some(&content)].into_iter().flatten());
    let body = content.child("body").ok_or(Unfit::Corrupt)?;
    let mut out = Writer::default();
    let mut properties = properties(&package);
    let mut warnings = Vec::new();
    let kind = if let Some(sheets) = body.child("spreadsheet") {
        warnings = sheets::write(sheets, &styles, &mut out)?;
        Kind::Ods
    } else if let Some(slides) = body.child("presentation") {
        let (title, left_out) = slides::write(slides, &styles, &mut out)?;
        properties.title = properties.title.or(title);
        warnings = left_out;
        Kind::Odp
    } else if let Some(text) = body.child("text") {
        let mut body = Body::new(&styles, &mut out);
        body.blocks(text)?;
        body.notes()?;
        Kind::Odt
    } else {
        return Err(Unfit::UnsupportedType {
            what: "an OpenDocument drawing or formula".to_owned(),
        });
    };
    Ok(Document {
        kind,
        properties,
        markdown: out.finish()?,
        warnings,
    })
}

/// Whether a password is needed: the list of parts says how each is locked.
fn is_locked(package: &Package) -> bool {
    let listed = package.part("META-INF/manifest.xml").ok().flatten();
    package.has("encrypted-package") || listed.is_some_and(|m| m.find("encryption-data").is_some())
}

fn properties(package: &Package) -> Properties {
    let root = package.part("meta.xml").ok().flatten();
    let Some(meta) = root.as_ref().and_then(|r| r.child("meta")) else {
        return Properties::default();
    };
    let title = meta.child("title").map(Node::all_text);
    Properties {
        title: title
            .map(|t| t.trim().to_owned())
            .filter(|t| !t.is_empty() && !is_left_over(t)),
        keywords: meta
            .all("keyword")
            .flat_map(|k| keywords(&k.all_text()))
            .collect(),
    }
}
