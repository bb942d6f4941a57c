//! A document's body as Markdown: blocks in their order, and what is in each.

use std::collections::HashMap;

use super::math;
use super::numbering::{Label, Numbering, Style, Styles};
use crate::knowledge::extract::MOST_TEXT;
use crate::knowledge::extract::escape::{escape, escape_start};
use crate::knowledge::extract::writer::grid;
use crate::knowledge::extract::xml::Node;
use crate::knowledge::unfit::Unfit;

/// A paragraph in bold of at most so many characters stands for a heading.
const BOLD_HEADING: usize = 120;

/// Writes a body.
pub struct Body {
    styles: Styles,
    numbering: Numbering,
    links: HashMap<String, String>,
    notes: HashMap<String, Node>,
    /// Which notes are referred to, in their order.
    noted: Vec<String>,
    /// Whether a paragraph in the title's style came: headings then stand below it.
    titled: bool,
    out: String,
    /// The last block was an item of a list.
    in_list: bool,
}

/// What a paragraph holds.
#[derive(Default)]
struct Line {
    text: String,
    /// How many letters, and how many of them are bold.
    letters: usize,
    bold: usize,
    /// Blocks that are anchored here: text boxes.
    boxes: Vec<String>,
    field: Field,
}

/// Where in a field the text is: its instructions are none.
#[derive(Default)]
struct Field {
    /// For each open field whether its result has begun.
    open: Vec<bool>,
}

impl Field {
    fn is_instruction(&self) -> bool {
        self.open.iter().any(|result| !result)
    }
}

impl Body {
    /// With what belongs to the document.
    pub fn new(
        styles: Styles,
        numbering: Numbering,
        links: HashMap<String, String>,
        notes: HashMap<String, Node>,
    ) -> Self {
        Self {
            styles,
            numbering,
            links,
            notes,
            noted: Vec::new(),
            titled: false,
            out: String::new(),
            in_list: false,
        }
    }

    /// All of it, the notes at the end.
    ///
    /// # Errors
    /// When there is more text than is taken in.
    pub fn write(mut self, body: &Node) -> Result<String, Unfit> {
        self.blocks(body)?;
        let mut i = 0;
        // A note may refer to another.
        while let Some(id) = self.noted.get(i).cloned() {
            i += 1;
            if let Some(note) = self.notes.remove(&id) {
                let text = self.flat(&note)?;
                self.block(&format!("\\[{i}\\] {text}"));
            }
        }
        Ok(self.out)
    }

    fn blocks(&mut self, node: &Node) -> Result<(), Unfit> {
        for child in &node.children {
            match child.name.as_str() {
                "p" => self.paragraph(child)?,
                "tbl" => self.table(child)?,
                "del" | "moveFrom" | "sectPr" | "tblPr" => {}
                _ => self.blocks(child)?,
            }
            if self.out.len() > MOST_TEXT {
                return Err(Unfit::too_much_text());
            }
        }
        Ok(())
    }

    fn block(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        if !self.out.is_empty() {
            self.out.push_str("\n\n");
        }
        self.out.push_str(text);
        self.in_list = false;
    }

    fn paragraph(&mut self, node: &Node) -> Result<(), Unfit> {
        let properties = node.child("pPr");
        let style = self.styles.of(properties);
        let mut line = Line::default();
        self.inline(node, &mut line)?;
        let boxes = std::mem::take(&mut line.boxes);
        let text = line.text.trim_matches([' ', '\n', '\t']).to_owned();
        if text.is_empty() {
            // A drawing's own paragraph has no number.
        } else if style.code {
            self.block(&format!(
                "```\n{}\n```",
                text.replace("\\\n", "\n").replace('\\', "")
            ));
        } else if style.title || style.heading.is_some() {
            self.heading(&style, &text);
        } else if let Some((list, level)) = &style.list {
            self.item(list, *level, &text);
        } else if let Some(task) = checkbox(&text) {
            self.list_line(0, &task);
        } else if line.letters > 0
            && line.bold == line.letters
            && text.chars().count() <= BOLD_HEADING
            && !text.contains(['\n', '*'])
            && !text.ends_with(['.', ','])
        {
            self.block(&format!("**{text}**"));
        } else {
            self.block(&escape_start(&text));
        }
        for text in boxes {
            self.block(&text);
        }
        Ok(())
    }

    fn heading(&mut self, style: &Style, text: &str) {
        let level = match style.heading {
            Some(level) => level + usize::from(self.titled),
            None => 1,
        };
        self.titled |= style.title && self.out.is_empty();
        let number = match &style.list {
            Some((list, level)) => match self.numbering.next(list, *level) {
                Label::Number(n) => format!("{n} "),
                Label::Text(text) => format!("{text} "),
                Label::Bullet | Label::None => String::new(),
            },
            None => String::new(),
        };
        let text = text.replace("\\\n", " ").replace('\n', " ");
        self.block(&format!("{} {number}{text}", "#".repeat(level.clamp(1, 6))));
    }

