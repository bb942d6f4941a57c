//! Who a visitor has shown to be (TOOL-6), and how often one may guess. A proof by an order's
//! number and its billing e-mail is good for that order, a code for all orders of the address. Who is
//! logged in at the site has the orders that were placed from their account, for as long as each
//! message's token says so; the account's own address proves nothing, since its owner can write any
//! other there.

use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::orders::OrderStore;
use super::{ToolContext, ToolError};
use crate::db::identity::{self, NewProof};
use crate::db::pool::{DbResult, SiteTx};
use crate::db::threads;
use crate::domain::address;
use crate::domain::ids::{SiteId, VisitorId};
use crate::domain::order::{Order, same_email};
use crate::domain::seal::{MasterKey, owner_of_email};
use crate::domain::tool::ToolCode;
use crate::guardrails::pii::codes;

/// How long a proof counts.
pub const COUNTS: TimeDelta = TimeDelta::minutes(30);
/// How long a code may be entered, and how often it may be tried.
pub const CODE_COUNTS: TimeDelta = TimeDelta::minutes(10);
/// Tries of one code.
pub const CODE_TRIES: i32 = 5;

/// The window in which guesses are counted.
const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// Wrong pairs of a visitor within it.
const MOST_WRONG: i32 = 5;
/// Wrong pairs for one order, and with one address, within it, over all visitors: a new visitor
/// costs nothing.
const MOST_WRONG_ORDER: i32 = 20;
const MOST_WRONG_EMAIL: i32 = 20;
/// Wrong pairs and wrong codes from one address of the network within it: many people may share
/// one, and what is being looked up counts until it is known to be right.
const MOST_WRONG_CLIENT: i32 = 100;
/// Codes that are sent to one address within it, and asked for by one visitor.
const MOST_CODES: i32 = 3;
/// Codes that a site sends within it: whoever gives strangers' addresses gets no further.
const MOST_CODES_SITE: i32 = 100;
/// Codes that are sent to one address within a day.
const MOST_CODES_DAY: i32 = 10;
/// Codes that are asked for from one address of the network within the window.
const MOST_CODES_CLIENT: i32 = 20;

/// A wrong pair is answered after this long, or a multiple of it: an order that there is and
/// one that there isn't take the same time.
const PACE: Duration = Duration::from_millis(400);

/// What a visitor has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The address.
    pub email: String,
    /// For this order only.
    pub order_number: Option<String>,
}

impl Proven {
    /// Whether it is good for an order.
    #[must_use]
    pub fn covers(&self, order: &Order) -> bool {
        same_email(&self.email, &order.email) && self.order_number.as_ref().is_none_or(|n| *n == order.number)
    }
}

fn owner(site: SiteId, proof: Uuid) -> String {
    format!("site/{site}/proof/{proof}")
}

/// The keyed hash of an address.
#[must_use]
pub fn email_hash(ctx: &ToolContext, email: &str) -> [u8; 32] {
    let owner = format!("site/{}/proof-email", ctx.site);
    ctx.master.fingerprint(&owner, address::folded(email).as_bytes())
}

/// What a visitor has shown and still counts, the widest first.
///
/// # Errors
/// When the database does, or a row can't be opened with this master key.
pub async fn proven(ctx: &ToolContext, visitor: VisitorId) -> Result<Vec<Proven>, ToolError> {
    let mut tx = ctx.db.site(ctx.site).await?;
    let rows = identity::valid(&mut tx, visitor, ctx.now()).await?;
    rows.into_iter()
        .map(|row| {
            let email = ctx.master.open(&owner(ctx.site, row.id), &row.email_sealed)?;
            let email = String::from_utf8(email).map_err(|e| ToolError::new(ToolCode::Upstream5xx, e))?;
            Ok(Proven {
                email,
                order_number: row.order_number,
            })
        })
        .collect()
}

/// The shop's own number of the account that the visitor is logged in to; none where they aren't, or
/// where the shop isn't that WordPress's.
pub fn account(ctx: &ToolContext, shop: &dyn OrderStore) -> Option<String> {
    ctx.account.as_ref().and_then(|account| shop.account(account))
}

