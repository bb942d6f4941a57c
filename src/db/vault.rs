//! The values behind a thread's placeholders, sealed: what stands for personal data in
//! messages, events and prompts (GRD-1). Sealing is the caller's.

use super::pool::{DbResult, SiteTx};
use crate::domain::ids::ThreadId;

/// A placeholder and its sealed value.
pub type Entry = (String, Vec<u8>);

/// All of a thread's, in the order in which they were made.
///
/// # Errors
/// When the database does.
pub async fn of_thread(tx: &mut SiteTx, thread: ThreadId) -> DbResult<Vec<Entry>> {
    let rows = sqlx::query!(
        "SELECT placeholder, sealed FROM pii_vault WHERE thread_id = $1 ORDER BY n",
        thread.0
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.placeholder, r.sealed)).collect())
}

/// Adds entries after those that are there. Only who holds the thread (its row's lock, or
/// the epoch of its turn) may do so.
///
/// # Errors
/// When the database does.
pub async fn add(tx: &mut SiteTx, thread: ThreadId, entries: &[Entry]) -> DbResult<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let (placeholders, sealed): (Vec<String>, Vec<Vec<u8>>) = entries.iter().cloned().unzip();
    sqlx::query!(
        r#"INSERT INTO pii_vault (site_id, thread_id, placeholder, n, sealed)
           SELECT $1, $2, e.placeholder, before.n + e.n::int, e.sealed
           FROM (SELECT coalesce(max(n), 0) AS n FROM pii_vault WHERE thread_id = $2) before,
                unnest($3::text[], $4::bytea[]) WITH ORDINALITY AS e (placeholder, sealed, n)"#,
        tx.site().0,
        thread.0,
        &placeholders,
        &sealed,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
