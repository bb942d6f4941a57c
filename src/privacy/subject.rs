//! Whose data is asked for: an address, visitors' ids, or both; and how a sealed address is
//! found by one that is given.

use crate::db::persons::{self, Person, Wanted};
use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::domain::address;
use crate::domain::ids::{SiteId, ThreadId, VisitorId};
use crate::domain::seal::{MasterKey, hash_of_email};
use crate::guardrails::vault;

/// Addresses opened at a time.
const AT_ONCE: i64 = 2_000;
/// Visitors that a request may name.
pub const MOST_VISITORS: usize = 100;

/// Why nobody can be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// Neither address nor visitor.
    #[error("Give an e-mail address, visitors' ids, or both.")]
    Nobody,
    /// The address is none.
    #[error("An e-mail address such as name@example.com.")]
    BadEmail,
    /// Too many.
    #[error("At most 100 visitors at once.")]
    TooMany,
}

/// Whose data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The address in small letters.
    pub email: Option<String>,
    /// Visitors that are known to be theirs.
    pub visitors: Vec<VisitorId>,
}

impl Subject {
    /// Checks what was given.
    ///
    /// # Errors
    /// When it names nobody, or no address.
    pub fn new(email: Option<&str>, visitors: &[VisitorId]) -> Result<Self, SubjectError> {
        let email = email.map(address::folded).filter(|e| !e.is_empty());
        if email.as_ref().is_some_and(|e| !address::is_email(e)) {
            return Err(SubjectError::BadEmail);
        }
        if email.is_none() && visitors.is_empty() {
            return Err(SubjectError::Nobody);
        }
        if visitors.len() > MOST_VISITORS {
            return Err(SubjectError::TooMany);
        }
        let mut visitors = visitors.to_vec();
        visitors.sort_unstable();
        visitors.dedup();
        Ok(Self { email, visitors })
    }

    /// What a receipt names the person by: a keyed hash of what they were looked for by.
    #[must_use]
    pub fn hash(&self, master: &MasterKey, site: SiteId) -> [u8; 32] {
        let visitors: Vec<String> = self.visitors.iter().map(ToString::to_string).collect();
        let named = format!("{}\n{}", self.email.as_deref().unwrap_or(""), visitors.join("\n"));
        master.fingerprint(&format!("site/{site}/subject"), named.as_bytes())
    }
}

/// The hash by which an address is found on a site.
#[must_use]
pub fn email_hash(master: &MasterKey, site: SiteId, email: &str) -> [u8; 32] {
    hash_of_email(master, site, email)
}

/// The hash by which an erased conversation is known to its visitor.
#[must_use]
pub fn thread_hash(master: &MasterKey, site: SiteId, thread: ThreadId, visitor: VisitorId) -> [u8; 32] {
    let named = format!("{thread}\n{visitor}");
    master.fingerprint(&format!("site/{site}/erased"), named.as_bytes())
}

/// The hash by which an erased visitor is known.
#[must_use]
pub fn visitor_hash(master: &MasterKey, site: SiteId, visitor: VisitorId) -> [u8; 32] {
    master.fingerprint(
        &format!("site/{site}/erased-visitor"),
        visitor.to_string().as_bytes(),
    )
}

/// What a visitor's address is sealed for.
#[must_use]
pub fn email_owner(site: SiteId, visitor: VisitorId) -> String {
    format!("site/{site}/visitor/{visitor}/email")
}

/// What a customer's profile is sealed for.
#[must_use]
pub fn profile_owner(site: SiteId, visitor: VisitorId) -> String {
    format!("site/{site}/visitor/{visitor}/profile")
}

/// Finds a person.
///
/// # Errors
/// When the database does, or an address can't be opened with this master key.
pub async fn find(tx: &mut SiteTx, master: &MasterKey, subject: &Subject) -> DbResult<Person> {
    let email = subject.email.as_ref();
    let hash = email.map(|email| email_hash(master, tx.site(), email));
    find_by(tx, master, hash.as_ref(), &subject.visitors).await
}

/// Finds a person by the hash of an address and by visitors' ids.
///
/// # Errors
/// When the database does, or an address can't be opened with this master key.
pub async fn find_by(
    tx: &mut SiteTx,
    master: &MasterKey,
    email: Option<&[u8; 32]>,
    visitors: &[VisitorId],
) -> DbResult<Person> {
    if email.is_some() {
        hash_new(tx, master).await?;
    }
    let wanted = Wanted {
        email: email.map(<[u8; 32]>::as_slice),
        visitors,
    };
    persons::find(tx, &wanted).await
}

/// Gives the addresses that came since the last time their hashes. That costs nothing where
/// conversations are held, and is rarely asked for.
async fn hash_new(tx: &mut SiteTx, master: &MasterKey) -> DbResult<()> {
    let site = tx.site();
    loop {
        let new = persons::unhashed_visitors(tx, AT_ONCE).await?;
        let mut hashes = Vec::with_capacity(new.len());
        for (visitor, sealed) in &new {
            let email = open(master, &email_owner(site, *visitor), sealed)?;
            hashes.push((*visitor, email_hash(master, site, &email)));
        }
        if hashes.is_empty() {
            break;
        }
        persons::hash_visitors(tx, &hashes).await?;
    }
    loop {
        let new = persons::unhashed_vault(tx, AT_ONCE).await?;
        let mut hashes = Vec::with_capacity(new.len());
        for entry in new {
            let owner = vault::owner(site, entry.thread, &entry.placeholder);
            let email = open(master, &owner, &entry.sealed)?;
            hashes.push((entry.thread, entry.placeholder, email_hash(master, site, &email)));
        }
        if hashes.is_empty() {
            return Ok(());
        }
        persons::hash_vault(tx, &hashes).await?;
    }
}

/// Opens a sealed text.
///
/// # Errors
/// When this master key doesn't open it.
pub fn open(master: &MasterKey, owner: &str, sealed: &[u8]) -> DbResult<String> {
    let unreadable = |e: String| DbError::Unreadable(format!("{owner}: {e}"));
    let plain = master
        .open(owner, sealed)
        .map_err(|e| unreadable(e.to_string()))?;
    String::from_utf8(plain).map_err(|e| unreadable(e.to_string()))
}
