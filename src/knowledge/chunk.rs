//! Cuts a document into the passages that a search returns: at headings first, then at
//! paragraphs and sentences. Short sections under one parent are joined, a long one is
//! cut with some overlap. What is cut out of a table gets the table's head.

mod measure;
mod tables;

use std::ops::Range;

use text_splitter::{ChunkConfig, MarkdownSplitter};

use crate::knowledge::outline::{Heading, outline};
use crate::knowledge::parts::parts;

use measure::{Measure, stretches};
use tables::{Table, tables};

/// A heading longer than this, in bytes, is text that was marked wrongly.
const HEADING: usize = 300;

/// How large chunks get, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkLimits {
    /// Never more than this.
    pub max_tokens: usize,
    /// What the pieces of one long section share with the piece before.
    pub overlap: usize,
    /// Neighbouring sections are joined while they stay within this together.
    pub join_to: usize,
}

impl Default for ChunkLimits {
    fn default() -> Self {
        Self {
            max_tokens: 512,
            overlap: 80,
            join_to: 512,
        }
    }
}

impl ChunkLimits {
    /// The limits for a model that reads so many tokens, of which a title takes some: room
    /// stays for headings and the marks at both ends.
    #[must_use]
    pub fn within(self, model: usize, title: usize) -> Self {
        let around = (title + 16).min(model / 4);
        let most = model.saturating_sub(around);
        Self {
            max_tokens: self.max_tokens.min(most),
            overlap: self.overlap.min(most / 4),
            join_to: self.join_to.min(most),
        }
    }

    /// The limits brought into an order that can be kept.
    fn sane(self) -> Self {
        let max_tokens = self.max_tokens.max(16);
        Self {
            max_tokens,
            overlap: self.overlap.min(max_tokens / 2),
            join_to: self.join_to.min(max_tokens),
        }
    }
}

/// A passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The headings above it, outermost first. The headings of joined sections stand in
    /// its text.
    pub heading_path: Vec<String>,
    /// The `id` of the heading that it begins under.
    pub anchor: Option<String>,
    /// Where it begins in the document, in bytes.
    pub start: usize,
    /// Markdown.
    pub text: String,
    /// How many tokens the text is.
    pub tokens: usize,
}

/// Counts a text's tokens.
pub type Count<'a> = &'a dyn Fn(&str) -> usize;

/// Cuts normalised Markdown, measured by that count.
#[must_use]
pub fn chunk(markdown: &str, limits: ChunkLimits, count: Count<'_>) -> Vec<Chunk> {
    let limits = limits.sane();
    let mut cutter = Cutter {
        limits,
        measure: Measure::new(count, limits.max_tokens),
        markdown,
        chunks: Vec::new(),
    };
    let root = tree(markdown);
    cutter.cut(&root, &[]);
    cutter.chunks
}

/// A section: a heading, the text under it, and the sections below it.
#[derive(Debug, Default)]
struct Section {
    heading: Option<Heading>,
    body: Range<usize>,
    below: Vec<Section>,
}

impl Section {
    /// Where all of it stands but the heading.
    fn inside(&self) -> Range<usize> {
        let end = self.below.last().map_or(self.body.end, |s| s.inside().end);
        self.body.start..end
    }

    /// Where all of it stands.
    fn whole(&self) -> Range<usize> {
        let inside = self.inside();
        self.heading.as_ref().map_or(inside.start, |h| h.lines.start)..inside.end
    }
}

/// The sections of a document under a root without heading.
fn tree(markdown: &str) -> Section {
    let headings: Vec<Heading> = outline(markdown)
        .into_iter()
        .filter(|h| h.text.len() <= HEADING)
        .collect();
    let first = headings.first().map_or(markdown.len(), |h| h.lines.start);
    let mut open = vec![Section {
        body: 0..first,
        ..Section::default()
    }];
    let ends: Vec<usize> = headings
        .iter()
        .skip(1)
        .map(|h| h.lines.start)
        .chain([markdown.len()])
        .collect();
    for (heading, end) in headings.into_iter().zip(ends) {
        close(&mut open, heading.level);
        open.push(Section {
            body: heading.lines.end..end,
            heading: Some(heading),
            below: Vec::new(),
        });
    }
    close(&mut open, 0);
    open.pop().unwrap_or_default()
}

/// Puts the open sections of this level and deeper under those above them.
fn close(open: &mut Vec<Section>, level: u8) {
    while open.len() > 1
        && open
            .last()
            .is_some_and(|s| s.heading.as_ref().is_some_and(|h| h.level >= level))
    {
        if let (Some(done), Some(above)) = (open.pop(), open.last_mut()) {
            above.below.push(done);
        }
    }
}

/// What may be joined with its neighbours.
struct Piece {
    /// With its heading, if it has one of its own.
    whole: Range<usize>,
    /// Without it.
    inside: Range<usize>,
    heading: Option<String>,
    anchor: Option<String>,
    tokens: usize,
}

struct Cutter<'a> {
    limits: ChunkLimits,
    measure: Measure<'a>,
    markdown: &'a str,
    chunks: Vec<Chunk>,
}

