//! `update_shipping_address`: proposes to send an order elsewhere, while it hasn't left. The
//! visitor must say yes to the address as it will be printed.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::act::Acted;
use super::get_order_status::number;
use super::orders::{Stores, shop};
use super::proposal::{self, Offer};
use super::{Reply, Tool, ToolContext, ToolError, identity};
use crate::domain::order::Address;
use crate::domain::text::is_odd;
use crate::domain::tool::{Power, ToolCode};

/// Where it goes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The order's number.
    #[schemars(length(min = 1, max = 32))]
    pub order_id: String,
    /// The new address, as the visitor gave it.
    pub address: Address<Option<String>>,
}

/// What is proposed, and runs after the yes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The order's number.
    pub order_id: String,
    /// The whole new address.
    pub address: Address,
}

/// The tool.
pub struct UpdateShippingAddress(pub Arc<dyn Stores>);

impl Tool for UpdateShippingAddress {
    type Input = Input;
    type Output = Acted;
    const NAME: &'static str = "update_shipping_address";
    const DESCRIPTION: &'static str = "Proposes another delivery address for an order of the visitor's that hasn't \
        shipped; the visitor is shown it and must confirm it. Every part must come from the visitor; name and country stay as \
        they were where the visitor gives none.";
    const POWER: Power = Power::Guarded;

    fn call<'a>(
        &'a self,
        ctx: &'a ToolContext,
        input: Input,
    ) -> BoxFuture<'a, Result<Reply<Acted>, ToolError>> {
        async move {
            let number = number(&input.order_id)?;
            let store = shop(self.0.as_ref(), ctx.site).await?;
            let order = identity::own_order(ctx, store.as_ref(), number, None).await?;
            if !order.status.is_before_shipping() {
                return Err(ToolError::new(ToolCode::InvalidInput, "it has left already"));
            }
            let address = input.address.whole(order.shipping.as_ref()).ok_or_else(|| {
                ToolError::new(ToolCode::InvalidInput, "neither a name nor a country is known")
            })?;
            let line = address.one_line();
            if line.contains(|c: char| is_odd(c) || c == '\n' || c == '\t') {
                return Err(ToolError::new(
                    ToolCode::InvalidInput,
                    "an address of one line a part",
                ));
            }
            let german = ctx.locale.to_ascii_lowercase().starts_with("de");
            let summary = if german {
                format!("Bestellung {} an diese Adresse schicken: {line}?", order.number)
            } else {
                format!("Send order {} to this address: {line}?", order.number)
            };
            let offer = Offer {
                tool: Self::NAME,
                order_number: &order.number,
                args: &Args {
                    order_id: order.number.clone(),
                    address,
                },
                policy: "",
                amount: None,
                summary,
                needs_approval: false,
            };
            Err(proposal::offer(ctx, offer).await?)
        }
        .boxed()
    }
}
