//! Follows a turn from its first event to its last, for callers in this process: the
//! command line and the evaluations.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Agent;
use super::turns::{self, Begun};
use crate::db::events;
use crate::db::pool::DbError;
use crate::domain::event::{Asks, Citation, Handed, Outcome, StaffKind, ThreadEvent};
use crate::domain::ids::{SiteId, ThreadId, TurnId};
use crate::guardrails::vault;

/// How often the events are looked at.
const LOOK: Duration = Duration::from_millis(15);
/// How often a turn that lost its driver is looked for: there may be no server that does.
const SWEEP: Duration = Duration::from_secs(2);
/// Longer than any turn may take with its closing.
const LONGEST_WAIT: Duration = Duration::from_secs(700);
/// Events read at a time.
const AT_ONCE: i64 = 100;

/// The end of a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Its thread.
    pub thread: ThreadId,
    /// The turn.
    pub turn: TurnId,
    /// How it ended.
    pub outcome: Outcome,
    /// Markdown with citation marks.
    pub text: String,
    /// The sources that it uses.
    pub citations: Vec<Citation>,
    /// Which brain answered.
    pub brain: String,
    /// What the visitor is asked.
    pub ask: Option<Asks>,
    /// The person who takes over.
    pub handoff: Option<Handed>,
    /// The turn's last event.
    pub last_seq: i64,
}

/// Why a turn's end isn't known.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Nobody drives a turn: staff answer here.
    #[error("staff hold this conversation")]
    StaffHeld,
    /// The turn was given up.
    #[error("the turn ended without an answer")]
    NoAnswer,
    /// It goes on for longer than a turn may.
    #[error("no answer came; see `deskhand inbox list`")]
    TooLong,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Waits for the turn's end; `seen` is given each event as it comes.
///
/// # Errors
/// When there is no turn, it ends without an answer, or the database is away.
pub async fn follow(
    agent: &Arc<Agent>,
    site: SiteId,
    begun: Begun,
    mut seen: impl FnMut(&ThreadEvent),
) -> Result<Ended, FollowError> {
    let turn = begun.turn.ok_or(FollowError::StaffHeld)?;
    let mut after = begun.after;
    let mut live = begun.live;
    let mut sources: Vec<Citation> = Vec::new();
    let (mut last, mut ask, mut handoff, mut taken) = (None, None, None, false);
    let (start, mut swept) = (Instant::now(), Instant::now());
    while start.elapsed() < LONGEST_WAIT {
        if swept.elapsed() > SWEEP {
            swept = Instant::now();
            turns::sweep_once(agent).await?;
        }
        let new = match &mut live {
            // As they are stored; once they end, the rest is in the table.
            Some(events) => match tokio::time::timeout(SWEEP, events.recv()).await {
                Ok(Some(new)) => new,
                Ok(None) => {
                    live = None;
                    continue;
                }
                Err(_) => continue,
            },
            None => {
                tokio::time::sleep(LOOK).await;
                let mut tx = agent.db.site(site).await?;
                let mut new = events::after(&mut tx, begun.thread, after, AT_ONCE).await?;
                vault::reveal_all(&mut tx, &agent.master, begun.thread, &mut new).await?;
                tx.commit().await?;
                new
            }
        };
        for stored in new {
            after = stored.seq;
            seen(&stored.event);
            match stored.event {
                ThreadEvent::Citation(c) => sources.push(c),
                ThreadEvent::Ask(asks) => ask = Some(asks),
                event @ ThreadEvent::Handoff { .. } => handoff = event.handed(),
                ThreadEvent::Staff {
                    kind: StaffKind::Joined,
                    ..
                } => taken = true,
                ThreadEvent::Final {
                    outcome,
                    text,
                    citations,
                    brain,
                    ..
                } => {
                    last = Some((outcome, text, citations, brain));
                }
                ThreadEvent::Done { turn_id } if turn_id == turn => {
                    // Staff took the conversation over in the middle of it: they answer.
                    let unanswered = if taken {
                        FollowError::StaffHeld
                    } else {
                        FollowError::NoAnswer
                    };
                    let (outcome, text, used, brain) = last.ok_or(unanswered)?;
                    sources.retain(|c| used.contains(&c.n));
                    return Ok(Ended {
                        thread: begun.thread,
                        turn,
                        outcome,
                        text,
                        citations: sources,
                        brain,
                        ask,
                        handoff,
                        last_seq: stored.seq,
                    });
                }
                _ => {}
            }
        }
    }
    Err(FollowError::TooLong)
}
