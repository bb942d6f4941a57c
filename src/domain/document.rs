//! What the knowledge base is made of, as its readers and writers see it: what is handed
//! in, passages that a search returns, and the words of the question that found them.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{DocumentId, UploadId};

/// The largest upload, in bytes.
pub const MAX_UPLOAD_BYTES: usize = 20 * 1024 * 1024;

/// The source of pins: answers that the operator gave to questions. Their title is the question.
pub const PIN: &str = "pin";

/// A document's content as it is handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload {
    /// Where it comes from: `file`, …; lower case letters, digits and `_`.
    pub source: String,
    /// Its name there, which stays the same over its versions: a path, a post's id.
    pub external_id: String,
    /// A file name or the like, for people; its ending is a hint at the type.
    pub name: String,
    /// The content, at most [`MAX_UPLOAD_BYTES`].
    pub bytes: Vec<u8>,
    /// Where a visitor can read it; goes before what the content says itself.
    pub url: Option<String>,
    /// Its title; goes before what the content says itself.
    pub title: Option<String>,
}

/// Where a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentState {
    /// Something new of it waits for a worker.
    Waiting,
    /// A worker is at it.
    Processing,
    /// It is searched.
    Live,
    /// It is searched as soon as somebody approves it.
    PendingReview,
    /// Its newest content couldn't be taken in; what was live before still is.
    Failed,
    /// It is deleted.
    Removed,
}

impl DocumentState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Processing,
        Self::Live,
        Self::PendingReview,
        Self::Failed,
        Self::Removed,
    ];

    /// The name on the wire and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Processing => "processing",
            Self::Live => "live",
            Self::PendingReview => "pending_review",
            Self::Failed => "failed",
            Self::Removed => "removed",
        }
    }

    /// Reads [`DocumentState::as_str`]'s names.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// What became of a [`NewUpload`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The document, new or known.
    pub document: DocumentId,
    /// The bytes that now wait for ingestion; none when the live version is of the same
    /// content, so that there is nothing to do.
    pub upload: Option<UploadId>,
}

impl Accepted {
    /// Whether the live version already has this content.
    #[must_use]
    pub fn unchanged(&self) -> bool {
        self.upload.is_none()
    }
}

/// A word of the question after its language's stemming, or a word that may stand for
/// it, and how telling it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryTerm {
    /// The lexeme, as PostgreSQL's text search configuration gives it.
    pub term: String,
    /// The text search configuration that gave it, for example `english`.
    pub lang: String,
    /// In how many live chunks of the site and language it occurs.
    pub df: i64,
    /// `ln(1 + (N - df + 0.5) / (df + 0.5))`; also defined for df = 0.
    pub idf: f64,
    /// 1 for the question's own words, less for what stands for one of them.
    pub weight: f64,
    /// The question's other words, in lower case as they were written, that this one may
    /// stand for: as a synonym, a wider place, or the right spelling.
    pub stands_for: Vec<String>,
}

/// What one term gave to one passage's score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TermScore {
    /// The lexeme.
    pub term: String,
    /// How often it occurs in the passage.
    pub tf: i32,
    /// Its part of the BM25 score.
    pub score: f64,
}

/// A passage of a document that a search returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// The chunk.
    pub chunk_id: i64,
    /// The document that it is part of.
    pub document_id: DocumentId,
    /// Where the document comes from: `file`, `pin`, …
    #[serde(default)]
    pub source: String,
    /// The document's title.
    pub title: String,
    /// Where a visitor can read the document; an absolute URL or a path of the site.
    pub url: Option<String>,
    /// The headings above the passage, outermost first, without the title. A passage of
    /// several short sections has their headings in its text instead.
    pub heading_path: Vec<String>,
    /// The `id` of the nearest heading when the document is shown as HTML, without `#`.
    pub anchor: Option<String>,
    /// The page in a paged document, from 1.
    pub page: Option<i32>,
    /// The text search configuration that it is indexed under, for example `english`.
    pub lang: String,
    /// The passage, as Markdown.
    pub text: String,
    /// A short extract around the question's words; these stand between `**`.
    pub snippet: String,
    /// How well it fits, mostly from 0 to 2: see [`Parts`].
    pub score: f64,
    /// How the score came about.
    #[serde(default)]
    pub parts: Parts,
    /// What each word gave to the BM25 score.
    pub terms: Vec<TermScore>,
}

impl Passage {
    /// Where in its document it stands, for people: the heading above it and the page.
    #[must_use]
    pub fn section(&self) -> Option<String> {
        let page = self.page.map(|n| {
            let short = if self.lang == "german" { "S." } else { "p." };
            format!("{short} {n}")
        });
        match (self.heading_path.last(), page) {
            (Some(heading), Some(page)) => Some(format!("{heading}, {page}")),
            (heading, page) => heading.cloned().or(page),
        }
    }
}

/// How a passage's score came about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// BM25 over the question's words.
    pub bm25: f64,
    /// Its place by words alone, from 1; none when it isn't among the candidates by words.
    pub bm25_rank: Option<u32>,
    /// BM25 as a share of what the question's words could give at most.
    pub words: f64,
    /// The cosine of its vector to the question's; none without a vector.
    pub cosine: Option<f64>,
    /// Its place by vectors alone, from 1.
    pub vector_rank: Option<u32>,
    /// What meaning gave: the cosine to the question's vector after feedback from the best
    /// candidates, weighted by how far the model is to be trusted with the passage's language.
    pub meaning: f64,
    /// What a cross-encoder says of it, on the model's own scale; none where none is
    /// configured. It decides the order then.
    pub reranked: Option<f64>,
    /// Whether it is the operator's answer to this question.
    pub pinned: bool,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Found {
    /// Best first.
    pub passages: Vec<Passage>,
    /// The question's words, of every language that the site has documents in, and what
    /// stands for them. A word that isn't here is one that its language always ignores.
    pub terms: Vec<QueryTerm>,
    /// The model whose vectors were compared; none where words alone were.
    #[serde(default)]
    pub model: Option<String>,
    /// Why vectors weren't compared although the site has them.
    #[serde(default)]
    pub degraded: Option<String>,
}

impl Found {
    /// The question's own words, as stems, that no document has.
    #[must_use]
    pub fn unknown(&self) -> Vec<&str> {
        let unknown = self.terms.iter().filter(|t| t.df == 0 && t.weight >= 1.0);
        unknown.map(|t| t.term.as_str()).collect()
    }

    /// How well the passage that fits best does, in percent: the mean of what the question's
    /// words gave of what they could, and of the cosine where there is one; 100 for the operator's
    /// own answer, 0 where nothing was found.
    #[must_use]
    pub fn confidence(&self) -> u8 {
        let fit = |p: &Passage| {
            let words = p.parts.words.clamp(0.0, 1.0);
            match p.parts.cosine {
                _ if p.parts.pinned => 1.0,
                Some(cosine) => words.midpoint(cosine.clamp(0.0, 1.0)),
                None => words,
            }
        };
        let best = self.passages.iter().map(fit).fold(0.0, f64::max);
        (0..=100_u8)
            .rev()
            .find(|whole| f64::from(*whole) <= best * 100.0)
            .unwrap_or(0)
    }
}