    fn item(&mut self, list: &str, level: usize, text: &str) {
        let label = self.numbering.next(list, level);
        let text = checkbox(text).map_or_else(|| text.to_owned(), |task| task["- ".len()..].to_owned());
        let line = match label {
            Label::Bullet => format!("- {text}"),
            Label::Number(n) => format!("{n}. {text}"),
            Label::Text(label) => format!("- {} {text}", escape(&label)),
            Label::None => return self.block(&text),
        };
        self.list_line(level, &line);
    }

    fn list_line(&mut self, level: usize, line: &str) {
        let level = if self.in_list { level } else { 0 };
        let indent = "    ".repeat(level.min(5));
        // A break within the item belongs to it.
        let line = line.replace('\n', &format!("\n{indent}  "));
        if !self.out.is_empty() {
            self.out.push_str(if self.in_list { "\n" } else { "\n\n" });
        }
        self.out.push_str(&indent);
        self.out.push_str(&line);
        self.in_list = true;
    }

    /// Adds what is in a paragraph or a part of one.
    fn inline(&mut self, node: &Node, line: &mut Line) -> Result<(), Unfit> {
        for child in &node.children {
            match child.name.as_str() {
                "r" => self.run(child, line)?,
                "hyperlink" => self.link(child, line)?,
                "oMathPara" => {
                    let equations: Vec<String> = child.all("oMath").map(math::tex).collect();
                    line.text
                        .push_str(&format!("\n$$ {} $$\n", equations.join(" \\\\ ")));
                }
                "oMath" => {
                    if !line.text.is_empty() && !line.text.ends_with(' ') {
                        line.text.push(' ');
                    }
                    line.text.push_str(&format!("${}$ ", math::tex(child)));
                }
                "pPr" | "rPr" | "del" | "moveFrom" | "sdtPr" | "sdtEndPr" => {}
                // Paragraphs in a paragraph are those of a text box.
                "p" | "tbl" => {}
                _ => self.inline(child, line)?,
            }
        }
        Ok(())
    }

    fn run(&mut self, run: &Node, line: &mut Line) -> Result<(), Unfit> {
        let properties = run.child("rPr");
        if properties.is_some_and(|p| p.is_on("vanish")) {
            return Ok(());
        }
        let bold = properties.is_some_and(|p| p.is_on("b"));
        self.run_parts(run, bold, line)
    }

