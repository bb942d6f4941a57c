//! Word documents: headings by their styles, lists with the numbers that Word would print,
//! tables, links, footnotes, text boxes and equations. Deleted and hidden text stays out.

mod body;
mod math;
mod numbering;
mod xml;

use std::collections::HashMap;

use self::body::Body;
use self::numbering::{Numbering, Styles};
use self::xml::Package;
use crate::knowledge::unfit::Unfit;

/// A document as it was read.
#[derive(Debug, Default)]
pub struct Document {
    /// From its properties.
    pub title: Option<String>,
    /// Markdown, not yet in its normal form.
    pub markdown: String,
    /// Its words for what it is about.
    pub keywords: Vec<String>,
}

/// Reads a document.
///
/// # Errors
/// When it is damaged, locked, or inflates beyond reason.
pub fn read(bytes: &[u8]) -> Result<Document, Unfit> {
    let package = Package::open(bytes)?;
    let main = main_part(&package)?;
    let (folder, file) = main.rsplit_once('/').unwrap_or(("", &main));
    let beside = |name: &str| {
        if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{folder}/{name}")
        }
    };
    let document = package.part(&main)?.ok_or(Unfit::Corrupt)?;
    let mut links = HashMap::new();
    let mut notes = HashMap::new();
    relations(&package, &beside(&format!("_rels/{file}.rels")), &mut links)?;
    for (part, element, mark) in [
        ("footnotes.xml", "footnote", 'f'),
        ("endnotes.xml", "endnote", 'e'),
    ] {
        relations(&package, &beside(&format!("_rels/{part}.rels")), &mut links)?;
        let Some(root) = package.part(&beside(part))? else {
            continue;
        };
        for mut note in root.children {
            // Separators are notes too, of a type of their own.
            if note.name == element
                && matches!(note.attr("type"), None | Some("normal"))
                && let Some(id) = note.attr("id")
            {
                let id = format!("{mark}{id}");
                notes.insert(id, std::mem::take(&mut note));
            }
        }
    }
    let styles = Styles::read(package.part(&beside("styles.xml"))?.as_ref());
    let numbering = Numbering::read(package.part(&beside("numbering.xml"))?.as_ref());
    let body = document.child("body").ok_or(Unfit::Corrupt)?;
    let markdown = Body::new(styles, numbering, links, notes).write(body)?;
    let core = package.part("docProps/core.xml").ok().flatten();
    let property = |name: &str| {
        let text = core.as_ref().and_then(|c| c.child(name))?.all_text();
        (!text.trim().is_empty()).then(|| text.trim().to_owned())
    };
    Ok(Document {
        title: property("title").filter(|t| !is_left_over(t)),
        markdown,
        keywords: property("keywords")
            .map(|k| k.split([',', ';']).map(|w| w.trim().to_owned()).collect())
            .unwrap_or_default(),
    })
}

/// Titles that programs put there by themselves.
fn is_left_over(title: &str) -> bool {
    let lower = title.to_lowercase();
    ["word document", "untitled", "document", "microsoft word"].contains(&lower.as_str())
        || lower.starts_with("microsoft word -")
        || [".doc", ".docx", ".dotx"].iter().any(|e| lower.ends_with(e))
}

/// Where the text is.
fn main_part(package: &Package) -> Result<String, Unfit> {
    if let Ok(Some(root)) = package.part("_rels/.rels") {
        let named = root
            .all("Relationship")
            .find(|r| r.attr("Type").is_some_and(|t| t.ends_with("/officeDocument")))
            .and_then(|r| r.attr("Target"));
        if let Some(target) = named {
            return Ok(target.trim_start_matches('/').to_owned());
        }
    }
    let names = package.names();
    names
        .into_iter()
        .find(|n| n == "word/document.xml" || (n.starts_with("word/document") && n.ends_with(".xml")))
        .ok_or(Unfit::Corrupt)
}

/// Addresses by their ids.
fn relations(package: &Package, part: &str, links: &mut HashMap<String, String>) -> Result<(), Unfit> {
    let Some(root) = package.part(part)? else {
        return Ok(());
    };
    for relation in root.all("Relationship") {
        if let (Some(id), Some(target), Some("External")) = (
            relation.attr("Id"),
            relation.attr("Target"),
            relation.attr("TargetMode"),
        ) {
            links.insert(id.to_owned(), target.to_owned());
        }
    }
    Ok(())
}
