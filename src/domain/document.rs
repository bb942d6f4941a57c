//! What the knowledge base is made of, as its readers see it: passages that a search
//! returns, and the words of the question that found them.

use serde::{Deserialize, Serialize};

use crate::domain::ids::DocumentId;

/// A word of the question after its language's stemming, and how telling it is.
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
    /// The document's title.
    pub title: String,
    /// Where a visitor can read the document; an absolute URL or a path of the site.
    pub url: Option<String>,
    /// The headings above the passage, outermost first, without the title.
    pub heading_path: Vec<String>,
    /// The page in a paged document, from 1.
    pub page: Option<i32>,
    /// The passage, as Markdown.
    pub text: String,
    /// A short extract around the question's words; these stand between `**`.
    pub snippet: String,
    /// BM25; comparable within one search only.
    pub score: f64,
    /// How the score came about.
    pub terms: Vec<TermScore>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Found {
    /// Best first.
    pub passages: Vec<Passage>,
    /// The question's words, of every language that the site has documents in.
    pub terms: Vec<QueryTerm>,
}
