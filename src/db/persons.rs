//! Persons: whose rows are theirs, found by their visitors' ids or by a keyed hash of their
//! address. Sealed addresses that came without a hash get it when somebody asks; hashing and
//! sealing are the caller's.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::pool::{DbResult, SiteTx};
use crate::domain::ids::{ThreadId, TicketId, VisitorId};

/// Whom to look for; the one or the other, or both.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The hash of their address.
    pub email: Option<&'a [u8]>,
    /// Visitors that are known to be theirs.
    pub visitors: &'a [VisitorId],
}

/// What is a person's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// Visitors who are this person: named, or who left the address, or who wrote it in a
    /// conversation and never gave another one.
    pub visitors: Vec<Uuid>,
    /// Conversations of others in which a visitor wrote the address.
    pub mentions: Vec<Uuid>,
    /// AI jobs of the site's own whose request holds the address.
    pub ai_jobs: Vec<Uuid>,
    /// Events of the bridge in which the address stands.
    pub bridge_events: Vec<Uuid>,
    /// The hash of the address, by which tickets are theirs.
    pub email_hash: Option<Vec<u8>>,
}

/// Looks a person up.
///
/// # Errors
/// When the database does.
pub async fn find(tx: &mut SiteTx, wanted: &Wanted<'_>) -> DbResult<Person> {
    let named: Vec<Uuid> = wanted.visitors.iter().map(|v| v.0).collect();
    // The vault also holds what passages said; a visitor's own words are what counts.
    let rows = sqlx::query!(
        r#"WITH wrote AS (
               SELECT DISTINCT t.id AS thread_id, t.visitor_id
               FROM pii_vault v JOIN threads t ON t.id = v.thread_id
               WHERE v.email_hash = $2
                 AND EXISTS (SELECT 1 FROM messages m WHERE m.thread_id = t.id AND m.author = 'visitor'
                             AND position(v.placeholder IN m.text) > 0)
           ), others AS (
               -- Who wrote it and is known by another address too, or wrote others.
               SELECT DISTINCT w.visitor_id FROM wrote w JOIN visitors x ON x.id = w.visitor_id
               WHERE x.email_hash <> $2 OR x.profile_hash <> $2
                  OR EXISTS (SELECT 1 FROM threads t JOIN pii_vault v ON v.thread_id = t.id
                             JOIN messages m ON m.thread_id = t.id AND m.author = 'visitor'
                                            AND position(v.placeholder IN m.text) > 0
                             WHERE t.visitor_id = w.visitor_id AND v.email_hash <> $2)
           ), theirs AS (
               SELECT id FROM visitors WHERE id = ANY ($1) OR email_hash = $2 OR profile_hash = $2
               UNION SELECT visitor_id FROM wrote WHERE visitor_id NOT IN (SELECT visitor_id FROM others)
           )
           SELECT 'visitor' AS "what!", id AS "id!" FROM theirs
           UNION ALL
           SELECT 'mention', thread_id FROM wrote WHERE visitor_id NOT IN (SELECT id FROM theirs)
           UNION ALL
           SELECT 'ai_job', id FROM ai_jobs WHERE $2 = ANY (addresses)
           UNION ALL
           SELECT 'bridge_event', id FROM bridge_events WHERE $2 = ANY (addresses)
           ORDER BY 1, 2"#,
        &named,
        wanted.email,
    )
    .fetch_all(tx.conn())
    .await?;
    let of = |what: &str| rows.iter().filter(|r| r.what == what).map(|r| r.id).collect();
    Ok(Person {
        visitors: of("visitor"),
        mentions: of("mention"),
        ai_jobs: of("ai_job"),
        bridge_events: of("bridge_event"),
        email_hash: wanted.email.map(<[u8]>::to_vec),
    })
}

/// All visitors' ids after one, in order, at most so many.
///
/// # Errors
/// When the database does.
pub async fn visitor_ids(tx: &mut SiteTx, after: VisitorId, most: i64) -> DbResult<Vec<VisitorId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM visitors WHERE id > $1 ORDER BY id LIMIT $2",
        after.0,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(ids.into_iter().map(VisitorId).collect())
}

/// Visitors who left this address, or whose site says that it is theirs.
///
/// # Errors
/// When the database does.
pub async fn with_address(tx: &mut SiteTx, hash: &[u8]) -> DbResult<Vec<VisitorId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM visitors WHERE email_hash = $1 OR profile_hash = $1 ORDER BY id",
        hash
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(ids.into_iter().map(VisitorId).collect())
}

