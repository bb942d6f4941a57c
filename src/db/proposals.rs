//! Writes that wait for somebody's yes, staff's word on them, and the moves from one state to
//! the next. Each move is one statement that names the state it comes from, so that of two at
//! once one finds nothing to do.

use chrono::{DateTime, Utc};

use super::pool::{Db, DbResult, SiteTx};
use crate::domain::ids::{ProposalId, SiteId, ThreadId, TurnId, VisitorId};

/// A proposal to store.
#[derive(Debug)]
pub struct NewProposal<'a> {
    /// Its id, also the key of its effect.
    pub id: ProposalId,
    /// Where it was made.
    pub thread: ThreadId,
    /// In which turn.
    pub turn: TurnId,
    /// The tool that it would run.
    pub tool: &'a str,
    /// The order that it is about.
    pub order_number: &'a str,
    /// The arguments, sealed.
    pub args_sealed: &'a [u8],
    /// Their SHA-256.
    pub args_hash: &'a [u8],
    /// The policy's version.
    pub policy: &'a str,
    /// How much money it moves, in minor units, and in which currency.
    pub amount: Option<(i64, &'a str)>,
    /// What the visitor is asked, sealed.
    pub summary_sealed: &'a [u8],
    /// Whether staff must approve it too.
    pub needs_approval: bool,
    /// When.
    pub now: DateTime<Utc>,
    /// Until when a yes counts.
    pub expires_at: DateTime<Utc>,
}

/// A stored proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalRow {
    /// Its id.
    pub id: ProposalId,
    /// Where it was made.
    pub thread: ThreadId,
    /// Whose thread that is.
    pub visitor: VisitorId,
    /// The tool.
    pub tool: String,
    /// The order.
    pub order_number: String,
    /// The arguments, sealed.
    pub args_sealed: Vec<u8>,
    /// Their SHA-256.
    pub args_hash: Vec<u8>,
    /// The policy's version.
    pub policy: String,
    /// In minor units.
    pub amount_minor: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// What the visitor is asked, sealed; none in rows that are older than that.
    pub summary_sealed: Option<Vec<u8>>,
    /// The same as older rows have it.
    pub summary: String,
    /// Whether staff must approve it too.
    pub needs_approval: bool,
    /// See the table.
    pub state: String,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Until when a yes counts.
    pub expires_at: DateTime<Utc>,
}

