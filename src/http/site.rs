//! `GET` and `PATCH /api/site`: how far the agent may go on a site (AGT-15), for the site's own
//! server, whose owner decides it.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::auth::ApiKey;
use super::body::Json;
use super::error::{Code, Problem, ProblemBody};
use super::state::App;
use crate::db::{audit, sites};
use crate::domain::site::{Mode, Site};

/// What a site's own server is told of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SiteView {
    /// Its name here.
    name: String,
    /// `shadow`: staff send what the agent drafts; `assist`: it answers, opens tickets and hands
    /// over; `full`: it also refunds and changes addresses, each with the customer's yes.
    mode: &'static str,
}

impl From<Site> for SiteView {
    fn from(site: Site) -> Self {
        Self {
            name: site.name,
            mode: site.mode.as_str(),
        }
    }
}

/// What may be changed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteChanges {
    /// `shadow`, `assist` or `full`.
    mode: String,
}

fn gone() -> Problem {
    Problem::new(Code::TokenInvalid, "There is no such site.")
}

/// How far the agent may go.
#[utoipa::path(
    get, path = "/api/site", tag = "operation", security(("api_key" = [])),
    responses(
        (status = 200, body = SiteView),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
    )
)]
pub async fn get(State(app): State<Arc<App>>, key: ApiKey) -> Result<axum::Json<SiteView>, Problem> {
    let mut tx = app.db.site(key.site).await?;
    let site = sites::own(&mut tx).await?;
    tx.commit().await?;
    Ok(axum::Json(site.ok_or_else(gone)?.into()))
}

/// Sets how far the agent may go, from the next message on.
#[utoipa::path(
    patch, path = "/api/site", tag = "operation", request_body = SiteChanges, security(("api_key" = [])),
    responses(
        (status = 200, body = SiteView),
        (status = 400, description = "bad_json", body = ProblemBody),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn patch(
    State(app): State<Arc<App>>,
    key: ApiKey,
    Json(changes): Json<SiteChanges>,
) -> Result<axum::Json<SiteView>, Problem> {
    let mode = Mode::parse(&changes.mode)
        .ok_or_else(|| Problem::field("/mode", "One of shadow, assist and full."))?;
    let mut tx = app.db.site(key.site).await?;
    let mut site = sites::own(&mut tx).await?.ok_or_else(gone)?;
    if site.mode != mode {
        sites::set_mode(&mut tx, mode).await?;
        let entry = audit::Entry {
            who: "system",
            act: "mode",
            thread: None,
            subject: Some(mode.as_str()),
            detail: json!({"before": site.mode.as_str(), "by": "the site's server"}),
            at: app.clock.now(),
        };
        audit::append(&mut tx, &entry).await?;
        site.mode = mode;
    }
    tx.commit().await?;
    Ok(axum::Json(site.into()))
}
