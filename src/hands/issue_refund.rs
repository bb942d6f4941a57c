//! `issue_refund`: proposes to pay an order back. The hands check who asks and what the policy
//! allows; then the visitor must say yes to this amount, and above the site's limit staff too.
//! [`act`](super::act) runs what was said yes to.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::act::Acted;
use super::check_refund_policy::rules;
use super::get_order_status::number;
use super::orders::{Stores, shop};
use super::proposal::{self, Offer};
use super::{Tool, ToolContext, ToolError, identity};
use crate::domain::money::{Currency, Money};
use crate::domain::tool::{Power, ToolCode};
use crate::hands::Reply;

/// What to pay back.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The order's number.
    #[schemars(length(min = 1, max = 32))]
    pub order_id: String,
    /// How much, for example `38.70`, in the order's currency.
    #[schemars(regex(pattern = r"^[0-9]{1,9}(\.[0-9]{1,3})?$"))]
    pub amount: String,
    /// Why, in the visitor's words.
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
}

/// The tool.
pub struct IssueRefund(pub Arc<dyn Stores>);

impl Tool for IssueRefund {
    type Input = Input;
    type Output = Acted;
    const NAME: &'static str = "issue_refund";
    const DESCRIPTION: &'static str = "Proposes to refund an amount of an order to the visitor, who is then shown the \
        amount and must confirm it. Call check_refund_policy first, and never more than its max_amount.";
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
            let order = store.with_categories(ctx.site, order).await?;
            let refuse = |why: &str| ToolError::new(ToolCode::InvalidInput, why);
            let amount = Money::parse(&input.amount, order.total.currency)
                .filter(|m| m.minor > 0)
                .ok_or_else(|| refuse("no amount of the order's currency"))?;
            let policy = rules(ctx).await?.refund;
            let verdict = policy.check(&order, ctx.now());
            if !verdict.eligible {
                return Err(refuse("the policy doesn't allow it"));
            }
            if verdict.max.less(amount).is_none() {
                return Err(refuse("more than the policy allows"));
            }
            let needs_approval = policy.needs_approval(&order, amount);
            let offer = Offer {
                tool: Self::NAME,
                order_number: &order.number,
                args: &Input {
                    order_id: order.number.clone(),
                    amount: amount.decimal(),
                    reason: input.reason.clone(),
                },
                policy: &policy.version(),
                amount: Some(amount),
                summary: summary(&ctx.locale, amount, &order.number, needs_approval),
                needs_approval,
            };
            Err(proposal::offer(ctx, offer).await?)
        }
        .boxed()
    }
}

/// The amount that sealed arguments say.
pub(super) fn amount(sealed: &Input, currency: Currency) -> Option<Money> {
    Money::parse(&sealed.amount, currency)
}

/// Whether a text of the agent's asks for the yes to a refund.
#[must_use]
pub fn is_asked(text: &str) -> bool {
    (text.starts_with("Refund ") && text.contains(" for order ")) || text.contains(" zurückzahlen?")
}

/// What the visitor is asked.
fn summary(locale: &str, amount: Money, number: &str, needs_approval: bool) -> String {
    let german = locale.to_ascii_lowercase().starts_with("de");
    let (question, also) = if german {
        (
            format!("{amount} für Bestellung {number} zurückzahlen?"),
            " Danach gibt es jemand aus unserem Team frei.",
        )
    } else {
        (
            format!("Refund {amount} for order {number}?"),
            " A member of our team approves it after that.",
        )
    };
    question + if needs_approval { also } else { "" }
}
