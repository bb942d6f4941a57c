//! Turns and their steps. A turn is driven under a lease (on the database's clock) and an
//! epoch; whoever takes it over raises the epoch, and the one before can store nothing more.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::listen::TURN_CANCEL;
use super::pool::{Db, DbError, DbResult, SiteTx};
use crate::domain::customer::Account;
use crate::domain::ids::{MessageId, ProposalId, SiteId, ThreadId, TurnId, VisitorId};

/// How long a driver that says nothing keeps its turn. Renewed at every step and each
/// third of it; together with the sweep every two seconds an orphan waits seven at most.
pub const LEASE: Duration = Duration::from_secs(5);

/// One transition.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct StepRow {
    /// 0, 1, …
    pub n: i32,
    /// The input's time.
    pub at: DateTime<Utc>,
    /// The input.
    pub input: Value,
    /// What the machine asked for.
    pub actions: Value,
    /// The machine after it; null where a later step of the same store has it.
    #[serde(default)]
    pub after: Value,
    /// Since the step before, in milliseconds.
    pub ms: i32,
}

/// A turn that a driver takes over.
#[derive(Debug)]
pub struct TakenTurn {
    /// The turn.
    pub id: TurnId,
    /// Its thread.
    pub thread: ThreadId,
    /// Its visitor.
    pub visitor: VisitorId,
    /// The visitor's message.
    pub text: String,
    /// The client's id of it.
    pub message_id: MessageId,
    /// The thread's language.
    pub lang: String,
    /// The epoch to drive it under.
    pub epoch: i64,
    /// How often it was taken over, this time included.
    pub resumes: i32,
    /// The machine before its first input.
    pub start: Value,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// The number of its `turn` event.
    pub first_seq: i64,
    /// The last step, if any: its number and the machine after it.
    pub last: Option<(i32, Value)>,
    /// Whether the visitor asked to stop it.
    pub cancel_asked: bool,
    /// The proposal that it began with a yes or no to, its tool, and which it was.
    pub answer: Option<(ProposalId, String, bool)>,
    /// The account that the visitor was logged in to.
    pub account: Option<Account>,
}

fn secs(d: Duration) -> f64 {
    d.as_secs_f64()
}

/// Renews the lease; gives whether the visitor has asked to stop.
///
/// # Errors
/// [`DbError::Fenced`] when the turn is finished or another's.
pub async fn renew(tx: &mut SiteTx, turn: TurnId, epoch: i64) -> DbResult<bool> {
    let cancel = sqlx::query_scalar!(
        "UPDATE turns SET lease_until = clock_timestamp() + make_interval(secs => $3)
         WHERE id = $1 AND epoch = $2 AND finished_at IS NULL RETURNING cancel_asked",
        turn.0,
        epoch,
        secs(LEASE)
    )
    .fetch_optional(tx.conn())
    .await?;
    cancel.ok_or(DbError::Fenced)
}