    fn run_parts(&mut self, run: &Node, bold: bool, line: &mut Line) -> Result<(), Unfit> {
        for child in &run.children {
            match child.name.as_str() {
                "fldChar" => match child.attr("fldCharType") {
                    Some("begin") => line.field.open.push(false),
                    Some("separate") => {
                        if let Some(last) = line.field.open.last_mut() {
                            *last = true;
                        }
                    }
                    Some("end") => {
                        line.field.open.pop();
                    }
                    _ => {}
                },
                _ if line.field.is_instruction() => {}
                "t" => {
                    let text = child.all_text();
                    let letters = text.chars().filter(|c| c.is_alphanumeric()).count();
                    line.letters += letters;
                    line.bold += if bold { letters } else { 0 };
                    line.text.push_str(&escape(&text));
                }
                "tab" | "ptab" => line.text.push(' '),
                "br" | "cr" if child.attr("type").is_none_or(|t| t == "textWrapping") => {
                    line.text.truncate(line.text.trim_end_matches(' ').len());
                    if !line.text.is_empty() && !line.text.ends_with('\n') {
                        line.text.push_str("\\\n");
                    }
                }
                "noBreakHyphen" => line.text.push('-'),
                "sym" => line.text.push_str(sign(child)),
                "footnoteReference" | "endnoteReference" => {
                    if let Some(id) = child.attr("id") {
                        let id = format!("{}{id}", &child.name[..1]);
                        if self.notes.contains_key(&id) {
                            self.noted.push(id);
                            line.text.push_str(&format!("\\[{}\\]", self.noted.len()));
                        }
                    }
                }
                "AlternateContent" => {
                    let choice = child.child("Choice").filter(|c| c.find("txbxContent").is_some());
                    if let Some(shown) = choice.or_else(|| child.child("Fallback")) {
                        self.run_parts(shown, bold, line)?;
                    }
                }
                "drawing" | "pict" | "object" => self.text_boxes(child, line)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The texts of boxes in a drawing.
    fn text_boxes(&mut self, node: &Node, line: &mut Line) -> Result<(), Unfit> {
        for child in &node.children {
            match child.name.as_str() {
                "txbxContent" => {
                    let text = self.apart(child)?;
                    if !text.is_empty() {
                        line.boxes.push(text);
                    }
                }
                "AlternateContent" => {
                    if let Some(shown) = child.child("Choice").or_else(|| child.child("Fallback")) {
                        self.text_boxes(shown, line)?;
                    }
                }
                _ => self.text_boxes(child, line)?,
            }
        }
        Ok(())
    }

    /// Blocks that stand for themselves.
    fn apart(&mut self, node: &Node) -> Result<String, Unfit> {
        let outer = std::mem::take(&mut self.out);
        let in_list = std::mem::take(&mut self.in_list);
        let done = self.blocks(node);
        let inner = std::mem::replace(&mut self.out, outer);
        self.in_list = in_list;
        done.map(|()| inner)
    }

    fn link(&mut self, node: &Node, line: &mut Line) -> Result<(), Unfit> {
        let start = line.text.len();
        self.inline(node, line)?;
        let Some(target) = node.attr("id").and_then(|id| self.links.get(id)) else {
            return Ok(());
        };
        let shown = line.text[start..].to_owned();
        let web = target.starts_with("http://") || target.starts_with("https://");
        let fits = !target.contains(['(', ')', ' ', '<', '>', '\n']) && !shown.contains('\n');
        if web && fits && !shown.trim().is_empty() && shown.trim().replace('\\', "") != *target {
            line.text.truncate(start);
            line.text.push_str(&format!("[{shown}]({target})"));
        }
        Ok(())
    }

    /// Blocks on one line, for a cell or a note.
    fn flat(&mut self, node: &Node) -> Result<String, Unfit> {
        let blocks = self.apart(node)?;
        let lines = blocks.lines().map(|l| {
            let l = l.trim().trim_end_matches('\\');
            l.trim_start_matches('#')
                .strip_prefix(' ')
                .filter(|_| l.starts_with('#'))
                .unwrap_or(l)
        });
        let lines: Vec<&str> = lines.filter(|l| !l.is_empty() && *l != "```").collect();
        Ok(lines.join(" "))
    }

    fn table(&mut self, table: &Node) -> Result<(), Unfit> {
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut nodes = Vec::new();
        rows_of(table, &mut nodes);
        for row in nodes {
            let skipped = row.child("trPr").and_then(|p| p.val("gridBefore"));
            let skipped = skipped.and_then(|s| s.parse::<usize>().ok()).unwrap_or(0).min(64);
            let mut cells = vec![String::new(); skipped];
            let mut in_row = Vec::new();
            cells_of(row, &mut in_row);
            for cell in in_row {
                let properties = cell.child("tcPr");
                let span = properties.and_then(|p| p.val("gridSpan"));
                let span = span
                    .and_then(|s| s.parse::<usize>().ok())
                    .unwrap_or(1)
                    .clamp(1, 64);
                let continues = properties
                    .and_then(|p| p.child("vMerge"))
                    .is_some_and(|m| m.attr("val") != Some("restart"));
                let above = rows.last().and_then(|r| r.get(cells.len()));
                // A merged cell says its text in each row that it stands in.
                let text = match above {
                    Some(above) if continues => above.clone(),
                    _ => self.flat(cell)?,
                };
                cells.extend(std::iter::repeat_n(text, span));
            }
            rows.push(cells);
            let size: usize = rows.iter().flatten().map(String::len).sum();
            if size > MOST_TEXT {
                return Err(Unfit::too_much_text());
            }
        }
        rows.retain(|r| r.iter().any(|c| !c.is_empty()));
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        if width < 2 || rows.len() < 2 {
            // A frame around text rather than a table.
            let one_row = rows.len() == 1;
            for mut row in rows {
                if one_row {
                    row.dedup();
                }
                for cell in row {
                    self.block(&escape_start(&cell));
                }
            }
            return Ok(());
        }
        self.block(&grid(&rows, width));
        Ok(())
    }
}

fn rows_of<'a>(node: &'a Node, rows: &mut Vec<&'a Node>) {
    within(node, "tr", rows);
}

fn cells_of<'a>(node: &'a Node, cells: &mut Vec<&'a Node>) {
    within(node, "tc", cells);
}

/// Elements of a name, also within content controls, but not those within each other.
fn within<'a>(node: &'a Node, name: &str, found: &mut Vec<&'a Node>) {
    for child in &node.children {
        if child.name == name {
            found.push(child);
        } else if matches!(
            child.name.as_str(),
            "sdt" | "sdtContent" | "customXml" | "ins" | "smartTag"
        ) {
            within(child, name, found);
        }
    }
}

/// A box to tick as Markdown has it.
fn checkbox(text: &str) -> Option<String> {
    let mut chars = text.chars();
    let mark = match chars.next()? {
        '☒' | '☑' | '✓' | '✔' => 'x',
        '☐' => ' ',
        _ => return None,
    };
    Some(format!("- [{mark}] {}", chars.as_str().trim_start()))
}

/// Characters of the old symbol fonts.
fn sign(node: &Node) -> &'static str {
    let code = node.attr("char").unwrap_or_default().to_ascii_uppercase();
    match code.trim_start_matches('F').trim_start_matches('0') {
        "A7" | "B7" | "6E" => "•",
        "A8" | "6F" => "☐",
        "FE" | "FC" => "☑",
        "FD" => "☒",
        "E0" => "→",
        _ => "",
    }
}
