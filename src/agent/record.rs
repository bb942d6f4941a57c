//! What a turn leaves behind: steps, events and tool calls are gathered and stored in one
//! transaction, mostly one statement, so that a crash can't part a step from what the
//! visitor saw of it.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::agent::machine::Machine;
use crate::agent::machine::action::Action;
use crate::agent::machine::input::Input;
use crate::agent::meter;
use crate::db::events::StoredEvent;
use crate::db::model_calls::{self, Held, ModelCall};
use crate::db::pool::{Db, DbError, DbResult};
use crate::db::turn_writes::{self, Call, CallEnd, End, Left, Settled, Step};
use crate::db::{turns, vault};
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
    /// The address that its message came from, where that is known.
    pub client: Option<IpAddr>,
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
#[derive(Debug)]
pub(super) struct Record {
    steps: Vec<Step>,
    /// The machine after the last of them.
    after: Option<Value>,
    next: i32,
    last_at: Option<DateTime<Utc>>,
    /// When the lease was last renewed.
    renewed: Instant,
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

/// What waits to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// Steps and progress.
    Progress,
    /// Words of the answer, too.
    Spoken,
}

/// What was stored.
#[derive(Debug)]
pub(super) struct Kept {
    /// Whether the visitor has asked to stop.
    pub stop: bool,
    /// The events with their numbers.
    pub events: Vec<StoredEvent>,
}

fn text<T: Serialize + ?Sized>(value: &T) -> DbResult<String> {
    serde_json::to_string(value).map_err(|e| DbError::Unreadable(e.to_string()))
}

fn value<T: Serialize + ?Sized>(value: &T) -> DbResult<Value> {
    serde_json::to_value(value).map_err(|e| DbError::Unreadable(e.to_string()))
}

impl Record {
    /// Goes on after a stored step, under a lease that was just taken.
    pub(super) fn after(step: Option<i32>) -> Self {
        Self {
            steps: Vec::new(),
            after: None,
            next: step.map_or(0, |n| n + 1),
            last_at: None,
            renewed: Instant::now(),
            events: Vec::new(),
            calls: Vec::new(),
            models: Vec::new(),
            held: Vec::new(),
            vault: Vec::new(),
            ending: None,
        }
    }

    /// Notes a transition.
    pub(super) fn step(&mut self, at: DateTime<Utc>, input: &Input, actions: &[Action]) -> DbResult<()> {
        let ms = self.last_at.map_or(0, |last| (at - last).num_milliseconds());
        self.steps.push(Step {
            n: self.next,
            at,
            input: text(input)?,
            actions: text(actions)?,
            ms: i32::try_from(ms).unwrap_or(i32::MAX),
        });
        self.next += 1;
        self.last_at = Some(at);
        Ok(())
    }

    /// Notes the machine as it is after the last transition.
    pub(super) fn machine(&mut self, machine: &Machine) -> DbResult<()> {
        if !self.steps.is_empty() {
            self.after = Some(value(machine)?);
        }
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

    /// Whether all of it may wait a moment for more, and what it is; none when it may not.
    pub(super) fn waits(&self) -> Option<Waits> {
        if self.ending.is_some() || !self.held.is_empty() || !self.vault.is_empty() {
            return None;
        }
        let mut waits = Waits::Progress;
        for event in &self.events {
            match event {
                ThreadEvent::Step { .. } => {}
                ThreadEvent::Citation(_) | ThreadEvent::Delta { .. } => waits = Waits::Spoken,
                _ => return None,
            }
        }
        Some(waits)
    }

    /// The lease was renewed by itself.
    pub(super) fn renewed(&mut self) {
        self.renewed = Instant::now();
    }

    /// Stores all of it, and renews the lease where it has grown old. What couldn't be
    /// stored is kept, to be tried again.
    ///
    /// # Errors
    /// [`DbError::Fenced`] when the turn or the thread is another's by now.
    pub(super) async fn store(
        &mut self,
        db: &Db,
        t: &TurnRef,
        now: DateTime<Utc>,
        tell: bool,
    ) -> DbResult<Kept> {
        let old = self.renewed.elapsed() > turns::LEASE / 4;
        let at = Instant::now();
        let calls = self.calls()?;
        let models: Vec<ModelCall> = self.models.iter().map(|m| m.call().clone()).collect();
        let settled: Vec<Settled> = meter::settled(&self.models);
        let end = self.ending.as_ref().map(|ending| {
            let message = ending.message.as_ref().map(|(text, citations)| {
                Ok::<_, DbError>((&text[..text.floor_char_boundary(LONGEST)], value(citations)?))
            });
            Ok::<_, DbError>(End {
                outcome: ending.outcome,
                brain: &ending.brain,
                message: message.transpose()?,
            })
        });
        let left = Left {
            thread: t.thread,
            visitor: t.visitor,
            turn: (t.turn, t.epoch),
            at: now,
            renew: old.then_some(turns::LEASE),
            tell,
            events: &self.events,
            steps: &self.steps,
            after: self.after.as_ref(),
            calls: &calls,
            models: &models,
            settled: &settled,
            vault: &self.vault,
            end: end.transpose()?,
        };
        let gap = self.ending.as_ref().and_then(|e| e.gap.as_ref());
        let stored = if self.held.is_empty() && gap.is_none() {
            turn_writes::store_alone(db, t.site, &left).await?
        } else {
            let mut tx = db.site(t.site).await?;
            let stored = turn_writes::store(&mut tx, &left).await?;
            model_calls::hold(&mut tx, t.turn, &self.held).await?;
            if let Some((question, locale)) = gap {
                gaps::keep(&mut tx, now, question, locale).await?;
            }
            tx.commit().await?;
            stored
        };
        let first = stored.last.map_or(0, |last| last - self.events.len() as i64 + 1);
        let events = std::mem::take(&mut self.events);
        *self = Self {
            next: self.next,
            last_at: self.last_at,
            renewed: if old { at } else { self.renewed },
            ..Self::after(None)
        };
        let number = |(n, event)| StoredEvent {
            seq: n,
            turn_id: Some(t.turn),
            event,
        };
        Ok(Kept {
            stop: stored.stop,
            events: (first..).zip(events).map(number).collect(),
        })
    }

    /// The calls as rows: one that began and ended since the last store is written once.
    fn calls(&self) -> DbResult<Vec<Call>> {
        let mut rows: Vec<Call> = Vec::with_capacity(self.calls.len());
        for news in &self.calls {
            match news {
                CallNews::Begun { id, tool, args } => rows.push(Call {
                    id: *id,
                    begun: Some((tool.clone(), text(args)?)),
                    ended: None,
                }),
                CallNews::Ended {
                    id,
                    result,
                    attempts,
                    ms,
                } => {
                    let ended = Some(CallEnd {
                        result: match result {
                            Ok(output) => Ok(text(output)?),
                            Err(code) => Err(*code),
                        },
                        attempts: *attempts,
                        ms: *ms,
                    });
                    match rows.iter_mut().find(|r| r.id == *id) {
                        Some(row) => row.ended = ended,
                        None => rows.push(Call {
                            id: *id,
                            begun: None,
                            ended,
                        }),
                    }
                }
            }
        }
        Ok(rows)
    }
}
