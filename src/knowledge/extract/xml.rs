//! XML as trees, under limits on how many elements there are and how deep they stand.

use std::io::{BufReader, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::knowledge::unfit::Unfit;

/// Elements and texts of one part at most.
const MOST_NODES: usize = 2_000_000;
/// Elements in elements at most; Word itself stays below 100.
pub const MOST_NESTED: usize = 400;

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

    /// All attributes of this local name: of several namespaces there may be several.
    pub fn attrs_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.attrs.iter().filter(move |(n, _)| n == name);
        named.map(|(_, value)| value.as_str())
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

/// Reads XML. What the text says before a broken place is kept only if the place is the end.
pub fn tree(source: impl Read) -> Result<Node, Unfit> {
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
            Event::GeneralRef(r) => add_text(&mut open, &reference(&r)),
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

fn element(e: &BytesStart) -> Node {
    Node {
        name: e.local_name().as_ref().to_owned(),
        attrs: e
            .attributes()
            .flatten()
            .map(|a| (a.key.local_name().as_ref().to_owned(), unescaped(&a.value)))
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

/// What a reference stands for. Only characters and the five named ones: a document that
/// declares others of its own wants to multiply them.
pub fn reference(r: &quick_xml::events::BytesRef) -> String {
    if let Ok(Some(c)) = r.resolve_char_ref() {
        return c.to_string();
    }
    let named = match &**r {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    };
    named.to_owned()
}

/// An attribute of an element that is read in passing, by its local name.
pub fn attribute(e: &BytesStart, name: &str) -> Option<String> {
    let found = e
        .attributes()
        .flatten()
        .find(|a| a.key.local_name().as_ref() == name)?;
    Some(unescaped(&found.value))
}

fn unescaped(value: &str) -> String {
    quick_xml::escape::unescape(value).map_or_else(|_| value.to_owned(), std::borrow::Cow::into_owned)
}
