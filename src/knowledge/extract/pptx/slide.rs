//! What stands on a slide: shapes with paragraphs, tables, charts, diagrams and pictures.

use crate::knowledge::extract::chart;
use crate::knowledge::extract::escape::escape;
use crate::knowledge::extract::office::{self, Relation};
use crate::knowledge::extract::package::Package;
use crate::knowledge::extract::writer::{Writer, link, one_line};
use crate::knowledge::extract::xml::Node;
use crate::knowledge::unfit::Unfit;

/// Levels of a list.
const LEVELS: usize = 9;
/// Cells that a merged one covers at most.
const MOST_SPAN: usize = 64;
/// A line that stands for a title is no longer than this, in characters.
const LINE: usize = 80;
/// What stands on every slide.
const REPEATED: [&str; 4] = ["dt", "ftr", "sldNum", "hdr"];

/// A slide.
pub struct Slide {
    root: Node,
    relations: Vec<Relation>,
}

impl Slide {
    /// Reads its part.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn open(package: &Package, part: &str) -> Result<Option<Self>, Unfit> {
        let Some(root) = package.part(part)? else {
            return Ok(None);
        };
        let relations = office::relations(package, part)?;
        Ok(Some(Self { root, relations }))
    }

    /// Whether it is skipped when the slides are shown.
    pub fn is_hidden(&self) -> bool {
        matches!(self.root.attr("show"), Some("0" | "false"))
    }

    fn shapes(&self) -> Option<&Node> {
        self.root.child("cSld")?.child("spTree")
    }

    /// The text of its title, or of the box that stands for one.
    pub fn title(&self) -> Option<String> {
        let shapes = self.shapes()?;
        let text = find_title(shapes)
            .map(|shape| lines(shape).join(" "))
            .filter(|t| !t.is_empty());
        text.or_else(|| Some(lines(stand_in(shapes)?).join(" ")))
    }

    /// Writes all but the title, and the notes.
    ///
    /// # Errors
    /// When there is more than is taken in, or a part of it is larger than anybody writes.
    pub fn write(&self, package: &Package, out: &mut Writer) -> Result<(), Unfit> {
        if let Some(shapes) = self.shapes() {
            self.walk(shapes, stand_in(shapes), package, out)?;
        }
        if let Some(part) = office::related(&self.relations, "notesSlide")
            && let Ok(Some(notes)) = Self::open(package, part)
        {
            let mut lines = Vec::new();
            notes.shapes().into_iter().for_each(|s| note_lines(s, &mut lines));
            if let Some(first) = lines.first_mut() {
                *first = format!("Notes: {first}");
            }
            lines.iter().for_each(|l| out.paragraph(l));
        }
        Ok(())
    }

    fn walk(
        &self,
        node: &Node,
        title: Option<&Node>,
        package: &Package,
        out: &mut Writer,
    ) -> Result<(), Unfit> {
        for shape in &node.children {
            out.check()?;
            if is_unseen(shape) || title.is_some_and(|title| std::ptr::eq(title, shape)) {
                continue;
            }
            match shape.name.as_str() {
                "sp" => {
                    let kind = placeholder(shape);
                    let is_title = matches!(kind, Some("title" | "ctrTitle"));
                    if !is_title
                        && !kind.is_some_and(|k| REPEATED.contains(&k))
                        && let Some(body) = shape.child("txBody")
                    {
                        // What a layout gives a frame is a list; a text box is none.
                        self.text(body, kind.is_some_and(|k| k != "subTitle"), out);
                    }
                }
                "grpSp" => self.walk(shape, title, package, out)?,
                "pic" => self.picture(shape, out),
                "graphicFrame" => self.graphic(shape, package, out)?,
                "AlternateContent" => {
                    if let Some(shown) = shape.child("Choice").or_else(|| shape.child("Fallback")) {
                        self.walk(shown, title, package, out)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn text(&self, body: &Node, is_list: bool, out: &mut Writer) {
        let paragraphs: Vec<(&Node, String)> = body
            .all("p")
            .map(|p| (p, self.inline(p)))
            .filter(|(_, text)| !text.trim().is_empty())
            .collect();
        let is_list = is_list && paragraphs.len() > 1;
        let mut numbers = [0_u64; LEVELS];
        for (paragraph, text) in paragraphs {
            let properties = paragraph.child("pPr");
            let has = |name| properties.is_some_and(|p| p.child(name).is_some());
            let level = properties
                .and_then(|p| p.attr("lvl"))
                .and_then(|l| l.parse().ok());
            let level = level.unwrap_or(0_usize).min(LEVELS - 1);
            numbers[level + 1..].fill(0);
            if let Some(auto) = properties.and_then(|p| p.child("buAutoNum")) {
                let start = auto.attr("startAt").and_then(|s| s.parse().ok()).unwrap_or(1_u64);
                numbers[level] = (numbers[level] + 1).max(start);
                out.item(level, Some(numbers[level]), &text);
                continue;
            }
            numbers[level] = 0;
            if has("buChar") || has("buBlip") || (is_list && !has("buNone")) {
                out.item(level, None, &text);
            } else {
                out.paragraph(&text);
            }
        }
    }

    /// A paragraph's text.
    fn inline(&self, paragraph: &Node) -> String {
        let mut out = String::new();
        self.runs(paragraph, &mut out);
        out
    }

    fn runs(&self, node: &Node, out: &mut String) {
        for child in &node.children {
            match child.name.as_str() {
                "r" => {
                    let text = escape(&child.child("t").map(Node::all_text).unwrap_or_default());
                    let target = child
                        .child("rPr")
                        .and_then(|p| p.child("hlinkClick"))
                        .and_then(|l| l.attr("id"))
                        .and_then(|id| self.relations.iter().find(|r| r.id == id && r.external));
                    match target {
                        Some(relation) => out.push_str(&link(&text, &relation.target)),
                        None => out.push_str(&text),
                    }
                }
                "br" => out.push_str("\\\n"),
                "fld" if child.attr("type") != Some("slidenum") => {
                    out.push_str(&escape(&child.child("t").map(Node::all_text).unwrap_or_default()));
                }
                "pPr" | "endParaRPr" | "fld" => {}
                // Equations, and what newer versions wrap around runs.
                "t" => out.push_str(&escape(&child.all_text())),
                "AlternateContent" => {
                    if let Some(shown) = child.child("Choice").or_else(|| child.child("Fallback")) {
                        self.runs(shown, out);
                    }
                }
                _ => self.runs(child, out),
            }
        }
    }

    /// What its author says that a picture shows; not what a program says.
    fn picture(&self, shape: &Node, out: &mut Writer) {
        let about = shape.child("nvPicPr").and_then(|p| p.child("cNvPr"));
        let text = one_line(about.and_then(|a| a.attr("descr")).unwrap_or_default());
        let by_program = [
            "automatically generated",
            "automatisch generiert",
            "KI-generiert",
            "AI-generated",
        ]
        .iter()
        .any(|m| text.contains(m));
        if !by_program && text.contains(' ') {
            out.paragraph(&escape(&text));
        }
    }

    fn graphic(&self, frame: &Node, package: &Package, out: &mut Writer) -> Result<(), Unfit> {
        let Some(data) = frame.child("graphic").and_then(|g| g.child("graphicData")) else {
            return Ok(());
        };
        if let Some(table) = data.child("tbl") {
            out.table(&self.table(table));
        } else if let Some(id) = data.child("chart").and_then(|c| c.attr("id")) {
            // A chart that can't be read is a picture without words.
            if let Some(part) = office::target(&self.relations, id)
                && let Ok(Some(root)) = package.part(part)
            {
                chart::write(&root, out);
            }
        } else if let Some(id) = data.child("relIds").and_then(|r| r.attr("dm"))
            && let Some(part) = office::target(&self.relations, id)
            && let Ok(Some(root)) = package.part(part)
        {
            for point in root.child("ptLst").iter().flat_map(|l| l.all("pt")) {
                let text = point.child("t").map(|t| self.inline_all(t)).unwrap_or_default();
                out.item(0, None, &text);
            }
        }
        Ok(())
    }

    /// All paragraphs of a body on one line.
    fn inline_all(&self, body: &Node) -> String {
        let lines: Vec<String> = body.all("p").map(|p| self.inline(p)).collect();
        one_line(&lines.join("\n"))
    }

    fn table(&self, table: &Node) -> Vec<Vec<String>> {
        let mut rows: Vec<Vec<String>> = Vec::new();
        for row in table.all("tr") {
            let mut cells: Vec<String> = Vec::new();
            for cell in row.all("tc") {
                let is = |name| matches!(cell.attr(name), Some("1" | "true"));
                // A merged cell says its text in each place that it covers.
                let text = if is("hMerge") && cells.len() < MOST_SPAN {
                    cells.last().cloned().unwrap_or_default()
                } else if is("vMerge") {
                    let above = rows.last().and_then(|r| r.get(cells.len()));
                    above.cloned().unwrap_or_default()
                } else {
                    cell.child("txBody")
                        .map(|b| self.inline_all(b))
                        .unwrap_or_default()
                };
                cells.push(text);
            }
            rows.push(cells);
        }
        rows
    }
}

/// A paragraph's words.
fn plain(paragraph: &Node) -> String {
    fn add(node: &Node, out: &mut String) {
        match node.name.as_str() {
            "br" => out.push(' '),
            "" => out.push_str(&node.text),
            _ => node.children.iter().for_each(|c| add(c, out)),
        }
    }
    let mut out = String::new();
    add(paragraph, &mut out);
    one_line(&out)
}

/// The kind of a frame that the layout gives; empty for a plain one.
fn placeholder(shape: &Node) -> Option<&str> {
    let frame = shape.child("nvSpPr")?.child("nvPr")?.child("ph")?;
    Some(frame.attr("type").unwrap_or(""))
}

fn find_title(node: &Node) -> Option<&Node> {
    node.children.iter().find_map(|shape| match shape.name.as_str() {
        "sp" if matches!(placeholder(shape), Some("title" | "ctrTitle")) => Some(shape),
        "grpSp" => find_title(shape),
        _ => None,
    })
}

/// The lines of a shape's text.
fn lines(shape: &Node) -> Vec<String> {
    let paragraphs = shape.child("txBody").into_iter().flat_map(|body| body.all("p"));
    paragraphs.map(plain).filter(|l| !l.is_empty()).collect()
}

/// The box that stands for the title of a slide whose title has no words: its first text, where that is
/// a single line in a box of its own, and no sentence. None where there is a title.
fn stand_in(shapes: &Node) -> Option<&Node> {
    if find_title(shapes).is_some_and(|title| !lines(title).is_empty()) {
        return None;
    }
    let first = shapes.children.iter().find(|shape| {
        let repeated = placeholder(shape).is_some_and(|k| REPEATED.contains(&k));
        shape.name == "sp" && !repeated && !is_unseen(shape) && !lines(shape).is_empty()
    })?;
    let text = lines(first);
    let [line] = text.as_slice() else { return None };
    let is_title = line.chars().count() <= LINE && !line.ends_with(['.', '!', '?', ':', ';', ',']);
    (placeholder(first).is_none() && is_title).then_some(first)
}

/// Whether its author made it invisible.
fn is_unseen(shape: &Node) -> bool {
    shape
        .children
        .iter()
        .filter(|c| c.name.starts_with("nv"))
        .filter_map(|c| c.child("cNvPr"))
        .any(|c| matches!(c.attr("hidden"), Some("1" | "true")))
}

/// The speaker's own words, without the slide's picture and number.
fn note_lines(shapes: &Node, lines: &mut Vec<String>) {
    for shape in shapes.all("sp") {
        if placeholder(shape) != Some("body") {
            continue;
        }
        for paragraph in shape.child("txBody").iter().flat_map(|b| b.all("p")) {
            let text = escape(&plain(paragraph));
            if !text.is_empty() {
                lines.push(text);
            }
        }
    }
}
