//! `check_refund_policy`: whether an order may be paid back, how much, and who has to agree.
//! The policy is the site's data; the brain can't bend it.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::get_order_status::number;
use super::orders::{Stores, shop};
use super::{Reply, Tool, ToolContext, ToolError, identity};
use crate::db::sites;
use crate::domain::refund::{RefundReason, RefundVerdict};
use crate::domain::rules::Rules;
use crate::domain::tool::{Power, ToolCode};

/// Which order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The order's number.
    #[schemars(length(min = 1, max = 32))]
    pub order_id: String,
    /// Why the visitor wants the money back, in their words.
    #[schemars(length(max = 500))]
    pub reason: Option<String>,
    /// The billing e-mail, as the visitor gave it. Leave it out if they gave none.
    #[schemars(length(max = 254))]
    pub email: Option<String>,
}

/// What the policy says.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The order.
    pub order_id: String,
    /// Whether anything may be paid back.
    pub eligible: bool,
    /// Why not, or what else must happen.
    pub reasons: Vec<RefundReason>,
    /// What may be paid back at most, for example `38.70`.
    pub max_amount: String,
    /// The currency's code.
    pub currency: String,
    /// Whether a person must approve it.
    pub needs_approval: bool,
    /// Days from delivery within which things may be sent back.
    pub window_days: u32,
}

/// The tool.
pub struct CheckRefundPolicy(pub Arc<dyn Stores>);

impl Tool for CheckRefundPolicy {
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "check_refund_policy";
    const DESCRIPTION: &'static str = "Tells whether an order of the visitor's may be refunded, how much at most, and \
        whether a person must approve it. Call it before issue_refund.";
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
            let order = store.with_categories(ctx.site, order).await?;
            let rules = rules(ctx).await?;
            let RefundVerdict {
                eligible,
                reasons,
                max,
                needs_approval,
            } = rules.refund.check(&order, ctx.now());
            Ok(Reply::of(Output {
                order_id: order.number,
                eligible,
                reasons,
                max_amount: max.decimal(),
                currency: max.currency.to_string(),
                needs_approval,
                window_days: rules.refund.window_days,
            }))
        }
        .boxed()
    }
}

/// The site's rules for the hands, as they are now.
///
/// # Errors
/// When the database does.
pub async fn rules(ctx: &ToolContext) -> Result<Rules, ToolError> {
    let mut tx = ctx.db.site(ctx.site).await?;
    let site = sites::own(&mut tx).await?;
    site.map(|s| s.rules)
        .ok_or_else(|| ToolError::new(ToolCode::Disabled, "there is no such site"))
}
