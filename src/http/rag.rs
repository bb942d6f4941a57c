//! `POST /rag/query`: one question to the site's documents, answered with sources. For
//! servers of the site's own and for visitors alike; nothing of it becomes a conversation.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::auth::Asker;
use super::body::Json;
use super::error::{Code, Problem, ProblemBody};
use super::state::App;
use crate::agent::query::{self, Query, QueryError};
use crate::domain::event::Citation;
use crate::domain::ids::SiteId;
use crate::domain::site::is_locale;
use crate::knowledge::search::MAX_QUERY;

/// The most passages.
const MOST: u8 = 5;

/// A question.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The site.
    #[schema(value_type = uuid::Uuid)]
    site_id: SiteId,
    /// 1 to 4000 characters.
    #[schema(max_length = 4000)]
    question: String,
    /// How many passages the answer may stand on, 1 to 5.
    #[serde(default = "five")]
    k: u8,
    /// The visitor's language, a BCP 47 tag.
    locale: Option<String>,
}

fn five() -> u8 {
    MOST
}

/// An answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Answer {
    /// Markdown with citation marks `[n]`; empty when the documents bear no answer out.
    answer: String,
    /// Its sources.
    citations: Vec<Citation>,
    /// What was found, best first.
    hits: Vec<Hit>,
    /// Which brain answered; `none` when none could.
    brain: String,
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
    /// The passage.
    text: String,
    /// How well it fits, mostly from 0 to 2.
    score: f64,
}

/// Answers one question from the site's documents, with its sources.
#[utoipa::path(
    post, path = "/rag/query", tag = "agent", request_body = Request, security(("visitor" = []), ("api_key" = [])),
    responses(
        (status = 200, body = Answer),
        (status = 400, description = "bad_json", body = ProblemBody),
        (status = 401, description = "token_missing, token_invalid, token_expired", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
        (status = 503, description = "overloaded, not_ready", body = ProblemBody),
    )
)]
pub async fn post(
    State(app): State<Arc<App>>,
    asker: Asker,
    Json(request): Json<Request>,
) -> Result<axum::Json<Answer>, Problem> {
    if request.site_id != asker.site {
        // Another site's key says nothing about whether there is such a site.
        return Err(Problem::new(Code::TokenInvalid, "This key isn't this site's."));
    }
    let length = request.question.chars().count();
    if request.question.trim().is_empty() || length > MAX_QUERY || request.question.contains('\0') {
        return Err(Problem::field(
            "/question",
            "1 to 4000 characters, without U+0000.",
        ));
    }
    if !(1..=MOST).contains(&request.k) {
        return Err(Problem::field("/k", "1 to 5."));
    }
    if request.locale.as_ref().is_some_and(|l| !is_locale(l)) {
        return Err(Problem::field(
            "/locale",
            "A language tag such as `en` or `de-AT`.",
        ));
    }
    let query = Query {
        question: request.question.trim().to_owned(),
        k: request.k,
        locale: request.locale,
    };
    let answered = query::answer(&app.agent, asker.site, query)
        .await
        .map_err(|error| match error {
            QueryError::Overloaded => Problem::new(
                Code::Overloaded,
                "Many questions are being answered. Please try again in a moment.",
            ),
            QueryError::Db(error) => error.into(),
        })?;
    Ok(axum::Json(Answer {
        answer: answered.text,
        citations: answered.citations,
        hits: answered
            .hits
            .into_iter()
            .map(|p| Hit {
                chunk_id: p.chunk_id,
                doc_id: p.document_id.to_string(),
                title: p.title,
                url: p.url,
                section: p.heading_path.join(" › "),
                text: p.text,
                score: p.score,
            })
            .collect(),
        brain: answered.brain,
    }))
}
