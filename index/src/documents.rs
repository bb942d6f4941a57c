//! Documents as filters see them.

use std::ops::Range;

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// Its id.
    pub id: u128,
    /// Where it comes from.
    pub source: Box<str>,
    /// The channels that may answer from it; none: all.
    pub channels: Vec<Box<str>>,
    /// The words that it is filed under.
    pub tags: Vec<Box<str>>,
    /// Whether a search may return it at all.
    pub answers: bool,
    /// Its title, where a search needs it.
    pub title: Option<Box<str>>,
    /// When it last changed, as a number that rises.
    pub revision: i64,
}

/// Which documents a search may return.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only what this channel may answer from.
    pub channel: Option<String>,
    /// Only documents that have one of these tags; empty: all.
    pub tags: Vec<String>,
    /// Only documents from one of these sources; empty: all.
    pub sources: Vec<String>,
}

/// A document and the places of its passages.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub document: Document,
    pub places: Range<u32>,
}

impl Document {
    pub(crate) fn passes(&self, filter: &Filter) -> bool {
        let one_of = |of: &[String], what: &str| of.iter().any(|x| x == what);
        self.answers
            && filter.channel.as_ref().is_none_or(|wanted| {
                self.channels.is_empty() || self.channels.iter().any(|c| **c == **wanted)
            })
            && (filter.tags.is_empty() || self.tags.iter().any(|tag| one_of(&filter.tags, tag)))
            && (filter.sources.is_empty() || one_of(&filter.sources, &self.source))
    }

    pub(crate) fn bytes(&self) -> usize {
        let texts = self.channels.iter().chain(&self.tags).chain(&self.title);
        self.source.len() + texts.map(|t| t.len() + 32).sum::<usize>()
    }
}
