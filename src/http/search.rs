//! Search over the site's documents: the passages that fit a question best, and, where it is
//! asked for, why each ranked where it did.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::auth::Visitor;
use super::body::Json;
use super::error::{Problem, ProblemBody};
use super::state::App;
use crate::db::postings::Filter;
use crate::domain::document::{Found, Passage};
use crate::hands::kb_search::WIDGET;
use crate::knowledge::search::{self, MAX_QUERY, Mode, SearchQuery};

/// The most passages.
const MOST: u8 = 20;
/// The most tags or sources, and the longest, in characters.
const NAMES: (usize, usize) = (32, 100);

/// What to look for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The question, at most 4000 characters.
    query: String,
    /// How many passages, 1 to 20.
    #[serde(default = "three")]
    k: u8,
    /// Only documents that have one of these tags.
    #[serde(default)]
    tags: Vec<String>,
    /// Only documents from one of these sources.
    #[serde(default)]
    sources: Vec<String>,
    /// Say why each passage ranks where it does.
    #[serde(default)]
    explain: bool,
}

fn three() -> u8 {
    3
}

/// What was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Answer {
    /// Best first.
    hits: Vec<Hit>,
    /// The embedding model whose vectors were compared; null where words alone were.
    model: Option<String>,
    /// Whether vectors should have been compared, but couldn't be.
    degraded: bool,
    /// How well the best passage fits, in percent, when an explanation was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<u8>,
    /// The question's words, as stems, that are in no document, when an explanation was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<Vec<String>>,
}

/// A passage.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Hit {
    /// What an answer cites.
    chunk_id: i64,
    /// The document.
    doc_id: String,
    /// Its title.
    title: String,
    /// Where it can be read.
    url: Option<String>,
    /// The headings above the passage.
    section: String,
    /// The page in a paged document, from 1.
    page: Option<i32>,
    /// An extract around the question's words.
    snippet: String,
    /// How well it fits, mostly from 0 to 2.
    score: f64,
    /// Why it ranks where it does, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
}

/// Why a passage ranks where it does: `score` is `words` + `meaning`, unless it is pinned.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Explanation {
    /// BM25 as a share of what the question's words could give at most.
    words: f64,
    /// BM25.
    bm25: f64,
    /// Its place by words alone, from 1; null when it isn't among their candidates.
    bm25_rank: Option<u32>,
    /// The cosine to the question's vector after feedback from the best candidates, weighted by
    /// how far the model is trusted with the passage's language.
    meaning: f64,
    /// The cosine of its vector to the question's.
    cosine: Option<f64>,
    /// Its place by vectors alone, from 1; null when it isn't among their candidates.
    vector_rank: Option<u32>,
    /// What a cross-encoder says of it, where one is configured; it decides the order then.
    #[serde(skip_serializing_if = "Option::is_none")]
    reranked: Option<f64>,
    /// Whether it is the operator's own answer to this question.
    pinned: bool,
    /// What each of the question's words gave to BM25.
    terms: Vec<Term>,
}

/// A word's part.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Term {
    /// Its stem.
    term: String,
    /// How often it is in the passage.
    tf: i32,
    /// Its part of BM25.
    score: f64,
}

/// The passages that fit a question best.
#[utoipa::path(
    post, path = "/api/search", tag = "agent", request_body = Request, security(("visitor" = [])),
    responses(
        (status = 200, body = Answer),
        (status = 400, description = "bad_json", body = ProblemBody),
        (status = 401, description = "token_missing, token_invalid, token_expired", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn post(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    Json(request): Json<Request>,
) -> Result<axum::Json<Answer>, Problem> {
    let wrong = |pointer: &str, detail: &str| Problem::field(pointer, detail);
    if request.query.trim().is_empty() || request.query.chars().count() > MAX_QUERY {
        return Err(wrong("/query", "1 to 4000 characters."));
    }
    if !(1..=MOST).contains(&request.k) {
        return Err(wrong("/k", "1 to 20."));
    }
    for (pointer, names) in [("/tags", &request.tags), ("/sources", &request.sources)] {
        let unfit = |n: &String| n.chars().count() > NAMES.1 || n.chars().any(char::is_control);
        if names.len() > NAMES.0 || names.iter().any(unfit) {
            return Err(wrong(
                pointer,
                "At most 32, each of at most 100 characters and no control characters.",
            ));
        }
    }
    let query = SearchQuery {
        text: request.query,
        k: usize::from(request.k),
        filter: Filter {
            channel: Some(WIDGET.to_owned()),
            tags: request.tags,
            sources: request.sources,
        },
        mode: Mode::Hybrid,
    };
    let found: Arc<Found> = search::search(&app.knowledge, &app.db, visitor.site, query).await?;
    Ok(axum::Json(Answer {
        hits: found.passages.iter().map(|p| hit(p, request.explain)).collect(),
        model: found.model.clone(),
        degraded: found.degraded.is_some(),
        confidence: request.explain.then(|| found.confidence()),
        unknown: request
            .explain
            .then(|| found.unknown().into_iter().map(str::to_owned).collect()),
    }))
}

fn hit(p: &Passage, explain: bool) -> Hit {
    Hit {
        chunk_id: p.chunk_id,
        doc_id: p.document_id.to_string(),
        title: p.title.clone(),
        url: p.url.clone(),
        section: p.heading_path.join(" › "),
        page: p.page,
        snippet: p.snippet.clone(),
        score: p.score,
        explanation: explain.then(|| Explanation {
            words: p.parts.words,
            bm25: p.parts.bm25,
            bm25_rank: p.parts.bm25_rank,
            meaning: p.parts.meaning,
            cosine: p.parts.cosine,
            vector_rank: p.parts.vector_rank,
            reranked: p.parts.reranked,
            pinned: p.parts.pinned,
            terms: p
                .terms
                .iter()
                .map(|t| Term {
                    term: t.term.clone(),
                    tf: t.tf,
                    score: t.score,
                })
                .collect(),
        }),
    }
}
