//! Tests of the machine: a table for each rule, and properties under a driver that may
//! answer anything.

mod answering;
mod brain_and_tools;
mod crashes;
mod driver;
mod endings;
mod every;
mod properties;
mod stored_form;

use crate::domain::event::Outcome;
use crate::domain::tool::{Need, ToolCode};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::agent::machine::action::{Action, HandoffReason, Question, Template, TicketReason};
use crate::agent::machine::call::{ArgsRef, Call, Confidence, Effect, Ledger, Rejection};
use crate::agent::machine::ctx::{Limits, Timer};
use crate::agent::machine::input::{Gate, GateReason, Input, LinkFailure, Plan, Stored, Verdict};
use crate::agent::machine::{Machine, step};
use crate::domain::ids::{CallId, ProposalId};
use crate::domain::site::Mode;

/// `ms` after the moment when every turn of these tests begins.
fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_800_000_000_000).unwrap() + TimeDelta::milliseconds(ms)
}

/// A turn of the fully allowed agent with two links, `a` and `b`.
fn new_turn(mode: Mode) -> Machine {
    Machine::new(mode, Limits::default(), vec!["a".into(), "b".into()])
}

/// Feeds inputs, all at the turn's first moment; gives the machine and what the last
/// input caused.
fn run(machine: Machine, inputs: impl IntoIterator<Item = Input>) -> (Machine, Vec<Action>) {
    run_at(machine, 0, inputs)
}

fn run_at(machine: Machine, ms: i64, inputs: impl IntoIterator<Item = Input>) -> (Machine, Vec<Action>) {
    inputs
        .into_iter()
        .fold((machine, Vec::new()), |(machine, _), input| {
            step(machine, at(ms), &input)
        })
}

/// `base`, then `then`, by an agent that may do everything: what the last input caused.
fn caused(base: Vec<Input>, then: impl IntoIterator<Item = Input>) -> Vec<Action> {
    run(new_turn(Mode::Full), base.into_iter().chain(then)).1
}

/// How far a turn has come: inputs that lead there by the shortest way.
fn screening() -> Vec<Input> {
    vec![Input::Started]
}
fn planning() -> Vec<Input> {
    vec![Input::Started, screened(Verdict::Clean)]
}
fn reading() -> Vec<Input> {
    [planning(), vec![planned(Plan::Call { call: read(1) })]].concat()
}
fn writing() -> Vec<Input> {
    [planning(), vec![planned(Plan::Call { call: write(1, "k") })]].concat()
}
/// Drafting from one tool's result.
fn drafting() -> Vec<Input> {
    [reading(), vec![tool_ok(1), planned(Plan::Draft)]].concat()
}
/// Drafting with `n` sentences released.
fn released(n: u32) -> Vec<Input> {
    drafting().into_iter().chain((0..n).map(pass)).collect()
}
/// Checking an answer of two sentences.
fn checking() -> Vec<Input> {
    [released(2), vec![Input::DraftEnded]].concat()
}
/// Storing the handoff that the visitor asked for.
fn handing_off() -> Vec<Input> {
    vec![Input::Started, screened(Verdict::WantsHuman)]
}

fn call_id(n: u8) -> CallId {
    CallId(Uuid::from_u128(u128::from(n)))
}
fn proposal() -> ProposalId {
    ProposalId(Uuid::from_u128(0xbeef))
}
fn read(n: u8) -> Call {
    Call {
        call_id: call_id(n),
        tool: "kb_search".into(),
        args: ArgsRef::Call,
        effect: Effect::Read,
        within_ms: None,
    }
}
fn write(n: u8, key: &str) -> Call {
    let effect = Effect::Write { key: key.into() };
    Call {
        call_id: call_id(n),
        tool: "issue_refund".into(),
        args: ArgsRef::Call,
        effect,
        within_ms: None,
    }
}
fn confirmed(n: u8, key: &str) -> Call {
    Call {
        args: ArgsRef::Proposal { proposal: proposal() },
        ..write(n, key)
    }
}

