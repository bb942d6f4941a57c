//! Erases a person, and gives a receipt of what was removed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::journal::{Entry, Journal};
use super::subject::{self, Subject};
use crate::db::erasure::{self, Counts};
use crate::db::persons::{self, Person};
use crate::db::pool::{Db, DbError, DbResult, SiteTx};
use crate::db::receipts;
use crate::domain::ids::{SiteId, VisitorId};
use crate::domain::seal::MasterKey;
use crate::knowledge::gaps;

/// Pauses before an erasure is tried again that met something under way.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_secs(1),
];

/// Visitors that are looked at at a time.
const AT_ONCE: i64 = 5_000;

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
/// does the work that waits for their AI jobs. Doing it again gives a receipt of zeros. The
/// journal, where there is one, has it erased again after a restore.
///
/// # Errors
/// When the database does; then nothing is erased.
pub async fn erase(
    db: &Db,
    master: &MasterKey,
    site: SiteId,
    subject: &Subject,
    journal: Option<&Journal>,
    now: DateTime<Utc>,
) -> DbResult<Receipt> {
    if let Some(journal) = journal {
        // Before it is done: of what a crash leaves open, an erasure too many is the lesser evil.
        let (journal, entry) = (journal.clone(), Entry::new(master, site, subject, now));
        let written = tokio::task::spawn_blocking(move || journal.add(&entry)).await;
        if let Err(error) = written.map_err(std::io::Error::other).flatten() {
            tracing::error!(%error, "an erasure isn't in the journal: a restore of an older backup would undo it");
        }
    }
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

/// Erases again whom the journal names; none when nothing of them is there.
///
/// # Errors
/// When the database does; then nothing is erased.
pub async fn again(
    db: &Db,
    master: &MasterKey,
    entry: &Entry,
    now: DateTime<Utc>,
) -> DbResult<Option<Receipt>> {
    let site = entry.site;
    let mut tx = db.site(site).await?;
    let mut visitors = Vec::new();
    let mut after = VisitorId(Uuid::nil());
    while !entry.visitors.is_empty() {
        let some = persons::visitor_ids(&mut tx, after, AT_ONCE).await?;
        let Some(last) = some.last() else { break };
        after = *last;
        let known = |v: &VisitorId| {
            entry
                .visitors
                .contains(&hex::encode(subject::visitor_hash(master, site, *v)))
        };
        visitors.extend(some.into_iter().filter(known));
    }
    let email = entry
        .email
        .as_ref()
        .and_then(|e| hex::decode(e).ok()?.try_into().ok());
    let person = subject::find_by(&mut tx, master, email.as_ref(), &visitors).await?;
    if person == Person::default() {
        return Ok(None);
    }
    let found = Found::of(&mut tx, master, person).await?;
    let named = format!("{:?}", (&entry.email, &entry.visitors));
    let hash = master.fingerprint(&format!("site/{site}/subject-again"), named.as_bytes());
    found.erase(tx, None, &hash, now).await.map(Some)
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
    let hash = subject.hash(master, site);
    found.erase(tx, subject.email.as_deref(), &hash, now).await
}

/// Counts what [`erase`] would remove, and removes nothing.
///
/// # Errors
/// When the database does.
pub async fn preview(db: &Db, master: &MasterKey, site: SiteId, subject: &Subject) -> DbResult<Counts> {
    let mut tx = db.site(site).await?;
    let found = Found::lock(&mut tx, master, subject).await?;
    let counts = found.count(&mut tx, subject.email.as_deref()).await?;
    tx.commit().await?;
    Ok(counts)
}

/// What is a person's, locked.
struct Found {
    person: Person,
    threads: Vec<Uuid>,
    /// What they asked, as it is kept where nothing was found.
    gaps: Vec<String>,
    marks: Vec<[u8; 32]>,
}

impl Found {
    async fn lock(tx: &mut SiteTx, master: &MasterKey, subject: &Subject) -> DbResult<Self> {
        let person = subject::find(tx, master, subject).await?;
        Self::of(tx, master, person).await
    }

    async fn of(tx: &mut SiteTx, master: &MasterKey, person: Person) -> DbResult<Self> {
        let site = tx.site();
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

    async fn count(&self, tx: &mut SiteTx, email: Option<&str>) -> DbResult<Counts> {
        erasure::count(tx, &self.person, &self.threads, &self.gaps, email).await
    }

    /// Erases it and commits; the receipt names the person by this hash.
    async fn erase(
        self,
        mut tx: SiteTx,
        email: Option<&str>,
        hash: &[u8; 32],
        now: DateTime<Utc>,
    ) -> DbResult<Receipt> {
        let counts = self.count(&mut tx, email).await?;
        erasure::erase(&mut tx, &self.person, &self.threads, &self.gaps, email).await?;
        erasure::mark(&mut tx, &self.marks, now).await?;
        let counted = serde_json::to_value(&counts).map_err(|e| DbError::Unreadable(e.to_string()))?;
        let site = tx.site();
        let receipt_id = receipts::insert(&mut tx, "person", hash, &counted, now).await?;
        tx.commit().await?;
        tracing::info!(receipt = %receipt_id, site = site.hashed(), "a person's data was erased");
        Ok(Receipt {
            receipt_id,
            at: now,
            counts,
        })
    }
}
