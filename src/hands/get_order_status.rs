//! `get_order_status`: where an order stands. Who isn't known must give its billing e-mail too;
//! a wrong pair and an unknown order look alike.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::orders::{Stores, shop};
use super::{Reply, Tool, ToolContext, ToolError, identity};
use crate::domain::order::{Order, OrderItem, is_number};
use crate::domain::tool::{Power, ToolCode};

/// Which order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The order's number, as the visitor gave it.
    #[schemars(length(min = 1, max = 32))]
    pub order_id: String,
    /// The billing e-mail, as the visitor gave it. Leave it out if they gave none.
    #[schemars(length(max = 254))]
    pub email: Option<String>,
}

/// What was bought.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Item {
    /// What it is called.
    pub name: String,
    /// How many.
    pub quantity: u32,
    /// What all of them cost together, for example `89.00`.
    pub total: String,
}

impl From<&OrderItem> for Item {
    fn from(item: &OrderItem) -> Self {
        Self {
            name: item.name.clone(),
            quantity: item.quantity,
            total: item.total.decimal(),
        }
    }
}

/// Where the order stands.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// Its number.
    pub order_id: String,
    /// Its state.
    pub status: String,
    /// What was bought.
    pub items: Vec<Item>,
    /// What it costs, for example `89.00`.
    pub total: String,
    /// The currency's code.
    pub currency: String,
    /// What was paid back of it, if anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded: Option<String>,
    /// The day on which it was placed, for example `2026-05-01`.
    pub placed_at: String,
    /// When it was delivered, where the shop knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<String>,
    /// When it last changed.
    pub updated_at: String,
    /// The parcel's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
}

impl From<&Order> for Output {
    fn from(order: &Order) -> Self {
        Self {
            order_id: order.number.clone(),
            status: order.status.as_str().to_owned(),
            items: order.items.iter().map(Item::from).collect(),
            total: order.total.decimal(),
            currency: order.total.currency.to_string(),
            refunded: (order.refunded.minor > 0).then(|| order.refunded.decimal()),
            placed_at: day(order.placed_at),
            delivered_at: order.delivered_at.map(day),
            updated_at: day(order.updated_at),
            tracking: order.tracking.clone(),
        }
    }
}

/// The day of a time (UTC).
#[must_use]
pub fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

/// The tool.
pub struct GetOrderStatus(pub Arc<dyn Stores>);

impl Tool for GetOrderStatus {
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "get_order_status";
    const DESCRIPTION: &'static str = "Looks up where one order stands: state, items, total, tracking number. \
        Pass the order number, and the billing e-mail if the visitor gave one in this conversation.";
    const POWER: Power = Power::Reads;

    fn call<'a>(
        &'a self,
        ctx: &'a ToolContext,
        input: Input,
    ) -> BoxFuture<'a, Result<Reply<Output>, ToolError>> {
        async move {
            let number = number(&input.order_id)?;
            let store = shop(self.0.as_ref(), ctx.site).await?;
            let order = identity::own_order(ctx, store.as_ref(), number, input.email.as_deref()).await?;
            Ok(Reply::of(Output::from(&order)))
        }
        .boxed()
    }
}

/// A number as people write it: `#1001`, `1001.`
///
/// # Errors
/// [`ToolCode::NotFound`] when no order can have it: what can't exist looks like what doesn't.
pub fn number(given: &str) -> Result<&str, ToolError> {
    let bare = given
        .trim()
        .trim_start_matches('#')
        .trim_end_matches(['.', ',', '!', '?'])
        .trim();
    if is_number(bare) {
        Ok(bare)
    } else {
        Err(ToolError::new(
            ToolCode::NotFound,
            "no order can have this number",
        ))
    }
}
