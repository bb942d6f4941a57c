//! What a document's styles say that matters to its text.

use std::collections::HashMap;

use crate::knowledge::extract::xml::Node;

/// Styles that stand on each other at most.
const DEEPEST: usize = 20;
/// Levels of a list.
const LEVELS: usize = 10;

/// The styles by their names.
#[derive(Debug, Default)]
pub struct Styles {
    styles: HashMap<String, Style>,
    /// For each style of lists which of its levels have numbers.
    lists: HashMap<String, [bool; LEVELS]>,
}

#[derive(Debug, Default)]
struct Style {
    parent: Option<String>,
    display_name: Option<String>,
    hidden: bool,
    list: Option<String>,
}

impl Styles {
    /// Reads them; later parts go before earlier ones.
    pub fn read<'a>(parts: impl Iterator<Item = &'a Node>) -> Self {
        let mut all = Self::default();
        for part in parts {
            for group in ["styles", "automatic-styles"] {
                for style in part.child(group).iter().flat_map(|g| &g.children) {
                    match style.name.as_str() {
                        "style" => all.add(style),
                        "list-style" => all.add_list(style),
                        _ => {}
                    }
                }
            }
        }
        all
    }

    fn add(&mut self, style: &Node) {
        let Some(name) = style.attr("name") else { return };
        let says =
            |part: &str, name: &str, value: &str| style.child(part).and_then(|p| p.attr(name)) == Some(value);
        let own = |name: &str| style.attr(name).filter(|v| !v.is_empty()).map(str::to_owned);
        let hidden = says("text-properties", "display", "none")
            || says("table-properties", "display", "false")
            || says("drawing-page-properties", "visibility", "hidden");
        self.styles.insert(
            name.to_owned(),
            Style {
                parent: own("parent-style-name"),
                display_name: own("display-name"),
                hidden,
                list: own("list-style-name"),
            },
        );
    }

    fn add_list(&mut self, style: &Node) {
        let Some(name) = style.attr("name") else { return };
        let mut numbered = [false; LEVELS];
        for level in style.all("list-level-style-number") {
            let at = level.attr("level").and_then(|l| l.parse::<usize>().ok());
            let has_number = level.attr("num-format").is_some_and(|f| !f.is_empty());
            if let Some(slot) = at.and_then(|l| numbered.get_mut(l.wrapping_sub(1))) {
                *slot = has_number;
            }
        }
        self.lists.insert(name.to_owned(), numbered);
    }

    /// A style and those that it stands on.
    fn chain<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, Option<&'a Style>)> {
        let mut next = Some(name);
        std::iter::from_fn(move || {
            let name = next?;
            let style = self.styles.get(name);
            next = style.and_then(|s| s.parent.as_deref());
            Some((name, style))
        })
        .take(DEEPEST)
    }

    /// Whether what is in this style isn't shown.
    pub fn is_hidden(&self, name: Option<&str>) -> bool {
        name.is_some_and(|n| self.chain(n).any(|(_, s)| s.is_some_and(|s| s.hidden)))
    }

    /// Whether a style is this one of the program's own, or made from it.
    pub fn is(&self, name: Option<&str>, own: &str) -> bool {
        name.is_some_and(|n| {
            self.chain(n).any(|(name, style)| {
                name == own || style.is_some_and(|s| s.display_name.as_deref() == Some(own))
            })
        })
    }

    /// The style of lists that a paragraph's style brings along.
    pub fn list_of<'a>(&'a self, name: Option<&'a str>) -> Option<&'a str> {
        self.chain(name?).find_map(|(_, s)| s?.list.as_deref())
    }

    /// Whether a list's items have numbers, at a level from 0.
    pub fn is_numbered(&self, list: Option<&str>, level: usize) -> bool {
        let levels = list.and_then(|l| self.lists.get(l));
        levels.is_some_and(|l| l.get(level).copied().unwrap_or(false))
    }
}