/// Whether an order was placed from an account.
fn is_of(order: &Order, account: Option<&str>) -> bool {
    account.is_some() && order.customer.as_deref() == account
}

/// Whether an order is the visitor's, by their login or by what they have shown before.
///
/// # Errors
/// As [`proven`].
pub async fn is_theirs(
    ctx: &ToolContext,
    shop: &dyn OrderStore,
    visitor: VisitorId,
    order: &Order,
) -> Result<bool, ToolError> {
    if is_of(order, account(ctx, shop).as_deref()) {
        return Ok(true);
    }
    let proofs = proven(ctx, visitor).await?;
    Ok(proofs.iter().any(|p| p.covers(order)))
}

/// Keeps a proof by this order's number and its billing e-mail.
///
/// # Errors
/// When the database does.
async fn keep(ctx: &ToolContext, visitor: VisitorId, email: &str, number: &str) -> Result<(), ToolError> {
    let id = Uuid::now_v7();
    let sealed = ctx.master.seal(&owner(ctx.site, id), email.trim().as_bytes())?;
    let now = ctx.now();
    let mut tx = ctx.db.site(ctx.site).await?;
    let proof = NewProof {
        visitor,
        method: "order",
        email_sealed: &sealed,
        email_hash: &email_hash(ctx, email),
        order_number: Some(number),
        code_hash: None,
        now,
        expires_at: now + COUNTS,
    };
    identity::add(&mut tx, id, &proof).await?;
    if !threads::has_email(&mut tx, visitor).await? {
        // Whoever has shown that an address is theirs can be reached there.
        let owner = owner_of_email(ctx.site, visitor);
        let sealed = ctx.master.seal(&owner, email.trim().as_bytes())?;
        threads::set_email(&mut tx, visitor, &sealed).await?;
    }
    Ok(tx.commit().await?)
}

/// Makes a code for an address and stores its hash; gives the code, to be sent to the address
/// and nowhere else. None when too many were asked for.
///
/// # Errors
/// When the database does.
pub async fn new_code(
    ctx: &ToolContext,
    tx: &mut SiteTx,
    visitor: VisitorId,
    email: &str,
) -> Result<Option<String>, ToolError> {
    let now = ctx.now();
    let email_hash = email_hash(ctx, email);
    let client = ctx.client.map(network);
    // In the same order always, so that two at once don't wait for each other.
    let counted = [
        ("code", email_hash.as_slice(), WINDOW, MOST_CODES),
        (
            "code_day",
            email_hash.as_slice(),
            TimeDelta::days(1),
            MOST_CODES_DAY,
        ),
        ("codes", visitor.0.as_bytes().as_slice(), WINDOW, MOST_CODES),
        (
            "codes_site",
            ctx.site.0.as_bytes().as_slice(),
            WINDOW,
            MOST_CODES_SITE,
        ),
    ];
    let by_client = client
        .as_deref()
        .map(|address| ("codes_client", address, WINDOW, MOST_CODES_CLIENT));
    for (what, value, window, most) in by_client.into_iter().chain(counted) {
        // What is refused isn't counted further: an attack on one address leaves the site's count.
        if identity::guess(tx, &key(ctx, what, value), window, now).await? > most {
            return Ok(None);
        }
    }
    let code = format!("{:06}", rand::random_range(0..1_000_000_u32));
    let id = Uuid::now_v7();
    let proof = NewProof {
        visitor,
        method: "code",
        email_sealed: &ctx.master.seal(&owner(ctx.site, id), email.trim().as_bytes())?,
        email_hash: &email_hash,
        order_number: None,
        code_hash: Some(&code_hash(&ctx.master, ctx.site, visitor, &code)),
        now,
        expires_at: now + CODE_COUNTS,
    };
    identity::add(tx, id, &proof).await?;
    Ok(Some(code))
}

