//! E-books: the chapters in the order in which they are read, under their headings.

use std::collections::{HashMap, HashSet};

use super::escape::escape;
use super::office::keywords;
use super::package::{Package, resolve};
use super::writer::{Writer, one_line};
use super::xml::Node;
use super::{Extracted, html};
use crate::knowledge::charset;
use crate::knowledge::sniff::Kind;
use crate::knowledge::unfit::Unfit;

/// Chapters at most.
const MOST_CHAPTERS: usize = 10_000;

/// A file of the book.
struct Item {
    path: String,
    kind: String,
    properties: String,
}

/// Reads a book.
///
/// # Errors
/// When it is damaged, locked, or holds more than is taken in.
pub fn read(bytes: &[u8]) -> Result<Extracted, Unfit> {
    let package = Package::open(bytes)?;
    let place = package_file(&package)?;
    let book = package.part(&place)?.ok_or(Unfit::Corrupt)?;
    let items = items(&book, &place);
    let locked = locked(&package);
    let titles = titles(&package, &items);
    let mut out = Writer::default();
    about(&book, &mut out);
    let spine = book.child("spine").ok_or(Unfit::Corrupt)?;
    let mut seen = HashSet::new();
    let mut broken = 0;
    for reference in spine.all("itemref").take(MOST_CHAPTERS) {
        let Some(item) = reference.attr("idref").and_then(|id| items.get(id)) else {
            continue;
        };
        let is_text = item.kind.contains("html") || item.kind.is_empty();
        let is_contents = item.properties.split_whitespace().any(|p| p == "nav");
        if !is_text || is_contents || !seen.insert(item.path.clone()) {
            continue;
        }
        if locked.contains(&item.path) {
            return Err(Unfit::Encrypted);
        }
        let chapter = match package.bytes(&item.path) {
            Ok(Some(bytes)) => chapter(&bytes)?,
            Ok(None) | Err(Unfit::Corrupt) => {
                broken += 1;
                continue;
            }
            Err(unfit) => return Err(unfit),
        };
        let named = chapter.trim_start().starts_with('#');
        if let Some(title) = titles.get(&item.path).filter(|_| !named)
            && chapter.contains(char::is_alphanumeric)
        {
            out.heading(1, &escape(title));
        }
        out.block(chapter.trim());
        out.check()?;
    }
    let meta = |name: &str| {
        let text = book.child("metadata").and_then(|m| m.child(name));
        text.map(|t| one_line(&t.all_text())).filter(|t| !t.is_empty())
    };
    let subjects = book
        .child("metadata")
        .map(|m| m.all("subject").collect::<Vec<_>>());
    Ok(Extracted {
        kind: Kind::Epub,
        title: meta("title"),
        lang: meta("language"),
        tags: subjects
            .unwrap_or_default()
            .iter()
            .flat_map(|s| keywords(&s.all_text()))
            .collect(),
        markdown: out.finish()?,
        warnings: match broken {
            0 => Vec::new(),
            1 => vec!["A chapter that is missing or damaged was left out.".to_owned()],
            n => vec![format!("{n} chapters that are missing or damaged were left out.")],
        },
        ..Extracted::default()
    })
}

/// The file that lists all others.
fn package_file(package: &Package) -> Result<String, Unfit> {
    let container = package.part("META-INF/container.xml").ok().flatten();
    let named = container
        .as_ref()
        .and_then(|c| c.find("rootfile"))
        .and_then(|r| r.attr("full-path"))
        .map(|path| resolve("", path));
    if let Some(path) = named.filter(|p| package.has(p)) {
        return Ok(path);
    }
    let mut found: Vec<&str> = package.names().filter(|n| n.ends_with(".opf")).collect();
    found.sort_unstable();
    found.first().map(|n| (*n).to_owned()).ok_or(Unfit::Corrupt)
}

fn items(book: &Node, place: &str) -> HashMap<String, Item> {
    let item = |i: &Node| {
        Some((
            i.attr("id")?.to_owned(),
            Item {
                path: path(place, i.attr("href")?),
                kind: i.attr("media-type").unwrap_or_default().to_owned(),
                properties: i.attr("properties").unwrap_or_default().to_owned(),
            },
        ))
    };
    let manifest = book.child("manifest");
    manifest
        .map(|m| m.all("item").filter_map(item).collect())
        .unwrap_or_default()
}

