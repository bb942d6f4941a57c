//! What visitors have shown of who they are, codes that were sent and not entered yet, and
//! counts of guesses.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::pool::{DbResult, SiteTx};
use crate::domain::ids::VisitorId;

/// A proof to store.
#[derive(Debug)]
pub struct NewProof<'a> {
    /// Whose.
    pub visitor: VisitorId,
    /// `session`, `order` or `code`.
    pub method: &'a str,
    /// The address, sealed.
    pub email_sealed: &'a [u8],
    /// The address under a keyed hash.
    pub email_hash: &'a [u8],
    /// The order that it was shown by.
    pub order_number: Option<&'a str>,
    /// The hash of a code that was sent; then it counts once the code is entered.
    pub code_hash: Option<&'a [u8]>,
    /// When.
    pub now: DateTime<Utc>,
    /// Until when it counts, or the code may be entered.
    pub expires_at: DateTime<Utc>,
}

/// Stores a proof, or a code that was sent. Codes that were sent before end.
///
/// # Errors
/// When the database does.
pub async fn add(tx: &mut SiteTx, id: Uuid, proof: &NewProof<'_>) -> DbResult<()> {
    if proof.code_hash.is_some() {
        sqlx::query!(
            "DELETE FROM identity_proofs WHERE visitor_id = $1 AND method = 'code' AND verified_at IS NULL",
            proof.visitor.0
        )
        .execute(tx.conn())
        .await?;
    }
    sqlx::query!(
        "INSERT INTO identity_proofs (site_id, id, visitor_id, method, email_sealed, email_hash, order_number,
                                      code_hash, at, verified_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $8::bytea IS NULL THEN $9::timestamptz END, $10)",
        tx.site().0,
        id,
        proof.visitor.0,
        proof.method,
        proof.email_sealed,
        proof.email_hash,
        proof.order_number,
        proof.code_hash,
        proof.now,
        proof.expires_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A proof that counts now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Names it, also in what its address is sealed to.
    pub id: Uuid,
    /// How it was shown.
    pub method: String,
    /// The address, sealed.
    pub email_sealed: Vec<u8>,
    /// The order that it is good for; none: for all of the address.
    pub order_number: Option<String>,
}

/// The proofs of a visitor that count now, the widest first.
///
/// # Errors
/// When the database does.
pub async fn valid(tx: &mut SiteTx, visitor: VisitorId, now: DateTime<Utc>) -> DbResult<Vec<Proof>> {
    let proofs = sqlx::query_as!(
        Proof,
        "SELECT id, method, email_sealed, order_number FROM identity_proofs
         WHERE visitor_id = $1 AND verified_at IS NOT NULL AND expires_at > $2
         ORDER BY order_number IS NOT NULL, verified_at DESC LIMIT 20",
        visitor.0,
        now
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(proofs)
}

/// Enters a code for an address: counts the try, and makes it a proof when it is right, until
/// `until`. False when it is wrong, late, tried too often, or none was sent.
///
/// # Errors
/// When the database does.
pub async fn enter_code(
    tx: &mut SiteTx,
    visitor: VisitorId,
    email_hash: &[u8],
    code_hash: &[u8],
    most_tries: i32,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> DbResult<bool> {
    // One statement: two tries at once can't both be the fifth. What is compared are hashes.
    let right = sqlx::query_scalar!(
        r#"UPDATE identity_proofs
           SET tries = tries + 1,
               verified_at = CASE WHEN code_hash = $3 AND email_hash = $2 THEN $5::timestamptz END,
               expires_at = CASE WHEN code_hash = $3 AND email_hash = $2 THEN $6 ELSE expires_at END
           WHERE visitor_id = $1 AND method = 'code' AND verified_at IS NULL AND expires_at > $5 AND tries < $4
           RETURNING verified_at IS NOT NULL AS "right!""#,
        visitor.0,
        email_hash,
        code_hash,
        most_tries,
        now,
        until
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(right.unwrap_or(false))
}

/// The hash of the code that a visitor could enter now.
///
/// # Errors
/// When the database does.
pub async fn pending(tx: &mut SiteTx, visitor: VisitorId, now: DateTime<Utc>) -> DbResult<Option<Vec<u8>>> {
    let hash = sqlx::query_scalar!(
        r#"SELECT code_hash AS "hash!" FROM identity_proofs
           WHERE visitor_id = $1 AND method = 'code' AND verified_at IS NULL AND expires_at > $2
           ORDER BY at DESC LIMIT 1"#,
        visitor.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(hash)
}

/// Counts a guess under a key and gives how many there were within the window, this one
/// included.
///
/// # Errors
/// When the database does.
pub async fn guess(tx: &mut SiteTx, key: &[u8], window: TimeDelta, now: DateTime<Utc>) -> DbResult<i32> {
    let n = sqlx::query_scalar!(
        "INSERT INTO guesses (site_id, key, since, n) VALUES ($1, $2, $3, 1)
         ON CONFLICT (site_id, key) DO UPDATE
         SET n = CASE WHEN guesses.since <= $4 THEN 1 ELSE guesses.n + 1 END,
             since = CASE WHEN guesses.since <= $4 THEN $3 ELSE guesses.since END
         RETURNING n",
        tx.site().0,
        key,
        now,
        now - window
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(n)
}

/// Takes a guess back that was none: it was right.
///
/// # Errors
/// When the database does.
pub async fn forgive(tx: &mut SiteTx, key: &[u8]) -> DbResult<()> {
    sqlx::query!("UPDATE guesses SET n = n - 1 WHERE key = $1 AND n > 0", key)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Deletes proofs and counts that are over; gives how many.
///
/// # Errors
/// When the database does.
pub async fn prune(tx: &mut SiteTx, before: DateTime<Utc>) -> DbResult<u64> {
    let proofs = sqlx::query!("DELETE FROM identity_proofs WHERE expires_at < $1", before)
        .execute(tx.conn())
        .await?;
    let counts = sqlx::query!("DELETE FROM guesses WHERE since < $1", before)
        .execute(tx.conn())
        .await?;
    Ok(proofs.rows_affected() + counts.rows_affected())
}
