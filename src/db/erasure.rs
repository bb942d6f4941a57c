//! Erasing a person: all rows of all tables that are about them, in one transaction; what
//! they counted for in usage and cost stays as sums.
//!
//! Nearly all of it hangs on a visitor or a thread by a foreign key that deletes along. A new
//! table that does so is erased without a word here; it is only counted if it is named in
//! [`count`]. `tests/it/privacy.rs` fails for a table with personal data that it doesn't know.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::listen::{THREAD_ERASED, THREAD_EVENTS, TURN_CANCEL};
use super::persons::Person;
use super::pool::{DbResult, SiteTx};
use crate::domain::ids::{ThreadId, VisitorId};

/// Rows by what they are.
pub type Counts = BTreeMap<String, i64>;

/// Locks what is a person's, so that nothing is added to it meanwhile; gives their
/// conversations with their visitors. In the order in which everybody takes these locks:
/// visitors, then threads.
///
/// # Errors
/// When the database does.
pub async fn lock(tx: &mut SiteTx, person: &Person) -> DbResult<Vec<(ThreadId, VisitorId)>> {
    sqlx::query!(
        "SELECT id FROM visitors WHERE id = ANY ($1) ORDER BY id FOR UPDATE",
        &person.visitors
    )
    .fetch_all(tx.conn())
    .await?;
    let rows = sqlx::query!(
        "SELECT id, visitor_id FROM threads WHERE visitor_id = ANY ($1) OR id = ANY ($2) ORDER BY id FOR UPDATE",
        &person.visitors,
        &person.mentions
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| (r.id.into(), r.visitor_id.into()))
        .collect())
}

/// What visitors asked in these conversations, for the questions kept as gaps.
///
/// # Errors
/// When the database does.
pub async fn questions(tx: &mut SiteTx, threads: &[Uuid]) -> DbResult<Vec<String>> {
    let texts = sqlx::query_scalar!(
        "SELECT text FROM messages WHERE thread_id = ANY ($1) AND author = 'visitor'",
        threads
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(texts)
}

/// Counts what is a person's: rows by what they are.
///
/// # Errors
/// When the database does.
pub async fn count(
    tx: &mut SiteTx,
    person: &Person,
    threads: &[Uuid],
    gaps: &[String],
    email: Option<&str>,
) -> DbResult<Counts> {
    let rows = sqlx::query!(
        r#"WITH u AS (SELECT id, finished_at FROM turns WHERE thread_id = ANY ($2)),
                j AS (SELECT id FROM ai_jobs WHERE visitor_id = ANY ($1) OR id = ANY ($3))
           SELECT 'visitors' AS "what!", count(*) AS "n!" FROM visitors WHERE id = ANY ($1)
           UNION ALL SELECT 'threads', count(*) FROM threads WHERE id = ANY ($2)
           UNION ALL SELECT 'messages', count(*) FROM messages WHERE thread_id = ANY ($2)
           UNION ALL SELECT 'events', count(*) FROM thread_events WHERE thread_id = ANY ($2)
           UNION ALL SELECT 'turns', count(*) FROM u
           UNION ALL SELECT 'steps', count(*) FROM steps WHERE turn_id IN (SELECT id FROM u)
           UNION ALL SELECT 'tool_calls', count(*) FROM tool_calls WHERE turn_id IN (SELECT id FROM u)
           UNION ALL SELECT 'model_calls', count(*) FROM model_calls WHERE turn_id IN (SELECT id FROM u)
           UNION ALL SELECT 'held_sentences', count(*) FROM held_sentences WHERE turn_id IN (SELECT id FROM u)
           UNION ALL SELECT 'vault', count(*) FROM pii_vault WHERE thread_id = ANY ($2)
           UNION ALL SELECT 'handoffs', count(*) FROM handoffs WHERE thread_id = ANY ($2)
           UNION ALL SELECT 'tickets', count(*) FROM tickets WHERE thread_id = ANY ($2) OR contact_hash = $6
           UNION ALL SELECT 'ticket_notes', count(*) FROM ticket_notes n JOIN tickets k ON k.id = n.ticket_id
                     WHERE k.thread_id = ANY ($2) OR k.contact_hash = $6
           UNION ALL SELECT 'drafts', count(*) FROM drafts WHERE thread_id = ANY ($2)
           UNION ALL SELECT 'feedback', count(*) FROM feedback
                     WHERE turn_id IN (SELECT id FROM u) OR visitor_id = ANY ($1)
           UNION ALL SELECT 'comments', count(*) FROM feedback
                     WHERE ($6 = ANY (addresses) OR position($5 IN lower(concat_ws(' ', comment, array_to_string(tags, ' ')))) > 0)
                       AND turn_id NOT IN (SELECT id FROM u) AND NOT visitor_id = ANY ($1)
           UNION ALL SELECT 'gaps', count(*) FROM gaps
                     WHERE question = ANY ($4) AND at IN (SELECT finished_at FROM u)
           UNION ALL SELECT 'ai_jobs', count(*) FROM j
           UNION ALL SELECT 'callbacks', count(*) FROM ai_job_callbacks WHERE job_id IN (SELECT id FROM j)
           UNION ALL SELECT 'bridge_events', count(*) FROM bridge_events WHERE id = ANY ($7)"#,
        &person.visitors,
        threads,
        &person.ai_jobs,
        gaps,
        email,
        person.email_hash.as_deref(),
        &person.bridge_events,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.what, r.n)).collect())
}

