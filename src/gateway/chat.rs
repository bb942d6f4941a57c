//! An AI job that is a visitor's message: the same turn as by the widget, followed to its end.

use serde_json::json;

use super::Gateway;
use super::run::{Answered, Fault};
use crate::agent::follow::{self, FollowError};
use crate::agent::turns::{self, Message, StartError};
use crate::db::model_calls;
use crate::db::pool::DbResult;
use crate::domain::ai_job::{Outcome, Usage};
use crate::domain::ids::{SiteId, TurnId, VisitorId};

impl Gateway {
    pub(super) async fn chat(
        &self,
        site: SiteId,
        visitor: Option<VisitorId>,
        message: Message,
    ) -> Result<Answered, Fault> {
        let Some(visitor) = visitor else {
            return Err(Fault::lasting(
                "no_visitor",
                "A chat needs a visitor in the token's `sub`.",
            ));
        };
        let begun = turns::start(&self.agent, site, visitor, message)
            .await
            .map_err(not_begun)?;
        let thread = begun.thread;
        let ended = match follow::follow(&self.agent, site, begun, |_| {}).await {
            Ok(ended) => ended,
            Err(FollowError::StaffHeld) => {
                // Taken, and stored; a person answers it.
                return Ok(Answered {
                    outcome: Outcome::Succeeded(json!({
                        "thread_id": thread, "turn_id": null, "outcome": "handoff", "text": "",
                        "citations": [], "by": "staff",
                    })),
                    usage: Usage::default(),
                    calls: Vec::new(),
                });
            }
            Err(FollowError::NoAnswer) => {
                return Err(Fault::lasting(
                    "no_answer",
                    "The answer couldn't be completed. Please ask again.",
                ));
            }
            Err(FollowError::TooLong) => {
                return Err(Fault::passing("too_long", "The answer takes longer than it may."));
            }
            Err(FollowError::Db(error)) => return Err(error.into()),
        };
        let usage = self.usage_of(site, ended.turn, &ended.brain).await?;
        Ok(Answered {
            outcome: Outcome::Succeeded(json!({
                "thread_id": ended.thread, "turn_id": ended.turn, "outcome": ended.outcome,
                "text": ended.text, "citations": ended.citations, "ask": ended.ask, "handoff": ended.handoff,
                "last_seq": ended.last_seq, "brain": ended.brain, "by": "agent",
            })),
            usage,
            calls: Vec::new(),
        })
    }

    /// What a turn's calls of models took.
    async fn usage_of(&self, site: SiteId, turn: TurnId, brain: &str) -> DbResult<Usage> {
        let mut tx = self.db().site(site).await?;
        let calls = model_calls::of_turn(&mut tx, turn).await?;
        tx.commit().await?;
        Ok(Usage {
            tokens_in: calls.iter().map(|c| i64::from(c.tokens_in)).sum(),
            tokens_out: calls.iter().map(|c| i64::from(c.tokens_out)).sum(),
            cost_micro: calls.iter().map(|c| c.cost_micro).sum(),
            provider: Some(brain.to_owned()),
            ms: 0,
        })
    }
}

fn not_begun(error: StartError) -> Fault {
    match error {
        StartError::ThreadNotFound => Fault::lasting(
            "thread_not_found",
            "There is no such conversation of this visitor.",
        ),
        StartError::Reused => Fault::lasting(
            "message_id_reused",
            "This message_id was used for another message.",
        ),
        StartError::ProposalExpired => Fault::lasting(
            "proposal_expired",
            "This can't be answered any more. Ask again; the agent will propose it anew.",
        ),
        StartError::InProgress(_) => Fault::passing(
            "turn_in_progress",
            "The conversation's last message is still being answered.",
        ),
        StartError::Overloaded => Fault::passing("overloaded", "Too many conversations at once."),
        StartError::Seal(error) => {
            tracing::error!(%error, "a message couldn't be sealed");
            Fault::lasting("internal", "Something went wrong on our side.")
        }
        StartError::Db(error) => error.into(),
    }
}
