//! Tickets: opened once for a key or a turn, changed under their row's lock. What a person wrote
//! is sealed; sealing is the caller's. Each change raises `rev`, which mirrors go by.

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use super::new_ticket::NewTicket;
use super::pool::{DbError, DbResult, SiteTx};
use super::{hours, mirrors, notices};
use crate::domain::ids::{ThreadId, TicketId, VisitorId};
use crate::domain::notice::{Notice, NoticeKind};
use crate::domain::ticket::{Priority, TicketState};

/// Why a ticket was opened that only tells the team something; its visitor doesn't know of it.
pub const NOTIFIED: &str = "notified";

/// What became of an opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The ticket.
    pub id: TicketId,
    /// What people call it, as a number.
    pub number: i32,
    /// Whether it is new; else it was there under this key or turn.
    pub first: bool,
}

/// Opens a ticket with its time to answer, or finds the one that was opened for its key or turn.
///
/// # Errors
/// When the database does.
pub async fn open(tx: &mut SiteTx, new: &NewTicket<'_>) -> DbResult<Opened> {
    if let Some(found) = opened(tx, new).await? {
        return Ok(found);
    }
    let due = hours::due(tx, new.category, new.priority, new.now).await?;
    let (contact, hash) = new.contact.unzip();
    let inserted = sqlx::query!(
        "INSERT INTO tickets (site_id, id, thread_id, turn_id, key, reason, source, category, priority,
                              contact_sealed, contact_hash, content_sealed, url, confidence, due_at, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT DO NOTHING RETURNING number",
        tx.site().0,
        new.id.0,
        new.thread.map(|t| t.0),
        new.turn.map(|t| t.0),
        new.key,
        new.reason,
        new.source,
        new.category,
        new.priority.as_str(),
        contact,
        hash,
        new.content,
        new.url,
        new.confidence,
        due,
        new.now,
    )
    .fetch_optional(tx.conn())
    .await?;
    if let Some(row) = inserted {
        mirrors::changed(tx, &[new.id.0]).await?;
        let notice = Notice {
            kind: NoticeKind::Ticket.of(new.reason),
            key: format!("ticket/{}", new.id),
            thread: new.thread,
            subject: Some(new.id.to_string()),
            reason: new.reason,
            at: new.now,
        };
        notices::enqueue(tx, &notice).await?;
        return Ok(Opened {
            id: new.id,
            number: row.number,
            first: true,
        });
    }
    // Somebody else opened it at this moment.
    opened(tx, new)
        .await?
        .ok_or_else(|| DbError::Unreadable("a ticket neither is there nor can be opened".to_owned()))
}

async fn opened(tx: &mut SiteTx, new: &NewTicket<'_>) -> DbResult<Option<Opened>> {
    let found = sqlx::query!(
        "SELECT id, number FROM tickets WHERE turn_id = $1 OR key = $2 LIMIT 1",
        new.turn.map(|t| t.0),
        new.key
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.map(|r| Opened {
        id: r.id.into(),
        number: r.number,
        first: false,
    }))
}

/// A ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketRow {
    /// The ticket.
    pub id: TicketId,
    /// What people call it, as a number.
    pub number: i32,
    /// Its conversation and whose that is.
    pub thread: Option<(ThreadId, VisitorId)>,
    /// The conversation's language.
    pub lang: Option<String>,
    /// Why it was opened, a code.
    pub reason: String,
    /// Where it came from.
    pub source: String,
    /// A short word.
    pub category: String,
    /// How urgent.
    pub priority: Priority,
    /// How it stands.
    pub state: TicketState,
    /// Who works on it.
    pub assignee: Option<String>,
    /// The address for the answer, sealed.
    pub contact: Option<Vec<u8>>,
    /// What its visitor left as their address, sealed.
    pub visitor_email: Option<Vec<u8>>,
    /// What its visitor's site says of them, sealed.
    pub visitor_profile: Option<Vec<u8>>,
    /// What was written, sealed.
    pub content: Option<Vec<u8>>,
    /// How sure whoever sorted it was.
    pub confidence: Option<f32>,
    /// Where it is about, or where it is elsewhere.
    pub url: Option<String>,
    /// By when a person must have answered.
    pub due_at: Option<DateTime<Utc>>,
    /// When one has.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it was noticed that none had in time.
    pub breached_at: Option<DateTime<Utc>>,
    /// When it was opened.
    pub at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was resolved.
    pub resolved_at: Option<DateTime<Utc>>,
    /// How often it has changed, from 1.
    pub rev: i32,
}

/// Which tickets are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// In these states; none: those that aren't resolved.
    pub states: Vec<TicketState>,
    /// Of this person.
    pub assignee: Option<&'a str>,
    /// Of this kind.
    pub category: Option<&'a str>,
    /// Of this conversation.
    pub thread: Option<ThreadId>,
    /// Past their time.
    pub overdue: bool,
    /// Only this one.
    pub id: Option<TicketId>,
    /// Only the one that people call so.
    pub number: Option<i32>,
    /// After this one, in the order of the list.
    pub after: Option<i32>,
    /// At most so many.
    pub most: i64,
}

