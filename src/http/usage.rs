//! `GET /api/usage`: what a site's conversations and calls of language models came to, by day.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};

use super::auth::ApiKey;
use super::error::{Problem, ProblemBody};
use super::state::App;
use crate::db::model_calls::DayOfCalls;
use crate::db::sites;
use crate::db::usage::{self, DayOfTurns};
use crate::domain::time;
use crate::gateway::usage as table;

/// Days in one answer at most.
const MOST: i64 = 366;

/// Which days (UTC); both are part of it.
#[derive(Debug, Deserialize)]
pub struct Period {
    from: Option<String>,
    to: Option<String>,
    format: Option<String>,
}

/// One day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Day {
    /// The day (UTC).
    date: NaiveDate,
    /// Messages that were answered or should have been.
    turns: i64,
    /// How many ended with an answer.
    answered: i64,
    /// How many were given to a person.
    handoffs: i64,
    /// How many were cut short.
    degraded: i64,
    /// Tokens that models read.
    tokens_in: i64,
    /// Tokens that models wrote.
    tokens_out: i64,
    /// What that cost, in millionths of the currency's unit.
    cost_micro: i64,
    /// The currency's three letters.
    currency: String,
    /// The provider of most of the cost; none when no model was called.
    provider: Option<String>,
    /// Every model's part.
    models: Vec<Model>,
}

/// One model's part of a day.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Model {
    provider: String,
    model: String,
    calls: i64,
    tokens_in: i64,
    tokens_out: i64,
    cost_micro: i64,
}

/// The days, oldest first; those without anything too.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Usage {
    days: Vec<Day>,
}

/// Turns, tokens and cost by day; the last 30 days unless others are named.
#[utoipa::path(
    get, path = "/api/usage", tag = "operation", security(("api_key" = [])),
    params(
        ("from" = Option<String>, Query, description = "the first day, YYYY-MM-DD"),
        ("to" = Option<String>, Query, description = "the last day, YYYY-MM-DD; today by default"),
        ("format" = Option<String>, Query, description = "`json`, or `csv` for a table: a row for each day's turns, and one for each day and model; `Accept: text/csv` asks for the same"),
    ),
    responses(
        (status = 200, content((Usage = "application/json"), (String = "text/csv"))),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn get(
    State(app): State<Arc<App>>,
    key: ApiKey,
    headers: HeaderMap,
    query: Result<Query<Period>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(period) = query.map_err(|_| Problem::field("/from", "A day as YYYY-MM-DD."))?;
    let day = |pointer: &str, text: Option<String>, default| match text.filter(|t| !t.is_empty()) {
        None => Ok(default),
        Some(text) => time::day(&text).ok_or_else(|| Problem::field(pointer, "A day as YYYY-MM-DD.")),
    };
    let to = day("/to", period.to, app.clock.now().date_naive())?;
    let from = day("/from", period.from, to - TimeDelta::days(29))?;
    let length = (to - from).num_days() + 1;
    if !(1..=MOST).contains(&length) {
        return Err(Problem::field(
            "/from",
            "At most 366 days, and not after the last one.",
        ));
    }
    let as_csv = match period.format.as_deref() {
        None | Some("") => accepts_csv(&headers),
        Some("json") => false,
        Some("csv") => true,
        Some(_) => return Err(Problem::field("/format", "json or csv.")),
    };
    let mut tx = app.db.site(key.site).await?;
    let turns = usage::turns(&mut tx, from, to).await?;
    let calls = usage::calls(&mut tx, from, to).await?;
    let own = sites::own(&mut tx).await?;
    tx.commit().await?;
    let currency = app.gateway.currency();
    if as_csv {
        let slug = own.map(|site| site.slug).unwrap_or_default();
        let usage = table::Usage {
            site: &slug,
            turns: &turns,
            calls: &calls,
        };
        let name = format!("attachment; filename=\"usage-{slug}-{from}-{to}.csv\"");
        let head = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (header::CONTENT_DISPOSITION, name),
        ];
        return Ok((head, table::csv(&[usage], currency)).into_response());
    }
    let days = (0..length).map(|n| of_day(from + TimeDelta::days(n), &turns, &calls, currency));
    Ok(axum::Json(Usage { days: days.collect() }).into_response())
}

/// Whether a table is asked for, and no JSON before it.
fn accepts_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
    let first = accept.and_then(|a| a.split([',', ';']).next()).map(str::trim);
    first.is_some_and(|kind| kind.eq_ignore_ascii_case("text/csv"))
}

fn of_day(date: NaiveDate, turns: &[DayOfTurns], calls: &[DayOfCalls], currency: &str) -> Day {
    let of_turns = turns.iter().find(|t| t.day == date).copied().unwrap_or_default();
    let models: Vec<Model> = calls
        .iter()
        .filter(|c| c.day == date)
        .map(|c| Model {
            provider: c.provider.clone(),
            model: c.model.clone(),
            calls: c.calls,
            tokens_in: c.tokens_in,
            tokens_out: c.tokens_out,
            cost_micro: c.cost_micro,
        })
        .collect();
    let mut by_provider: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for m in &models {
        let sums = by_provider.entry(&m.provider).or_default();
        sums.0 += m.cost_micro;
        sums.1 += m.tokens_in + m.tokens_out;
    }
    let dearest = by_provider.into_iter().max_by_key(|(_, sums)| *sums);
    Day {
        date,
        turns: of_turns.turns,
        answered: of_turns.answered,
        handoffs: of_turns.handoffs,
        degraded: of_turns.degraded,
        tokens_in: models.iter().map(|m| m.tokens_in).sum(),
        tokens_out: models.iter().map(|m| m.tokens_out).sum(),
        cost_micro: models.iter().map(|m| m.cost_micro).sum(),
        currency: currency.to_owned(),
        provider: dearest.map(|(provider, _)| provider.to_owned()),
        models,
    }
}