/// Sealed addresses of visitors that have no hash yet.
///
/// # Errors
/// When the database does.
pub async fn unhashed_visitors(tx: &mut SiteTx, most: i64) -> DbResult<Vec<(VisitorId, Vec<u8>)>> {
    let rows = sqlx::query!(
        r#"SELECT id, email_sealed AS "sealed!" FROM visitors
           WHERE email_sealed IS NOT NULL AND email_hash IS NULL LIMIT $1"#,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.id.into(), r.sealed)).collect())
}

/// Keeps the hashes of visitors' addresses.
///
/// # Errors
/// When the database does.
pub async fn hash_visitors(tx: &mut SiteTx, hashes: &[(VisitorId, [u8; 32])]) -> DbResult<()> {
    let ids: Vec<Uuid> = hashes.iter().map(|(v, _)| v.0).collect();
    let hashes: Vec<Vec<u8>> = hashes.iter().map(|(_, h)| h.to_vec()).collect();
    sqlx::query!(
        "UPDATE visitors v SET email_hash = h.hash
         FROM unnest($1::uuid[], $2::bytea[]) AS h (id, hash) WHERE v.id = h.id",
        &ids,
        &hashes
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A sealed address in a conversation's vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultAddress {
    /// The conversation.
    pub thread: ThreadId,
    /// What stands for it there.
    pub placeholder: String,
    /// The address, sealed.
    pub sealed: Vec<u8>,
}

/// Addresses in conversations that have no hash yet.
///
/// # Errors
/// When the database does.
pub async fn unhashed_vault(tx: &mut SiteTx, most: i64) -> DbResult<Vec<VaultAddress>> {
    let rows = sqlx::query!(
        "SELECT thread_id, placeholder, sealed FROM pii_vault
         WHERE placeholder LIKE '[EMAIL%' AND email_hash IS NULL LIMIT $1",
        most
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| VaultAddress {
            thread: r.thread_id.into(),
            placeholder: r.placeholder,
            sealed: r.sealed,
        })
        .collect())
}

/// Keeps the hashes of addresses in conversations.
///
/// # Errors
/// When the database does.
pub async fn hash_vault(tx: &mut SiteTx, hashes: &[(ThreadId, String, [u8; 32])]) -> DbResult<()> {
    let threads: Vec<Uuid> = hashes.iter().map(|(t, ..)| t.0).collect();
    let placeholders: Vec<String> = hashes.iter().map(|(_, p, _)| p.clone()).collect();
    let hashes: Vec<Vec<u8>> = hashes.iter().map(|(.., h)| h.to_vec()).collect();
    sqlx::query!(
        "UPDATE pii_vault v SET email_hash = h.hash
         FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS h (thread_id, placeholder, hash)
         WHERE v.thread_id = h.thread_id AND v.placeholder = h.placeholder",
        &threads,
        &placeholders,
        &hashes
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A visitor as it is exported; addresses and profile are sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitorRow {
    /// The visitor.
    pub id: VisitorId,
    /// The address that they left.
    pub email_sealed: Option<Vec<u8>>,
    /// The user of WordPress.
    pub wp_user_id: Option<i64>,
    /// What their site said of them.
    pub profile_sealed: Option<Vec<u8>>,
    /// When it said so.
    pub profile_at: Option<DateTime<Utc>>,
    /// Since when they are known.
    pub created_at: DateTime<Utc>,
}

/// Visitors by their ids.
///
/// # Errors
/// When the database does.
pub async fn visitors(tx: &mut SiteTx, ids: &[Uuid]) -> DbResult<Vec<VisitorRow>> {
    let rows = sqlx::query!(
        "SELECT id, email_sealed, wp_user_id, profile_sealed, profile_at, created_at
         FROM visitors WHERE id = ANY ($1) ORDER BY created_at, id",
        ids
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| VisitorRow {
            id: r.id.into(),
            email_sealed: r.email_sealed,
            wp_user_id: r.wp_user_id,
            profile_sealed: r.profile_sealed,
            profile_at: r.profile_at,
            created_at: r.created_at,
        })
        .collect())
}

/// A conversation as it is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadSummary {
    /// The conversation.
    pub id: ThreadId,
    /// Where it was held.
    pub channel: String,
    /// `open`, `handoff` or `resolved`.
    pub status: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
}

/// The conversations of visitors, newest first.
///
/// # Errors
/// When the database does.
pub async fn threads(tx: &mut SiteTx, visitors: &[Uuid], most: i64) -> DbResult<Vec<ThreadSummary>> {
    let rows = sqlx::query!(
        "SELECT id, channel, status, created_at FROM threads WHERE visitor_id = ANY ($1)
         ORDER BY created_at DESC, id LIMIT $2",
        visitors,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| ThreadSummary {
            id: r.id.into(),
            channel: r.channel,
            status: r.status,
            created_at: r.created_at,
        })
        .collect())
}

