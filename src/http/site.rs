//! `GET` and `PATCH /api/site`: what a site's owner decides and its own server reads and sets: how
//! far the agent may go (AGT-15), and when somebody is in.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::auth::ApiKey;
use super::body::Json;
use super::error::{Code, Problem, ProblemBody};
use super::state::App;
use crate::db::pool::SiteTx;
use crate::db::{audit, hours, sites};
use crate::domain::hours::Hours;
use crate::domain::settings::{self, AWAY, HOURS, SiteSettings};
use crate::domain::site::{Mode, Site};

/// What a site's own server is told of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SiteView {
    /// Its name here.
    name: String,
    /// `shadow`: staff send what the agent drafts; `assist`: it answers, opens tickets and hands
    /// over; `full`: it also refunds and changes addresses, each with the customer's yes.
    mode: &'static str,
    /// When somebody is in: a time zone, times, and days on which nobody comes, such as
    /// `Europe/Vienna; Mon 9:00-12:00,13:00-17:00; closed 2026-12-24..2026-12-26`; none: always.
    hours: Option<String>,
    /// What is said when nobody is in, in place of the usual sentence.
    away: Option<String>,
}

impl SiteView {
    fn new(site: Site, settings: &SiteSettings) -> Self {
        Self {
            name: site.name,
            mode: site.mode.as_str(),
            hours: settings.hours().map(|hours| hours.to_string()),
            away: settings.away().map(str::to_owned),
        }
    }
}

/// What may be changed; what isn't named stays as it is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteChanges {
    /// `shadow`, `assist` or `full`.
    mode: Option<String>,
    /// As they are read; days may be given as `Mon-Fri` or `Mon,Wed`, and nothing means always.
    hours: Option<String>,
    /// `{opens}` stands for the next opening; nothing takes the usual sentence.
    away: Option<String>,
}

fn gone() -> Problem {
    Problem::new(Code::TokenInvalid, "There is no such site.")
}

/// How far the agent may go, and when somebody is in.
#[utoipa::path(
    get, path = "/api/site", tag = "operation", security(("api_key" = [])),
    responses(
        (status = 200, body = SiteView),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
    )
)]
pub async fn get(State(app): State<Arc<App>>, key: ApiKey) -> Result<axum::Json<SiteView>, Problem> {
    let mut tx = app.db.site(key.site).await?;
    let site = sites::own(&mut tx).await?.ok_or_else(gone)?;
    let settings = sites::settings(&mut tx).await?;
    tx.commit().await?;
    Ok(axum::Json(SiteView::new(site, &settings)))
}

/// The stored form of what was given for a setting: null takes it back.
fn read(key: &'static str, given: &str) -> Result<Value, Problem> {
    let pointer = format!("/{key}");
    // What of it is wrong says more than what it may be.
    if key == HOURS
        && !matches!(given.trim(), "" | "always")
        && let Err(error) = given.parse::<Hours>()
    {
        return Err(Problem::field(pointer, format!("Opening hours: {error}.")));
    }
    let (_, value) = settings::parse(&format!("{key}={given}"))
        .map_err(|_| Problem::field(pointer, "A sentence or two, at most 300 characters."))?;
    Ok(value)
}

async fn set(tx: &mut SiteTx, key: &'static str, value: &Value) -> Result<(), Problem> {
    if key == HOURS
        && let Some(set) = value.as_str().and_then(|text| text.parse::<Hours>().ok())
        && !hours::knows_zone(tx, &set.zone).await?
    {
        let detail = format!(
            "There is no time zone {}; write one such as Europe/Vienna.",
            set.zone
        );
        return Err(Problem::field("/hours", detail));
    }
    sites::set_setting(tx, key, value).await?;
    Ok(())
}

/// Sets how far the agent may go, from the next message on, and when somebody is in.
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
    let wrong = || Problem::field("/mode", "One of shadow, assist and full.");
    let mode = changes
        .mode
        .as_deref()
        .map(|mode| Mode::parse(mode).ok_or_else(wrong));
    let mode = mode.transpose()?;
    let given = [(HOURS, changes.hours), (AWAY, changes.away)];
    let given = given.into_iter().filter_map(|(key, text)| Some((key, text?)));
    let given = given
        .map(|(key, text)| Ok((key, read(key, &text)?)))
        .collect::<Result<Vec<_>, Problem>>()?;
    if mode.is_none() && given.is_empty() {
        return Err(Problem::field(
            "/mode",
            "Name what is to be changed: mode, hours or away.",
        ));
    }
    let mut tx = app.db.site(key.site).await?;
    let mut site = sites::own(&mut tx).await?.ok_or_else(gone)?;
    for (key, value) in given {
        set(&mut tx, key, &value).await?;
        let entry = audit::Entry {
            who: "system",
            act: "setting",
            thread: None,
            subject: Some(key),
            detail: json!({"by": "the site's server"}),
            at: app.clock.now(),
        };
        audit::append(&mut tx, &entry).await?;
    }
    if let Some(mode) = mode.filter(|mode| *mode != site.mode) {
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
    let settings = sites::settings(&mut tx).await?;
    tx.commit().await?;
    Ok(axum::Json(SiteView::new(site, &settings)))
}
