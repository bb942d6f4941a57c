//! `verify_identity`: the visitor shows who they are, by an order's number and its billing
//! e-mail, or by a code that was sent to the address. Called with an address alone, it has a
//! code sent there.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::get_order_status::number;
use super::orders::{Stores, shop};
use super::{Reply, Tool, ToolContext, ToolError, identity};
use crate::db::sites;
use crate::domain::address;
use crate::domain::tool::{Power, ToolCode};
use crate::mail::outbox::{self, Kind, Posting};
use crate::mail::words::Sender;

/// What the visitor shows.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The address, as the visitor gave it.
    #[schemars(length(min = 3, max = 254))]
    pub email: String,
    /// An order of theirs.
    #[schemars(length(min = 1, max = 32))]
    pub order_id: Option<String>,
    /// The code of six digits that was sent to the address.
    #[schemars(length(min = 6, max = 12))]
    pub code: Option<String>,
}

/// What came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// `verified`, or `code_sent`.
    pub state: &'static str,
    /// For which order; none: for all orders of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// How long a code that was sent may be entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<i64>,
}

/// The tool.
pub struct VerifyIdentity {
    /// Where orders are.
    pub stores: Arc<dyn Stores>,
    /// Whether mail can be sent.
    pub mails: bool,
}

impl Tool for VerifyIdentity {
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "verify_identity";
    const DESCRIPTION: &'static str = "Checks who the visitor is: by the billing e-mail and an order number that they \
        gave, or by the six-digit code that was sent to them. With an e-mail alone it sends them a code.";
    // Asked again it checks again, and sends at most what its limits allow.
    const POWER: Power = Power::Serves;

    fn call<'a>(
        &'a self,
        ctx: &'a ToolContext,
        input: Input,
    ) -> BoxFuture<'a, Result<Reply<Output>, ToolError>> {
        async move {
            let visitor = ctx.conversation()?.visitor;
            if !address::is_email(input.email.trim()) {
                return Err(ToolError::new(
                    ToolCode::InvalidInput,
                    "that is no e-mail address",
                ));
            }
            if let Some(code) = &input.code {
                return if identity::enter_code(ctx, visitor, &input.email, code).await? {
                    Ok(verified(None))
                } else {
                    Err(ToolError::new(ToolCode::NotFound, "a wrong or old code"))
                };
            }
            if let Some(order) = &input.order_id {
                let number = number(order)?;
                let store = shop(self.stores.as_ref(), ctx.site).await?;
                let order = identity::order_of_pair(ctx, store.as_ref(), number, &input.email).await?;
                return Ok(verified(Some(order.number)));
            }
            if !self.mails {
                return Err(ToolError::new(ToolCode::Disabled, "no mail can be sent"));
            }
            let mut tx = ctx.db.site(ctx.site).await?;
            // Nobody looks whether the address is known: a code for one that isn't looks the same,
            // in words and in time, and proves no more than that it is the visitor's.
            let Some(code) = identity::new_code(ctx, &mut tx, visitor, &input.email).await? else {
                tx.commit().await?;
                return Err(ToolError::new(ToolCode::RateLimit, "too many codes were asked for").lasting());
            };
            let site = sites::own(&mut tx)
                .await?
                .ok_or_else(|| ToolError::new(ToolCode::NotFound, "the site is gone"))?;
            let settings = sites::settings(&mut tx).await?;
            let reply_to = settings.reply_to();
            let sender = Sender {
                site: &site.name,
                reply_to: reply_to.as_deref(),
                lang: &ctx.locale,
            };
            let now = ctx.now();
            let posting = Posting {
                kind: Kind::Code,
                to: input.email.trim(),
                visitor: Some(visitor),
                thread: None,
                at: now,
                not_after: Some(now + identity::CODE_COUNTS),
            };
            let letter = sender.code(&code, identity::CODE_COUNTS.num_minutes());
            outbox::post(&mut tx, &ctx.master, &posting, letter).await?;
            tx.commit().await?;
            Ok(Reply::of(Output {
                state: "code_sent",
                order_id: None,
                minutes: Some(identity::CODE_COUNTS.num_minutes()),
            }))
        }
        .boxed()
    }
}

fn verified(order_id: Option<String>) -> Reply<Output> {
    Reply::of(Output {
        state: "verified",
        order_id,
        minutes: None,
    })
}