/// Enters a code; whether it was right.
///
/// # Errors
/// When the database does.
pub async fn enter_code(
    ctx: &ToolContext,
    visitor: VisitorId,
    email: &str,
    code: &str,
) -> Result<bool, ToolError> {
    let digits: String = code.chars().filter(char::is_ascii_digit).collect();
    let now = ctx.now();
    let email_hash = email_hash(ctx, email);
    // A code is tried a few times only, and few are sent for an address: what is counted besides is
    // where they come from.
    let guessing = Guessing::of(ctx, &[]);
    let mut tx = ctx.db.site(ctx.site).await?;
    // Whoever has guessed too often hears what a wrong code gets.
    let over = guessing.count(&mut tx, now).await?;
    let right = !over
        && identity::enter_code(
            &mut tx,
            visitor,
            &email_hash,
            &code_hash(&ctx.master, ctx.site, visitor, &digits),
            CODE_TRIES,
            now,
            now + COUNTS,
        )
        .await?;
    if right {
        guessing.forgive(&mut tx).await?;
    }
    tx.commit().await?;
    Ok(right)
}

/// Six digits are soon tried: their hash is keyed, and the visitor's.
fn code_hash(master: &MasterKey, site: SiteId, visitor: VisitorId, code: &str) -> [u8; 32] {
    master.fingerprint(&format!("site/{site}/visitor/{visitor}/code"), code.as_bytes())
}

/// What of a visitor's message is to be hidden as their one-time code, given that one is pending:
/// the code itself, and whatever looks like a try of it. An order's number may have six digits
/// too; one that is called so stays.
///
/// # Errors
/// When the database does.
pub async fn hidden_codes(
    tx: &mut SiteTx,
    master: &MasterKey,
    visitor: VisitorId,
    text: &str,
    now: DateTime<Utc>,
) -> DbResult<Vec<Range<usize>>> {
    let found = codes::find(text);
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let Some(pending) = identity::pending(tx, visitor, now).await? else {
        return Ok(Vec::new());
    };
    let site = tx.site();
    let is_it = |range: &Range<usize>| {
        let digits: String = text[range.clone()].chars().filter(char::is_ascii_digit).collect();
        code_hash(master, site, visitor, &digits)[..] == pending[..]
    };
    let hidden = found.into_iter().filter(|(range, named)| !named || is_it(range));
    Ok(hidden.map(|(range, _)| range).collect())
}

fn key(ctx: &ToolContext, what: &str, value: &[u8]) -> [u8; 32] {
    ctx.master
        .fingerprint(&format!("site/{}/guess/{what}", ctx.site), value)
}

/// An address of the network as it is counted: of the newer kind, whose owners have billions each,
/// the part that one owner has.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets()[..8].to_vec(),
    }
}

/// What a guess is counted under, with how many of each there may be.
struct Guessing(Vec<([u8; 32], i32)>);

impl Guessing {
    /// Under these names and values, in this order, and the address that the visitor's message came
    /// from.
    fn of(ctx: &ToolContext, values: &[(&str, &[u8], i32)]) -> Self {
        let client = ctx.client.map(network);
        let by_client = client.as_deref().map(|c| ("client", c, MOST_WRONG_CLIENT));
        // In the same order always, so that two at once don't wait for each other.
        let all = values.iter().copied().chain(by_client);
        Self(
            all.map(|(what, value, most)| (key(ctx, what, value), most))
                .collect(),
        )
    }

    /// Counts one; whether there were too many.
    async fn count(&self, tx: &mut SiteTx, now: DateTime<Utc>) -> DbResult<bool> {
        let mut over = false;
        for (key, most) in &self.0 {
            over |= identity::guess(tx, key, WINDOW, now).await? > *most;
        }
        Ok(over)
    }

    /// Takes it back: it was right.
    async fn forgive(&self, tx: &mut SiteTx) -> DbResult<()> {
        for (key, _) in &self.0 {
            identity::forgive(tx, key).await?;
        }
        Ok(())
    }
}