/// A ticket of a person's; what is sealed is sealed for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonsTicket {
    /// The ticket.
    pub id: TicketId,
    /// What people call it, as a number.
    pub number: i32,
    /// Why it was opened, a code.
    pub reason: String,
    /// How it stands.
    pub state: String,
    /// What was written, sealed.
    pub content: Option<Vec<u8>>,
    /// The address for the answer, sealed.
    pub contact: Option<Vec<u8>>,
    /// When it was opened.
    pub at: DateTime<Utc>,
}

/// Tickets of visitors' conversations, and those with this address.
///
/// # Errors
/// When the database does.
pub async fn tickets(
    tx: &mut SiteTx,
    visitors: &[Uuid],
    email_hash: Option<&[u8]>,
    most: i64,
) -> DbResult<Vec<PersonsTicket>> {
    let rows = sqlx::query!(
        "SELECT k.id, k.number, k.reason, k.state, k.content_sealed, k.contact_sealed, k.at
         FROM tickets k LEFT JOIN threads t ON t.id = k.thread_id
         WHERE k.reason <> 'notified' AND (t.visitor_id = ANY ($1) OR k.contact_hash = $2)
         ORDER BY k.number LIMIT $3",
        visitors,
        email_hash,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| PersonsTicket {
            id: r.id.into(),
            number: r.number,
            reason: r.reason,
            state: r.state,
            content: r.content_sealed,
            contact: r.contact_sealed,
            at: r.at,
        })
        .collect())
}

/// What people of the site were given of a person's conversations, or what the person
/// thought of an answer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Record {
    /// `handoff` or `feedback`.
    pub kind: String,
    /// Its conversation.
    pub thread_id: Option<Uuid>,
    /// A reason's code, or `up` or `down`.
    pub what: String,
    /// How it stands, or the comment.
    pub detail: Option<String>,
    /// An opinion's tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Conversations of visitors that were given to people.
///
/// # Errors
/// When the database does.
pub async fn handoffs(tx: &mut SiteTx, visitors: &[Uuid], most: i64) -> DbResult<Vec<Record>> {
    let rows = sqlx::query!(
        "SELECT h.thread_id, h.reason, h.state, h.at FROM handoffs h JOIN threads t ON t.id = h.thread_id
         WHERE t.visitor_id = ANY ($1) ORDER BY h.at LIMIT $2",
        visitors,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Record {
            kind: "handoff".to_owned(),
            thread_id: Some(r.thread_id),
            what: r.reason,
            detail: Some(r.state),
            tags: Vec::new(),
            at: r.at,
        })
        .collect())
}

/// What a site said of its customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProfile {
    /// Sealed.
    pub sealed: Option<Vec<u8>>,
    /// When it was asked for last; also when nothing came of it.
    pub at: DateTime<Utc>,
}

/// Keeps what the site said of its customer (nothing, too), with the address's hash.
///
/// # Errors
/// When the database does.
pub async fn set_profile(
    tx: &mut SiteTx,
    visitor: VisitorId,
    wp_user: i64,
    profile: Option<(&[u8], Option<&[u8]>)>,
    at: DateTime<Utc>,
) -> DbResult<()> {
    let (sealed, hash) = profile.map_or((None, None), |(sealed, hash)| (Some(sealed), hash));
    sqlx::query!(
        "INSERT INTO visitors (site_id, id, wp_user_id, profile_sealed, profile_hash, profile_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (site_id, id) DO UPDATE
         SET wp_user_id = excluded.wp_user_id, profile_sealed = excluded.profile_sealed,
             profile_hash = excluded.profile_hash, profile_at = excluded.profile_at",
        tx.site().0,
        visitor.0,
        wp_user,
        sealed,
        hash,
        at
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends what sites said of customers: they are asked for anew, and what is known holds until then.
/// Those of an account, and those with an address, by its hash; gives how many.
///
/// # Errors
/// When the database does.
pub async fn expire_profiles(tx: &mut SiteTx, wp_user: Option<i64>, hash: Option<&[u8]>) -> DbResult<u64> {
    let done = sqlx::query!(
        "UPDATE visitors SET profile_at = 'epoch' WHERE profile_at > 'epoch' AND (wp_user_id = $1 OR profile_hash = $2)",
        wp_user,
        hash
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// The profile of a visitor; none when it was never asked for.
///
/// # Errors
/// When the database does.
pub async fn profile(tx: &mut SiteTx, visitor: VisitorId) -> DbResult<Option<StoredProfile>> {
    let row = sqlx::query!(
        r#"SELECT profile_sealed, profile_at AS "at!" FROM visitors WHERE id = $1 AND profile_at IS NOT NULL"#,
        visitor.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| StoredProfile {
        sealed: r.profile_sealed,
        at: r.at,
    }))
}