/// Stores a proposal; open ones of the same thread and tool before it are void.
///
/// # Errors
/// When the database does.
pub async fn add(tx: &mut SiteTx, p: &NewProposal<'_>) -> DbResult<()> {
    sqlx::query!(
        "UPDATE proposals SET state = 'void' WHERE thread_id = $1 AND tool = $2 AND state = 'open'",
        p.thread.0,
        p.tool
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "INSERT INTO proposals (site_id, id, thread_id, turn_id, tool, order_number, args_sealed, args_hash, policy,
                                amount_minor, currency, summary_sealed, needs_approval, at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        tx.site().0,
        p.id.0,
        p.thread.0,
        p.turn.0,
        p.tool,
        p.order_number,
        p.args_sealed,
        p.args_hash,
        p.policy,
        p.amount.map(|a| a.0),
        p.amount.map(|a| a.1),
        p.summary_sealed,
        p.needs_approval,
        p.now,
        p.expires_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A proposal, locked until the transaction ends.
///
/// # Errors
/// When the database does.
pub async fn lock(tx: &mut SiteTx, id: ProposalId) -> DbResult<Option<ProposalRow>> {
    let row = sqlx::query_as!(
        ProposalRow,
        r#"SELECT p.id, p.thread_id AS thread, t.visitor_id AS visitor, p.tool, p.order_number, p.args_sealed,
                  p.args_hash, p.policy, p.amount_minor, p.currency, p.summary_sealed, p.summary, p.needs_approval, p.state, p.at,
                  p.expires_at
           FROM proposals p JOIN threads t ON t.id = p.thread_id WHERE p.id = $1 FOR UPDATE OF p"#,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// The proposal that a thread's visitor was asked about last, if it is open and its question was
/// the last word there: no turn has ended since, and nobody else has said anything.
///
/// # Errors
/// When the database does.
pub async fn pending(tx: &mut SiteTx, thread: ThreadId, now: DateTime<Utc>) -> DbResult<Option<ProposalId>> {
    let id = sqlx::query_scalar!(
        "SELECT p.id FROM proposals p
         WHERE p.thread_id = $1 AND p.state = 'open' AND p.expires_at > $2
           AND p.turn_id = (SELECT u.id FROM turns u WHERE u.thread_id = $1 AND u.finished_at IS NOT NULL
                            ORDER BY u.first_seq DESC LIMIT 1)
           AND NOT EXISTS (SELECT FROM messages m JOIN turns u ON u.id = p.turn_id
                           WHERE m.thread_id = $1 AND m.author IN ('staff', 'system') AND m.seq > u.first_seq)
         ORDER BY p.at DESC LIMIT 1",
        thread.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(id.map(ProposalId))
}

/// Moves a proposal from one state to another; false when it isn't in the first.
///
/// # Errors
/// A unique violation when another proposal of the same order is being decided.
pub async fn advance(
    tx: &mut SiteTx,
    id: ProposalId,
    from: &[&str],
    to: &str,
    now: DateTime<Utc>,
) -> DbResult<bool> {
    let from: Vec<String> = from.iter().map(|s| (*s).to_owned()).collect();
    let done = sqlx::query!(
        "UPDATE proposals SET state = $3, confirmed_at = CASE WHEN $3 = 'confirmed' THEN $4 ELSE confirmed_at END
         WHERE id = $1 AND state = ANY ($2)",
        id.0,
        &from,
        to,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Staff's word.
#[derive(Debug)]
pub struct Approval<'a> {
    /// On what.
    pub proposal: ProposalId,
    /// Whose.
    pub staff: &'a str,
    /// The token, sealed to what it allows; none: it is refused.
    pub token: Option<&'a [u8]>,
    /// When.
    pub now: DateTime<Utc>,
    /// Until when it may be used.
    pub expires_at: DateTime<Utc>,
}

/// Stores staff's word; false when somebody has spoken before.
///
/// # Errors
/// When the database does.
pub async fn decide(tx: &mut SiteTx, a: &Approval<'_>) -> DbResult<bool> {
    let done = sqlx::query!(
        "INSERT INTO approvals (site_id, proposal_id, staff, granted, token, at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        tx.site().0,
        a.proposal.0,
        a.staff,
        a.token.is_some(),
        a.token,
        a.now,
        a.expires_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes the token of a proposal's approval: once. None when there is none, or it was used, or
/// is over.
///
/// # Errors
/// When the database does.
pub async fn take_token(
    tx: &mut SiteTx,
    proposal: ProposalId,
    now: DateTime<Utc>,
) -> DbResult<Option<(Vec<u8>, DateTime<Utc>)>> {
    let row = sqlx::query!(
        r#"UPDATE approvals SET used_at = $2
           WHERE proposal_id = $1 AND granted AND used_at IS NULL AND expires_at > $2
           RETURNING token AS "token!", expires_at"#,
        proposal.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| (r.token, r.expires_at)))
}

/// Notes that the visitor is told what became of a proposal; false when they were told before. An
/// `end` is told once, also after it was said that nobody knows yet.
///
/// # Errors
/// When the database does.
pub async fn tell_once(tx: &mut SiteTx, id: ProposalId, end: bool, now: DateTime<Utc>) -> DbResult<bool> {
    let done = sqlx::query!(
        "UPDATE proposals SET told_at = coalesce(told_at, $3), end_told_at = CASE WHEN $2 THEN $3 END
         WHERE id = $1 AND end_told_at IS NULL AND ($2 OR told_at IS NULL)",
        id.0,
        end,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Who has told the visitor, or still may, how a proposal's effect has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// The visitor was told the end.
    pub told: bool,
    /// The turn that ran it has answered with the end, for which it had heard it.
    pub by_turn: bool,
    /// That turn isn't over.
    pub open: bool,
    /// Staff have approved it, so a job runs it.
    pub approved: bool,
    /// That job has said something, be it that nobody knows yet.
    pub decided: bool,
    /// People were asked to look what became of it.
    pub asked: bool,
}

/// Who has told the visitor of a proposal how it ended; none when there is no such proposal.
///
/// # Errors
/// When the database does.
pub async fn telling(tx: &mut SiteTx, id: ProposalId) -> DbResult<Option<Telling>> {
    let row = sqlx::query_as!(
        Telling,
        r#"SELECT p.end_told_at IS NOT NULL AS "told!",
                  EXISTS (SELECT FROM tool_calls c JOIN turns u ON u.id = c.turn_id
                          WHERE u.thread_id = p.thread_id AND c.args ->> 'proposal' = p.id::text
                            AND c.ms IS NOT NULL AND coalesce(c.code, '') NOT IN ('TIMEOUT', 'UPSTREAM_5XX')
                            AND u.outcome = 'answered') AS "by_turn!",
                  EXISTS (SELECT FROM tool_calls c JOIN turns u ON u.id = c.turn_id
                          WHERE u.thread_id = p.thread_id AND c.args ->> 'proposal' = p.id::text
                            AND u.finished_at IS NULL) AS "open!",
                  EXISTS (SELECT FROM approvals a WHERE a.proposal_id = p.id AND a.granted) AS "approved!",
                  p.told_at IS NOT NULL AS "decided!",
                  EXISTS (SELECT FROM tickets k WHERE k.key = 'proposal/' || p.id::text)
                  OR EXISTS (SELECT FROM handoffs h WHERE h.thread_id = p.thread_id
                             AND h.reason = 'unknown_effect' AND h.state = 'resolved') AS "asked!"
           FROM proposals p WHERE p.id = $1"#,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// A proposal that waits for staff, for their list.
#[derive(Debug, Clone, serde::Serialize)]
pub struct WaitingProposal {
    /// Its id.
    pub id: ProposalId,
    /// Its thread.
    pub thread_id: ThreadId,
    /// The tool.
    pub tool: String,
    /// The order.
    pub order_number: String,
    /// In minor units.
    pub amount_minor: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// When it was proposed.
    pub at: DateTime<Utc>,
}

/// Proposals that wait for staff, oldest first, at most 500.
///
/// # Errors
/// When the database does.
pub async fn waiting(tx: &mut SiteTx) -> DbResult<Vec<WaitingProposal>> {
    let rows = sqlx::query_as!(
        WaitingProposal,
        "SELECT id, thread_id, tool, order_number, amount_minor, currency, at
         FROM proposals WHERE state = 'waiting' ORDER BY at LIMIT 500"
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Sites with a proposal that has waited for staff since before this time.
///
/// # Errors
/// When the database does.
pub async fn undecided_sites(db: &Db, before: DateTime<Utc>) -> DbResult<Vec<SiteId>> {
    let ids = sqlx::query_scalar!(r#"SELECT deskhand_undecided_sites($1) AS "id!""#, before)
        .fetch_all(db.pool())
        .await?;
    Ok(ids.into_iter().map(SiteId).collect())
}

/// The proposals of a site that staff haven't decided about since before this time, at most 100.
///
/// # Errors
/// When the database does.
pub async fn undecided(tx: &mut SiteTx, before: DateTime<Utc>) -> DbResult<Vec<ProposalId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM proposals p WHERE state = 'waiting' AND at <= $1
           AND NOT EXISTS (SELECT FROM approvals a WHERE a.proposal_id = p.id) ORDER BY at LIMIT 100",
        before
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(ids.into_iter().map(ProposalId).collect())
}
