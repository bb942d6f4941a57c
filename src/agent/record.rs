//! What a turn leaves behind: steps, events and tool calls are gathered and stored in one
//! transaction, so that a crash can't part a step from what the visitor saw of it.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::agent::machine::Machine;
use crate::agent::machine::action::Action;
use crate::agent::machine::input::Input;
use crate::agent::meter;
use crate::db::events::Voice;
use crate::db::model_calls::{self, Held};
use crate::db::pool::{Db, DbError, DbResult};
use crate::db::{events, threads, tool_calls, turns, vault};
use crate::domain::event::{Citation, ThreadEvent};
use crate::domain::ids::{CallId, SiteId, ThreadId, TurnId, VisitorId};

use crate::knowledge::gaps;

/// Which turn, and under which epoch this process drives it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TurnRef {
    pub site: SiteId,
    pub thread: ThreadId,
    pub visitor: VisitorId,
    pub turn: TurnId,
    pub epoch: i64,
}

/// The longest message that is stored, in bytes; no brain may write as much.
const LONGEST: usize = 19_000;

/// A tool call's news.
#[derive(Debug)]
pub(super) enum CallNews {
    Begun {
        id: CallId,
        tool: String,
        args: Value,
    },
    Ended {
        id: CallId,
        result: Result<Value, &'static str>,
        attempts: i32,
        ms: i32,
    },
}

/// How the turn ends.
#[derive(Debug)]
pub(super) struct Ending {
    /// In the turn's row.
    pub outcome: &'static str,
    /// Which brain answered.
    pub brain: String,
    /// The agent's message; none when the turn ends in silence.
    pub message: Option<(String, Vec<Citation>)>,
    /// The visitor's question and language, when the documents gave nothing to it.
    pub gap: Option<(String, String)>,
}

/// What is yet to be stored.
#[derive(Debug, Default)]
pub(super) struct Record {
    steps: Vec<turns::StepRow>,
    next: i32,
    last_at: Option<DateTime<Utc>>,
    pub events: Vec<ThreadEvent>,
    pub calls: Vec<CallNews>,
    /// Calls of models that have ended.
    pub models: Vec<meter::Ended>,
    /// What the gate held back.
    pub held: Vec<Held>,
    /// New entries of the thread's vault, sealed.
    pub vault: Vec<vault::Entry>,
    pub ending: Option<Ending>,
}

impl Record {
    /// Goes on after a stored step.
    pub(super) fn after(step: Option<i32>) -> Self {
        Self {
            next: step.map_or(0, |n| n + 1),
            ..Self::default()
        }
    }

    /// Notes a transition.
    pub(super) fn step(
        &mut self,
        at: DateTime<Utc>,
        input: &Input,
        actions: &[Action],
        after: &Machine,
    ) -> DbResult<()> {
        let value = |v: serde_json::Result<Value>| v.map_err(|e| DbError::Unreadable(e.to_string()));
        let ms = self.last_at.map_or(0, |last| (at - last).num_milliseconds());
        self.steps.push(turns::StepRow {
            n: self.next,
            at,
            input: value(serde_json::to_value(input))?,
            actions: value(serde_json::to_value(actions))?,
            after: value(serde_json::to_value(after))?,
            ms: i32::try_from(ms).unwrap_or(i32::MAX),
        });
        self.next += 1;
        self.last_at = Some(at);
        Ok(())
    }

    /// Whether there is nothing to store.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
            && self.events.is_empty()
            && self.calls.is_empty()
            && self.models.is_empty()
            && self.held.is_empty()
            && self.vault.is_empty()
            && self.ending.is_none()
    }

    /// Whether all of it may wait a moment: steps and progress, no word of the answer.
    pub(super) fn can_wait(&self) -> bool {
        self.ending.is_none()
            && self.held.is_empty()
            && self.vault.is_empty()
            && self.events.iter().all(|e| matches!(e, ThreadEvent::Step { .. }))
    }

    /// Stores all of it, and renews the lease. Gives whether the visitor has asked to stop.
    /// What couldn't be stored is kept, to be tried again.
    ///
    /// # Errors
    /// [`DbError::Fenced`] when the turn or the thread is another's by now.
    pub(super) async fn store(&mut self, db: &Db, t: &TurnRef, now: DateTime<Utc>) -> DbResult<bool> {
        let mut tx = db.site(t.site).await?;
        // The thread's row is locked first, by the events' statement, and the turn's after it.
        let seq = if self.events.is_empty() {
            None
        } else {
            Some(
                events::append(
                    &mut tx,
                    t.thread,
                    Voice::Agent(t.turn, t.epoch),
                    &self.events,
                    now,
                )
                .await?,
            )
        };
        let stop = match &self.ending {
            // Finishing asks for the same epoch, and nothing is left to stop.
            Some(_) => false,
            None => turns::renew(&mut tx, t.turn, t.epoch).await?,
        };
        turns::insert_steps(&mut tx, t.turn, &self.steps).await?;
        vault::add(&mut tx, t.thread, &self.vault).await?;
        meter::store(&mut tx, Some(t.turn), &self.models).await?;
        model_calls::hold(&mut tx, t.turn, &self.held).await?;
        for call in &self.calls {
            match call {
                CallNews::Begun { id, tool, args } => {
                    tool_calls::begin(&mut tx, t.turn, *id, tool, args, now).await?;
                }
                CallNews::Ended {
                    id,
                    result,
                    attempts,
                    ms,
                } => {
                    tool_calls::end(&mut tx, *id, result.as_ref().map_err(|c| *c), *attempts, *ms).await?;
                }
            }
        }
        if let Some((question, locale)) = self.ending.as_ref().and_then(|e| e.gap.as_ref()) {
            gaps::keep(&mut tx, now, question, locale).await?;
        }
        if let Some(ending) = &self.ending {
            if let (Some((text, citations)), Some(seq)) = (&ending.message, seq) {
                let message = threads::NewMessage {
                    thread: t.thread,
                    visitor: t.visitor,
                    turn: Some(t.turn),
                    sent: None,
                    author: "agent",
                    text: &text[..text.floor_char_boundary(LONGEST)],
                    citations: serde_json::to_value(citations)
                        .map_err(|e| DbError::Unreadable(e.to_string()))?,
                    at: now,
                    seq,
                };
                threads::insert_message(&mut tx, &message).await?;
            }
            turns::finish(&mut tx, t.turn, t.epoch, ending.outcome, &ending.brain, now).await?;
        }
        tx.commit().await?;
        *self = Self {
            next: self.next,
            last_at: self.last_at,
            ..Self::default()
        };
        Ok(stop)
    }
}
