//! AI jobs, and the ledger of their callbacks. A result and the job that delivers it are
//! stored in one transaction, so that no crash parts them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::pool::{Db, DbError, DbResult, SiteTx};
use crate::domain::ai_job::{NewAiJob, Status, Usage};
use crate::domain::ids::{AiJobId, SiteId, VisitorId};
use crate::domain::job::Priority;

/// An AI job as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AiJobRow {
    /// Its id.
    pub id: AiJobId,
    /// The token's id that it came with.
    pub jti: String,
    /// Of the body that it came with.
    pub body_hash: Vec<u8>,
    /// The secret that its token was signed with.
    pub kid: String,
    /// Whose; none for the site's own.
    pub visitor: Option<VisitorId>,
    /// Where the result goes.
    pub callback_url: String,
    /// How urgent.
    pub priority: Priority,
    /// Where it stands.
    pub status: Status,
    /// The request, sealed.
    pub request: Vec<u8>,
    /// The result, sealed.
    pub result: Option<Vec<u8>>,
    /// Why there is no result: a code and a sentence.
    pub error: Option<(String, String)>,
    /// What it took.
    pub usage: Usage,
    /// `waiting`, `delivered` or `dead`.
    pub callback: String,
    /// When it came.
    pub created_at: DateTime<Utc>,
    /// When a worker began.
    pub started_at: Option<DateTime<Utc>>,
}

/// Stores a job; false when its `jti` is there already.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut SiteTx, new: &NewAiJob<'_>) -> DbResult<bool> {
    let done = sqlx::query!(
        "INSERT INTO ai_jobs (site_id, id, jti, body_hash, visitor_id, route, priority, request, addresses,
                              callback_url, created_at, kid)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (site_id, jti) DO NOTHING",
        tx.site().0,
        new.id.0,
        new.jti,
        &new.body_hash,
        new.visitor.map(|v| v.0),
        new.route,
        new.priority.as_i16(),
        new.request,
        &new.addresses,
        new.callback_url,
        new.at,
        new.kid,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many jobs of the site have not ended.
