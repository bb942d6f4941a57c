//! Word documents: headings by their styles, lists with the numbers that Word would print,
//! tables, links, footnotes, text boxes and equations. Deleted and hidden text stays out.

mod body;
mod math;
mod numbering;

use std::collections::HashMap;

use self::body::Body;
use self::numbering::{Numbering, Styles};
use crate::knowledge::extract::office::{self, Properties};
use crate::knowledge::extract::package::Package;
use crate::knowledge::unfit::Unfit;

/// Reads a document: what it says about itself, and Markdown, not yet in its normal form.
///
/// # Errors
/// When it is damaged, locked, or inflates beyond reason.
pub fn read(bytes: &[u8]) -> Result<(Properties, String), Unfit> {
    let package = Package::open(bytes)?;
    let main = office::main_part(&package, "word/document.xml")?;
    let folder = main.rsplit_once('/').map_or("", |(folder, _)| folder);
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
    links_of(&package, &main, &mut links)?;
    for (part, element, mark) in [
        ("footnotes.xml", "footnote", 'f'),
        ("endnotes.xml", "endnote", 'e'),
    ] {
        links_of(&package, &beside(part), &mut links)?;
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
    Ok((Properties::read(&package), markdown))
}

/// A part's addresses by their ids.
fn links_of(package: &Package, part: &str, links: &mut HashMap<String, String>) -> Result<(), Unfit> {
    let relations = office::relations(package, part)?.into_iter();
    links.extend(relations.filter(|r| r.external).map(|r| (r.id, r.target)));
    Ok(())
}
