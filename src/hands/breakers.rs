//! Breakers of tools and of connections (TOOL-2), one state over all replicas: five failures
//! within a minute, and it is left alone for a minute; then one call tries it. The rules are
//! those of [`Breaker`]; here they are kept in the database, where a call that goes well finds
//! nothing and writes nothing.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::ToolError;
use crate::db::pool::{Db, DbResult, SiteTx};
use crate::db::tool_breakers;
use crate::domain::ids::SiteId;
use crate::domain::tool::ToolCode;
use crate::models::breaker::{Breaker, Outcome, Ticket};

/// May call.
#[derive(Debug)]
pub(super) struct Pass(Vec<Admitted>);

#[derive(Debug)]
struct Admitted {
    name: String,
    ticket: Ticket,
    /// Whether a success must be told: there are failures to forget, or it was the trial.
    noted: bool,
}

/// What is stored; a state that a later version wrote counts as none.
pub fn read(state: Value) -> Breaker {
    serde_json::from_value(state).unwrap_or_default()
}

fn fresh() -> Value {
    serde_json::to_value(Breaker::default()).unwrap_or_default()
}

fn resting(name: &str, until: DateTime<Utc>) -> ToolError {
    let cause = format!("`{name}` failed again and again and is left alone until {until}");
    ToolError::new(ToolCode::Upstream5xx, cause).lasting()
}

/// Lets a call through that all of these breakers let through.
///
/// # Errors
/// When one doesn't, or the database is away.
pub(super) async fn admit(tx: &mut SiteTx, names: &[String], now: DateTime<Utc>) -> Result<Pass, ToolError> {
    let rows = tool_breakers::of(tx, names).await?;
    let known: Vec<(String, Breaker)> = rows.into_iter().map(|r| (r.name, read(r.state))).collect();
    for (name, breaker) in &known {
        if let Some(until) = breaker.resting_until(now) {
            return Err(resting(name, until));
        }
    }
    let mut pass = Vec::with_capacity(names.len());
    for name in names {
        let stored = known.iter().find(|(n, _)| n == name).map(|(_, b)| b.clone());
        let noted = stored.is_some();
        let mut breaker = stored.unwrap_or_default();
        if breaker.level() > 0 {
            // The trial is one call's, whoever comes first.
            breaker = read(tool_breakers::lock(tx, name, &fresh(), now).await?);
        }
        let ticket = breaker.admit(now).map_err(|r| resting(name, r.until))?;
        if breaker.level() > 0 {
            store(tx, name, &breaker, now).await?;
        }
        pass.push(Admitted {
            name: name.clone(),
            ticket,
            noted,
        });
    }
    Ok(Pass(pass))
}

async fn store(tx: &mut SiteTx, name: &str, breaker: &Breaker, now: DateTime<Utc>) -> DbResult<()> {
    let state = serde_json::to_value(breaker)
        .ok()
        .filter(|_| !breaker.is_idle(now));
    tool_breakers::keep(tx, name, state.as_ref()).await
}

/// Whether an error tells that the tool is in trouble. A visitor who has reached a limit of ours
/// is none: else one could switch a tool off for all.
pub(super) fn is_failure(error: &ToolError) -> bool {
    error.code.is_transient() && (error.code != ToolCode::RateLimit || error.again)
}

/// Takes note of what came of a call: for the tool's own breaker, the first one, any failure that
/// passes; for the others those of the other side as a whole.
pub(super) async fn record(db: &Db, site: SiteId, pass: Pass, error: Option<&ToolError>, now: DateTime<Utc>) {
    let bad = error.is_some_and(is_failure);
    let away = error.is_some_and(|e| e.away);
    for (i, admitted) in pass.0.into_iter().enumerate() {
        let outcome = if away || (i == 0 && bad) {
            Outcome::Bad
        } else {
            Outcome::Good
        };
        if outcome == Outcome::Good && !admitted.noted {
            continue;
        }
        if let Err(error) = tell(db, site, &admitted, outcome, now).await {
            tracing::warn!(%error, name = admitted.name, "a breaker couldn't be told how a call went");
        }
    }
}

async fn tell(db: &Db, site: SiteId, to: &Admitted, outcome: Outcome, now: DateTime<Utc>) -> DbResult<()> {
    let mut tx = db.site(site).await?;
    let mut breaker = read(tool_breakers::lock(&mut tx, &to.name, &fresh(), now).await?);
    let before = breaker.level();
    breaker.record(to.ticket, outcome, now);
    store(&mut tx, &to.name, &breaker, now).await?;
    tx.commit().await?;
    if before != breaker.level() {
        tracing::warn!(
            name = to.name,
            level = breaker.level(),
            "a tool's breaker has changed"
        );
    }
    Ok(())
}

/// Takes note of a failure that nobody was let through for.
pub(super) async fn failed(db: &Db, site: SiteId, name: &str, now: DateTime<Utc>) {
    let ticket = Breaker::default().admit(now);
    let Ok(ticket) = ticket else { return };
    let admitted = Admitted {
        name: name.to_owned(),
        ticket,
        noted: false,
    };
    if let Err(error) = tell(db, site, &admitted, Outcome::Bad, now).await {
        tracing::warn!(%error, name, "a breaker couldn't be told of a failure");
    }
}
