//! What is within a paragraph.

use super::styles::Styles;
use crate::knowledge::extract::escape::escape;
use crate::knowledge::extract::writer::link;
use crate::knowledge::extract::xml::Node;

/// Blanks in a row at most.
const MOST_BLANKS: usize = 16;

/// A paragraph's text, and what is anchored in it.
#[derive(Default)]
pub struct Line<'a> {
    /// Markdown.
    pub text: String,
    /// Text boxes, tables and the like.
    pub boxes: Vec<&'a Node>,
    /// Foot and end notes; each has its mark in the text.
    pub notes: Vec<&'a Node>,
    /// How many notes came before.
    pub noted: usize,
}

impl<'a> Line<'a> {
    /// Reads what is in a paragraph.
    pub fn read(paragraph: &'a Node, styles: &Styles, noted: usize) -> Self {
        let mut line = Self {
            noted,
            ..Self::default()
        };
        line.add(paragraph, styles);
        line
    }

    fn add(&mut self, node: &'a Node, styles: &Styles) {
        for child in &node.children {
            match child.name.as_str() {
                "" => self.text.push_str(&escape(&child.text)),
                "span" if styles.is_hidden(child.attr("style-name")) => {}
                "s" => {
                    let count = child.attr("c").and_then(|c| c.parse().ok()).unwrap_or(1_usize);
                    self.text.push_str(&" ".repeat(count.min(MOST_BLANKS)));
                }
                "tab" => self.text.push(' '),
                "line-break" => {
                    self.text.truncate(self.text.trim_end_matches(' ').len());
                    if !self.text.is_empty() && !self.text.ends_with('\n') {
                        self.text.push_str("\\\n");
                    }
                }
                "a" => {
                    let start = self.text.len();
                    self.add(child, styles);
                    let shown = self.text.split_off(start);
                    self.text
                        .push_str(&link(&shown, child.attr("href").unwrap_or_default()));
                }
                "note" => {
                    self.notes.push(child);
                    let number = self.noted + self.notes.len();
                    self.text.push_str(&format!("\\[{number}\\]"));
                }
                "ruby" => {
                    if let Some(base) = child.child("ruby-base") {
                        self.add(base, styles);
                    }
                }
                // Comments, hidden text, and the number that a heading's style makes.
                "annotation" | "annotation-end" | "hidden-text" | "hidden-paragraph" | "number"
                | "script" => {}
                "frame" | "custom-shape" | "rect" | "g" | "text-box" | "table" | "ellipse" => {
                    self.boxes.push(child);
                }
                _ => self.add(child, styles),
            }
        }
    }
}
