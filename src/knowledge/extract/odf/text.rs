//! A text's blocks: headings, paragraphs, lists, tables, boxes.

use super::inline::Line;
use super::styles::Styles;
use super::table;
use crate::knowledge::extract::writer::{Writer, one_line};
use crate::knowledge::extract::xml::Node;
use crate::knowledge::unfit::Unfit;

/// Writes a text.
pub struct Body<'a, 'b> {
    styles: &'a Styles,
    out: &'b mut Writer,
    notes: Vec<&'a Node>,
    /// Whether a paragraph in the title's style came: headings then stand below it.
    titled: bool,
    /// How many blocks were written.
    blocks: usize,
}

impl<'a, 'b> Body<'a, 'b> {
    /// Into this.
    pub fn new(styles: &'a Styles, out: &'b mut Writer) -> Self {
        Self {
            styles,
            out,
            notes: Vec::new(),
            titled: false,
            blocks: 0,
        }
    }

    /// Writes what is in an element.
    ///
    /// # Errors
    /// When there is more text than is taken in.
    pub fn blocks(&mut self, node: &'a Node) -> Result<(), Unfit> {
        for child in &node.children {
            self.out.check()?;
            match child.name.as_str() {
                "h" | "p" => self.paragraph(child)?,
                "list" => self.list(child, 0, None)?,
                "table" => table::write(child, self)?,
                // Boxes, and what groups blocks.
                "frame" => self.frame(child)?,
                "section" if child.attr("display") == Some("none") => {}
                "section" | "text-box" | "index-body" | "bibliography" | "numbered-paragraph" | "g"
                | "custom-shape" | "rect" | "ellipse" | "page-sequence" => {
                    self.blocks(child)?;
                }
                // Tables of contents say again what is there; deleted text is kept apart.
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes the notes that the text refers to.
    ///
    /// # Errors
    /// When there is more text than is taken in.
    pub fn notes(&mut self) -> Result<(), Unfit> {
        let mut i = 0;
        // A note may refer to another.
        while let Some(note) = self.notes.get(i).copied() {
            i += 1;
            if let Some(body) = note.child("note-body") {
                let text = self.flat(body);
                self.out.block(&format!("\\[{i}\\] {text}"));
            }
            self.out.check()?;
        }
        Ok(())
    }

    /// Of a frame's contents the first that is text: others stand in for it.
    fn frame(&mut self, frame: &'a Node) -> Result<(), Unfit> {
        if let Some(content) = frame.children.iter().find(|c| c.name == "text-box") {
            self.blocks(content)?;
        } else if let Some(content) = frame.child("table") {
            table::write(content, self)?;
        }
        Ok(())
    }

    /// The styles.
    pub fn styles(&self) -> &'a Styles {
        self.styles
    }

    /// Where it is written.
    pub fn out(&mut self) -> &mut Writer {
        self.out
    }

    fn line(&mut self, paragraph: &'a Node) -> Line<'a> {
        if self.styles.is_hidden(paragraph.attr("style-name")) {
            return Line::default();
        }
        let line = Line::read(paragraph, self.styles, self.notes.len());
        self.notes.extend(&line.notes);
        line
    }

    fn paragraph(&mut self, node: &'a Node) -> Result<(), Unfit> {
        let line = self.line(node);
        let style = node.attr("style-name");
        let text = line.text.trim();
        if text.is_empty() {
            // A drawing's own paragraph.
        } else if self.styles.is(style, "Title") {
            self.out.heading(1, text);
            self.titled |= self.blocks == 0;
        } else if node.name == "h" {
            let level = node
                .attr("outline-level")
                .and_then(|l| l.parse().ok())
                .unwrap_or(1);
            self.out.heading(level + usize::from(self.titled), text);
        } else if self.styles.is(style, "Subtitle") {
            self.out.heading(2, text);
        } else {
            self.out.paragraph(text);
        }
        self.blocks += usize::from(!text.is_empty());
        for content in line.boxes {
            self.boxed(content)?;
        }
        Ok(())
    }

    fn boxed(&mut self, content: &'a Node) -> Result<(), Unfit> {
        match content.name.as_str() {
            "frame" => self.frame(content),
            "table" => table::write(content, self),
            _ => self.blocks(content),
        }
    }

    fn list(&mut self, list: &'a Node, level: usize, above: Option<&'a str>) -> Result<(), Unfit> {
        let style = list.attr("style-name").or(above);
        let mut number = 0_u64;
        for item in &list.children {
            self.out.check()?;
            if !matches!(item.name.as_str(), "list-item" | "list-header") {
                continue;
            }
            let mut texts: Vec<String> = Vec::new();
            let mut boxes = Vec::new();
            let mut paragraph_style = None;
            let mut told = false;
            for part in &item.children {
                match part.name.as_str() {
                    // A heading may stand in a list that gives it its number.
                    "h" => self.paragraph(part)?,
                    "p" => {
                        let line = self.line(part);
                        paragraph_style = paragraph_style.or(part.attr("style-name"));
                        texts.push(one_line(&line.text));
                        boxes.extend(line.boxes);
                    }
                    "list" => {
                        self.item(
                            &mut texts,
                            &mut told,
                            &mut number,
                            (item, style, paragraph_style),
                            level,
                        );
                        self.list(part, level + 1, style)?;
                    }
                    _ => {}
                }
            }
            self.item(
                &mut texts,
                &mut told,
                &mut number,
                (item, style, paragraph_style),
                level,
            );
            for content in boxes {
                self.boxed(content)?;
            }
        }
        Ok(())
    }

    /// Writes an item once its own text is known, before the lists within it.
    fn item(
        &mut self,
        texts: &mut Vec<String>,
        told: &mut bool,
        number: &mut u64,
        (item, list, paragraph): (&Node, Option<&str>, Option<&str>),
        level: usize,
    ) {
        texts.retain(|t| !t.is_empty());
        if texts.is_empty() {
            return;
        }
        let text = std::mem::take(texts).join(" ");
        let list = list.or_else(|| self.styles.list_of(paragraph));
        let numbered = item.name == "list-item" && self.styles.is_numbered(list, level) && !*told;
        if numbered {
            let start = item.attr("start-value").and_then(|s| s.parse().ok());
            *number = start.unwrap_or(number.saturating_add(1));
        }
        self.out.item(level, numbered.then_some(*number), &text);
        self.blocks += 1;
        *told = true;
    }

    /// Blocks on one line, for a cell or a note.
    pub fn flat(&mut self, node: &'a Node) -> String {
        let mut out = String::new();
        self.flatten(node, &mut out);
        one_line(&out)
    }

    /// A paragraph or a list on one line.
    pub fn flat_block(&mut self, block: &'a Node) -> String {
        match block.name.as_str() {
            "p" | "h" => one_line(&self.line(block).text),
            _ => self.flat(block),
        }
    }

    fn flatten(&mut self, node: &'a Node, out: &mut String) {
        for child in &node.children {
            match child.name.as_str() {
                "p" | "h" => {
                    let line = self.line(child);
                    out.push_str(&line.text);
                    out.push('\n');
                    for content in line.boxes {
                        self.flatten(content, out);
                    }
                }
                "annotation" | "tracked-changes" => {}
                _ => self.flatten(child, out),
            }
        }
    }
}