impl Cutter<'_> {
    fn text(&self, range: &Range<usize>) -> &str {
        self.markdown[range.clone()].trim()
    }

    /// Cuts a section that stands under these headings.
    fn cut(&mut self, section: &Section, above: &[String]) {
        let mut path = above.to_vec();
        path.extend(section.heading.as_ref().map(|h| h.text.clone()));
        let anchor = section.heading.as_ref().map(|h| h.anchor.clone());

        let mut run = Vec::new();
        if !self.text(&section.body).is_empty() {
            let tokens = self.measure.of(self.text(&section.body));
            if tokens > self.limits.max_tokens {
                self.split(&section.body, &path, anchor.as_deref());
            } else {
                run.push(Piece {
                    whole: section.body.clone(),
                    inside: section.body.clone(),
                    heading: None,
                    anchor: anchor.clone(),
                    tokens,
                });
            }
        } else if section.below.is_empty()
            && let Some(heading) = &section.heading
        {
            // A heading without text is text itself.
            run.push(Piece {
                whole: heading.lines.clone(),
                inside: heading.lines.clone(),
                heading: None,
                anchor: anchor.clone(),
                tokens: self.measure.of(self.text(&heading.lines)),
            });
            path.pop();
        }
        for below in &section.below {
            let whole = below.whole();
            let tokens = self.measure.of(self.text(&whole));
            if tokens <= self.limits.max_tokens {
                run.push(Piece {
                    inside: below.inside(),
                    heading: below.heading.as_ref().map(|h| h.text.clone()),
                    anchor: below.heading.as_ref().map(|h| h.anchor.clone()),
                    whole,
                    tokens,
                });
            } else {
                self.join(std::mem::take(&mut run), &path);
                self.cut(below, &path);
            }
        }
        self.join(run, &path);
    }

    /// Joins neighbours into chunks of about the same size.
    fn join(&mut self, run: Vec<Piece>, path: &[String]) {
        let total: usize = run.iter().map(|p| p.tokens).sum();
        let chunks = total.div_ceil(self.limits.join_to.max(1)).max(1);
        let fair = total.div_ceil(chunks);
        let mut group: Vec<Piece> = Vec::new();
        let mut size = 0;
        for piece in run {
            if let (Some(first), Some(last)) = (group.first(), group.last()) {
                debug_assert!(last.whole.end <= piece.whole.start);
                let together = self.measure.of(self.text(&(first.whole.start..piece.whole.end)));
                if size >= fair || together > self.limits.join_to {
                    self.emit(std::mem::take(&mut group), path);
                    size = 0;
                }
            }
            size += piece.tokens;
            group.push(piece);
        }
        self.emit(group, path);
    }

    fn emit(&mut self, group: Vec<Piece>, path: &[String]) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            return;
        };
        let mut heading_path = path.to_vec();
        let range = if group.len() > 1 || self.text(&first.inside).is_empty() {
            first.whole.start..last.whole.end
        } else {
            heading_path.extend(first.heading.clone());
            first.inside.clone()
        };
        let text = self.text(&range).to_owned();
        self.chunks.push(Chunk {
            heading_path,
            anchor: first.anchor.clone(),
            start: range.start,
            tokens: self.measure.of(&text),
            text,
        });
    }

    /// Cuts the text of one section, each piece beginning with the end of the one before. A piece
    /// that begins among a table's rows gets the table's head, without which its figures
    /// say nothing.
    fn split(&mut self, body: &Range<usize>, path: &[String], anchor: Option<&str>) {
        let text = &self.markdown[body.clone()];
        // A head that is itself as long as a passage would leave no room for rows.
        let most = self.limits.max_tokens / 3;
        let tables: Vec<(Table, usize)> = tables(text)
            .into_iter()
            .map(|table| {
                let tokens = self.measure.of(&text[table.head.clone()]) + 1;
                (table, tokens)
            })
            .filter(|(_, tokens)| *tokens <= most)
            .collect();
        let room = tables.iter().map(|(_, tokens)| *tokens).max().unwrap_or(0);
        let capacity = self.limits.max_tokens - room;
        let config = ChunkConfig::new(capacity).with_sizer(self.measure);
        // Less than the capacity, which is two thirds of what `sane` halves, so it is always accepted.
        let Ok(config) = config.with_overlap(self.limits.overlap.min(capacity / 2)) else {
            return;
        };
        let splitter = MarkdownSplitter::new(config);
        // The splitter looks at all that is left for each piece that it cuts.
        let mut start = 0;
        for part in parts(text) {
            for (range, hard) in stretches(part) {
                let stretch = &part[range.clone()];
                let pieces = if hard {
                    self.measure.hard(stretch, capacity)
                } else {
                    splitter.chunk_indices(stretch).collect()
                };
                for (at, piece) in pieces {
                    let at = start + range.start + at;
                    let cut_off = tables.iter().find(|(table, _)| table.is_cut_at(at));
                    let text = match cut_off {
                        Some((table, _)) => {
                            // It may begin within the head, at the line under the names.
                            let behind = table.head.end.saturating_sub(at).min(piece.len());
                            let rows = piece[behind..].trim_start_matches('\n');
                            if rows.trim().is_empty() {
                                continue;
                            }
                            format!("{}\n{rows}", text[table.head.clone()].trim_end())
                        }
                        None => piece.to_owned(),
                    };
                    self.chunks.push(Chunk {
                        heading_path: path.to_vec(),
                        anchor: anchor.map(str::to_owned),
                        start: body.start + at,
                        tokens: self.measure.of(&text),
                        text,
                    });
                }
            }
            start += part.len();
        }
    }
}

#[cfg(test)]
mod tests;