/// Deletes what is a person's; `threads` are those that [`lock`] gave. Turns under way are
/// told to stop, wherever they are driven. Give what [`count`] counted before.
///
/// # Errors
/// When the database does.
pub async fn erase(
    tx: &mut SiteTx,
    person: &Person,
    threads: &[Uuid],
    gaps: &[String],
    email: Option<&str>,
) -> DbResult<()> {
    sqlx::query!(
        "SELECT pg_notify($2, id::text) FROM turns WHERE thread_id = ANY ($1) AND finished_at IS NULL",
        threads,
        TURN_CANCEL
    )
    .fetch_all(tx.conn())
    .await?;
    // Who listens to them hears that they are gone.
    sqlx::query!(
        "SELECT pg_notify($2, id::text || ':' || $3::bigint) FROM threads WHERE id = ANY ($1)",
        threads,
        THREAD_EVENTS,
        THREAD_ERASED
    )
    .fetch_all(tx.conn())
    .await?;
    keep_sums(tx, threads).await?;
    sqlx::query!(
        "DELETE FROM gaps g USING turns u
         WHERE u.thread_id = ANY ($1) AND g.at = u.finished_at AND g.question = ANY ($2)",
        threads,
        gaps
    )
    .execute(tx.conn())
    .await?;
    // The work that waits for their AI jobs; one under way loses its lease and stops.
    sqlx::query!(
        "DELETE FROM jobs j USING ai_jobs a
         WHERE (a.visitor_id = ANY ($1) OR a.id = ANY ($2))
           AND j.site_id = $3 AND j.kind IN ('ai_job', 'ai_callback') AND j.key = a.id::text",
        &person.visitors,
        &person.ai_jobs,
        tx.site().0
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "DELETE FROM ai_jobs WHERE id = ANY ($1) OR visitor_id = ANY ($2)",
        &person.ai_jobs,
        &person.visitors
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "DELETE FROM jobs WHERE site_id = $1 AND kind = 'bridge_event' AND key = ANY (SELECT unnest($2::uuid[])::text)",
        tx.site().0,
        &person.bridge_events
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "DELETE FROM bridge_events WHERE id = ANY ($1)",
        &person.bridge_events
    )
    .execute(tx.conn())
    .await?;
    // Tickets of a conversation go with it; others came by mail or a form.
    sqlx::query!(
        "DELETE FROM tickets WHERE contact_hash = $1",
        person.email_hash.as_deref()
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!("DELETE FROM threads WHERE id = ANY ($1)", threads)
        .execute(tx.conn())
        .await?;
    sqlx::query!("DELETE FROM visitors WHERE id = ANY ($1)", &person.visitors)
        .execute(tx.conn())
        .await?;
    // What others wrote about answers and named the address in. Comments of before they were
    // masked hold it as it was written.
    sqlx::query!(
        "UPDATE feedback SET comment = NULL, tags = '{}', sealed = NULL, addresses = '{}'
         WHERE $1 = ANY (addresses) OR position($2 IN lower(concat_ws(' ', comment, array_to_string(tags, ' ')))) > 0",
        person.email_hash.as_deref(),
        email
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What these conversations counted for, added to the sums of what was erased.
async fn keep_sums(tx: &mut SiteTx, threads: &[Uuid]) -> DbResult<()> {
    let site = tx.site().0;
    sqlx::query!(
        "INSERT INTO usage_erased AS e (site_id, day, provider, model, turns, answered, handoffs, degraded)
         SELECT $1, (started_at AT TIME ZONE 'UTC')::date, '', '', count(*),
                count(*) FILTER (WHERE outcome = 'answered'), count(*) FILTER (WHERE outcome = 'handoff'),
                count(*) FILTER (WHERE outcome = 'degraded')
         FROM turns WHERE thread_id = ANY ($2) GROUP BY 2
         ON CONFLICT (site_id, day, provider, model) DO UPDATE
         SET turns = e.turns + excluded.turns, answered = e.answered + excluded.answered,
             handoffs = e.handoffs + excluded.handoffs, degraded = e.degraded + excluded.degraded",
        site,
        threads
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "INSERT INTO usage_erased AS e (site_id, day, provider, model, calls, tokens_in, tokens_out, cost_micro)
         SELECT $1, (c.at AT TIME ZONE 'UTC')::date, c.provider, c.model, count(*), sum(c.tokens_in),
                sum(c.tokens_out), sum(c.cost_micro)
         FROM model_calls c JOIN turns u ON u.id = c.turn_id WHERE u.thread_id = ANY ($2) GROUP BY 2, 3, 4
         ON CONFLICT (site_id, day, provider, model) DO UPDATE
         SET calls = e.calls + excluded.calls, tokens_in = e.tokens_in + excluded.tokens_in,
             tokens_out = e.tokens_out + excluded.tokens_out, cost_micro = e.cost_micro + excluded.cost_micro",
        site,
        threads
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Remembers that conversations are gone; each hash is over thread and visitor.
///
/// # Errors
/// When the database does.
pub async fn mark(tx: &mut SiteTx, hashes: &[[u8; 32]], at: DateTime<Utc>) -> DbResult<()> {
    let hashes: Vec<Vec<u8>> = hashes.iter().map(|h| h.to_vec()).collect();
    sqlx::query!(
        "INSERT INTO erased_threads (site_id, hash, at) SELECT $1, h, $3 FROM unnest($2::bytea[]) AS h
         ON CONFLICT DO NOTHING",
        tx.site().0,
        &hashes,
        at
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether a conversation was erased.
///
/// # Errors
/// When the database does.
pub async fn is_marked(tx: &mut SiteTx, hash: &[u8; 32]) -> DbResult<bool> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM erased_threads WHERE hash = $1) AS "found!""#,
        hash
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(found)
}
