//! The answer as the visitor sees it grow: released sentences, their citations numbered
//! in the order of first use, and the text that counts in the end.

use crate::agent::brain::Sentence;
use crate::domain::document::{Found, Passage};
use crate::domain::event::{Citation, ReplaceReason, ThreadEvent};

/// A released sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Released {
    md: String,
    cites: Vec<u32>,
}

/// The answer of a turn.
#[derive(Debug, Default)]
pub struct Answer {
    released: Vec<Released>,
    citations: Vec<Citation>,
}

impl Answer {
    /// Rebuilds it from a turn's stored events, after a crash.
    #[must_use]
    pub fn from_events<'a>(events: impl Iterator<Item = &'a ThreadEvent>) -> Self {
        let mut answer = Self::default();
        for event in events {
            match event {
                ThreadEvent::Citation(c) => answer.citations.push(c.clone()),
                ThreadEvent::Delta { md, .. } => {
                    let cites = answer.marks(md);
                    answer.released.push(Released {
                        md: md.clone(),
                        cites,
                    });
                }
                ThreadEvent::Replace { from, .. } => answer.released.truncate(*from as usize),
                _ => {}
            }
        }
        answer
    }

    fn marks(&self, md: &str) -> Vec<u32> {
        self.citations
            .iter()
            .map(|c| c.n)
            .filter(|n| md.contains(&format!("[{n}]")))
            .collect()
    }

    fn next_index(&self) -> u32 {
        // A turn is cut off long before it has 2^32 sentences.
        u32::try_from(self.released.len()).unwrap_or(u32::MAX)
    }

    /// Releases a sentence: its new citations, then its delta.
    pub fn release(&mut self, sentence: &Sentence, found: &[&Found]) -> Vec<ThreadEvent> {
        let mut events = Vec::new();
        let mut cites = Vec::new();
        for chunk in &sentence.cites {
            let known = self.citations.iter().find(|c| c.chunk_id == *chunk).map(|c| c.n);
            let n = known.or_else(|| {
                let passage = found
                    .iter()
                    .flat_map(|f| &f.passages)
                    .find(|p| p.chunk_id == *chunk)?;
                let citation = cite(u32::try_from(self.citations.len()).ok()? + 1, passage);
                events.push(ThreadEvent::Citation(citation.clone()));
                self.citations.push(citation);
                self.citations.last().map(|c| c.n)
            });
            if let Some(n) = n.filter(|n| !cites.contains(n)) {
                cites.push(n);
            }
        }
        let said = unmarked(sentence.md.trim());
        let marks: String = cites.iter().map(|n| format!("[{n}]")).collect();
        let gap = match (&sentence.gap, self.released.is_empty()) {
            (_, true) => "",
            (Some(gap), false) => gap.as_str(),
            (None, false) => self.gap(&sentence.md),
        };
        let md = if marks.is_empty() {
            format!("{gap}{said}")
        } else {
            format!("{gap}{said} {marks}")
        };
        events.push(ThreadEvent::Delta {
            i: self.next_index(),
            md: md.clone(),
        });
        self.released.push(Released { md, cites });
        events
    }

    /// Deltas are concatenated as they are, so each brings the space before it: a blank,
    /// or a new line where a list goes on or begins.
    fn gap(&self, md: &str) -> &'static str {
        let item = |t: &str| t.trim_start().starts_with("- ");
        match self.released.last() {
            None => "",
            Some(last) if item(md) && item(&last.md) => "\n",
            Some(last) if item(md) || item(&last.md) => "\n\n",
            Some(_) => " ",
        }
    }

    /// Adds closing words as a paragraph of their own.
    pub fn say(&mut self, words: &str) -> ThreadEvent {
        let md = if self.released.is_empty() {
            words.to_owned()
        } else {
            format!("\n\n{words}")
        };
        let event = ThreadEvent::Delta {
            i: self.next_index(),
            md: md.clone(),
        };
        self.released.push(Released {
            md,
            cites: Vec::new(),
        });
        event
    }

    /// Takes sentences back.
    pub fn withdraw(&mut self, from: u32, reason: ReplaceReason) -> ThreadEvent {
        self.released.truncate(from as usize);
        ThreadEvent::Replace {
            from,
            md: None,
            reason,
        }
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        self.released.iter().map(|r| r.md.as_str()).collect()
    }

    /// The sources that the text uses, by number.
    #[must_use]
    pub fn used(&self) -> Vec<Citation> {
        self.citations
            .iter()
            .filter(|c| self.released.iter().any(|r| r.cites.contains(&c.n)))
            .cloned()
            .collect()
    }

    /// Whether anything has been released.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.released.is_empty()
    }
}

