//! The parts of an office file: a ZIP archive of XML, read into trees under limits that
//! count what is really inflated, not what the archive claims.

use std::cell::Cell;
use std::io::{BufReader, Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::knowledge::unfit::Unfit;

/// What all parts of one file may inflate to, in bytes.
const MOST_INFLATED: u64 = 256 << 20;
/// Elements and texts of one part at most.
const MOST_NODES: usize = 2_000_000;
/// Elements in elements at most; Word itself stays below 100.
const MOST_NESTED: usize = 400;
/// Entries of the archive at most.
const MOST_ENTRIES: usize = 20_000;

/// An element. Names are local ones: the namespaces of the two dialects differ, the names don't.
#[derive(Debug, Default)]
pub struct Node {
    /// Its local name; empty for a text.
    pub name: String,
    /// Its attributes by their local names.
    attrs: Vec<(String, String)>,
    /// What is in it.
    pub children: Vec<Node>,
    /// A text's words.
    pub text: String,
}

impl Node {
    /// An attribute's value.
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attrs
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|c| c.name == name)
    }

    /// The children of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |c| c.name == name)
    }

    /// The `val` of a child.
    pub fn val(&self, child: &str) -> Option<&str> {
        self.child(child).and_then(|c| c.attr("val"))
    }

    /// Whether a switch is there and not turned off.
    pub fn is_on(&self, child: &str) -> bool {
        self.child(child)
            .is_some_and(|c| !matches!(c.attr("val"), Some("0" | "false" | "off" | "none")))
    }

    /// The nearest element of this name, at any depth.
    pub fn find(&self, name: &str) -> Option<&Node> {
        self.children
            .iter()
            .find_map(|c| if c.name == name { Some(c) } else { c.find(name) })
    }

    /// All text in it.
    pub fn all_text(&self) -> String {
        let mut out = self.text.clone();
        for child in &self.children {
            out.push_str(&child.all_text());
        }
        out
    }
}

/// An opened archive.
pub struct Package<'a> {
    archive: std::cell::RefCell<zip::ZipArchive<Cursor<&'a [u8]>>>,
    inflated: Cell<u64>,
}

impl<'a> Package<'a> {
    /// Opens it.
    ///
    /// # Errors
    /// When it is no archive, or one with too many entries.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Unfit> {
        let archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unfit::Corrupt)?;
        if archive.len() > MOST_ENTRIES {
            return Err(Unfit::Inflates);
        }
        Ok(Self {
            archive: std::cell::RefCell::new(archive),
            inflated: Cell::new(0),
        })
    }

    /// The names of its entries.
    pub fn names(&self) -> Vec<String> {
        self.archive.borrow().file_names().map(str::to_owned).collect()
    }

    /// A part as a tree; None where it isn't there.
    ///
    /// # Errors
    /// When it can't be read, or is larger than anybody writes.
    pub fn part(&self, name: &str) -> Result<Option<Node>, Unfit> {
        let mut archive = self.archive.borrow_mut();
        let file = match archive.by_name(name.trim_start_matches('/')) {
            Ok(file) => file,
            Err(zip::result::ZipError::FileNotFound) => return Ok(None),
            Err(_) => return Err(Unfit::Corrupt),
        };
        if file.encrypted() {
            return Err(Unfit::Encrypted);
        }
        let mut counted = Counted {
            inner: file,
            inflated: &self.inflated,
        };
        let tree = tree(&mut counted);
        if self.inflated.get() > MOST_INFLATED {
            return Err(Unfit::Inflates);
        }
        tree.map(Some)
    }
}

/// Counts what comes out, and ends at the limit.
struct Counted<'a, R> {
    inner: R,
    inflated: &'a Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.inflated.set(self.inflated.get() + read as u64);
        if self.inflated.get() > MOST_INFLATED {
            return Err(std::io::Error::other("inflates to too much"));
        }
        Ok(read)
    }
}

/// Reads XML. What the text says before a broken place is kept only if the place is the end.
fn tree(source: impl Read) -> Result<Node, Unfit> {
    let mut reader = Reader::from_reader(BufReader::new(source));
    let mut open = vec![Node::default()];
    let mut buffer = Vec::new();
    let mut nodes = 0;
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(|_| Unfit::Corrupt)?;
        nodes += 1;
        if nodes > MOST_NODES {
            return Err(Unfit::Inflates);
        }
        match event {
            Event::Start(e) => {
                if open.len() > MOST_NESTED {
                    return Err(Unfit::TooNested);
                }
                open.push(element(&e));
            }
            Event::Empty(e) => {
                let node = element(&e);
                if let Some(parent) = open.last_mut() {
                    parent.children.push(node);
                }
            }
            Event::End(_) => {
                if open.len() > 1
                    && let (Some(node), Some(parent)) = (open.pop(), open.last_mut())
                {
                    parent.children.push(node);
                }
            }
            Event::Text(t) => add_text(&mut open, &t),
            Event::CData(t) => add_text(&mut open, &t),
            // Only characters and the five named ones: a document that declares others of
            // its own wants to multiply them.
            Event::GeneralRef(r) => match r.resolve_char_ref() {
                Ok(Some(c)) => add_text(&mut open, c.encode_utf8(&mut [0; 4])),
                _ => add_text(
                    &mut open,
                    match &*r {
                        "amp" => "&",
                        "lt" => "<",
                        "gt" => ">",
                        "quot" => "\"",
                        "apos" => "'",
                        _ => "",
                    },
                ),
            },
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {}
        }
    }
    if open.len() > 1 {
        return Err(Unfit::Corrupt);
    }
    let mut root = open.pop().unwrap_or_default();
    root.children
        .iter()
        .position(|c| !c.name.is_empty())
        .map(|i| root.children.swap_remove(i))
        .ok_or(Unfit::Corrupt)
}

fn element(e: &quick_xml::events::BytesStart) -> Node {
    Node {
        name: e.local_name().as_ref().to_owned(),
        attrs: e
            .attributes()
            .flatten()
            .map(|a| {
                let value = quick_xml::escape::unescape(&a.value)
                    .map_or_else(|_| a.value.to_string(), std::borrow::Cow::into_owned);
                (a.key.local_name().as_ref().to_owned(), value)
            })
            .collect(),
        ..Node::default()
    }
}

fn add_text(open: &mut [Node], text: &str) {
    let Some(parent) = open.last_mut() else { return };
    match parent.children.last_mut() {
        Some(last) if last.name.is_empty() => last.text.push_str(text),
        _ => parent.children.push(Node {
            text: text.to_owned(),
            ..Node::default()
        }),
    }
}