/// Checks an order's number against an address, with the limits on guessing. A wrong pair, an
/// unknown order, and any pair of whoever has guessed too often give the same error after the same
/// time and the same look-up: nobody learns from the answer when guessing is over.
///
/// # Errors
/// [`ToolCode::NotFound`] for all of them, and what the shop gives.
pub async fn order_of_pair(
    ctx: &ToolContext,
    shop: &dyn OrderStore,
    number: &str,
    email: &str,
) -> Result<Order, ToolError> {
    let visitor = ctx.conversation()?.visitor;
    let begun = tokio::time::Instant::now();
    let guessing = Guessing::of(
        ctx,
        &[
            ("visitor", visitor.0.as_bytes(), MOST_WRONG),
            ("order", number.to_lowercase().as_bytes(), MOST_WRONG_ORDER),
            ("email", email_hash(ctx, email).as_slice(), MOST_WRONG_EMAIL),
        ],
    );
    // Counted before it is looked up, so that many at once are no more than one after another.
    let mut tx = ctx.db.site(ctx.site).await?;
    let over = guessing.count(&mut tx, ctx.now()).await?;
    tx.commit().await?;
    let found = match shop.find(ctx.site, number).await {
        Ok(found) => found,
        Err(error) => {
            // A shop that is away told nothing that could be guessed.
            let mut tx = ctx.db.site(ctx.site).await?;
            guessing.forgive(&mut tx).await?;
            tx.commit().await?;
            return Err(error.into());
        }
    };
    if let Some(order) = found.filter(|order| !over && same_email(&order.email, email)) {
        let mut tx = ctx.db.site(ctx.site).await?;
        guessing.forgive(&mut tx).await?;
        tx.commit().await?;
        keep(ctx, visitor, email, &order.number).await?;
        return Ok(order);
    }
    if over {
        tracing::warn!("too many wrong pairs: they are refused unread for a while");
    }
    tokio::time::sleep_until(begun + paced(begun.elapsed())).await;
    Err(ToolError::new(
        ToolCode::NotFound,
        "no order of this number and address",
    ))
}

/// The next multiple of the pace.
fn paced(elapsed: Duration) -> Duration {
    let steps = elapsed.as_millis() / PACE.as_millis() + 1;
    PACE * u32::try_from(steps).unwrap_or(u32::MAX)
}

/// An order that the visitor may act on: one that was placed from the account that they are logged in
/// to, that a proof covers, or that the address given now belongs to.
///
/// # Errors
/// [`Need::Identity`](crate::domain::tool::Need::Identity) when nothing was shown yet; else as [`order_of_pair`].
pub async fn own_order(
    ctx: &ToolContext,
    shop: &dyn OrderStore,
    number: &str,
    email: Option<&str>,
) -> Result<Order, ToolError> {
    if let Some(account) = account(ctx, shop) {
        // Somebody else's is answered as one that there isn't: go on as if nobody were logged in.
        let found = shop.find(ctx.site, number).await?;
        if let Some(order) = found.filter(|order| is_of(order, Some(&account))) {
            return Ok(order);
        }
    }
    if let Some(email) = email {
        return order_of_pair(ctx, shop, number, email).await;
    }
    let visitor = ctx.conversation()?.visitor;
    let proofs = proven(ctx, visitor).await?;
    // Without a proof nothing is looked up: whether there is such an order is no news either.
    let may_cover = |p: &Proven| {
        p.order_number
            .as_ref()
            .is_none_or(|n| n.eq_ignore_ascii_case(number))
    };
    if let Some(proof) = proofs.iter().find(|p| may_cover(p)) {
        return match shop.find(ctx.site, number).await? {
            Some(order) if proofs.iter().any(|p| p.covers(&order)) => Ok(order),
            // A code for one's own address gives no list of other people's orders.
            _ => order_of_pair(ctx, shop, number, &proof.email).await,
        };
    }
    Err(ToolError::needs(crate::domain::tool::Need::Identity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_pairs_are_answered_on_the_beat() {
        assert_eq!(paced(Duration::ZERO), PACE);
        assert_eq!(paced(PACE - Duration::from_millis(1)), PACE);
        assert_eq!(paced(PACE + Duration::from_millis(1)), PACE * 2);
    }
}
