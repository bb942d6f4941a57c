//! A conversation from the command line: starts turns in this process with the same code
//! that the web uses, and follows their events.

use std::sync::Arc;

use serde_json::Value;

use super::session::Session;
use crate::agent::Agent;
use crate::agent::follow::{Ended, follow};
use crate::agent::turns::{self, Message};
use crate::db::{threads, tool_calls, turns as turn_rows};
use crate::domain::event::ThreadEvent;
use crate::domain::ids::{MessageId, SiteId, ThreadId, TurnId, VisitorId};
use crate::domain::site::is_locale;

/// A conversation of one visitor with one site.
pub struct Conversation {
    agent: Arc<Agent>,
    site: SiteId,
    visitor: VisitorId,
    thread: Option<ThreadId>,
    locale: Option<String>,
}

/// Stops a conversation's turn.
pub struct Stopper {
    agent: Arc<Agent>,
    site: SiteId,
    visitor: VisitorId,
}

impl Stopper {
    /// Asks that the turn under way stops.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn stop(&self) -> anyhow::Result<()> {
        let mut tx = self.agent.db.site(self.site).await?;
        let threads = threads::of_visitor(&mut tx, self.visitor).await?;
        tx.commit().await?;
        for thread in threads {
            turns::cancel(&self.agent, self.site, self.visitor, thread).await?;
        }
        Ok(())
    }
}

impl Conversation {
    /// A new one.
    ///
    /// # Errors
    /// When the agent can't be set up.
    pub fn new(session: &Session, site: SiteId, locale: Option<String>) -> anyhow::Result<Self> {
        if let Some(locale) = &locale {
            anyhow::ensure!(
                is_locale(locale),
                "`{locale}` is no language tag; write one such as en or de-AT"
            );
        }
        Ok(Self {
            agent: session.agent()?,
            site,
            visitor: VisitorId::new(),
            thread: None,
            locale,
        })
    }

    /// Begins anew.
    pub fn forget(&mut self) {
        self.thread = None;
    }

    /// Says something and follows the answer; `seen` is given each event as it comes.
    ///
    /// # Errors
    /// When the message isn't taken, or the database is away.
    pub async fn say(&mut self, text: &str, seen: impl FnMut(&ThreadEvent)) -> anyhow::Result<Ended> {
        let length = text.chars().count();
        anyhow::ensure!(!text.trim().is_empty(), "the question is empty");
        anyhow::ensure!(
            length <= turns::LONGEST_MESSAGE,
            "a question has at most {} characters; this one has {length}",
            turns::LONGEST_MESSAGE
        );
        anyhow::ensure!(!text.contains('\0'), "the character U+0000 can't be stored");
        let message = Message {
            message_id: MessageId::new(),
            thread_id: self.thread,
            text: text.trim().to_owned(),
            locale: self.locale.clone(),
            email: None,
            confirm: None,
            customer: None,
            account: None,
            page: None,
            client: None,
            by_events: false,
        };
        let begun = turns::start(&self.agent, self.site, self.visitor, message).await?;
        self.thread = Some(begun.thread);
        Ok(follow(&self.agent, self.site, begun, seen).await?)
    }

    /// What stops this conversation's turn under way, also while `say` follows it.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper {
            agent: Arc::clone(&self.agent),
            site: self.site,
            visitor: self.visitor,
        }
    }

    /// The scores of the passages that a turn's searches found, by chunk.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn scores(&self, turn: TurnId) -> anyhow::Result<Vec<(i64, f64)>> {
        let mut tx = self.agent.db.site(self.site).await?;
        let calls = tool_calls::of_turn(&mut tx, turn).await?;
        tx.commit().await?;
        let hits = calls
            .iter()
            .filter_map(|c| c.result.as_ref()?.as_array())
            .flatten();
        Ok(hits
            .filter_map(|h| Some((h.get("chunk_id")?.as_i64()?, h.get("score")?.as_f64()?)))
            .collect())
    }

    /// A turn's steps, in short: what came in, what the machine asked for, where it stood.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn steps(&self, turn: TurnId) -> anyhow::Result<Vec<Value>> {
        let mut tx = self.agent.db.site(self.site).await?;
        let steps = turns::steps(&mut tx, turn).await?;
        tx.commit().await?;
        Ok(steps.iter().map(short).collect())
    }
}

/// A step as scripts and people want it.
#[must_use]
pub fn short(step: &turn_rows::StepRow) -> Value {
    let names = |actions: &Value| -> Vec<String> {
        let all = actions.as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter()
            .filter_map(|a| a.get("action")?.as_str().map(str::to_owned))
            .collect()
    };
    serde_json::json!({
        "n": step.n,
        "ms": step.ms,
        "input": step.input.get("input"),
        "actions": names(&step.actions),
        "state": step.after.pointer("/state/state"),
    })
}
