//! `notify_human`: tells the team something that they should know, while the agent goes on with
//! the conversation. It becomes a ticket that nobody has promised to answer.

use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Reply, Tool, ToolContext, ToolError, desk};
use crate::db::tickets::{self, NOTIFIED, NewTicket};
use crate::domain::ids::TicketId;
use crate::domain::ticket::{Content, Priority, SUPPORT};
use crate::domain::tool::{Power, ToolCode};

/// Notices of a visitor's conversations within an hour.
const MOST: i32 = 3;

/// What the team is told.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// In a sentence or two.
    #[schemars(length(min = 1, max = 1000))]
    pub message: String,
}

/// What was done.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// True.
    pub noted: bool,
}

/// The tool.
pub struct NotifyHuman;

impl Tool for NotifyHuman {
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "notify_human";
    const DESCRIPTION: &'static str = "Tells the team something that they should know, such as a page that doesn't \
        work or a threat, while you go on with the conversation. Nobody answers the visitor because of it.";
    const POWER: Power = Power::Serves;

    fn call<'a>(
        &'a self,
        ctx: &'a ToolContext,
        input: Input,
    ) -> BoxFuture<'a, Result<Reply<Output>, ToolError>> {
        async move {
            let (mut tx, of) = desk::begin(ctx, "notices", MOST).await?;
            let body = desk::storable(&input.message);
            if body.is_empty() {
                return Err(ToolError::new(ToolCode::InvalidInput, "there is nothing to tell"));
            }
            let id = TicketId::new();
            let content = Content {
                body,
                ..Content::default()
            };
            let key = of.call.to_string();
            tickets::open(
                &mut tx,
                &NewTicket {
                    id,
                    thread: Some(of.thread),
                    turn: None,
                    key: Some(&key),
                    reason: NOTIFIED,
                    source: "chat",
                    category: SUPPORT,
                    priority: Priority::Normal,
                    contact: None,
                    content: Some(&content.seal(&ctx.master, ctx.site, id)?),
                    url: None,
                    confidence: None,
                    now: ctx.now(),
                },
            )
            .await?;
            tx.commit().await?;
            Ok(Reply::of(Output { noted: true }))
        }
        .boxed()
    }
}
