//! `update_ticket`: adds what the visitor says to a ticket of their own; one that was resolved is
//! open again by it.

use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Reply, Tool, ToolContext, ToolError, desk};
use crate::db::tickets::{self, NoteRow};
use crate::domain::ticket::{called, number};
use crate::domain::tool::{Power, ToolCode};

/// Additions of a visitor within an hour.
const MOST: i32 = 10;

/// What is added to which.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The ticket, such as `T-12`. Leave it out for the visitor's newest one.
    #[schemars(length(min = 1, max = 20))]
    pub ticket_id: Option<String>,
    /// What is to be added, in the visitor's own words.
    #[schemars(length(min = 1, max = 4000))]
    pub message: String,
}

/// The ticket.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// What the visitor can call it by, such as `T-12`.
    pub ticket_id: String,
}

/// The tool.
pub struct UpdateTicket;

impl Tool for UpdateTicket {
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "update_ticket";
    const DESCRIPTION: &'static str = "Adds what the visitor says to a ticket of their own, which the team reads. It \
        can't show what became of a ticket.";
    const POWER: Power = Power::Serves;

    fn call<'a>(
        &'a self,
        ctx: &'a ToolContext,
        input: Input,
    ) -> BoxFuture<'a, Result<Reply<Output>, ToolError>> {
        async move {
            let (mut tx, of) = desk::begin(ctx, "ticket_notes", MOST).await?;
            let missing = || ToolError::new(ToolCode::NotFound, "the visitor has no such ticket");
            let wanted = match &input.ticket_id {
                Some(named) => Some(number(named).ok_or_else(missing)?),
                None => None,
            };
            let (ticket, number) = tickets::own(&mut tx, of.visitor, wanted)
                .await?
                .ok_or_else(missing)?;
            let text = desk::storable(&input.message);
            if text.is_empty() {
                return Err(ToolError::new(ToolCode::InvalidInput, "there is nothing to add"));
            }
            let (id, sealed) = desk::note(ctx, ticket, &text)?;
            let note = NoteRow {
                id,
                author: "customer".to_owned(),
                text: sealed,
                at: ctx.now(),
            };
            tickets::note(&mut tx, ticket, Some(&of.call.to_string()), &note).await?;
            tx.commit().await?;
            Ok(Reply::of(Output {
                ticket_id: called(number),
            }))
        }
        .boxed()
    }
}