/// Gives the lease up, so that another driver may carry on at once.
///
/// # Errors
/// When the database does.
pub async fn release(tx: &mut SiteTx, turn: TurnId, epoch: i64) -> DbResult<()> {
    sqlx::query!(
        "UPDATE turns SET lease_until = clock_timestamp() WHERE id = $1 AND epoch = $2 AND finished_at IS NULL",
        turn.0,
        epoch
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Closes a turn.
///
/// # Errors
/// [`DbError::Fenced`] when it is finished already or another's.
pub async fn finish(
    tx: &mut SiteTx,
    turn: TurnId,
    epoch: i64,
    outcome: &str,
    brain: &str,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let done = sqlx::query!(
        "UPDATE turns SET finished_at = $5, outcome = $3, brain = $4
         WHERE id = $1 AND epoch = $2 AND finished_at IS NULL",
        turn.0,
        epoch,
        outcome,
        brain,
        now
    )
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(DbError::Fenced)
    }
}

/// Locks a thread for what the agent writes beside its events: a turn that still runs, in a thread
/// that nobody has taken over.
///
/// # Errors
/// [`DbError::Fenced`] when it isn't so: what comes late changes nothing.
pub async fn speaks(tx: &mut SiteTx, thread: ThreadId, turn: TurnId) -> DbResult<()> {
    let held = sqlx::query_scalar!(
        "SELECT id FROM threads WHERE id = $1 AND fence = 'agent' FOR UPDATE",
        thread.0
    )
    .fetch_optional(tx.conn())
    .await?;
    // Read after the lock: who ends a turn from outside holds it.
    let running = sqlx::query_scalar!(
        "SELECT id FROM turns WHERE id = $1 AND thread_id = $2 AND finished_at IS NULL",
        turn.0,
        thread.0
    )
    .fetch_optional(tx.conn())
    .await?;
    if held.is_some() && running.is_some() {
        Ok(())
    } else {
        Err(DbError::Fenced)
    }
}

/// Unfinished turns whose driver has gone, over all sites.
///
/// # Errors
/// When the database does.
pub async fn orphaned(db: &Db, most: i32) -> DbResult<Vec<(SiteId, TurnId)>> {
    let rows = sqlx::query!(
        r#"SELECT site_id AS "site_id!", turn_id AS "turn_id!" FROM deskhand_orphaned_turns($1)"#,
        most
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| (r.site_id.into(), r.turn_id.into()))
        .collect())
}

/// Takes an orphaned turn over under a new epoch. None when somebody was faster, or its
/// thread is staff's (then the turn is closed as `fenced`).
///
/// # Errors
/// When the database does.
pub async fn take_over(
    tx: &mut SiteTx,
    turn: TurnId,
    owner: Uuid,
    now: DateTime<Utc>,
) -> DbResult<Option<TakenTurn>> {
    // The thread's row first, as everywhere: two orders would deadlock.
    let fence = sqlx::query_scalar!(
        "SELECT t.fence FROM threads t JOIN turns u ON u.thread_id = t.id WHERE u.id = $1 FOR UPDATE OF t",
        turn.0
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(fence) = fence else { return Ok(None) };
    if fence == "staff" {
        sqlx::query!(
            "UPDATE turns SET finished_at = $2, outcome = 'fenced' WHERE id = $1 AND finished_at IS NULL",
            turn.0,
            now
        )
        .execute(tx.conn())
        .await?;
        return Ok(None);
    }
    let row = sqlx::query!(
        r#"WITH u AS (
               UPDATE turns SET owner = $2, epoch = epoch + 1, resumes = resumes + 1,
                      lease_until = clock_timestamp() + make_interval(secs => $3)
               WHERE id = $1 AND finished_at IS NULL AND lease_until < clock_timestamp()
               RETURNING *
           ), t AS (
               UPDATE threads SET turn_epoch = u.epoch FROM u WHERE threads.id = u.thread_id
               RETURNING threads.visitor_id, threads.lang
           )
           SELECT u.thread_id, t.visitor_id, m.text, m.message_id AS "message_id!", coalesce(t.lang, 'en') AS "lang!",
                  u.epoch, u.resumes, u.start, u.started_at, u.first_seq, u.cancel_asked,
                  s.n AS "n?", s.after AS "after?", u.proposal_id, u.accepts, p.tool AS "tool?",
                  u.account
           FROM u CROSS JOIN t
           JOIN messages m ON m.thread_id = u.thread_id AND m.seq >= u.first_seq AND m.turn_id = u.id AND m.author = 'visitor'
           LEFT JOIN proposals p ON p.id = u.proposal_id
           LEFT JOIN LATERAL (SELECT n, after FROM steps WHERE turn_id = u.id ORDER BY n DESC LIMIT 1) s ON true"#,
        turn.0,
        owner,
        secs(LEASE),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| TakenTurn {
        id: turn,
        thread: r.thread_id.into(),
        visitor: r.visitor_id.into(),
        text: r.text,
        message_id: r.message_id.into(),
        lang: r.lang,
        epoch: r.epoch,
        resumes: r.resumes,
        start: r.start,
        started_at: r.started_at,
        first_seq: r.first_seq,
        last: r.n.zip(r.after),
        cancel_asked: r.cancel_asked,
        answer: match (r.proposal_id, r.tool, r.accepts) {
            (Some(id), Some(tool), Some(accepts)) => Some((id.into(), tool, accepts)),
            _ => None,
        },
        // One that can't be read is none: whoever isn't known is asked.
        account: r.account.and_then(|a| serde_json::from_value(a).ok()),
    }))
}

