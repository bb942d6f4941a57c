//! Styles and list numbers: what a paragraph is by its style, and which number stands
//! before it. Word stores neither with the text.

use std::collections::HashMap;

use crate::knowledge::extract::xml::Node;

/// Levels of a list.
const LEVELS: usize = 9;

/// What a paragraph's style says.
#[derive(Debug, Clone, Default)]
pub struct Style {
    /// The heading's level, 1 to 9.
    pub heading: Option<usize>,
    /// Whether it is the document's title.
    pub title: bool,
    /// Its list and the level in it.
    pub list: Option<(String, usize)>,
    /// Whether it is code.
    pub code: bool,
}

/// Styles by their ids.
pub struct Styles(HashMap<String, Style>);

impl Styles {
    /// Reads `styles.xml`.
    pub fn read(root: Option<&Node>) -> Self {
        let nodes: HashMap<&str, &Node> = root
            .into_iter()
            .flat_map(|r| r.all("style"))
            .filter_map(|s| Some((s.attr("styleId")?, s)))
            .collect();
        let styles = nodes
            .keys()
            .map(|id| ((*id).to_owned(), style(id, &nodes)))
            .collect();
        Self(styles)
    }

    /// The style of a paragraph with these properties, which may say more than their style.
    pub fn of(&self, properties: Option<&Node>) -> Style {
        let Some(properties) = properties else {
            return Style::default();
        };
        let mut style = properties
            .val("pStyle")
            .and_then(|id| self.0.get(id))
            .cloned()
            .unwrap_or_default();
        if let Some(level) = outline(properties) {
            style.heading = level;
        }
        if let Some(own) = properties.child("numPr") {
            let level = own.val("ilvl").and_then(|l| l.parse().ok());
            match own.val("numId") {
                // A number of none takes the style's away.
                Some("0") => style.list = None,
                Some(id) => {
                    let of_style = style.list.as_ref().map_or(0, |(_, l)| *l);
                    style.list = Some((id.to_owned(), level.unwrap_or(of_style)));
                }
                None => {
                    if let (Some((_, l)), Some(level)) = (&mut style.list, level) {
                        *l = level;
                    }
                }
            }
        }
        style
    }
}

/// A style with what it takes from those that it is based on.
fn style(id: &str, nodes: &HashMap<&str, &Node>) -> Style {
    let mut out = Style::default();
    let mut at = Some(id);
    let mut level_found = false;
    // A circle of styles must end too.
    for _ in 0..20 {
        let Some(node) = at.and_then(|id| nodes.get(id)) else {
            break;
        };
        let name = node.val("name").unwrap_or_default().to_ascii_lowercase();
        let properties = node.child("pPr");
        if !level_found {
            let by_name = name
                .strip_prefix("heading ")
                .and_then(|n| n.trim().parse::<usize>().ok())
                .filter(|n| (1..=LEVELS).contains(n));
            let by_outline = properties.and_then(outline);
            if let Some(level) = by_outline.or(by_name.map(Some)) {
                out.heading = level;
                level_found = true;
            }
        }
        out.title |= name == "title";
        out.code |= name.contains("code") || name.contains("preformatted") || name == "macro";
        if out.list.is_none()
            && let Some(own) = properties.and_then(|p| p.child("numPr"))
            && let Some(list) = own.val("numId").filter(|i| *i != "0")
        {
            let level = own.val("ilvl").and_then(|l| l.parse().ok()).unwrap_or(0);
            out.list = Some((list.to_owned(), level));
        }
        at = node.val("basedOn");
    }
    out
}

/// `outlineLvl`: 0 to 8 are headings, 9 is body text.
fn outline(properties: &Node) -> Option<Option<usize>> {
    let level: usize = properties.val("outlineLvl")?.parse().ok()?;
    Some((level < LEVELS).then_some(level + 1))
}

#[derive(Debug, Clone)]
struct Level {
    format: String,
    /// With `%1` for the number of the first level.
    text: String,
    start: u32,
}

/// Lists by their ids, and how far each has been counted.
pub struct Numbering {
    /// For each list its definition, and where levels start anew.
    lists: HashMap<String, (String, HashMap<usize, u32>)>,
    definitions: HashMap<String, Vec<Level>>,
    counters: HashMap<String, [Option<u32>; LEVELS]>,
    begun: std::collections::HashSet<(String, usize)>,
}

/// What stands before a list's paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Label {
    /// A bullet.
    Bullet,
    /// A number of one level, as Markdown has it.
    Number(u32),
    /// Anything else, for example `1.2.` or `b)`.
    Text(String),
    /// Nothing.
    None,
}

