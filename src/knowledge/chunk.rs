//! Cuts a document into the passages that a search returns: at headings first, then at
//! paragraphs and sentences. Short sections under one parent are joined, a long one is
//! cut with some overlap.

use std::ops::Range;

use text_splitter::{ChunkConfig, ChunkSizer, MarkdownSplitter};

use crate::knowledge::outline::{Heading, outline};
use crate::knowledge::parts::parts;

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
    let mut cutter = Cutter {
        limits: limits.sane(),
        count,
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
    count: Count<'a>,
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
            let tokens = (self.count)(self.text(&section.body));
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
                tokens: (self.count)(self.text(&heading.lines)),
            });
            path.pop();
        }
        for below in &section.below {
            let whole = below.whole();
            let tokens = (self.count)(self.text(&whole));
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
                let together = (self.count)(self.text(&(first.whole.start..piece.whole.end)));
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
            tokens: (self.count)(&text),
            text,
        });
    }

    /// Cuts the text of one section, each piece beginning with the end of the one before.
    fn split(&mut self, body: &Range<usize>, path: &[String], anchor: Option<&str>) {
        let config = ChunkConfig::new(self.limits.max_tokens).with_sizer(Tokens(self.count));
        // Less than half of the capacity, see `sane`, so it is always accepted.
        let Ok(config) = config.with_overlap(self.limits.overlap) else {
            return;
        };
        let splitter = MarkdownSplitter::new(config);
        // The splitter looks at all that is left for each piece that it cuts.
        let mut start = body.start;
        for part in parts(&self.markdown[body.clone()]) {
            self.chunks
                .extend(splitter.chunk_indices(part).map(|(at, text)| Chunk {
                    heading_path: path.to_vec(),
                    anchor: anchor.map(str::to_owned),
                    start: start + at,
                    text: text.to_owned(),
                    tokens: (self.count)(text),
                }));
            start += part.len();
        }
    }
}

struct Tokens<'a>(Count<'a>);

