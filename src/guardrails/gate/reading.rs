//! What a turn found, as the checker reads it: each source once, when a sentence first
//! cites it, and the tools' results once. What a source comes to depends on its text alone,
//! so that it is kept for the next turn that finds the same one.

use std::sync::{Arc, LazyLock, OnceLock};

use moka::sync::Cache;

use super::figures::figures;
use super::links::{Link, blanked, links};
use super::plain_words;
use super::tongue::{Tally, Tongue};
use super::tools::Said;
use super::units::{Unit, bare, plain, units};
use super::{Evidence, Fault, Source, Verdict, judge};

/// How many bytes of sources' texts are kept, and what a source takes for each of them once it
/// is read.
const MOST_KEPT: u64 = 16 << 20;
const READ: usize = 8;

/// Sources that were read, by title, headings and text.
static SOURCES: LazyLock<Cache<String, Arc<Read>>> = LazyLock::new(|| {
    Cache::builder()
        .max_capacity(MOST_KEPT)
        .weigher(|key: &String, _| u32::try_from(key.len() * READ).unwrap_or(u32::MAX))
        .build()
});

/// The evidence of one turn, kept while its draft is checked.
#[derive(Debug)]
pub struct Reading {
    sources: Vec<Kept>,
    said: Said,
    given: Vec<Link>,
}

/// A source, and what it comes to once it is read.
#[derive(Debug)]
struct Kept {
    id: i64,
    title: String,
    headings: Vec<String>,
    text: String,
    read: OnceLock<Arc<Read>>,
}

/// A source that was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) units: Vec<Unit>,
    pub(super) tally: Tally,
    pub(super) links: Vec<Link>,
}

impl Reading {
    /// Takes a copy of the evidence; its sources are read when they are cited.
    #[must_use]
    pub fn of(evidence: &Evidence<'_>) -> Self {
        let said = Said::read(evidence.tools, evidence.said);
        let mut given = links(evidence.said);
        given.extend(links(&said.text));
        let keep = |s: &Source<'_>| Kept {
            id: s.id,
            title: s.title.to_owned(),
            headings: s.headings.to_vec(),
            text: s.text.to_owned(),
            read: OnceLock::new(),
        };
        Self {
            sources: evidence.sources.iter().map(keep).collect(),
            said,
            given,
        }
    }

    /// Checks one sentence, Markdown without citation marks, and the chunks that it cites.
    #[must_use]
    pub fn check(&self, sentence: &str, cites: &[i64]) -> Verdict {
        match judge(sentence, cites, self) {
            Ok(pairs) if pairs.is_empty() => Verdict::Pass,
            Ok(pairs) => Verdict::Doubt { pairs },
            Err(fault) => Verdict::Fail(fault),
        }
    }

    /// Checks a fixed sentence of the program's own that was filled with what a tool returned:
    /// its figures must be the tool's or the visitor's.
    #[must_use]
    pub fn check_fixed(&self, sentence: &str) -> Verdict {
        let all = figures(&plain(&plain_words::without_placeholders(sentence)));
        if all.iter().all(|f| self.said.has(f) || self.said.by_visitor(f)) {
            Verdict::Pass
        } else {
            Verdict::Fail(Fault::Mismatch)
        }
    }

    /// What needs no source.
    pub(super) fn said(&self) -> &Said {
        &self.said
    }

    /// The links that need no source.
    pub(super) fn given(&self) -> &[Link] {
        &self.given
    }

    /// The sources that are cited, each once.
    pub(super) fn cited(&self, cites: &[i64]) -> Result<Vec<&Read>, Fault> {
        let mut out: Vec<&Read> = Vec::with_capacity(cites.len());
        for id in cites {
            let kept = self
                .sources
                .iter()
                .find(|s| s.id == *id)
                .ok_or(Fault::BadCitation)?;
            let read = kept.read();
            if !out.iter().any(|r| std::ptr::eq(*r, read)) {
                out.push(read);
            }
        }
        Ok(out)
    }

    /// Whether a sentence is a question that a source asks letter by letter: whoever quotes a page
    /// puts the mark behind what answers it.
    pub(super) fn asks(&self, sentence: &str) -> bool {
        let text = plain(sentence);
        let wanted = bare(&text);
        text.trim_end().ends_with('?')
            && self
                .all()
                .iter()
                .any(|s| s.units.iter().any(|u| !u.states && u.bare == wanted))
    }

    /// All sources.
    pub(super) fn all(&self) -> Vec<&Read> {
        self.sources.iter().map(Kept::read).collect()
    }
}

impl Kept {
    fn read(&self) -> &Read {
        self.read.get_or_init(|| {
            // No part holds a zero byte: it can't be stored.
            let mut key = format!("{}\0{}", self.title, self.text);
            for heading in &self.headings {
                key.push('\0');
                key.push_str(heading);
            }
            SOURCES.get_with(key, || Arc::new(self.read_now()))
        })
    }

    fn read_now(&self) -> Read {
        let links = links(&self.text);
        let tally = Tally::of(&self.text);
        let text = blanked(&self.text, &links);
        Read {
            units: units(&self.title, &self.headings, &text, Tally::of(&text).tongue()),
            tally,
            links,
        }
    }
}

/// What several sources are written in.
pub(super) fn tongue(read: &[&Read]) -> Tongue {
    read.iter()
        .fold(Tally::default(), |all, r| all.and(r.tally))
        .tongue()
}