///
/// # Errors
/// When the database does.
pub async fn open(tx: &mut SiteTx) -> DbResult<i64> {
    let open = sqlx::query_scalar!(
        r#"SELECT count(*) AS "open!" FROM ai_jobs WHERE state IN ('pending', 'running')"#
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(open)
}

/// How many jobs of a visitor came since then.
///
/// # Errors
/// When the database does.
pub async fn recent(tx: &mut SiteTx, visitor: VisitorId, since: DateTime<Utc>) -> DbResult<i64> {
    let recent = sqlx::query_scalar!(
        r#"SELECT count(*) AS "recent!" FROM ai_jobs WHERE visitor_id = $1 AND created_at > $2"#,
        visitor.0,
        since
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(recent)
}

/// A job by its id.
///
/// # Errors
/// When the database does.
pub async fn find(tx: &mut SiteTx, id: AiJobId) -> DbResult<Option<AiJobRow>> {
    select(tx, Some(id), None).await
}

/// A job by the token's id that it came with.
///
/// # Errors
/// When the database does.
pub async fn by_jti(tx: &mut SiteTx, jti: &str) -> DbResult<Option<AiJobRow>> {
    select(tx, None, Some(jti)).await
}

async fn select(tx: &mut SiteTx, id: Option<AiJobId>, jti: Option<&str>) -> DbResult<Option<AiJobRow>> {
    let row = sqlx::query!(
        "SELECT id, jti, body_hash, kid, visitor_id, callback_url, priority, state, request, result, error_code, error_detail,
                tokens_in, tokens_out, cost_micro, provider, ms, callback, created_at, started_at
         FROM ai_jobs WHERE id = $1 OR jti = $2",
        id.map(|id| id.0),
        jti
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|r| {
        Ok(AiJobRow {
            id: r.id.into(),
            jti: r.jti,
            body_hash: r.body_hash,
            kid: r.kid,
            visitor: r.visitor_id.map(VisitorId),
            callback_url: r.callback_url,
            priority: Priority::from_i16(r.priority).unwrap_or(Priority::Standard),
            status: Status::parse(&r.state)
                .ok_or_else(|| DbError::Unreadable(format!("an AI job's state `{}`", r.state)))?,
            request: r.request,
            result: r.result,
            error: r.error_code.map(|c| (c, r.error_detail.unwrap_or_default())),
            usage: Usage {
                tokens_in: r.tokens_in,
                tokens_out: r.tokens_out,
                ms: r.ms.unwrap_or(0),
                cost_micro: r.cost_micro,
                provider: r.provider,
            },
            callback: r.callback,
            created_at: r.created_at,
            started_at: r.started_at,
        })
    })
    .transpose()
}

/// Notes that a worker has begun, if it hasn't ended; gives since when it is worked on.
///
/// # Errors
/// When the database does.
pub async fn begin(tx: &mut SiteTx, id: AiJobId, now: DateTime<Utc>) -> DbResult<Option<DateTime<Utc>>> {
    let since = sqlx::query_scalar!(
        r#"UPDATE ai_jobs SET state = 'running', started_at = coalesce(started_at, $2)
           WHERE id = $1 AND state IN ('pending', 'running') RETURNING started_at AS "at!""#,
        id.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(since)
}

/// How a job ended: the sealed result, or a code and a sentence.
#[derive(Debug)]
pub struct Ending<'a> {
    /// The one or the other.
    pub outcome: Result<&'a [u8], (&'a str, &'a str)>,
    /// What it took.
    pub usage: &'a Usage,
    /// When.
    pub at: DateTime<Utc>,
}

/// Stores how a job ended; false when it has ended already, or is gone.
///
/// # Errors
/// When the database does.
pub async fn finish(tx: &mut SiteTx, id: AiJobId, ending: &Ending<'_>) -> DbResult<bool> {
    let (state, result, error) = match ending.outcome {
        Ok(result) => ("succeeded", Some(result), None),
        Err(error) => ("failed", None, Some(error)),
    };
    let usage = ending.usage;
    let done = sqlx::query!(
        "UPDATE ai_jobs SET state = $2, result = $3, error_code = $4, error_detail = left($5, 2000), provider = $6,
                tokens_in = $7, tokens_out = $8, cost_micro = $9, ms = $10, finished_at = $11
         WHERE id = $1 AND state IN ('pending', 'running')",
        id.0,
        state,
        result,
        error.map(|e| e.0),
        error.map(|e| e.1),
        usage.provider,
        usage.tokens_in,
        usage.tokens_out,
        usage.cost_micro,
        usage.ms,
        ending.at,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Jobs of all sites that haven't ended and that no job in the queue works on, at most 100,
/// with the database's time.
///
/// # Errors
/// When the database does.
pub async fn abandoned(db: &Db) -> DbResult<Vec<(SiteId, AiJobId, DateTime<Utc>)>> {
    let rows = sqlx::query!(
        r#"SELECT site_id AS "site_id!", job_id AS "job_id!", now() AS "now!" FROM deskhand_abandoned_ai_jobs()"#
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| (r.site_id.into(), r.job_id.into(), r.now))
        .collect())
}

/// One try to deliver a result.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Attempt {
    /// From 1.
    pub n: i32,
    /// When.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub ms: i32,
    /// What the site answered; none: there was no answer.
    pub status: Option<i32>,
    /// Why it counts as none: a code; none when it was taken.
    pub code: Option<String>,
}

/// Writes a try into the ledger, and how the delivery stands after it.
///
/// # Errors
/// When the database does.
pub async fn note(tx: &mut SiteTx, id: AiJobId, attempt: &Attempt, stands: &str) -> DbResult<()> {
    sqlx::query!(
        "INSERT INTO ai_job_callbacks (site_id, job_id, n, at, ms, status, code)
         SELECT $1, $2, coalesce(max(n), 0) + 1, $3, $4, $5, $6 FROM ai_job_callbacks WHERE job_id = $2",
        tx.site().0,
        id.0,
        attempt.at,
        attempt.ms,
        attempt.status,
        attempt.code,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!("UPDATE ai_jobs SET callback = $2 WHERE id = $1", id.0, stands)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The tries to deliver a job's result, oldest first.
///
/// # Errors
/// When the database does.
pub async fn attempts(tx: &mut SiteTx, id: AiJobId) -> DbResult<Vec<Attempt>> {
    let rows = sqlx::query_as!(
        Attempt,
        "SELECT n, at, ms, status, code FROM ai_job_callbacks WHERE job_id = $1 ORDER BY n",
        id.0
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// What an export shows of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its id.
    pub id: AiJobId,
    /// `chat` or `infer`.
    pub route: String,
    /// Where it stands.
    pub state: String,
    /// The request, sealed.
    pub request: Vec<u8>,
    /// The result, sealed.
    pub result: Option<Vec<u8>>,
    /// When it came.
    pub created_at: DateTime<Utc>,
}

/// The jobs of visitors, newest first.
///
/// # Errors
/// When the database does.
pub async fn of_visitors(tx: &mut SiteTx, visitors: &[Uuid], most: i64) -> DbResult<Vec<Asked>> {
    let rows = sqlx::query_as!(
        Asked,
        "SELECT id, route, state, request, result, created_at FROM ai_jobs WHERE visitor_id = ANY ($1)
         ORDER BY created_at DESC, id LIMIT $2",
        visitors,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
