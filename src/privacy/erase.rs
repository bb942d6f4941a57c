//! Erases a person, and gives a receipt of what was removed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::subject::{self, Subject};
use crate::db::erasure::{self, Counts};
use crate::db::pool::{Db, DbError, DbResult, SiteTx};
use crate::db::receipts;
use crate::domain::ids::SiteId;
use crate::domain::seal::MasterKey;
use crate::knowledge::gaps;

/// Pauses before an erasure is tried again that met something under way.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_secs(1),
];

/// What was removed, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Under which it is kept.
    pub receipt_id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Rows, by what they were.
    pub counts: Counts,
}

/// Erases a person's data on a site in one transaction. Their turns under way end, and so
/// does the work that waits for their AI jobs. Doing it again gives a receipt of zeros.
///
/// # Errors
/// When the database does; then nothing is erased.
pub async fn erase(
    db: &Db,
    master: &MasterKey,
    site: SiteId,
    subject: &Subject,
    now: DateTime<Utc>,
) -> DbResult<Receipt> {
    // A turn under way holds its own row while it asks for the thread's, and one of the two is
    // turned down. It finds its conversation gone when it tries again; so does this.
    for pause in PAUSES {
        match once(db, master, site, subject, now).await {
            Err(error) if error.is_transient() => {
                tracing::info!(%error, "an erasure met a turn under way and is tried again");
                tokio::time::sleep(pause).await;
            }
            done => return done,
        }
    }
    once(db, master, site, subject, now).await
}

async fn once(
    db: &Db,
    master: &MasterKey,
    site: SiteId,
    subject: &Subject,
    now: DateTime<Utc>,
) -> DbResult<Receipt> {
    let mut tx = db.site(site).await?;
    let found = Found::lock(&mut tx, master, subject).await?;
    let counts = found.count(&mut tx, subject).await?;
    erasure::erase(
        &mut tx,
        &found.person,
        &found.threads,
        &found.gaps,
        subject.email.as_deref(),
    )
    .await?;
    erasure::mark(&mut tx, &found.marks, now).await?;
    let counted = serde_json::to_value(&counts).map_err(|e| DbError::Unreadable(e.to_string()))?;
    let hash = subject.hash(master, site);
    let receipt_id = receipts::insert(&mut tx, "person", &hash, &counted, now).await?;
    tx.commit().await?;
    tracing::info!(receipt = %receipt_id, site = site.hashed(), "a person's data was erased");
    Ok(Receipt {
        receipt_id,
        at: now,
        counts,
    })
}

/// Counts what [`erase`] would remove, and removes nothing.
///
/// # Errors
/// When the database does.
pub async fn preview(db: &Db, master: &MasterKey, site: SiteId, subject: &Subject) -> DbResult<Counts> {
    let mut tx = db.site(site).await?;
    let found = Found::lock(&mut tx, master, subject).await?;
    let counts = found.count(&mut tx, subject).await?;
    tx.commit().await?;
    Ok(counts)
}

/// What is a person's, locked.
struct Found {
    person: crate::db::persons::Person,
    threads: Vec<Uuid>,
    /// What they asked, as it is kept where nothing was found.
    gaps: Vec<String>,
    marks: Vec<[u8; 32]>,
}

impl Found {
    async fn lock(tx: &mut SiteTx, master: &MasterKey, subject: &Subject) -> DbResult<Self> {
        let site = tx.site();
        let person = subject::find(tx, master, subject).await?;
        let locked = erasure::lock(tx, &person).await?;
        let threads: Vec<Uuid> = locked.iter().map(|(t, _)| t.0).collect();
        let questions = erasure::questions(tx, &threads).await?;
        Ok(Self {
            marks: locked
                .iter()
                .map(|(t, v)| subject::thread_hash(master, site, *t, *v))
                .collect(),
            gaps: questions.iter().map(|q| gaps::masked(q)).collect(),
            person,
            threads,
        })
    }

    async fn count(&self, tx: &mut SiteTx, subject: &Subject) -> DbResult<Counts> {
        let email = subject.email.as_deref();
        erasure::count(tx, &self.person, &self.threads, &self.gaps, email).await
    }
}
