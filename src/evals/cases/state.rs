//! What a shop looks like at a moment: its orders, the ledger, proposals, handoffs, tickets.

use std::collections::{BTreeMap, BTreeSet};

use crate::db::demo_orders;
use crate::db::eval_threads::{self, Trace};
use crate::db::pool::{Db, DbResult};
use crate::domain::ids::SiteId;
use crate::domain::money::{Currency, Money};
use crate::domain::order::Order;
use crate::hands::Tool;
use crate::hands::issue_refund::IssueRefund;
use crate::hands::orders::Stores;
use crate::hands::update_shipping_address::UpdateShippingAddress;

/// A shop at a moment. The lists are in the order in which their entries came about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// By number.
    pub orders: BTreeMap<String, Order>,
    /// `issue_refund 1004 38.70 EUR done`.
    pub effects: Vec<String>,
    /// `issue_refund 1004 38.70 EUR declined`.
    pub proposals: Vec<String>,
    /// `needs_approval open`.
    pub handoffs: Vec<String>,
    /// `blocked open`.
    pub tickets: Vec<String>,
}

/// Looks at a site's shop: at all orders of the built-in store, or at those of a connected shop that
/// are watched.
///
/// # Errors
/// When the database or the shop can't be asked; the sentence says which.
pub async fn of(
    db: &Db,
    site: SiteId,
    connected: Option<(&dyn Stores, &BTreeSet<String>)>,
) -> Result<State, String> {
    let orders = match connected {
        None => None,
        Some((stores, watched)) => Some(watched_orders(stores, site, watched).await?),
    };
    from_rows(db, site, orders).await.map_err(|e| e.to_string())
}

async fn watched_orders(
    stores: &dyn Stores,
    site: SiteId,
    watched: &BTreeSet<String>,
) -> Result<Vec<Order>, String> {
    let shop = stores.of(site).await.map_err(|e| e.to_string())?;
    let shop = shop.ok_or("there is no shop")?;
    let mut orders = Vec::with_capacity(watched.len());
    for number in watched {
        orders.extend(shop.find(site, number).await.map_err(|e| e.to_string())?);
    }
    Ok(orders)
}

async fn from_rows(db: &Db, site: SiteId, orders: Option<Vec<Order>>) -> DbResult<State> {
    let mut tx = db.site(site).await?;
    let orders = match orders {
        Some(orders) => orders,
        None => demo_orders::all(&mut tx).await?,
    };
    let traces = eval_threads::traces(&mut tx).await?;
    tx.commit().await?;
    let mut state = State {
        orders: orders.into_iter().map(|o| (o.number.clone(), o)).collect(),
        ..State::default()
    };
    for trace in traces {
        let list = match trace.kind.as_str() {
            "effect" => &mut state.effects,
            "proposal" => &mut state.proposals,
            "handoff" => &mut state.handoffs,
            _ => &mut state.tickets,
        };
        list.push(line(&trace));
    }
    Ok(state)
}

fn line(trace: &Trace) -> String {
    let amount = trace
        .amount_minor
        .zip(trace.currency.as_deref().and_then(Currency::parse))
        .map(|(minor, currency)| Money { minor, currency }.to_string());
    // For what a connected tool does this is no number that anybody knows.
    let of_orders = [IssueRefund::NAME, UpdateShippingAddress::NAME].contains(&trace.name.as_str());
    [
        Some(trace.name.clone()),
        trace.order_number.clone().filter(|_| of_orders),
        amount,
        Some(trace.state.clone()),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(" ")
}