fn screened(verdict: Verdict) -> Input {
    Input::Screened { verdict }
}
fn planned(plan: Plan) -> Input {
    Input::Planned { plan }
}
fn wants(call: Call) -> Input {
    planned(Plan::Call { call })
}
fn tool_ok(n: u8) -> Input {
    Input::ToolOk {
        call_id: call_id(n),
        confidence: None,
    }
}
fn tool_found(n: u8, confidence: Confidence) -> Input {
    Input::ToolOk {
        call_id: call_id(n),
        confidence: Some(confidence),
    }
}
fn tool_err(n: u8, code: ToolCode) -> Input {
    Input::ToolErr {
        call_id: call_id(n),
        code,
    }
}
fn tool_needs(n: u8, need: Need) -> Input {
    Input::ToolNeeds {
        call_id: call_id(n),
        need,
    }
}
fn rejected(n: u8) -> Input {
    Input::CallRejected {
        call_id: call_id(n),
        why: Rejection::Schema,
    }
}
fn link_failed() -> Input {
    Input::LinkFailed {
        cause: LinkFailure::ServerError,
    }
}
fn pass(i: u32) -> Input {
    Input::Sentence { i, gate: Gate::Pass }
}
fn fail(i: u32) -> Input {
    Input::Sentence {
        i,
        gate: Gate::Fail {
            reason: GateReason::Unsupported,
        },
    }
}
fn held(i: u32, reason: GateReason) -> Input {
    Input::Sentence {
        i,
        gate: Gate::Fail { reason },
    }
}
fn checked(passed: bool) -> Input {
    let gate = if passed {
        Gate::Pass
    } else {
        Gate::Fail {
            reason: GateReason::Uncited,
        }
    };
    Input::Checked { gate }
}
fn timer(timer: Timer) -> Input {
    Input::Timer { timer }
}
fn closed() -> Input {
    Input::Closed(Stored::default())
}
/// Stored, and no address of the visitor is known.
fn closed_unreachable() -> Input {
    Input::Closed(Stored {
        needs_contact: true,
        ..Stored::default()
    })
}
fn resumed(ledger: Ledger) -> Input {
    Input::Resumed { ledger }
}

/// A clock set at the turn's first moment.
fn arm(timer: Timer) -> Action {
    arm_from(timer, 0)
}
/// A clock set so many milliseconds later.
fn arm_from(timer: Timer, ms: i64) -> Action {
    let limits = Limits::default();
    let after = match timer {
        Timer::Plan => limits.plan_ms,
        Timer::Tool => limits.tool_ms,
        Timer::First => limits.first_ms,
        Timer::Stall => limits.stall_ms,
        Timer::Cap => limits.cap_ms,
        Timer::Close => limits.close_ms,
    };
    Action::Arm {
        timer,
        at: at(ms + i64::from(after)),
    }
}
fn plan_by(link: &str) -> Vec<Action> {
    vec![
        arm(Timer::Plan),
        Action::Plan {
            link: link.into(),
            correction: None,
        },
    ]
}
fn draft_by(link: &str, round: u32) -> Vec<Action> {
    vec![Action::Draft {
        link: link.into(),
        round,
        strict: false,
    }]
}
fn hand_off(reason: HandoffReason) -> Vec<Action> {
    vec![
        arm(Timer::Close),
        Action::OpenHandoff {
            reason,
            proposal: None,
        },
    ]
}
fn ticket(reason: TicketReason) -> Vec<Action> {
    vec![arm(Timer::Close), Action::OpenTicket { reason }]
}
fn ask(question: Question) -> Vec<Action> {
    vec![arm(Timer::Close), Action::StoreAsk { question }]
}
fn say(template: Template) -> Action {
    Action::Say { template }
}
fn finish(outcome: Outcome) -> Action {
    Action::Finish {
        outcome,
        incomplete: false,
        silent: false,
    }
}
fn finish_incomplete(outcome: Outcome) -> Action {
    Action::Finish {
        outcome,
        incomplete: true,
        silent: false,
    }
}
/// `Abort` in front of what follows.
fn abort_then(actions: Vec<Action>) -> Vec<Action> {
    [vec![Action::Abort], actions].concat()
}
