//! `send_email`: mails something to the visitor, to the address that they have shown to be
//! theirs and to no other. What it says has passed the gate before it comes here.

use chrono::TimeDelta;
use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Reply, Tool, ToolContext, ToolError, identity};
use crate::db::{mails, sites};
use crate::domain::tool::{Need, Power, ToolCode};
use crate::mail::outbox::{self, Kind, Posting};
use crate::mail::words::Sender;

/// Mails to one visitor within an hour.
const MOST: i64 = 3;

/// What to send.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Plain text.
    #[schemars(length(min = 1, max = 4000))]
    pub body: String,
}

/// What came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// `queued`: it is sent within moments.
    pub state: &'static str,
}

/// The tool.
#[derive(Debug, Clone, Copy)]
pub struct SendEmail;

/// What a call of it would send, as the brain wrote it. The subject is ours.
#[must_use]
pub fn written(args: &Value) -> String {
    args["body"].as_str().unwrap_or_default().to_owned()
}

impl Tool for SendEmail {
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "send_email";
    const DESCRIPTION: &'static str = "Mails the visitor something that they asked to have by e-mail, to the address \
        that they have shown to be theirs. Only what the documents and the tools of this turn say may stand in it.";
    const POWER: Power = Power::Serves;

    fn call<'a>(
        &'a self,
        ctx: &'a ToolContext,
        input: Input,
    ) -> BoxFuture<'a, Result<Reply<Output>, ToolError>> {
        async move {
            let conversation = ctx.conversation()?;
            let visitor = conversation.visitor;
            let proofs = identity::proven(ctx, visitor).await?;
            let Some(proof) = proofs.first() else {
                return Err(ToolError::needs(Need::Identity));
            };
            let now = ctx.now();
            let mut tx = ctx.db.site(ctx.site).await?;
            let since = now - TimeDelta::hours(1);
            if mails::written(&mut tx, visitor, Kind::Message.as_str(), since).await? >= MOST {
                return Err(ToolError::new(ToolCode::RateLimit, "three mails an hour").lasting());
            }
            let site = sites::own(&mut tx)
                .await?
                .ok_or_else(|| ToolError::new(ToolCode::NotFound, "the site is gone"))?;
            let reply_to = sites::settings(&mut tx).await?.reply_to();
            let sender = Sender {
                site: &site.name,
                reply_to: reply_to.as_deref(),
                lang: &ctx.locale,
            };
            let posting = Posting {
                kind: Kind::Message,
                to: &proof.email,
                visitor: Some(visitor),
                thread: Some(conversation.thread),
                at: now,
                not_after: None,
            };
            let letter = sender.message(&input.body);
            // Under the call's own id: a call that is made again after a crash sends nothing more.
            outbox::post_as(&mut tx, &ctx.master, conversation.call.0.into(), &posting, letter).await?;
            tx.commit().await?;
            Ok(Reply::of(Output { state: "queued" }))
        }
        .boxed()
    }
}
