//! A turn explained afterwards (AGT-11): its states, calls of models and tools, and what the
//! gate held back, in the order in which they happened. Personal data stays behind
//! placeholders.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::db::model_calls::{Held, ModelCall};
use crate::db::pool::{DbResult, SiteTx};
use crate::db::{model_calls, threads, tool_calls, turns};
use crate::domain::ids::{ThreadId, TurnId};

/// Messages of the thread that are looked through for those of the turn.
const MESSAGES: i64 = 200;

/// What happened in a turn.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// The turn.
    pub turn_id: TurnId,
    /// Its thread.
    pub thread_id: ThreadId,
    /// How it ended; none while it runs.
    pub outcome: Option<String>,
    /// Which brain answered.
    pub brain: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How often another driver took it over.
    pub resumes: i32,
    /// What the visitor wrote.
    pub question: Option<String>,
    /// What the agent said.
    pub answer: Option<String>,
    /// Tokens that were sent to models.
    pub tokens_in: i64,
    /// Tokens that they wrote.
    pub tokens_out: i64,
    /// What that cost, in millionths of the currency's unit.
    pub cost_micro: i64,
    /// What happened, in order.
    pub timeline: Vec<Entry>,
}

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Since the turn's beginning, in milliseconds.
    pub after_ms: i64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What can happen.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// A transition of the machine.
    Step {
        /// Its number.
        n: i32,
        /// What came in.
        input: Value,
        /// What the machine asked for, by name.
        actions: Vec<String>,
        /// Where it stood then.
        state: String,
    },
    /// A call of a language model.
    Model(ModelCall),
    /// A call of a tool.
    Tool {
        /// The tool.
        tool: String,
        /// Its arguments.
        args: Value,
        /// Its output.
        result: Option<Value>,
        /// The error's code.
        code: Option<String>,
        /// How often it was tried.
        attempts: i32,
        /// How long it took.
        ms: Option<i32>,
    },
    /// A sentence that the gate held back.
    Held(Held),
}

/// Puts together what is known of a turn; none when there is no such turn.
///
/// # Errors
/// When the database does.
pub async fn explain(tx: &mut SiteTx, turn: TurnId) -> DbResult<Option<Explained>> {
    let Some(row) = turns::find(tx, turn).await? else {
        return Ok(None);
    };
    let messages = threads::messages(tx, row.thread, i64::MAX, MESSAGES).await?;
    let said = |author: &str| {
        messages
            .iter()
            .find(|m| m.turn_id == Some(turn) && m.author == author)
            .map(|m| m.text.clone())
    };
    let models = model_calls::of_turn(tx, turn).await?;
    let sum = |of: fn(&ModelCall) -> i64| models.iter().map(of).sum::<i64>();
    let (tokens_in, tokens_out, cost_micro) = (
        sum(|c| c.tokens_in.into()),
        sum(|c| c.tokens_out.into()),
        sum(|c| c.cost_micro),
    );
    let steps = super::turns::steps(tx, turn).await?;
    let order = Order::of(&steps);
    let mut timeline: Vec<(Place, DateTime<Utc>, What)> = Vec::new();
    timeline.extend(steps.into_iter().map(|row| {
        let n = row.n;
        let (at, what) = step(row);
        ((n, false), at, what)
    }));
    timeline.extend(tool_calls::of_turn(tx, turn).await?.into_iter().map(|c| {
        let (place, at) = order.tool(&c.id.to_string(), c.at);
        let what = What::Tool {
            tool: c.tool,
            args: c.args,
            result: c.result,
            code: c.code,
            attempts: c.attempts,
            ms: c.ms,
        };
        (place, at, what)
    }));
    let placed = |at, what| (order.within(at), at, what);
    timeline.extend(models.into_iter().map(|c| placed(c.at, What::Model(c))));
    let held = model_calls::held_of_turn(tx, turn).await?;
    timeline.extend(held.into_iter().map(|h| placed(h.at, What::Held(h))));
    timeline.sort_by_key(|(place, at, _)| (*place, *at));
    Ok(Some(Explained {
        turn_id: turn,
        thread_id: row.thread,
        outcome: row.outcome,
        brain: row.brain,
        started_at: row.started_at,
        finished_at: row.finished_at,
        resumes: row.resumes,
        question: said("visitor"),
        answer: said("agent"),
        tokens_in,
        tokens_out,
        cost_micro,
        timeline: timeline
            .into_iter()
            .map(|(_, at, what)| Entry {
                after_ms: (at - row.started_at).num_milliseconds(),
                what,
            })
            .collect(),
    }))
}

/// The step that something belongs to, and whether it came of it.
type Place = (i32, bool);

/// What came after which step. Times alone don't tell: a call that has ended may be stored, and
/// dated, with steps that came later.
struct Order {
    /// Number and time, and the tools' calls that each asked for.
    steps: Vec<(i32, DateTime<Utc>, Vec<String>)>,
}

impl Order {
    fn of(steps: &[turns::StepRow]) -> Self {
        let called = |row: &turns::StepRow| {
            let actions = row.actions.as_array().map(Vec::as_slice).unwrap_or_default();
            let ids = actions
                .iter()
                .filter_map(|a| a.pointer("/call/call_id")?.as_str());
            ids.map(str::to_owned).collect()
        };
        let steps = steps.iter().map(|row| (row.n, row.at, called(row))).collect();
        Self { steps }
    }

    /// After the step that asked for the call, and then.
    fn tool(&self, id: &str, at: DateTime<Utc>) -> (Place, DateTime<Utc>) {
        let asked = self
            .steps
            .iter()
            .rfind(|(.., calls)| calls.iter().any(|c| c == id));
        match asked {
            Some((n, asked_at, _)) => ((*n, true), at.min(*asked_at)),
            None => (self.within(at), at),
        }
    }

    /// After the last step of before or then.
    fn within(&self, at: DateTime<Utc>) -> Place {
        let before = self.steps.iter().rfind(|(_, step_at, _)| *step_at <= at);
        (before.map_or(-1, |(n, ..)| *n), true)
    }
}

fn step(row: turns::StepRow) -> (DateTime<Utc>, What) {
    let actions = row.actions.as_array().map(Vec::as_slice).unwrap_or_default();
    let what = What::Step {
        n: row.n,
        actions: actions
            .iter()
            .filter_map(|a| a.get("action")?.as_str().map(str::to_owned))
            .collect(),
        state: row
            .after
            .pointer("/state/state")
            .and_then(Value::as_str)
            .unwrap_or("unknown")
            .to_owned(),
        input: row.input,
    };
    (row.at, what)
}
