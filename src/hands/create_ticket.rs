//! `create_ticket`: opens a ticket for the visitor, with the conversation attached. Once for a
//! call, however often it runs.

use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Reply, Tool, ToolContext, ToolError, desk};
use crate::db::tickets::{self, NewTicket};
use crate::db::{audit, threads};
use crate::domain::ids::TicketId;
use crate::domain::ticket::{Content, Priority, SUPPORT, called};
use crate::domain::tool::{Need, Power, ToolCode};

/// Tickets of a visitor within an hour.
const MOST: i32 = 5;

/// What the ticket is to say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The address for the answer, as the visitor wrote it. Leave it out when they didn't write one.
    #[schemars(length(min = 3, max = 254))]
    pub email: Option<String>,
    /// What it is about, in a few words.
    #[schemars(length(min = 1, max = 200))]
    pub subject: String,
    /// What the visitor wants or reports, in their own words.
    #[schemars(length(min = 1, max = 4000))]
    pub body: String,
    /// How urgent it is: `normal`, unless the visitor gives a reason for another one.
    pub priority: Option<Priority>,
}

/// The ticket.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// What the visitor can call it by, such as `T-12`.
    pub ticket_id: String,
}

/// The tool.
pub struct CreateTicket;

impl Tool for CreateTicket {
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "create_ticket";
    const DESCRIPTION: &'static str = "Opens a ticket for the team, who answer by e-mail. For what the visitor wants to \
        report or have done and nothing else here can do. Without a known address the visitor is asked for one.";
    const POWER: Power = Power::Serves;

    fn call<'a>(
        &'a self,
        ctx: &'a ToolContext,
        input: Input,
    ) -> BoxFuture<'a, Result<Reply<Output>, ToolError>> {
        async move {
            let (mut tx, of) = desk::begin(ctx, "tickets", MOST).await?;
            let id = TicketId::new();
            let contact = match &input.email {
                Some(email) => Some(desk::contact(ctx, &mut tx, of, id, email).await?),
                None if threads::has_email(&mut tx, of.visitor).await? => None,
                // Nothing is stored; the question doesn't count as an act.
                None => return Err(ToolError::needs(Need::Contact)),
            };
            let content = Content {
                subject: desk::storable(&input.subject),
                body: desk::storable(&input.body),
                ..Content::default()
            };
            if content.subject.is_empty() || content.body.is_empty() {
                return Err(ToolError::new(
                    ToolCode::InvalidInput,
                    "a subject and a text are needed",
                ));
            }
            let key = of.call.to_string();
            let opened = tickets::open(
                &mut tx,
                &NewTicket {
                    id,
                    thread: Some(of.thread),
                    turn: None,
                    key: Some(&key),
                    reason: "visitor_asked",
                    source: "chat",
                    category: SUPPORT,
                    // What is urgent staff decide.
                    priority: input.priority.unwrap_or(Priority::Normal).min(Priority::High),
                    contact: contact.as_ref().map(|c| (c.sealed.as_slice(), c.hash.as_slice())),
                    content: Some(&content.seal(&ctx.master, ctx.site, id)?),
                    url: None,
                    confidence: None,
                    now: ctx.now(),
                },
            )
            .await?;
            if opened.first {
                let subject = called(opened.number);
                let entry = audit::Entry {
                    who: "agent",
                    act: "create_ticket",
                    thread: Some(of.thread),
                    subject: Some(&subject),
                    detail: json!({}),
                    at: ctx.now(),
                };
                audit::append(&mut tx, &entry).await?;
            }
            tx.commit().await?;
            Ok(Reply::of(Output {
                ticket_id: called(opened.number),
            }))
        }
        .boxed()
    }
}