/// Notes the account that a turn's visitor is logged in to.
///
/// # Errors
/// When the database does.
pub async fn note_account(tx: &mut SiteTx, turn: TurnId, account: &Account) -> DbResult<()> {
    let account = serde_json::to_value(account).map_err(|e| DbError::Unreadable(e.to_string()))?;
    sqlx::query!("UPDATE turns SET account = $2 WHERE id = $1", turn.0, account)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Notes that a turn began with a yes or no to a proposal.
///
/// # Errors
/// When the database does.
pub async fn note_answer(tx: &mut SiteTx, turn: TurnId, proposal: ProposalId, accepts: bool) -> DbResult<()> {
    sqlx::query!(
        "UPDATE turns SET proposal_id = $2, accepts = $3 WHERE id = $1",
        turn.0,
        proposal.0,
        accepts
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that the visitor wants the thread's open turn to stop, and tells its driver.
///
/// # Errors
/// When the database does.
pub async fn ask_cancel(tx: &mut SiteTx, thread: ThreadId) -> DbResult<Option<TurnId>> {
    let turn = sqlx::query_scalar!(
        r#"WITH u AS (UPDATE turns SET cancel_asked = true WHERE thread_id = $1 AND finished_at IS NULL RETURNING id)
           SELECT id FROM u, pg_notify($2, id::text)"#,
        thread.0,
        TURN_CANCEL
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(turn.map(TurnId))
}

/// A turn as `deskhand turn show` and a JSON client's answer need it.
#[derive(Debug, Clone)]
pub struct TurnRow {
    /// Its thread.
    pub thread: ThreadId,
    /// How it ended.
    pub outcome: Option<String>,
    /// Which brain answered.
    pub brain: Option<String>,
    /// How often another driver took it over.
    pub resumes: i32,
    /// The machine before its first input.
    pub start: Value,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A turn by its id.
///
/// # Errors
/// When the database does.
pub async fn find(tx: &mut SiteTx, turn: TurnId) -> DbResult<Option<TurnRow>> {
    let row = sqlx::query!(
        "SELECT thread_id, outcome, brain, resumes, start, started_at, finished_at FROM turns WHERE id = $1",
        turn.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| TurnRow {
        thread: r.thread_id.into(),
        outcome: r.outcome,
        brain: r.brain,
        resumes: r.resumes,
        start: r.start,
        started_at: r.started_at,
        finished_at: r.finished_at,
    }))
}

/// The steps of a turn, in order.
///
/// # Errors
/// When the database does.
pub async fn steps(tx: &mut SiteTx, turn: TurnId) -> DbResult<Vec<StepRow>> {
    let rows = sqlx::query!(
        "SELECT n, at, input, actions, after, ms, earlier FROM steps WHERE turn_id = $1 ORDER BY n",
        turn.0
    )
    .fetch_all(tx.conn())
    .await?;
    let mut steps = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(earlier) = row.earlier {
            let earlier: Vec<StepRow> =
                serde_json::from_value(earlier).map_err(|e| DbError::Unreadable(format!("steps: {e}")))?;
            steps.extend(earlier);
        }
        steps.push(StepRow {
            n: row.n,
            at: row.at,
            input: row.input,
            actions: row.actions,
            after: row.after,
            ms: row.ms,
        });
    }
    Ok(steps)
}

/// The number of a turn's `turn` event.
///
/// # Errors
/// When the database does.
pub async fn first_seq(tx: &mut SiteTx, turn: TurnId) -> DbResult<Option<i64>> {
    let seq = sqlx::query_scalar!("SELECT first_seq FROM turns WHERE id = $1", turn.0)
        .fetch_optional(tx.conn())
        .await?;
    Ok(seq)
}
