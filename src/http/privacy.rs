//! A person's data, for WordPress's privacy tools: exported, and erased with a receipt. By the
//! site's API key alone; who may ask for whom is the site's to check.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;

use super::auth::ApiKey;
use super::body::Json;
use super::error::{Code, Problem, ProblemBody};
use super::state::App;
use crate::db::pool::DbResult;
use crate::domain::ids::{SiteId, ThreadId, VisitorId};
use crate::privacy::subject::{Subject, SubjectError};
use crate::privacy::{erase, export, subject};

/// Whose data.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Their e-mail address.
    email: Option<String>,
    /// Their visitors' ids, at most 100: of a user of WordPress the UUIDv5 of the site's id and
    /// `wp-user:` with the user's number.
    #[serde(default)]
    #[schema(value_type = Vec<uuid::Uuid>, max_items = 100)]
    visitor_ids: Vec<VisitorId>,
}

/// What was removed.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Receipt {
    /// Under which it is kept.
    receipt_id: uuid::Uuid,
    /// When.
    at: chrono::DateTime<chrono::Utc>,
    /// Rows by what they were: `threads`, `messages`, `events`, `turns` and so on.
    counts: std::collections::BTreeMap<String, i64>,
}

fn subject(request: &Request) -> Result<Subject, Problem> {
    Subject::new(request.email.as_deref(), &request.visitor_ids).map_err(|error| {
        let pointer = match error {
            SubjectError::Nobody | SubjectError::BadEmail => "/email",
            SubjectError::TooMany => "/visitor_ids",
        };
        Problem::field(pointer, error.to_string())
    })
}

/// Everything that the site holds of a person.
#[utoipa::path(
    post, path = "/api/privacy/export", tag = "privacy", request_body = Request, security(("api_key" = [])),
    responses(
        (status = 200, description = "Visitors, conversations, tickets, handoffs, feedback, AI jobs", content_type = "application/json"),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn export(
    State(app): State<Arc<App>>,
    key: ApiKey,
    Json(request): Json<Request>,
) -> Result<axum::Json<export::Export>, Problem> {
    let subject = subject(&request)?;
    Ok(axum::Json(
        export::export(&app.db, &app.master, key.site, &subject).await?,
    ))
}

/// Erases a person. Their turns under way end. Again it gives a receipt of zeros.
#[utoipa::path(
    post, path = "/api/privacy/erase", tag = "privacy", request_body = Request, security(("api_key" = [])),
    responses(
        (status = 200, body = Receipt),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn erase(
    State(app): State<Arc<App>>,
    key: ApiKey,
    Json(request): Json<Request>,
) -> Result<axum::Json<Receipt>, Problem> {
    let subject = subject(&request)?;
    let now = app.clock.now();
    let journal = app.settings.erasures.as_ref();
    let done = erase::erase(&app.db, &app.master, key.site, &subject, journal, now).await?;
    Ok(axum::Json(Receipt {
        receipt_id: done.receipt_id,
        at: done.at,
        counts: done.counts,
    }))
}

/// What a visitor is told of a conversation that isn't there: whether it ever was theirs.
pub(super) async fn missing(app: &App, site: SiteId, thread: ThreadId, visitor: VisitorId) -> Problem {
    let looked = was_erased(app, site, thread, visitor).await;
    match looked {
        Ok(true) => Problem::new(
            Code::ThreadErased,
            "Its data was deleted. Start a new conversation by leaving out thread_id.",
        ),
        Ok(false) => Problem::new(
            Code::ThreadNotFound,
            "Start a new conversation by leaving out thread_id.",
        ),
        Err(error) => error.into(),
    }
}

async fn was_erased(app: &App, site: SiteId, thread: ThreadId, visitor: VisitorId) -> DbResult<bool> {
    let hash = subject::thread_hash(&app.master, site, thread, visitor);
    let mut tx = app.db.site(site).await?;
    let marked = crate::db::erasure::is_marked(&mut tx, &hash).await?;
    tx.commit().await?;
    Ok(marked)
}
