//! What Word, PowerPoint and Excel files have in common: which part is the main one, how
//! parts refer to each other, and what a file says about itself.

use super::package::{Package, resolve};
use crate::knowledge::unfit::Unfit;

/// What a file says about itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// Its title.
    pub title: Option<String>,
    /// Its words for what it is about.
    pub keywords: Vec<String>,
}

impl Properties {
    /// Reads them; a file without any is a file all the same.
    pub fn read(package: &Package) -> Self {
        let core = package.part("docProps/core.xml").ok().flatten();
        let property = |name: &str| {
            let text = core.as_ref().and_then(|c| c.child(name))?.all_text();
            (!text.trim().is_empty()).then(|| text.trim().to_owned())
        };
        Self {
            title: property("title").filter(|t| !is_left_over(t)),
            keywords: property("keywords").map(|k| keywords(&k)).unwrap_or_default(),
        }
    }
}

/// Words in one line, with commas between.
pub fn keywords(line: &str) -> Vec<String> {
    line.split([',', ';']).map(|w| w.trim().to_owned()).collect()
}

/// Titles that programs put there by themselves.
pub fn is_left_over(title: &str) -> bool {
    let lower = title.trim().to_lowercase();
    [
        "word document",
        "untitled",
        "document",
        "microsoft word",
        "powerpoint presentation",
        "powerpoint-präsentation",
        "presentation",
    ]
    .contains(&lower.as_str())
        || lower.starts_with("microsoft word -")
        || lower.starts_with("microsoft powerpoint -")
        || [
            ".doc", ".docx", ".dotx", ".ppt", ".pptx", ".xls", ".xlsx", ".odt", ".ods", ".odp", ".indd",
        ]
        .iter()
        .any(|e| lower.ends_with(e))
}

/// Where the text is. `usual` is where nearly everybody puts it.
///
/// # Errors
/// When it is nowhere.
pub fn main_part(package: &Package, usual: &str) -> Result<String, Unfit> {
    let named = relations(package, "")
        .unwrap_or_default()
        .into_iter()
        .find(|r| r.kind == "officeDocument" && package.has(&r.target));
    if let Some(main) = named {
        return Ok(main.target);
    }
    if package.has(usual) {
        return Ok(usual.to_owned());
    }
    let start = usual.trim_end_matches(".xml");
    package
        .names()
        .find(|n| n.starts_with(start) && n.ends_with(".xml"))
        .map(str::to_owned)
        .ok_or(Unfit::Corrupt)
}

/// How a part refers to another, or to an address.
#[derive(Debug)]
pub struct Relation {
    /// The part's name for it.
    pub id: String,
    /// What it is to the part; the two dialects' names differ only before this.
    pub kind: String,
    /// The other part's name in the archive, or an address.
    pub target: String,
    /// Whether it is an address.
    pub external: bool,
}

/// What a part refers to; the archive itself is the part without a name.
///
/// # Errors
/// When the list is there and can't be read.
pub fn relations(package: &Package, part: &str) -> Result<Vec<Relation>, Unfit> {
    let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
    let list = resolve("", &format!("{folder}/_rels/{file}.rels"));
    let Some(root) = package.part(&list)? else {
        return Ok(Vec::new());
    };
    let relation = |r: &super::xml::Node| {
        let external = r.attr("TargetMode") == Some("External");
        let target = r.attr("Target")?;
        Some(Relation {
            id: r.attr("Id")?.to_owned(),
            kind: r.attr("Type").unwrap_or_default().rsplit('/').next()?.to_owned(),
            target: if external {
                target.to_owned()
            } else {
                resolve(part, target)
            },
            external,
        })
    };
    Ok(root.all("Relationship").filter_map(relation).collect())
}

/// The part of this kind that another refers to.
pub fn related<'a>(relations: &'a [Relation], kind: &str) -> Option<&'a str> {
    let found = relations.iter().find(|r| r.kind == kind && !r.external);
    found.map(|r| r.target.as_str())
}

/// The target with this id.
pub fn target<'a>(relations: &'a [Relation], id: &str) -> Option<&'a str> {
    relations.iter().find(|r| r.id == id).map(|r| r.target.as_str())
}
