//! What a turn carries from state to state: how far the agent may go on this site,
//! its limits, the chain of brains, and what has been used up so far.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::site::Mode;

/// No limit of a site lifts a turn above these (AGT-2; MODEL's bounds of `Ctx`).
pub const MAX_TOOLS: u8 = 3;
/// At most this often a rejected call goes back to the brain.
pub const MAX_CORRECTIONS: u8 = 1;
/// At most this often an answer that failed a check is drafted again.
pub const MAX_REDRAFTS: u8 = 1;

/// The limits of one turn (AGT-2, AGT-3): times in milliseconds, counts per turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// One answer of a brain to "what next?".
    pub plan_ms: u32,
    /// One call of a tool, with its retries.
    pub tool_ms: u32,
    /// From the message to the first released sentence or closing text.
    pub first_ms: u32,
    /// From one released sentence to the next, and from the last to the end of the check.
    pub stall_ms: u32,
    /// The whole turn.
    pub cap_ms: u32,
    /// Storing a ticket, a handoff or a question.
    pub close_ms: u32,
    /// Calls of tools; at most [`MAX_TOOLS`].
    pub max_tools: u8,
    /// Rejected calls that go back to the brain; at most [`MAX_CORRECTIONS`].
    pub corrections: u8,
    /// Strict second drafts; at most [`MAX_REDRAFTS`].
    pub redrafts: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            plan_ms: 2_500,
            tool_ms: 3_000,
            first_ms: 6_000,
            stall_ms: 4_000,
            cap_ms: 60_000,
            close_ms: 2_000,
            max_tools: MAX_TOOLS,
            corrections: MAX_CORRECTIONS,
            redrafts: MAX_REDRAFTS,
        }
    }
}

/// The clocks that run beside a turn. There is one of each: arming one again replaces
/// the time it was set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// [`Limits::plan_ms`].
    Plan,
    /// [`Limits::tool_ms`].
    Tool,
    /// [`Limits::first_ms`], from the start of the turn.
    First,
    /// [`Limits::stall_ms`].
    Stall,
    /// [`Limits::cap_ms`], from the start of the turn.
    Cap,
    /// [`Limits::close_ms`].
    Close,
}

/// So many milliseconds later.
fn later(from: DateTime<Utc>, ms: u32) -> DateTime<Utc> {
    from.checked_add_signed(TimeDelta::milliseconds(i64::from(ms)))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// What a turn carries from state to state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ctx {
    /// How far the agent may go.
    pub mode: Mode,
    /// The turn's limits, as they were when it began.
    pub limits: Limits,
    /// The fallback chain (AGT-5): names of links, the one to ask first in front.
    pub links: Vec<String>,
    /// Index into `links` of the one that is asked now. Past the end: none is left.
    pub link: usize,
    /// When the turn began; `None` before `Started`.
    pub started_at: Option<DateTime<Utc>>,
    /// Calls of tools so far, without rejected ones.
    pub tools_used: u8,
    /// Rejected calls that went back to the brain.
    pub corrections: u8,
    /// Strict second drafts so far.
    pub redrafts: u8,
    /// Drafts asked for so far; the number of the one that runs now.
    pub rounds: u32,
    /// Sentences of the current draft that the visitor has before them: the next one's index.
    pub released: u32,
    /// Whether a sentence was ever released in this turn: the clock `First` is over then.
    pub first_out: bool,
    /// A tool gave something to stand on.
    pub grounded: bool,
    /// A search gave only what lies below the site's threshold (GRD-6).
    pub doubtful: bool,
    /// Keys of the writes that were performed, or may have been.
    pub write_keys: Vec<String>,
}

impl Ctx {
    /// What a turn has that is stored and not begun.
    pub(super) fn new(mode: Mode, limits: Limits, links: Vec<String>) -> Self {
        Self {
            mode,
            limits,
            links,
            link: 0,
            started_at: None,
            tools_used: 0,
            corrections: 0,
            redrafts: 0,
            rounds: 0,
            released: 0,
            first_out: false,
            grounded: false,
            doubtful: false,
            write_keys: Vec::new(),
        }
    }

    /// The name of the link that is asked now.
    #[must_use]
    pub fn link_name(&self) -> Option<&str> {
        self.links.get(self.link).map(String::as_str)
    }

    /// The moment when a clock that is started `at` runs out. `First` and `Cap` count
    /// from the start of the turn.
    #[must_use]
    pub fn deadline(&self, timer: Timer, at: DateTime<Utc>) -> DateTime<Utc> {
        let start = self.started_at.unwrap_or(at);
        let (from, ms) = match timer {
            Timer::Plan => (at, self.limits.plan_ms),
            Timer::Tool => (at, self.limits.tool_ms),
            Timer::First => (start, self.limits.first_ms),
            Timer::Stall => (at, self.limits.stall_ms),
            Timer::Cap => (start, self.limits.cap_ms),
            Timer::Close => (at, self.limits.close_ms),
        };
        later(from, ms)
    }

    /// The moment when a call that has a time of its own runs out, and the one until which the
    /// first sentence may come then: not before the call's own end is known.
    pub(super) fn change_deadlines(
        &self,
        at: DateTime<Utc>,
        within_ms: u32,
    ) -> (DateTime<Utc>, DateTime<Utc>) {
        let tool = later(at, within_ms.max(self.limits.tool_ms));
        let first = later(tool, self.limits.plan_ms);
        (tool, first.max(self.deadline(Timer::First, at)))
    }

    /// Whether the turn as a whole is out of time: past its cap, or past the limit for
    /// its first sentence while none is out.
    #[must_use]
    pub fn time_is_over(&self, at: DateTime<Utc>) -> bool {
        at >= self.deadline(Timer::Cap, at) || (!self.first_out && at >= self.deadline(Timer::First, at))
    }
}
