//! A write that waits for a yes: its arguments are sealed with the proposal's id, hashed, and
//! never change. What staff approve is sealed to exactly this proposal.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{Conversation, ToolContext, ToolError};
use crate::db::audit;
use crate::db::proposals::{self, NewProposal, ProposalRow};
use crate::domain::ids::{ProposalId, SiteId};
use crate::domain::money::Money;
use crate::domain::seal::{MasterKey, SealError};
use crate::domain::tool::{Need, ToolCode};

/// How long a yes of the visitor's counts.
pub const COUNTS: TimeDelta = TimeDelta::minutes(15);
/// How long staff's approval may be used: the job that uses it runs at once.
pub const APPROVAL_COUNTS: TimeDelta = TimeDelta::hours(1);
/// How long staff may take to decide.
pub const DECIDE_WITHIN: TimeDelta = TimeDelta::days(14);

/// What is proposed.
#[derive(Debug)]
pub struct Offer<'a, T> {
    /// The tool.
    pub tool: &'a str,
    /// The order, or what else it is about.
    pub order_number: &'a str,
    /// The arguments that would run.
    pub args: &'a T,
    /// The policy's version.
    pub policy: &'a str,
    /// How much money it moves.
    pub amount: Option<Money>,
    /// What the visitor is asked; sealed as the arguments are, and personal data in it is masked by
    /// whoever shows it.
    pub summary: String,
    /// Whether staff must approve it too.
    pub needs_approval: bool,
}

fn owner(site: SiteId, id: ProposalId) -> String {
    format!("site/{site}/proposal/{id}")
}

fn owner_of_summary(site: SiteId, id: ProposalId) -> String {
    format!("site/{site}/proposal/{id}/summary")
}

/// What the visitor is asked, in clear.
///
/// # Errors
/// When it can't be opened with this master key.
pub fn summary(master: &MasterKey, site: SiteId, row: &ProposalRow) -> Result<String, SealError> {
    let Some(sealed) = &row.summary_sealed else {
        return Ok(row.summary.clone());
    };
    let plain = master.open(&owner_of_summary(site, row.id), sealed)?;
    String::from_utf8(plain).map_err(|_| SealError::Malformed)
}

/// The hash of arguments as they are stored.
#[must_use]
pub fn hash(args: &[u8]) -> Vec<u8> {
    Sha256::digest(args).to_vec()
}

/// Stores a proposal. Always an error for the machine: the visitor must say yes first.
///
/// # Errors
/// [`ToolCode::NeedsConfirmation`] when it is stored; else what the database gives.
pub async fn offer<T: Serialize + Sync>(
    ctx: &ToolContext,
    offer: Offer<'_, T>,
) -> Result<ToolError, ToolError> {
    let Conversation { thread, turn, .. } = ctx.conversation()?;
    let id = ProposalId::new();
    let args = serde_json::to_vec(offer.args).map_err(|e| ToolError::new(ToolCode::InvalidInput, e))?;
    let now = ctx.now();
    let mut tx = ctx.db.site(ctx.site).await?;
    let currency = offer.amount.map(|m| m.currency);
    let new = NewProposal {
        id,
        thread,
        turn,
        tool: offer.tool,
        order_number: offer.order_number,
        args_sealed: &ctx.master.seal(&owner(ctx.site, id), &args)?,
        args_hash: &hash(&args),
        policy: offer.policy,
        amount: offer
            .amount
            .zip(currency.as_ref())
            .map(|(money, currency)| (money.minor, currency.code())),
        summary_sealed: &ctx
            .master
            .seal(&owner_of_summary(ctx.site, id), offer.summary.as_bytes())?,
        needs_approval: offer.needs_approval,
        now,
        expires_at: now + COUNTS,
    };
    proposals::add(&mut tx, &new).await?;
    let subject = id.to_string();
    let entry = audit::Entry {
        who: "agent",
        act: "propose",
        thread: Some(thread),
        subject: Some(&subject),
        detail: serde_json::json!({
            "tool": offer.tool, "order": offer.order_number, "amount": offer.amount.map(|m| m.to_string()),
        }),
        at: now,
    };
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(ToolError::needs(Need::Confirm { proposal: id }))
}

