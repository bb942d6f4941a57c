//! Takes an event: sealed, stored and enqueued in one transaction. The same key again is the same
//! event, and gets the first one's answer.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use crate::db::bridge::{self, NewEvent};
use crate::db::jobs;
use crate::db::pool::{Db, DbError};
use crate::db::sites::{self, NonceUse};
use crate::domain::bridge::{Envelope, sealed_for};
use crate::domain::ids::{EventId, SiteId};
use crate::domain::job::{Job, Priority, Work};
use crate::domain::seal::{MasterKey, SealError};
use crate::guardrails::pii::{self, Kind};
use crate::privacy::subject::email_hash;

/// New events of a site within the window.
const MOST_RECENT: i64 = 60;
const WINDOW: TimeDelta = TimeDelta::minutes(1);

/// An event whose token and signature were found to be right.
#[derive(Debug)]
pub struct Told<'a> {
    /// The secret that signed it.
    pub kid: &'a str,
    /// The token's id, good once.
    pub jti: &'a str,
    /// Until when the id must be remembered.
    pub expires_at: DateTime<Utc>,
    /// The body, byte for byte.
    pub raw: &'a [u8],
    /// What it says, checked.
    pub event: &'a Envelope,
}

/// An event that was taken, now or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub id: EventId,
    /// Whether it is new.
    pub new: bool,
}

/// Why an event isn't taken.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The token was here before.
    #[error("the token was used before")]
    Replayed,
    /// The key came with another event before.
    #[error("this key was used for another event")]
    Reused,
    /// The site tells too much at once.
    #[error("too many events of this site")]
    TooFast,
    /// Sealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Takes an event.
///
/// # Errors
/// When it can't be taken; nothing is stored then.
pub async fn accept(
    db: &Db,
    master: &MasterKey,
    site: SiteId,
    told: &Told<'_>,
    now: DateTime<Utc>,
) -> Result<Accepted, AcceptError> {
    let body_hash: [u8; 32] = Sha256::digest(told.raw).into();
    let key = &told.event.idempotency_key;
    let mut tx = db.site(site).await?;
    // No two uses of a token have the same digest, so that the second one isn't its own.
    let (nonce, digest) = (format!("event:{}", told.jti), rand::random::<[u8; 16]>());
    if sites::bind_nonce(&mut tx, told.kid, &nonce, &digest, told.expires_at).await? != NonceUse::Own {
        return Err(AcceptError::Replayed);
    }
    let repeat = |known: bridge::Known| {
        if known.body_hash == body_hash {
            Ok(Accepted {
                id: known.id,
                new: false,
            })
        } else {
            Err(AcceptError::Reused)
        }
    };
    if let Some(known) = bridge::by_key(&mut tx, key).await? {
        tx.commit().await?;
        return repeat(known);
    }
    if bridge::recent(&mut tx, now - WINDOW).await? >= MOST_RECENT {
        return Err(AcceptError::TooFast);
    }
    let id = EventId::new();
    let body = master.seal(&sealed_for(site, id), told.raw)?;
    let new = NewEvent {
        id,
        key,
        body_hash: &body_hash,
        kid: told.kid,
        event_type: &told.event.event_type,
        object_ref: &told.event.object_ref,
        body: &body,
        addresses: addresses(master, site, told.event),
        occurred_at: told.event.occurred_at,
        received_at: now,
    };
    if !bridge::insert(&mut tx, &new).await? {
        // The same event on two connections at once: the other one's is there by now.
        let known = bridge::by_key(&mut tx, key).await?;
        let known =
            known.ok_or_else(|| DbError::Unreadable("an event that is there and isn't".to_owned()))?;
        tx.commit().await?;
        return repeat(known);
    }
    let job = Job {
        work: Work::BridgeEvent { event: id },
        key: id.to_string(),
        priority: Priority::Standard,
    };
    jobs::enqueue(&mut tx, &job).await?;
    tx.commit().await?;
    Ok(Accepted { id, new: true })
}

/// Hashes of the addresses in an event: a person whom it names is found by them.
fn addresses(master: &MasterKey, site: SiteId, event: &Envelope) -> Vec<Vec<u8>> {
    let mut texts = vec![event.object_ref.as_str()];
    for value in event.data.values() {
        strings(value, &mut texts);
    }
    let mut found: BTreeSet<[u8; 32]> = BTreeSet::new();
    for text in texts {
        let spans = pii::find(text);
        let emails = spans.iter().filter(|span| span.kind == Kind::Email);
        found.extend(emails.map(|span| email_hash(master, site, &text[span.start..span.end])));
    }
    found.into_iter().map(|h| h.to_vec()).collect()
}

fn strings<'a>(value: &'a serde_json::Value, into: &mut Vec<&'a str>) {
    match value {
        serde_json::Value::String(text) => into.push(text),
        serde_json::Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        serde_json::Value::Object(fields) => fields.values().for_each(|field| strings(field, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        let (master, site) = (MasterKey::new([7; 32]), SiteId::new());
        let event: Envelope = serde_json::from_value(json!({
            "event_type": "form.submitted", "object_ref": "form:1", "idempotency_key": "k",
            "occurred_at": "2026-11-27T10:00:00Z",
            "data": {"email": "Anna@Example.com", "fields": [{"name": "cc", "value": "write to ben@example.com, too"}],
                     "deep": {"er": ["anna@example.com"]}, "n": 1},
        }))
        .unwrap();
        let mut expected: Vec<Vec<u8>> = ["anna@example.com", "ben@example.com"]
            .iter()
            .map(|email| email_hash(&master, site, email).to_vec())
            .collect();
        expected.sort();
        assert_eq!(addresses(&master, site, &event), expected);
    }
}
