//! A thread's personal data at rest: what stands behind its placeholders, each value sealed
//! for its thread and placeholder, and put back in what the same visitor reads (GRD-1).

use crate::db::events::StoredEvent;
use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::db::vault::{self, Entry};
use crate::domain::event::{Citation, ThreadEvent};
use crate::domain::ids::{SiteId, ThreadId};
use crate::domain::seal::{MasterKey, SealError};
use crate::guardrails::pii::placeholders::Placeholders;

/// What a value is sealed for.
#[must_use]
pub fn owner(site: SiteId, thread: ThreadId, placeholder: &str) -> String {
    format!("site/{site}/thread/{thread}/pii/{placeholder}")
}

/// Seals new entries.
///
/// # Errors
/// When the system gives no randomness.
pub fn seal(
    master: &MasterKey,
    site: SiteId,
    thread: ThreadId,
    new: &[(String, String)],
) -> Result<Vec<Entry>, SealError> {
    new.iter()
        .map(|(placeholder, value)| {
            let sealed = master.seal(&owner(site, thread, placeholder), value.as_bytes())?;
            Ok((placeholder.clone(), sealed))
        })
        .collect()
}

/// What stands behind a thread's placeholders.
///
/// # Errors
/// When the database does, or a value can't be opened with this master key.
pub async fn open(tx: &mut SiteTx, master: &MasterKey, thread: ThreadId) -> DbResult<Placeholders> {
    let site = tx.site();
    let entries = vault::of_thread(tx, thread).await?;
    let opened: DbResult<Vec<(String, String)>> = entries
        .into_iter()
        .map(|(placeholder, sealed)| {
            let unreadable = |e: String| DbError::Unreadable(format!("the vault's {placeholder}: {e}"));
            let value = master
                .open(&owner(site, thread, &placeholder), &sealed)
                .map_err(|e| unreadable(e.to_string()))?;
            let value = String::from_utf8(value).map_err(|e| unreadable(e.to_string()))?;
            Ok((placeholder, value))
        })
        .collect();
    Ok(Placeholders::from_entries(opened?))
}

/// Whether a text may hold placeholders.
#[must_use]
pub fn hides(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'[')
        .any(|(i, _)| {
            bytes
                .get(i + 1)
                .is_some_and(|b| b.is_ascii_alphabetic() || *b == b'\\')
        })
}

/// Puts the personal data of a thread's events back, for its visitor. Reads the vault only
/// where something may stand in it.
///
/// # Errors
/// When the database does, or a value can't be opened.
pub async fn reveal_all(
    tx: &mut SiteTx,
    master: &MasterKey,
    thread: ThreadId,
    events: &mut [StoredEvent],
) -> DbResult<()> {
    let mut any = false;
    for stored in events.iter_mut() {
        texts(&mut stored.event, &mut |text| any |= hides(text));
    }
    if any {
        let vault = open(tx, master, thread).await?;
        for stored in events {
            reveal(&mut stored.event, &vault);
        }
    }
    Ok(())
}

/// The same with the placeholders at hand.
pub fn reveal_with(vault: &Placeholders, events: &mut [StoredEvent]) {
    for stored in events {
        reveal(&mut stored.event, vault);
    }
}

fn reveal(event: &mut ThreadEvent, vault: &Placeholders) {
    texts(event, &mut |text| {
        if hides(text) {
            *text = vault.reveal(text);
        }
    });
}

/// The texts of an event that may hold placeholders.
fn texts(event: &mut ThreadEvent, with: &mut impl FnMut(&mut String)) {
    match event {
        ThreadEvent::Delta { md, .. } => with(md),
        ThreadEvent::Final { text, .. } => with(text),
        ThreadEvent::Ask(asks) => with(&mut asks.summary),
        ThreadEvent::Staff { md: Some(md), .. } => with(md),
        ThreadEvent::Citation(c) => reveal_texts(c, with),
        _ => {}
    }
}

fn reveal_texts(c: &mut Citation, with: &mut impl FnMut(&mut String)) {
    with(&mut c.title);
    with(&mut c.snippet);
    if let Some(section) = &mut c.section {
        with(section);
    }
}

/// The same for a message of a thread.
pub fn reveal_message(text: &mut String, citations: &mut [Citation], vault: &Placeholders) {
    let mut put = |text: &mut String| {
        if hides(text) {
            *text = vault.reveal(text);
        }
    };
    put(text);
    for c in citations {
        reveal_texts(c, &mut put);
    }
}