/// The arguments of a stored proposal, if they are still those that were shown.
///
/// # Errors
/// [`ToolCode::InvalidInput`] when they aren't.
pub fn args<T: DeserializeOwned>(
    master: &MasterKey,
    site: SiteId,
    row: &ProposalRow,
) -> Result<T, ToolError> {
    let opened = master.open(&owner(site, row.id), &row.args_sealed)?;
    if hash(&opened) != row.args_hash {
        return Err(ToolError::new(
            ToolCode::InvalidInput,
            "the proposal's arguments were changed",
        ));
    }
    serde_json::from_slice(&opened).map_err(|e| ToolError::new(ToolCode::InvalidInput, e))
}

/// The money that a stored proposal moves.
#[must_use]
pub fn amount(row: &ProposalRow) -> Option<Money> {
    let currency = crate::domain::money::Currency::parse(row.currency.as_deref()?)?;
    Some(Money {
        minor: row.amount_minor?,
        currency,
    })
}

/// Everything that an approval allows, as the text that its token is sealed to.
fn allows(site: SiteId, row: &ProposalRow, expires_at: DateTime<Utc>) -> String {
    format!(
        "site/{site}/approval/{}/thread/{}/tool/{}/order/{}/amount/{:?}/{:?}/args/{}/policy/{}/until/{}",
        row.id,
        row.thread,
        row.tool,
        row.order_number,
        row.amount_minor,
        row.currency,
        hex::encode(&row.args_hash),
        row.policy,
        expires_at.timestamp_micros(),
    )
}

/// A new single-use token for a proposal as it stands.
///
/// # Errors
/// When the system gives no randomness.
pub fn token(
    master: &MasterKey,
    site: SiteId,
    row: &ProposalRow,
    expires_at: DateTime<Utc>,
) -> Result<Vec<u8>, SealError> {
    let nonce: [u8; 32] = rand::random();
    master.seal(&allows(site, row, expires_at), &nonce)
}

/// Whether a token is for this proposal as it stands now.
#[must_use]
pub fn is_for(
    master: &MasterKey,
    site: SiteId,
    row: &ProposalRow,
    token: &[u8],
    expires_at: DateTime<Utc>,
) -> bool {
    master.open(&allows(site, row, expires_at), token).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ThreadId, VisitorId};

    fn row() -> ProposalRow {
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        ProposalRow {
            id: ProposalId::new(),
            thread: ThreadId::new(),
            visitor: VisitorId::new(),
            tool: "issue_refund".into(),
            order_number: "1002".into(),
            args_sealed: vec![],
            args_hash: hash(b"{}"),
            policy: "p1".into(),
            amount_minor: Some(42_900),
            currency: Some("EUR".into()),
            summary_sealed: None,
            summary: String::new(),
            needs_approval: true,
            state: "waiting".into(),
            at,
            expires_at: at,
        }
    }

    #[test]
    fn any_change_voids_an_approval() {
        let master = MasterKey::new([3; 32]);
        let site = SiteId::new();
        let row = row();
        let until = row.at;
        let token = token(&master, site, &row, until).unwrap();
        assert!(is_for(&master, site, &row, &token, until));
        let changes: [fn(&mut ProposalRow); 7] = [
            |r| r.id = ProposalId::new(),
            |r| r.thread = ThreadId::new(),
            |r| r.order_number = "1004".into(),
            |r| r.amount_minor = Some(42_901),
            |r| r.currency = Some("USD".into()),
            |r| r.args_hash = hash(b"{ }"),
            |r| r.policy = "p2".into(),
        ];
        for (i, change) in changes.iter().enumerate() {
            let mut other = row.clone();
            change(&mut other);
            assert!(!is_for(&master, site, &other, &token, until), "change {i}");
        }
        assert!(!is_for(&master, SiteId::new(), &row, &token, until));
        assert!(!is_for(
            &master,
            site,
            &row,
            &token,
            until + TimeDelta::seconds(1)
        ));
        assert!(!is_for(&MasterKey::new([4; 32]), site, &row, &token, until));
    }
}
