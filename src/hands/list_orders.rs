//! `list_orders`: the last orders of a customer who has shown who they are.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::get_order_status::day;
use super::orders::{MOST_LISTED, Stores, shop};
use super::{Reply, Tool, ToolContext, ToolError, identity};
use crate::domain::tool::{Need, Power};

/// Nothing is asked: whose orders they are, the hands know.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {}

/// An order in the list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Listed {
    /// Its number.
    pub order_id: String,
    /// Its state.
    pub status: String,
    /// What it costs, for example `89.00`.
    pub total: String,
    /// The currency's code.
    pub currency: String,
    /// The day on which it was placed, for example `2026-05-01`.
    pub placed_at: String,
}

/// The tool.
pub struct ListOrders(pub Arc<dyn Stores>);

impl Tool for ListOrders {
    type Input = Input;
    type Output = Vec<Listed>;
    const NAME: &'static str = "list_orders";
    const DESCRIPTION: &'static str = "Lists the last orders of the visitor, newest first. Only for visitors who have \
        shown who they are; otherwise they are asked to.";
    const POWER: Power = Power::Reads;

    fn call<'a>(
        &'a self,
        ctx: &'a ToolContext,
        _: Input,
    ) -> BoxFuture<'a, Result<Reply<Vec<Listed>>, ToolError>> {
        async move {
            let visitor = ctx.conversation()?.visitor;
            let store = shop(self.0.as_ref(), ctx.site).await?;
            let account = identity::account(ctx, store.as_ref());
            let proofs = identity::proven(ctx, visitor).await?;
            if account.is_none() && proofs.is_empty() {
                return Err(ToolError::needs(Need::Identity));
            }
            let mut orders = match &account {
                Some(account) => store.of_account(ctx.site, account).await?,
                None => Vec::new(),
            };
            // A proof by one order is good for that order: knowing a number and an address isn't
            // being the person.
            match proofs.iter().find(|p| p.order_number.is_none()) {
                Some(proof) => orders.extend(store.of_email(ctx.site, &proof.email).await?),
                None => {
                    for number in proofs.iter().filter_map(|p| p.order_number.as_deref()) {
                        let order = store.find(ctx.site, number).await?;
                        orders.extend(order.filter(|o| proofs.iter().any(|p| p.covers(o))));
                    }
                }
            }
            orders.sort_by(|a, b| (b.placed_at, &a.number).cmp(&(a.placed_at, &b.number)));
            orders.dedup_by(|a, b| a.number == b.number);
            orders.truncate(MOST_LISTED);
            let listed = orders
                .iter()
                .map(|order| Listed {
                    order_id: order.number.clone(),
                    status: order.status.as_str().to_owned(),
                    total: order.total.decimal(),
                    currency: order.total.currency.to_string(),
                    placed_at: day(order.placed_at),
                })
                .collect();
            Ok(Reply::of(listed))
        }
        .boxed()
    }
}