/// Tickets by number.
///
/// # Errors
/// When the database does.
pub async fn list(tx: &mut SiteTx, filter: &Filter<'_>) -> DbResult<Vec<TicketRow>> {
    let states: Vec<String> = filter.states.iter().map(|s| s.as_str().to_owned()).collect();
    let by_name = filter.id.is_some() || filter.number.is_some() || filter.thread.is_some();
    let rows = sqlx::query!(
        r#"SELECT t.id, t.number, t.thread_id, h.visitor_id AS "visitor_id?", h.lang AS "lang?", t.reason, t.source,
                  t.category, t.priority, t.state, t.assignee, t.contact_sealed, v.email_sealed AS "email_sealed?",
                  v.profile_sealed AS "profile_sealed?",
                  t.content_sealed, t.confidence, t.url, t.due_at, t.answered_at, t.breached_at, t.at, t.updated_at,
                  t.resolved_at, t.rev
           FROM tickets t
           LEFT JOIN threads h ON h.id = t.thread_id
           LEFT JOIN visitors v ON v.id = h.visitor_id
           WHERE CASE WHEN cardinality($1::text[]) > 0 THEN t.state = ANY ($1) ELSE $2 OR t.state <> 'resolved' END
             AND ($3::text IS NULL OR t.assignee = $3)
             AND ($4::text IS NULL OR t.category = $4)
             AND ($5::uuid IS NULL OR t.thread_id = $5)
             AND (NOT $6 OR t.breached_at IS NOT NULL AND t.answered_at IS NULL)
             AND ($7::uuid IS NULL OR t.id = $7)
             AND ($8::int IS NULL OR t.number = $8)
             AND ($9::int IS NULL OR t.number > $9)
           ORDER BY t.number LIMIT $10"#,
        &states,
        by_name,
        filter.assignee,
        filter.category,
        filter.thread.map(|t| t.0),
        filter.overdue,
        filter.id.map(|t| t.0),
        filter.number,
        filter.after,
        filter.most,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|r| {
            let unreadable = |what: &str| DbError::Unreadable(format!("a ticket's {what}"));
            Ok(TicketRow {
                id: r.id.into(),
                number: r.number,
                thread: r.thread_id.zip(r.visitor_id).map(|(t, v)| (t.into(), v.into())),
                lang: r.lang,
                reason: r.reason,
                source: r.source,
                category: r.category,
                priority: Priority::parse(&r.priority).ok_or_else(|| unreadable("priority"))?,
                state: TicketState::parse(&r.state).ok_or_else(|| unreadable("state"))?,
                assignee: r.assignee,
                contact: r.contact_sealed,
                visitor_email: r.email_sealed,
                visitor_profile: r.profile_sealed,
                content: r.content_sealed,
                confidence: r.confidence,
                url: r.url,
                due_at: r.due_at,
                answered_at: r.answered_at,
                breached_at: r.breached_at,
                at: r.at,
                updated_at: r.updated_at,
                resolved_at: r.resolved_at,
                rev: r.rev,
            })
        })
        .collect()
}

/// Locks a ticket until the transaction ends; whether it is there.
///
/// # Errors
/// When the database does.
pub async fn lock(tx: &mut SiteTx, id: TicketId) -> DbResult<bool> {
    let found = sqlx::query_scalar!("SELECT id FROM tickets WHERE id = $1 FOR UPDATE", id.0)
        .fetch_optional(tx.conn())
        .await?;
    Ok(found.is_some())
}

/// A visitor's own ticket, locked: the one that they name, or their newest that isn't resolved.
///
/// # Errors
/// When the database does.
pub async fn own(
    tx: &mut SiteTx,
    visitor: VisitorId,
    number: Option<i32>,
) -> DbResult<Option<(TicketId, i32)>> {
    let found = sqlx::query!(
        "SELECT t.id, t.number FROM tickets t JOIN threads h ON h.id = t.thread_id
         WHERE h.visitor_id = $1 AND t.reason <> 'notified'
           AND CASE WHEN $2::int IS NULL THEN t.state <> 'resolved' ELSE t.number = $2 END
         ORDER BY t.number DESC LIMIT 1 FOR UPDATE OF t",
        visitor.0,
        number
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.map(|r| (r.id.into(), r.number)))
}

/// What a ticket is to be.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// How it stands.
    pub state: TicketState,
    /// How urgent.
    pub priority: Priority,
    /// A short word.
    pub category: &'a str,
    /// Who works on it.
    pub assignee: Option<&'a str>,
    /// The address for the answer, sealed, and its hash.
    pub contact: Option<(&'a [u8], &'a [u8])>,
    /// What was written, sealed.
    pub content: Option<&'a [u8]>,
    /// How sure whoever sorted it was.
    pub confidence: Option<f32>,
    /// Where it is elsewhere.
    pub url: Option<&'a str>,
    /// By when a person must have answered.
    pub due_at: Option<DateTime<Utc>>,
}

