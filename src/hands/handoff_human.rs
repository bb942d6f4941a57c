//! `handoff_human`: gives the conversation to a person, with what they should read first. The
//! turn ends by it: the machine says what happens next.

use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Reply, Tool, ToolContext, ToolError, desk};
use crate::db::handoffs::{self, NewHandoff, excerpt_owner};
use crate::domain::tool::{HANDOFF_HUMAN, Power};

/// Handoffs that a visitor may bring about within an hour; more leave the open one as it is.
const MOST: i32 = 20;

/// Why a person is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The visitor wants a person, or complains.
    VisitorAsked,
    /// A rule, a right or an exception is asked for that no document tells.
    Policy,
    /// Nothing that was found answers it.
    LowConfidence,
    /// A shop's support doesn't do this.
    OutOfScope,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::VisitorAsked => "visitor_asked",
            Self::Policy => "policy",
            Self::LowConfidence => "low_confidence",
            Self::OutOfScope => "out_of_scope",
        }
    }
}

/// What is passed on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Why.
    pub reason: Reason,
    /// What the person should read first: what was wanted, what was tried, in two or three sentences.
    #[schemars(length(max = 2000))]
    pub transcript_excerpt: Option<String>,
}

/// What was done.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// Why.
    pub reason: Reason,
}

/// The tool.
pub struct HandoffHuman;

impl Tool for HandoffHuman {
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = HANDOFF_HUMAN;
    const DESCRIPTION: &'static str = "Gives the conversation to a person of the team. It ends the turn: the visitor is \
        told so, and is asked for an address if none is known.";
    const POWER: Power = Power::Serves;

    fn call<'a>(
        &'a self,
        ctx: &'a ToolContext,
        input: Input,
    ) -> BoxFuture<'a, Result<Reply<Output>, ToolError>> {
        async move {
            let (mut tx, of) = desk::begin(ctx, "handoffs", MOST).await?;
            let excerpt = input
                .transcript_excerpt
                .as_deref()
                .map(desk::storable)
                .filter(|e| !e.is_empty());
            let sealed = excerpt
                .map(|text| {
                    ctx.master
                        .seal(&excerpt_owner(ctx.site, of.thread), text.as_bytes())
                })
                .transpose()?;
            let new = NewHandoff {
                thread: of.thread,
                turn: of.turn,
                reason: input.reason.as_str(),
                excerpt: sealed.as_deref(),
                now: ctx.now(),
            };
            handoffs::open(&mut tx, &new).await?;
            tx.commit().await?;
            Ok(Reply::of(Output { reason: input.reason }))
        }
        .boxed()
    }
}
