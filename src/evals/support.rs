//! How well the gate tells supported sentences from others, on labelled ones (GRD-4). What
//! is marked as held out was not looked at while the rules were made.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::agent::judge::closeness;
use crate::guardrails::gate::{Evidence, Reading, Source, Verdict, settle};
use crate::knowledge::base::Knowledge;

/// Lines of a file at most.
const MOST: usize = 100_000;

/// A labelled sentence.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    sentence: String,
    /// What it cites, all of it.
    passages: Vec<Passage>,
    /// The visitor's message that it answers.
    #[serde(default)]
    said: String,
    /// What a person says.
    supported: bool,
    /// How the sentence was made.
    #[serde(default)]
    why: String,
    #[serde(default)]
    held_out: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct Passage {
    title: String,
    #[serde(default)]
    headings: Vec<String>,
    text: String,
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It can't be read.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] std::io::Error),
    /// A line is not as it should be.
    #[error("line {0}: {1}")]
    Line(usize, String),
}

/// Reads a file of labelled sentences.
///
/// # Errors
/// When it can't be read, or a line isn't one; its number is told.
pub fn read(path: &Path) -> Result<Vec<Line>, Unusable> {
    let text = std::fs::read_to_string(path).map_err(|e| Unusable::File(path.to_owned(), e))?;
    let lines = (1..).zip(text.lines()).filter(|(_, l)| !l.trim().is_empty());
    let mut all = Vec::new();
    for (n, line) in lines {
        if all.len() == MOST {
            return Err(Unusable::Line(n, format!("more than {MOST} sentences")));
        }
        all.push(serde_json::from_str(line).map_err(|e| Unusable::Line(n, e.to_string()))?);
    }
    Ok(all)
}

/// A sentence about which gate and person differ.
#[derive(Debug, Clone, Serialize)]
pub struct Wrong {
    /// The sentence.
    pub sentence: String,
    /// How it was made.
    pub why: String,
}

/// What came of a part of the set.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Part {
    /// Sentences.
    pub sentences: usize,
    /// Supported ones that pass.
    pub passed: usize,
    /// Supported ones that are held back.
    pub held: Vec<Wrong>,
    /// Others that pass.
    pub wrong: Vec<Wrong>,
}

impl Part {
    /// The share of what passes that is supported; 1 when nothing passes.
    #[must_use]
    pub fn precision(&self) -> f64 {
        share(self.passed, self.wrong.len())
    }

    /// The share of what is supported that passes; 1 when nothing is.
    #[must_use]
    pub fn recall(&self) -> f64 {
        share(self.passed, self.held.len())
    }
}

fn share(part: usize, rest: usize) -> f64 {
    if part + rest == 0 {
        1.0
    } else {
        part as f64 / (part + rest) as f64
    }
}

/// Both parts.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Report {
    /// What the rules were made with.
    pub tuned: Part,
    /// What they were not.
    pub held_out: Part,
    /// Whether an embedding model decided where words couldn't tell.
    pub by_meaning: bool,
}

/// Has the gate judge each sentence; without a model, what words leave open is held back.
pub async fn measure(knowledge: Option<&Knowledge>, lines: &[Line], said: &str) -> Report {
    let mut report = Report {
        by_meaning: knowledge.is_some_and(|k| k.embedders.first_choice().is_some()),
        ..Report::default()
    };
    for line in lines {
        let passes = passes(knowledge, line, said).await;
        let part = if line.held_out {
            &mut report.held_out
        } else {
            &mut report.tuned
        };
        let wrong = || Wrong {
            sentence: line.sentence.clone(),
            why: line.why.clone(),
        };
        part.sentences += 1;
        match (passes, line.supported) {
            (true, true) => part.passed += 1,
            (true, false) => part.wrong.push(wrong()),
            (false, true) => part.held.push(wrong()),
            (false, false) => {}
        }
    }
    report
}

async fn passes(knowledge: Option<&Knowledge>, line: &Line, said: &str) -> bool {
    let sources: Vec<Source<'_>> = (1..)
        .zip(&line.passages)
        .map(|(id, p)| Source {
            id,
            title: &p.title,
            headings: &p.headings,
            text: &p.text,
        })
        .collect();
    let cites: Vec<i64> = sources.iter().map(|s| s.id).collect();
    let reading = Reading::of(&Evidence {
        sources: &sources,
        tools: &[],
        said: &format!("{}\n{said}", line.said),
    });
    match (reading.check(&line.sentence, &cites), knowledge) {
        (Verdict::Pass, _) => true,
        (Verdict::Doubt { pairs }, Some(knowledge)) => {
            let cosine = closeness(knowledge, pairs).await;
            cosine.is_some_and(|c| settle(c).is_ok())
        }
        (Verdict::Fail(_) | Verdict::Doubt { .. }, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_parts_are_counted() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("evals/support.jsonl");
        let lines = read(&file).unwrap();
        let report = measure(None, &lines, "Lumen & Oak").await;
        let (tuned, held_out) = (&report.tuned, &report.held_out);
        assert_eq!(tuned.sentences + held_out.sentences, lines.len());
        assert!(held_out.sentences > 50 && !report.by_meaning);
        assert_eq!((tuned.wrong.len(), held_out.wrong.len()), (0, 0), "{report:?}");
        assert!(tuned.recall() > 0.8 && held_out.recall() > 0.75 && tuned.recall() < 1.0);
        // Labels turned round, what passed is wrong.
        let turned: Vec<Line> = lines
            .into_iter()
            .map(|l| Line {
                supported: !l.supported,
                ..l
            })
            .collect();
        let turned = measure(None, &turned, "Lumen & Oak").await;
        assert_eq!(turned.tuned.wrong.len(), tuned.passed);
        assert!(turned.tuned.precision() < 0.5);
    }

    #[test]
    fn a_bad_line_is_named() {
        let file = std::env::temp_dir().join(format!("support-{}.jsonl", std::process::id()));
        std::fs::write(&file, "\n{\"sentence\": \"x\"}\n").unwrap();
        let told = read(&file).unwrap_err().to_string();
        std::fs::remove_file(&file).unwrap();
        assert!(told.starts_with("line 2:") && told.contains("passages"), "{told}");
    }
}