/// Changes a locked ticket. Who sets it to pending or resolved has answered it. An address stays
/// where no other one is given.
///
/// # Errors
/// When the database does.
pub async fn change(tx: &mut SiteTx, id: TicketId, to: &Change<'_>, now: DateTime<Utc>) -> DbResult<()> {
    let (contact, hash) = to.contact.unzip();
    let answers = matches!(to.state, TicketState::Pending | TicketState::Resolved);
    let resolved = to.state == TicketState::Resolved;
    sqlx::query!(
        "UPDATE tickets SET state = $2, priority = $3, category = $4, assignee = $5,
                contact_sealed = coalesce($6, contact_sealed), contact_hash = coalesce($7, contact_hash),
                content_sealed = $8, confidence = $9, url = $10, due_at = $11,
                breached_at = CASE WHEN due_at IS DISTINCT FROM $11 THEN NULL ELSE breached_at END,
                answered_at = CASE WHEN $12 THEN coalesce(answered_at, $13) ELSE answered_at END,
                resolved_at = CASE WHEN $14 THEN coalesce(resolved_at, $13) END,
                updated_at = $13, rev = rev + 1
         WHERE id = $1",
        id.0,
        to.state.as_str(),
        to.priority.as_str(),
        to.category,
        to.assignee,
        contact,
        hash,
        to.content,
        to.confidence,
        to.url,
        to.due_at,
        answers,
        now,
        resolved,
    )
    .execute(tx.conn())
    .await?;
    mirrors::changed(tx, &[id.0]).await
}

/// What is said on a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteRow {
    /// What it is sealed for.
    pub id: Uuid,
    /// `customer`, `system` or `staff:NAME`.
    pub author: String,
    /// Sealed.
    pub text: Vec<u8>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Adds a note once for its key; whether it is new. What its customer adds opens it again.
///
/// # Errors
/// When the database does.
pub async fn note(tx: &mut SiteTx, ticket: TicketId, key: Option<&str>, note: &NoteRow) -> DbResult<bool> {
    let added = sqlx::query!(
        "INSERT INTO ticket_notes (site_id, id, ticket_id, key, author, text_sealed, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (site_id, key) DO NOTHING",
        tx.site().0,
        note.id,
        ticket.0,
        key,
        note.author,
        note.text,
        note.at,
    )
    .execute(tx.conn())
    .await?
    .rows_affected()
        == 1;
    if added {
        sqlx::query!(
            "UPDATE tickets SET updated_at = $2, rev = rev + 1,
                    state = CASE WHEN $3 AND state IN ('pending', 'resolved') THEN 'open' ELSE state END,
                    resolved_at = CASE WHEN $3 THEN NULL ELSE resolved_at END
             WHERE id = $1",
            ticket.0,
            note.at,
            note.author == "customer"
        )
        .execute(tx.conn())
        .await?;
        mirrors::changed(tx, &[ticket.0]).await?;
    }
    Ok(added)
}

/// A ticket's notes, oldest first, at most 500.
///
/// # Errors
/// When the database does.
pub async fn notes(tx: &mut SiteTx, ticket: TicketId) -> DbResult<Vec<NoteRow>> {
    let rows = sqlx::query_as!(
        NoteRow,
        "SELECT id, author, text_sealed AS text, at FROM ticket_notes WHERE ticket_id = $1 ORDER BY at, id LIMIT 500",
        ticket.0
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Notes that a person has answered in a conversation: its tickets and its handoff are in time
/// or late by then.
///
/// # Errors
/// When the database does.
pub async fn answered(tx: &mut SiteTx, thread: ThreadId, now: DateTime<Utc>) -> DbResult<()> {
    let changed = sqlx::query_scalar!(
        "UPDATE tickets SET answered_at = $2, updated_at = $2, rev = rev + 1,
                state = CASE state WHEN 'new' THEN 'open' ELSE state END
         WHERE thread_id = $1 AND state <> 'resolved' AND answered_at IS NULL RETURNING id",
        thread.0,
        now
    )
    .fetch_all(tx.conn())
    .await?;
    mirrors::changed(tx, &changed).await?;
    sqlx::query!(
        "UPDATE handoffs SET answered_at = $2 WHERE thread_id = $1 AND state <> 'resolved' AND answered_at IS NULL",
        thread.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Resolves a conversation's tickets; gives them.
///
/// # Errors
/// When the database does.
pub async fn resolve_of(tx: &mut SiteTx, thread: ThreadId, now: DateTime<Utc>) -> DbResult<Vec<TicketId>> {
    let ids = sqlx::query_scalar!(
        "UPDATE tickets SET state = 'resolved', resolved_at = $2, answered_at = coalesce(answered_at, $2),
                updated_at = $2, rev = rev + 1
         WHERE thread_id = $1 AND state <> 'resolved' RETURNING id",
        thread.0,
        now
    )
    .fetch_all(tx.conn())
    .await?;
    mirrors::changed(tx, &ids).await?;
    Ok(ids.into_iter().map(TicketId).collect())
}
