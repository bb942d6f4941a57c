//! `GET /api/handoffs`: how many conversations wait for a person, for how long, and why; for the
//! site's own server, which tells its staff.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::auth::ApiKey;
use super::error::{Problem, ProblemBody};
use super::state::App;
use crate::db::handoffs;

/// What waits.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Open {
    /// Conversations that nobody has taken over yet.
    count: u64,
    /// Since when the one waits that waits longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<DateTime<Utc>>,
    /// How many, by reason.
    reasons: BTreeMap<String, u64>,
    /// Tickets that are open.
    tickets: u64,
    /// Where staff see them.
    console: &'static str,
}

/// Conversations and tickets that wait for staff.
#[utoipa::path(
    get, path = "/api/handoffs", tag = "operation", security(("api_key" = [])),
    responses(
        (status = 200, body = Open),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
    )
)]
pub async fn get(State(app): State<Arc<App>>, key: ApiKey) -> Result<axum::Json<Open>, Problem> {
    let mut tx = app.db.site(key.site).await?;
    let waiting = handoffs::open_counts(&mut tx).await?;
    tx.commit().await?;
    let mut open = Open {
        count: 0,
        oldest: None,
        reasons: BTreeMap::new(),
        tickets: 0,
        console: "/console",
    };
    for row in waiting {
        let n = row.n.unsigned_abs();
        if row.kind == "ticket" {
            open.tickets += n;
            continue;
        }
        open.count += n;
        open.oldest = [open.oldest, Some(row.oldest)].into_iter().flatten().min();
        *open.reasons.entry(row.reason).or_default() += n;
    }
    Ok(axum::Json(open))
}