/// A source's own `[9]` would read as a citation of ours: it loses its brackets.
fn unmarked(md: &str) -> String {
    let mut out = String::with_capacity(md.len());
    let mut rest = md;
    while let Some(start) = rest.find('[') {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let digits = from[1..].bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && from[1 + digits..].starts_with(']') {
            out.push_str(&from[1..=digits]);
            rest = &from[digits + 2..];
        } else {
            out.push('[');
            rest = &from[1..];
        }
    }
    out.push_str(rest);
    out
}

fn cite(n: u32, p: &Passage) -> Citation {
    Citation {
        n,
        chunk_id: p.chunk_id,
        title: p.title.clone(),
        url: p.url.as_ref().map(|url| match &p.anchor {
            Some(anchor) if !url.contains('#') => format!("{url}#{anchor}"),
            _ => url.clone(),
        }),
        section: p.section(),
        // Highlights are for `deskhand search`; a source shows plain text.
        snippet: p.snippet.replace("**", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::document::Parts;
    use crate::domain::ids::DocumentId;

    fn found(ids: &[i64]) -> Found {
        let passages = ids
            .iter()
            .map(|id| Passage {
                chunk_id: *id,
                document_id: DocumentId::new(),
                title: format!("T{id}"),
                url: None,
                heading_path: vec![],
                anchor: None,
                lang: "english".into(),
                page: None,
                text: String::new(),
                snippet: String::new(),
                score: 0.0,
                terms: vec![],
                parts: Parts::default(),
                source: "file".into(),
            })
            .collect();
        Found {
            passages,
            terms: vec![],
            ..Found::default()
        }
    }

    fn sentence(md: &str, cites: &[i64]) -> Sentence {
        Sentence {
            fixed: false,
            gap: None,
            md: md.into(),
            cites: cites.into(),
        }
    }

    #[test]
    fn a_citation_says_on_which_page_it_stands() {
        let mut f = found(&[10]);
        let section = |f: &Found| cite(1, &f.passages[0]).section;
        assert_eq!(section(&f), None);
        f.passages[0].page = Some(3);
        assert_eq!(section(&f).as_deref(), Some("p. 3"));
        f.passages[0].heading_path = vec!["Bulbs".into(), "Which dimmer?".into()];
        assert_eq!(section(&f).as_deref(), Some("Which dimmer?, p. 3"));
        f.passages[0].lang = "german".into();
        assert_eq!(section(&f).as_deref(), Some("Which dimmer?, S. 3"));
    }

    #[test]
    fn citations_are_numbered_by_first_use_and_come_before_their_delta() {
        let f = found(&[10, 20]);
        let mut a = Answer::default();
        let first = a.release(&sentence("B.", &[20]), &[&f]);
        assert!(matches!(&first[0], ThreadEvent::Citation(c) if c.n == 1 && c.chunk_id == 20));
        a.release(&sentence("A.", &[10, 20]), &[&f]);
        a.release(&sentence("- item", &[20]), &[&f]);
        assert_eq!(
            unmarked("Three years. [9] See [this] and [1"),
            "Three years. 9 See [this] and [1"
        );
        a.release(&sentence("- more", &[]), &[&f]);
        a.say("Bye.");
        assert_eq!(a.text(), "B. [1] A. [2][1]\n\n- item [1]\n- more\n\nBye.");
        assert_eq!(a.used().len(), 2);
    }

    #[test]
    fn events_rebuild_the_answer() {
        let f = found(&[10, 20]);
        let mut a = Answer::default();
        let mut events = a.release(&sentence("A.", &[10]), &[&f]);
        events.extend(a.release(&sentence("B.", &[20]), &[&f]));
        events.push(a.withdraw(1, ReplaceReason::Provider));
        events.extend(a.release(&sentence("C.", &[]), &[&f]));
        let again = Answer::from_events(events.iter());
        assert_eq!(again.text(), "A. [1] C.");
        assert_eq!(again.used(), a.used());
    }
}
