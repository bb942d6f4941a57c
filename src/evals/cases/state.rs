//! What a shop looks like at a moment: its orders, the ledger, proposals, handoffs, tickets.

use std::collections::BTreeMap;

use crate::db::demo_orders;
use crate::db::eval_threads::{self, Trace};
use crate::db::pool::{Db, DbResult};
use crate::domain::ids::SiteId;
use crate::domain::money::{Currency, Money};
use crate::domain::order::Order;

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

/// Looks at a site's shop.
///
/// # Errors
/// When the database does.
pub async fn of(db: &Db, site: SiteId) -> DbResult<State> {
    let mut tx = db.site(site).await?;
    let orders = demo_orders::all(&mut tx).await?;
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
    [
        Some(trace.name.clone()),
        trace.order_number.clone(),
        amount,
        Some(trace.state.clone()),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(" ")
}
