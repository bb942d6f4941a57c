//! Handles an event, in its one shape: a form becomes a ticket, what tells of an order has the
//! customer's profile asked for anew, and everything else is kept for who asks. What an event
//! does and the word of it are one transaction, so doing it again does nothing twice.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{forms, orders};
use crate::db::bridge;
use crate::db::pool::{Db, DbError, DbResult, SiteTx};
use crate::domain::bridge::{Canonical, Envelope, sealed_for};
use crate::domain::ids::{EventId, SiteId};
use crate::domain::seal::MasterKey;
use crate::privacy::subject;

/// Handles an event; one that was handled, or that is gone, is left alone. One that can't be read is
/// said to have failed.
///
/// # Errors
/// When the database does; then it is as if nothing had been done.
pub async fn handle(
    db: &Db,
    master: &MasterKey,
    site: SiteId,
    id: EventId,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let mut tx = db.site(site).await?;
    let Some(sealed) = bridge::begin(&mut tx, id).await? else {
        return tx.commit().await;
    };
    let done = match read(master, site, id, &sealed) {
        Ok(event) => act(&mut tx, master, id, event.canonical(site), now).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(result) => bridge::finish(&mut tx, id, Ok(&result), now).await?,
        Err(DbError::Unreadable(error)) => {
            tracing::error!(error, event = %id, "an event can't be handled");
            bridge::finish(&mut tx, id, Err("unreadable"), now).await?;
        }
        Err(error) => return Err(error),
    }
    tx.commit().await
}

/// Opens an event's body.
///
/// # Errors
/// When this master key doesn't open it, or it isn't an event.
pub fn read(master: &MasterKey, site: SiteId, id: EventId, sealed: &[u8]) -> DbResult<Envelope> {
    let text = subject::open(master, &sealed_for(site, id), sealed)?;
    serde_json::from_str(&text).map_err(|e| DbError::Unreadable(format!("an event: {e}")))
}

async fn act(
    tx: &mut SiteTx,
    master: &MasterKey,
    id: EventId,
    event: Canonical,
    now: DateTime<Utc>,
) -> DbResult<Value> {
    match (event.subject.kind.as_str(), event.action.kind.as_str()) {
        ("form", "submitted") => forms::open_ticket(tx, master, id, event, now).await,
        ("order", _) => {
            let profiles = orders::refresh(tx, master, &event.actor).await?;
            Ok(json!({ "profiles_refreshed": profiles }))
        }
        _ => Ok(json!({ "kept": true })),
    }
}