/// Where a reference leads, without the place in the file.
fn path(from: &str, href: &str) -> String {
    let href = href.split('#').next().unwrap_or_default();
    resolve(from, &decoded(href)).to_lowercase()
}

/// `%20` and its like as what they stand for.
fn decoded(href: &str) -> String {
    let mut bytes = Vec::with_capacity(href.len());
    let mut rest = href.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        match hex
            .and_then(|h| u8::from_str_radix(h, 16).ok())
            .filter(|_| *first == b'%')
        {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The files that a seller locked. Fonts are often obfuscated, which is no lock.
fn locked(package: &Package) -> HashSet<String> {
    let mut found = HashSet::new();
    let list = package.part("META-INF/encryption.xml").ok().flatten();
    for data in list.iter().flat_map(|l| l.all("EncryptedData")) {
        let uri = data.find("CipherReference").and_then(|r| r.attr("URI"));
        found.extend(uri.map(|u| path("", u)));
    }
    found
}

/// What the table of contents calls the beginning of each file.
fn titles(package: &Package, items: &HashMap<String, Item>) -> HashMap<String, String> {
    let mut titles = HashMap::new();
    for item in items.values() {
        let is_nav = item.properties.split_whitespace().any(|p| p == "nav");
        if !is_nav && item.kind != "application/x-dtbncx+xml" {
            continue;
        }
        if let Ok(Some(root)) = package.part(&item.path) {
            collect(&root, &item.path, &mut titles);
        }
    }
    titles
}

fn collect(node: &Node, from: &str, titles: &mut HashMap<String, String>) {
    for child in &node.children {
        let entry = match child.name.as_str() {
            "a" => child.attr("href").map(|href| (href, child.all_text())),
            "navPoint" => child
                .child("content")
                .and_then(|c| c.attr("src"))
                .zip(child.child("navLabel").map(Node::all_text)),
            _ => None,
        };
        if let Some((href, text)) = entry {
            titles.entry(path(from, href)).or_insert_with(|| one_line(&text));
        }
        collect(child, from, titles);
    }
}

/// Who wrote it, and what it says that it is about.
fn about(book: &Node, out: &mut Writer) {
    let Some(meta) = book.child("metadata") else {
        return;
    };
    let authors: Vec<String> = meta
        .all("creator")
        .map(|c| escape(&one_line(&c.all_text())))
        .filter(|a| !a.is_empty())
        .collect();
    if !authors.is_empty() {
        out.block(&format!("**Authors:** {}", authors.join(", ")));
    }
    if let Some(text) = meta.child("description") {
        let text = text.all_text();
        // Some sellers write it in HTML.
        let text = if text.contains("</") {
            html::to_markdown(&text).unwrap_or_default()
        } else {
            escape(&one_line(&text))
        };
        out.paragraph(&text);
    }
}

fn chapter(bytes: &[u8]) -> Result<String, Unfit> {
    let text = charset::decode(bytes, true)?;
    html::part(&open_tags(&text))
}

/// XHTML as HTML: there an empty element may close itself, which in HTML opens it, and with
/// a `<title/>` all that follows would be the title.
fn open_tags(text: &str) -> String {
    const VOID: [&str; 14] = [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
        "track", "wbr",
    ];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("/>") {
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        let tag = head.rfind('<').map_or("", |i| &head[i + 1..]);
        let name: String = tag
            .chars()
            .take_while(|c| c.is_alphanumeric() || matches!(c, ':' | '-' | '_'))
            .collect();
        let is_void = VOID.contains(&name.to_ascii_lowercase().as_str());
        if name.is_empty() || is_void || tag.contains('>') {
            out.push_str("/>");
        } else {
            out.push_str(&format!("></{name}>"));
        }
        rest = &tail[2..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_that_close_themselves_swallow_nothing() {
        let page = "<html><head><title/><script src=\"x\"/></head><body><a id=\"p1\"/><p>Text<br/>more</p></body></html>";
        assert_eq!(chapter(page.as_bytes()).unwrap().trim(), "Text\\\nmore");
        assert_eq!(open_tags("a /> b <hr/> x > y/>"), "a /> b <hr/> x > y/>");
    }

    #[test]
    fn references_are_read_as_readers_read_them() {
        assert_eq!(
            path("OEBPS/book.opf", "Text/a%20b.xhtml#x"),
            "oebps/text/a b.xhtml"
        );
        assert_eq!(path("OEBPS/book.opf", "../../%2e%2e/etc"), "etc");
        assert_eq!(decoded("100%"), "100%");
    }
}
