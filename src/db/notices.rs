//! What staff are told, a row a channel. A row is written with what it tells of, in the same
//! transaction, and its job with it: nothing is told that didn't happen, nothing is forgotten.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::jobs;
use super::pool::{DbError, DbResult, SiteTx};
use crate::domain::ids::{JobId, NoticeId, ThreadId};
use crate::domain::job::{Job, Priority, Work};
use crate::domain::notice::{Notice, NoticeChannel, NoticeKind};

/// Has staff told of something, by each channel that the site has; gives how many notices are
/// new. What was told before under this key, or what the site doesn't want to hear of, is left.
///
/// # Errors
/// When the database does.
pub async fn enqueue(tx: &mut SiteTx, notice: &Notice<'_>) -> DbResult<usize> {
    let new = sqlx::query_scalar!(
        r#"INSERT INTO notices (site_id, id, kind, key, channel, thread_id, subject, reason, at)
           SELECT $1, gen_random_uuid(), $2, $3, c.name, $4, $5, $6, $7
           FROM sites s, deskhand_notice_channels() c
           WHERE NOT coalesce(s.settings -> 'notices_off', '[]') ? $2
           ON CONFLICT (site_id, key, channel) DO NOTHING
           RETURNING id"#,
        tx.site().0,
        notice.kind.as_str(),
        notice.key,
        notice.thread.map(|t| t.0),
        notice.subject.as_deref(),
        notice.reason,
        notice.at
    )
    .fetch_all(tx.conn())
    .await?;
    for id in &new {
        work(tx, NoticeId(*id)).await?;
    }
    Ok(new.len())
}

/// The same by one channel, whatever the site wants to hear of: somebody tries it. None when the
/// site hasn't got the channel.
///
/// # Errors
/// When the database does.
pub async fn enqueue_by(
    tx: &mut SiteTx,
    notice: &Notice<'_>,
    channel: NoticeChannel,
) -> DbResult<Option<(NoticeId, JobId)>> {
    let new = sqlx::query_scalar!(
        r#"INSERT INTO notices (site_id, id, kind, key, channel, thread_id, subject, reason, at)
           SELECT $1, gen_random_uuid(), $2, $3, c.name, $4, $5, $6, $7
           FROM deskhand_notice_channels() c WHERE c.name = $8
           ON CONFLICT (site_id, key, channel) DO NOTHING
           RETURNING id"#,
        tx.site().0,
        notice.kind.as_str(),
        notice.key,
        notice.thread.map(|t| t.0),
        notice.subject.as_deref(),
        notice.reason,
        notice.at,
        channel.as_str()
    )
    .fetch_optional(tx.conn())
    .await?;
    match new {
        Some(id) => {
            let id = NoticeId(id);
            Ok(Some((id, work(tx, id).await?)))
        }
        None => Ok(None),
    }
}

async fn work(tx: &mut SiteTx, id: NoticeId) -> DbResult<JobId> {
    let job = Job {
        work: Work::SendNotice { notice: id },
        key: id.to_string(),
        priority: Priority::High,
    };
    Ok(jobs::enqueue(tx, &job).await?.id)
}

/// A notice as it stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NoticeRow {
    /// Its id.
    pub id: NoticeId,
    /// What happened.
    pub kind: NoticeKind,
    /// By which channel.
    pub channel: NoticeChannel,
    /// The conversation that it is about.
    pub thread_id: Option<ThreadId>,
    /// What it is about else.
    pub subject: Option<String>,
    /// Why, a code.
    pub reason: String,
    /// `waiting`, `sent`, `skipped` or `refused`.
    pub state: String,
    /// Why the last try failed.
    pub code: Option<String>,
    /// Tries so far.
    pub tries: i32,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// When it was sent or given up.
    pub ended_at: Option<DateTime<Utc>>,
}

struct Raw {
    id: Uuid,
    kind: String,
    channel: String,
    thread_id: Option<Uuid>,
    subject: Option<String>,
    reason: String,
    state: String,
    code: Option<String>,
    tries: i32,
    at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

impl Raw {
    fn read(self) -> DbResult<NoticeRow> {
        let unreadable = |what: &str| DbError::Unreadable(format!("a notice's `{what}`"));
        Ok(NoticeRow {
            id: self.id.into(),
            kind: NoticeKind::parse(&self.kind).ok_or_else(|| unreadable(&self.kind))?,
            channel: NoticeChannel::parse(&self.channel).ok_or_else(|| unreadable(&self.channel))?,
            thread_id: self.thread_id.map(ThreadId),
            subject: self.subject,
            reason: self.reason,
            state: self.state,
            code: self.code,
            tries: self.tries,
            at: self.at,
            ended_at: self.ended_at,
        })
    }
}

/// A notice, locked until the transaction ends; none when its conversation was erased.
///
/// # Errors
/// When the database does.
pub async fn lock(tx: &mut SiteTx, id: NoticeId) -> DbResult<Option<NoticeRow>> {
    let row = sqlx::query_as!(
        Raw,
        "SELECT id, kind, channel, thread_id, subject, reason, state, code, tries, at, ended_at
         FROM notices WHERE id = $1 FOR UPDATE",
        id.0
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(Raw::read).transpose()
}

/// The last notices, newest first.
///
/// # Errors
/// When the database does.
pub async fn list(tx: &mut SiteTx, most: i64) -> DbResult<Vec<NoticeRow>> {
    let rows = sqlx::query_as!(
        Raw,
        "SELECT id, kind, channel, thread_id, subject, reason, state, code, tries, at, ended_at
         FROM notices ORDER BY at DESC, id LIMIT $1",
        most
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Raw::read).collect()
}

/// Notes how a try ended: `waiting` goes on, the others are final.
///
/// # Errors
/// When the database does.
pub async fn note(
    tx: &mut SiteTx,
    id: NoticeId,
    state: &str,
    code: Option<&str>,
    now: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "UPDATE notices SET state = $2, code = $3, tries = tries + 1,
                            ended_at = CASE WHEN $2 <> 'waiting' THEN $4::timestamptz END
         WHERE id = $1 AND state = 'waiting'",
        id.0,
        state,
        code,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