impl Numbering {
    /// Reads `numbering.xml`.
    pub fn read(root: Option<&Node>) -> Self {
        let mut out = Self {
            lists: HashMap::new(),
            definitions: HashMap::new(),
            counters: HashMap::new(),
            begun: std::collections::HashSet::new(),
        };
        let Some(root) = root else { return out };
        for definition in root.all("abstractNum") {
            let Some(id) = definition.attr("abstractNumId") else {
                continue;
            };
            let mut levels = vec![
                Level {
                    format: "decimal".to_owned(),
                    text: String::new(),
                    start: 1
                };
                LEVELS
            ];
            for level in definition.all("lvl") {
                let Some(at) = level
                    .attr("ilvl")
                    .and_then(|l| l.parse::<usize>().ok())
                    .filter(|l| *l < LEVELS)
                else {
                    continue;
                };
                levels[at] = Level {
                    format: level.val("numFmt").unwrap_or("decimal").to_owned(),
                    text: level.val("lvlText").unwrap_or_default().to_owned(),
                    start: level.val("start").and_then(|s| s.parse().ok()).unwrap_or(1),
                };
            }
            out.definitions.insert(id.to_owned(), levels);
        }
        for list in root.all("num") {
            let (Some(id), Some(definition)) = (list.attr("numId"), list.val("abstractNumId")) else {
                continue;
            };
            let anew = list
                .all("lvlOverride")
                .filter_map(|o| {
                    Some((
                        o.attr("ilvl")?.parse().ok()?,
                        o.val("startOverride")?.parse().ok()?,
                    ))
                })
                .collect();
            out.lists.insert(id.to_owned(), (definition.to_owned(), anew));
        }
        out
    }

    /// Counts a paragraph, and says what stands before it.
    pub fn next(&mut self, list: &str, level: usize) -> Label {
        let level = level.min(LEVELS - 1);
        let Some((definition, anew)) = self.lists.get(list) else {
            return Label::Bullet;
        };
        let Some(levels) = self.definitions.get(definition) else {
            return Label::Bullet;
        };
        let counters = self.counters.entry(definition.clone()).or_default();
        if let Some(start) = anew.get(&level)
            && self.begun.insert((list.to_owned(), level))
        {
            counters[level] = start.checked_sub(1);
        }
        let next = counters[level].map_or(levels[level].start, |n| n.saturating_add(1));
        counters[level] = Some(next);
        for deeper in &mut counters[level + 1..] {
            *deeper = None;
        }
        let Level { format, text, .. } = &levels[level];
        match format.as_str() {
            "bullet" => Label::Bullet,
            "none" => Label::None,
            _ if text.trim().is_empty() => Label::None,
            "decimal" if text.trim_end_matches(['.', ')']) == format!("%{}", level + 1) => {
                Label::Number(next)
            }
            _ => {
                let mut shown = text.clone();
                for (i, l) in levels.iter().enumerate() {
                    let mark = format!("%{}", i + 1);
                    if shown.contains(&mark) {
                        let n = counters[i].unwrap_or(l.start);
                        shown = shown.replace(&mark, &number(n, &l.format));
                    }
                }
                Label::Text(shown.trim().to_owned())
            }
        }
    }
}

/// A number in one of Word's formats.
fn number(n: u32, format: &str) -> String {
    match format {
        "lowerLetter" => letters(n),
        "upperLetter" => letters(n).to_uppercase(),
        "lowerRoman" => roman(n),
        "upperRoman" => roman(n).to_uppercase(),
        "decimalZero" => format!("{n:02}"),
        "bullet" | "none" => String::new(),
        _ => n.to_string(),
    }
}

/// a to z, then aa, bb, as Word counts.
fn letters(n: u32) -> String {
    let Some(n) = n.checked_sub(1) else {
        return String::new();
    };
    let letter = u8::try_from(n % 26).map_or('a', |l| (b'a' + l) as char);
    std::iter::repeat_n(letter, (n / 26).min(9) as usize + 1).collect()
}

fn roman(mut n: u32) -> String {
    const DIGITS: [(u32, &str); 13] = [
        (1000, "m"),
        (900, "cm"),
        (500, "d"),
        (400, "cd"),
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    ];
    if n > 3999 {
        return n.to_string();
    }
    let mut out = String::new();
    for (value, digits) in DIGITS {
        while n >= value {
            out.push_str(digits);
            n -= value;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_word_does() {
        assert_eq!(letters(1), "a");
        assert_eq!(letters(28), "bb");
        assert_eq!(roman(1994), "mcmxciv");
        assert_eq!(number(3, "upperLetter"), "C");
        assert_eq!(number(7, "decimalZero"), "07");
    }
}
