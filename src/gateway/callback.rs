//! Brings an AI job's result to its site: at least once, until the site has taken it, with
//! every try in a ledger. The job in the queue repeats it for about a day; then it lies with
//! the dead letters (`deskhand jobs list --state dead`).

use std::time::{Duration, Instant};

use serde_json::json;

use super::Gateway;
use super::outgoing::OutgoingError;
use crate::db::ai_jobs::{self, AiJobRow, Attempt};
use crate::db::pool::{DbError, DbResult};
use crate::domain::ai_job::{Status, sealed_for};
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::{AiJobId, SiteId};
use crate::privacy::subject;

/// How long a site may take to take it.
const TIME: Duration = Duration::from_secs(10);

/// Why a result isn't delivered.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct CallbackError {
    /// For programs.
    pub code: String,
    /// For people.
    pub detail: String,
    /// Whether another try is useless.
    pub permanent: bool,
}

impl CallbackError {
    fn new(code: &str, detail: impl Into<String>, permanent: bool) -> Self {
        Self {
            code: code.to_owned(),
            detail: detail.into(),
            permanent,
        }
    }
}

impl From<DbError> for CallbackError {
    fn from(error: DbError) -> Self {
        tracing::warn!(%error, "a callback waits for the database");
        Self::new("database", "The database refused or was away.", false)
    }
}

impl Gateway {
    /// Tries once to deliver a job's result.
    ///
    /// # Errors
    /// When the site didn't take it.
    pub async fn deliver(&self, site: SiteId, id: AiJobId, last: bool) -> Result<(), CallbackError> {
        let mut tx = self.db().site(site).await?;
        let row = ai_jobs::find(&mut tx, id).await?;
        tx.commit().await?;
        let Some(row) = row else {
            // Erased, or pruned: there is nobody to tell.
            return Ok(());
        };
        if !row.status.is_final() {
            return Err(CallbackError::new(
                "not_ended",
                "The job has no result yet.",
                true,
            ));
        }
        if row.callback == "delivered" {
            return Ok(());
        }
        let body = self.body(site, &row)?;
        let (at, begun) = (self.now(), Instant::now());
        let key = id.to_string();
        let sent = self
            .post(
                site,
                &row.kid,
                &row.callback_url,
                &[("idempotency-key", &key)],
                body,
                TIME,
            )
            .await;
        fail::point(FailPoint::CallbackSent);
        let (status, judged) = judge(sent);
        let attempt = Attempt {
            n: 0,
            at,
            ms: i32::try_from(begun.elapsed().as_millis()).unwrap_or(i32::MAX),
            status: status.map(i32::from),
            code: judged.as_ref().err().map(|e| e.code.clone()),
        };
        let stands = match &judged {
            Ok(()) => "delivered",
            Err(error) if error.permanent || last => "dead",
            Err(_) => "waiting",
        };
        let outcome = if stands == "waiting" { "again" } else { stands };
        metrics::counter!("deskhand_callbacks_total", "outcome" => outcome).increment(1);
        let mut tx = self.db().site(site).await?;
        ai_jobs::note(&mut tx, id, &attempt, stands).await?;
        tx.commit().await?;
        judged
    }

    /// What is sent: the same bytes at each try; only the timestamp in the header differs.
    fn body(&self, site: SiteId, row: &AiJobRow) -> DbResult<Vec<u8>> {
        let result = result(self, site, row)?;
        let mut body = json!({
            "job_id": row.id,
            "idempotency_key": row.jti,
            "status": row.status,
            "result_json": result,
            "usage": usage(self, row),
        });
        if let Some((code, detail)) = &row.error {
            body["error"] = json!({ "code": code, "detail": detail });
        }
        serde_json::to_vec(&body).map_err(|e| DbError::Unreadable(e.to_string()))
    }
}

/// A job's result, opened.
pub(super) fn result(gateway: &Gateway, site: SiteId, row: &AiJobRow) -> DbResult<serde_json::Value> {
    let Some(sealed) = row.result.as_ref().filter(|_| row.status == Status::Succeeded) else {
        return Ok(serde_json::Value::Null);
    };
    let text = subject::open(gateway.master(), &sealed_for(site, row.id, "result"), sealed)?;
    serde_json::from_str(&text).map_err(|e| DbError::Unreadable(e.to_string()))
}

/// What a job took, for the wire.
pub(super) fn usage(gateway: &Gateway, row: &AiJobRow) -> serde_json::Value {
    let u = &row.usage;
    json!({
        "tokens_in": u.tokens_in, "tokens_out": u.tokens_out, "ms": u.ms,
        "cost_micro": u.cost_micro, "currency": gateway.currency(), "provider": u.provider,
    })
}

/// What the site's answer means.
fn judge(
    sent: Result<crate::knowledge::fetch::Answer, OutgoingError>,
) -> (Option<u16>, Result<(), CallbackError>) {
    match sent {
        Ok(answer) => {
            let status = answer.status;
            let judged = match status {
                200..=299 => Ok(()),
                // Nobody is there yet, it is busy, or it is broken: that passes.
                408 | 409 | 425 | 429 | 500..=599 => Err(CallbackError::new(
                    "site_refused_for_now",
                    format!("The site answered {status}; it is tried again."),
                    false,
                )),
                300..=399 => Err(CallbackError::new(
                    "redirect",
                    format!(
                        "The site answered {status}: a callback isn't redirected; name the final address."
                    ),
                    true,
                )),
                _ => Err(CallbackError::new(
                    "site_refused",
                    format!("The site answered {status}, which another try won't change."),
                    true,
                )),
            };
            (Some(status), judged)
        }
        Err(OutgoingError::Db(error)) => (None, Err(error.into())),
        Err(OutgoingError::Fetch(error)) => {
            let permanent = error.is_permanent();
            (
                None,
                Err(CallbackError::new(error.code(), error.to_string(), permanent)),
            )
        }
        Err(error) => (
            None,
            Err(CallbackError::new("not_sent", error.to_string(), false)),
        ),
    }
}
