//! What the tools for tickets and people share: they write only in a turn that still runs, in a
//! conversation that nobody has taken over, and no visitor can have it done without end.

use chrono::TimeDelta;
use uuid::Uuid;

use super::create_ticket::CreateTicket;
use super::handoff_human::HandoffHuman;
use super::notify_human::NotifyHuman;
use super::registry::{BadSchema, Registry};
use super::update_ticket::UpdateTicket;
use super::{Conversation, ToolContext, ToolError};
use crate::db::pool::{DbError, SiteTx};
use crate::db::{identity, threads, turns};
use crate::domain::address::is_email;
use crate::domain::ids::TicketId;
use crate::domain::seal::{hash_of_email, owner_of_email};
use crate::domain::ticket::{contact_owner, owner};
use crate::domain::tool::ToolCode;
use crate::guardrails::vault;

/// The window in which acts are counted.
const WINDOW: TimeDelta = TimeDelta::hours(1);

/// Adds the tools for tickets and people.
///
/// # Errors
/// When a tool's schema is none: a defect.
pub fn register(registry: &mut Registry) -> Result<(), BadSchema> {
    registry.add(CreateTicket)?;
    registry.add(UpdateTicket)?;
    registry.add(HandoffHuman)?;
    registry.add(NotifyHuman)?;
    Ok(())
}

/// A transaction in which the conversation is the agent's; the act is counted in it.
///
/// # Errors
/// [`ToolCode::Unauthorized`] when staff have the conversation or the turn has ended,
/// [`ToolCode::RateLimit`] after `most` of `what` within an hour.
pub async fn begin(ctx: &ToolContext, what: &str, most: i32) -> Result<(SiteTx, Conversation), ToolError> {
    let conversation = ctx.conversation()?;
    let mut tx = ctx.db.site(ctx.site).await?;
    match turns::speaks(&mut tx, conversation.thread, conversation.turn).await {
        Err(DbError::Fenced) => {
            return Err(ToolError::new(
                ToolCode::Unauthorized,
                "the conversation isn't the agent's any more",
            ));
        }
        other => other?,
    }
    let owner = format!("site/{}/limit/{what}", ctx.site);
    let key = ctx.master.fingerprint(&owner, conversation.visitor.0.as_bytes());
    if identity::guess(&mut tx, &key, WINDOW, ctx.now()).await? > most {
        tx.commit().await?;
        return Err(ToolError::new(ToolCode::RateLimit, format!("too many of `{what}`")).lasting());
    }
    Ok((tx, conversation))
}

/// An address for the answer: only one that the visitor wrote in this conversation. What a
/// document or a model puts there gets no mail.
pub struct Contact {
    /// Sealed for its ticket.
    pub sealed: Vec<u8>,
    /// By which it is found.
    pub hash: [u8; 32],
}

/// Checks and seals an address for a ticket; a visitor who has left none yet is reached there,
/// too.
///
/// # Errors
/// [`ToolCode::InvalidInput`] when the visitor didn't write it.
pub async fn contact(
    ctx: &ToolContext,
    tx: &mut SiteTx,
    of: Conversation,
    ticket: TicketId,
    email: &str,
) -> Result<Contact, ToolError> {
    let email = email.trim();
    let bad = |why: &str| ToolError::new(ToolCode::InvalidInput, why);
    if !is_email(email) {
        return Err(bad("that is no e-mail address"));
    }
    let mut known = vault::open(tx, &ctx.master, of.thread).await?;
    let placeholder = known.mask(email);
    let new = !known.take_new().is_empty();
    if new || !threads::visitor_wrote(tx, of.thread, &placeholder).await? {
        return Err(bad("the visitor didn't write this address"));
    }
    if !threads::has_email(tx, of.visitor).await? {
        let owner = owner_of_email(ctx.site, of.visitor);
        let sealed = ctx.master.seal(&owner, email.as_bytes())?;
        threads::set_email(tx, of.visitor, &sealed).await?;
    }
    Ok(Contact {
        sealed: ctx
            .master
            .seal(&contact_owner(ctx.site, ticket), email.as_bytes())?,
        hash: hash_of_email(&ctx.master, ctx.site, email),
    })
}

/// A note's id and its sealed text.
///
/// # Errors
/// When the system gives no randomness.
pub fn note(ctx: &ToolContext, ticket: TicketId, text: &str) -> Result<(Uuid, Vec<u8>), ToolError> {
    let id = Uuid::now_v7();
    let owner = owner(ctx.site, ticket, &format!("note/{id}"));
    Ok((id, ctx.master.seal(&owner, text.as_bytes())?))
}

/// A text without what can't be stored.
#[must_use]
pub fn storable(text: &str) -> String {
    text.replace('\0', "").trim().to_owned()
}