impl ChunkSizer for Tokens<'_> {
    fn size(&self, chunk: &str) -> usize {
        (self.0)(chunk)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::models::tokens;

    fn limits(max_tokens: usize, overlap: usize, join_to: usize) -> ChunkLimits {
        ChunkLimits {
            max_tokens,
            overlap,
            join_to,
        }
    }

    #[test]
    fn short_sections_are_joined_under_their_parent_only() {
        let markdown = "Intro.\n\n## A\n\nOne.\n\n### A1\n\nTwo.\n\n## B\n\nThree.\n";
        let one = chunk(markdown, limits(100, 10, 100), &tokens::count);
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].text, markdown.trim());
        assert!(one[0].heading_path.is_empty() && one[0].anchor.is_none());

        let each: Vec<_> = chunk(markdown, limits(100, 10, 1), &tokens::count)
            .into_iter()
            .map(|c| (c.heading_path.join("/"), c.anchor, c.text))
            .collect();
        let some = |s: &str| Some(s.to_owned());
        assert_eq!(
            each,
            [
                (String::new(), None, "Intro.".to_owned()),
                ("A".to_owned(), some("a"), "One.\n\n### A1\n\nTwo.".to_owned()),
                ("B".to_owned(), some("b"), "Three.".to_owned()),
            ]
        );
    }

    #[test]
    fn a_section_of_any_length_is_cut_and_nothing_is_lost() {
        // Without parts this takes hours.
        let markdown = format!("## Long\n\n{}", "a\n".repeat(300_000));
        let chunks = chunk(&markdown, ChunkLimits::default(), &tokens::count);
        let letters: usize = chunks.iter().map(|c| c.text.matches('a').count()).sum();
        assert!(letters >= 300_000, "{letters}");
        assert!(
            chunks
                .iter()
                .all(|c| c.tokens <= 512 && c.heading_path == ["Long"])
        );
    }

    #[test]
    fn a_long_section_is_cut_with_overlap_and_keeps_its_heading() {
        let sentences: Vec<String> = (0..60)
            .map(|i| format!("Sentence number {i} tells of lamp {i}."))
            .collect();
        let markdown = format!("## Long\n\n{}\n\n## Short\n\nEnd.\n", sentences.join(" "));
        let chunks = chunk(&markdown, limits(120, 30, 120), &tokens::count);
        let long: Vec<_> = chunks.iter().filter(|c| c.heading_path == ["Long"]).collect();
        assert!(long.len() > 3, "{} pieces", long.len());
        for pair in long.windows(2) {
            let last = pair[0].text.rsplit(". ").next().unwrap();
            assert!(
                pair[1].text.contains(last),
                "no overlap: {:?} {:?}",
                pair[0].text,
                pair[1].text
            );
        }
        for piece in &long {
            assert!(
                piece.text.ends_with('.') && piece.text.starts_with("Sentence"),
                "{:?}",
                piece.text
            );
        }
        let last = chunks.last().unwrap();
        assert_eq!(
            (last.heading_path.join("/"), last.text.as_str()),
            ("Short".into(), "End.")
        );
        assert!(!last.text.contains("lamp"));
    }

    #[test]
    fn a_heading_without_text_is_kept() {
        let chunks = chunk("## Only a heading\n", ChunkLimits::default(), &tokens::count);
        assert_eq!(chunks[0].text, "## Only a heading");
        assert_eq!(chunk("", ChunkLimits::default(), &tokens::count), []);
    }

    /// A document in which every word is its own: `wN`, N rising.
    fn document() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            1 => (1_u8..5).prop_map(|level| (u16::from(level), 3)),
            3 => (1_u16..120).prop_map(|words| (100, words)),
            1 => (1_u16..12).prop_map(|items| (101, items)),
            1 => (1_u16..12).prop_map(|rows| (102, rows)),
        ];
        vec(part, 0..24).prop_map(|parts| {
            let mut n = 0;
            let mut words = |count: u16, every: u16| {
                (0..count)
                    .map(|i| {
                        n += 1;
                        let stop = if i % every == every - 1 || i + 1 == count {
                            "."
                        } else {
                            ""
                        };
                        format!("w{n}{stop}")
                    })
                    .collect::<Vec<_>>()
            };
            let mut out = String::new();
            for (kind, size) in parts {
                match kind {
                    100 => out.push_str(&words(size, 9).join(" ")),
                    101 => out.push_str(
                        &words(size, 1)
                            .iter()
                            .map(|w| format!("- {w}\n"))
                            .collect::<String>(),
                    ),
                    102 => {
                        out.push_str(&format!("| {} |\n|---|\n", words(1, 2)[0]));
                        out.push_str(
                            &words(size, 99)
                                .iter()
                                .map(|w| format!("| {w} |\n"))
                                .collect::<String>(),
                        );
                    }
                    level => out.push_str(&format!(
                        "{} {}",
                        "#".repeat(level.into()),
                        words(size, 99).join(" ")
                    )),
                }
                out.push_str("\n\n");
            }
            out
        })
    }

    fn numbers(text: &str) -> Vec<u32> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter_map(|w| w.strip_prefix('w')?.parse().ok())
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
        #[test]
        fn nothing_is_lost_nothing_too_long_and_the_order_stays(
            markdown in document(), max in 24_usize..200, overlap in 0_usize..100, join in 0_usize..200
        ) {
            let limits = limits(max, overlap, join);
            let chunks = chunk(&markdown, limits, &tokens::count);
            let mut seen = std::collections::BTreeMap::new();
            let mut newest = 0;
            for (i, chunk) in chunks.iter().enumerate() {
                prop_assert!(chunk.tokens <= max, "{} tokens", chunk.tokens);
                prop_assert_eq!(chunk.tokens, tokens::count(&chunk.text));
                prop_assert!(!chunk.text.trim().is_empty());
                for n in chunk.heading_path.iter().flat_map(|h| numbers(h)) {
                    // Headings above come again; in the text they come once.
                    seen.entry(n).or_insert((i, true));
                    newest = newest.max(n);
                }
                let words = numbers(&chunk.text);
                prop_assert!(words.windows(2).all(|w| w[0] < w[1]), "{:?}", words);
                for n in words {
                    if let Some((before, heading)) = seen.insert(n, (i, false)) {
                        prop_assert!(!heading, "a heading of the path stands in the text");
                        prop_assert_eq!(before + 1, i, "only neighbours overlap");
                        prop_assert_eq!(&chunks[before].heading_path, &chunk.heading_path);
                        prop_assert!(overlap > 0);
                    } else {
                        prop_assert!(n > newest, "w{} after w{}", n, newest);
                    }
                    newest = newest.max(n);
                }
            }
            let all: Vec<u32> = numbers(&markdown);
            let found: Vec<u32> = seen.into_keys().collect();
            prop_assert_eq!(found, all);
        }
    }
}
