//! What is told of an order: what is remembered of its customer is asked for anew, at their next
//! message.

use crate::db::persons;
use crate::db::pool::{DbResult, SiteTx};
use crate::domain::bridge::Actor;
use crate::domain::seal::MasterKey;
use crate::privacy::subject::email_hash;

/// Ends what is remembered of a customer, known by account or by address; gives of how many
/// visitors.
///
/// # Errors
/// When the database does.
pub async fn refresh(tx: &mut SiteTx, master: &MasterKey, customer: &Actor) -> DbResult<u64> {
    let user = customer.id.as_deref().and_then(|id| id.parse::<i64>().ok());
    let hash = customer
        .email
        .as_deref()
        .map(|email| email_hash(master, tx.site(), email));
    persons::expire_profiles(tx, user, hash.as_ref().map(<[u8; 32]>::as_slice)).await
}
