//! One of everything: inputs and machines that cover each variant, with numbers at
//! their edges, for the tests that ask about all of them.

use super::*;
use crate::agent::machine::action::Correction;
use crate::agent::machine::ctx::Ctx;
use crate::agent::machine::state::{State, Store};

pub fn every_input() -> Vec<Input> {
    let calls = [read(1), read(2), write(1, "k"), write(2, "k"), write(3, "other")];
    let mut inputs = vec![
        Input::Started,
        screened(Verdict::Clean),
        screened(Verdict::Blocked),
        screened(Verdict::Unmoderated),
        screened(Verdict::WantsHuman),
        screened(Verdict::Confirms {
            proposal: proposal(),
            call: confirmed(1, "k"),
        }),
        screened(Verdict::Declines { proposal: proposal() }),
        screened(Verdict::LeavesAddress),
        planned(Plan::Draft),
        planned(Plan::Handoff {
            reason: HandoffReason::Policy,
        }),
        Input::DraftEnded,
        checked(true),
        checked(false),
        held(0, GateReason::Unmoderated),
        held(1, GateReason::Unmoderated),
        Input::Checked {
            gate: Gate::Fail {
                reason: GateReason::NoDocument,
            },
        },
        closed_unreachable(),
        Input::Closed(Stored {
            needs_contact: true,
            already: true,
            away: true,
        }),
        closed(),
        Input::CloseFailed,
        Input::Fenced,
        Input::Cancelled,
    ];
    inputs.extend(calls.map(wants));
    inputs.extend(every_question().map(|question| planned(Plan::Ask { question })));
    for n in 1..=3 {
        inputs.extend([
            tool_ok(n),
            tool_found(n, Confidence::Low),
            tool_found(n, Confidence::Enough),
        ]);
        inputs.extend([
            rejected(n),
            Input::CallRejected {
                call_id: call_id(n),
                why: Rejection::Unknown,
            },
        ]);
        inputs.extend(EVERY_CODE.map(|code| tool_err(n, code)));
        inputs.extend(every_need().map(|need| tool_needs(n, need)));
        inputs.push(Input::ToolHandsOver {
            call_id: call_id(n),
            reason: HandoffReason::OutOfScope,
        });
    }
    inputs.extend(EVERY_FAILURE.map(|cause| Input::LinkFailed { cause }));
    inputs.extend([0, 1, 2, u32::MAX].map(pass));
    inputs.extend([0, 1, u32::MAX].map(fail));
    inputs.extend(EVERY_TIMER.map(timer));
    inputs.extend([Ledger::None, Ledger::Done, Ledger::Unknown].map(resumed));
    inputs
}

pub const EVERY_TIMER: [Timer; 6] = [
    Timer::Plan,
    Timer::Tool,
    Timer::First,
    Timer::Stall,
    Timer::Cap,
    Timer::Close,
];

pub const EVERY_CODE: [ToolCode; 9] = [
    ToolCode::NotFound,
    ToolCode::Unauthorized,
    ToolCode::InvalidInput,
    ToolCode::RateLimit,
    ToolCode::Timeout,
    ToolCode::Upstream5xx,
    ToolCode::Disabled,
    ToolCode::NeedsConfirmation,
    ToolCode::NeedsApproval,
];

pub const EVERY_FAILURE: [LinkFailure; 11] = [
    LinkFailure::Timeout,
    LinkFailure::BreakerOpen,
    LinkFailure::RateLimit,
    LinkFailure::ServerError,
    LinkFailure::Cut,
    LinkFailure::Stall,
    LinkFailure::Malformed,
    LinkFailure::Empty,
    LinkFailure::LateError,
    LinkFailure::Refused,
    LinkFailure::OverBudget,
];

pub fn every_question() -> [Question; 3] {
    [
        Question::Identity,
        Question::Contact,
        Question::Confirm { proposal: proposal() },
    ]
}

pub fn every_need() -> [Need; 4] {
    [
        Need::Identity,
        Need::Contact,
        Need::Confirm { proposal: proposal() },
        Need::Approval { proposal: proposal() },
    ]
}

const EVERY_OUTCOME: [Outcome; 6] = [
    Outcome::Answered,
    Outcome::Asked,
    Outcome::Handoff,
    Outcome::Degraded,
    Outcome::Withheld,
    Outcome::Cancelled,
];

/// Each state in each of some contexts, also together with such as never meet.
pub fn every_state() -> Vec<Machine> {
    let states = states();
    contexts()
        .into_iter()
        .flat_map(|ctx| {
            states.iter().map(move |state| Machine {
                ctx: ctx.clone(),
                state: state.clone(),
            })
        })
        .collect()
}

fn states() -> Vec<State> {
    let mut states = vec![
        State::Received,
        State::Screening,
        State::Planning { correction: None },
        State::Planning {
            correction: Some(Correction::Rejected {
                why: Rejection::Unknown,
            }),
        },
        State::Planning {
            correction: Some(Correction::ToolFailed {
                code: ToolCode::Upstream5xx,
            }),
        },
        State::Calling { call: read(1) },
        State::Calling { call: write(1, "k") },
        State::Calling {
            call: confirmed(1, "k"),
        },
        State::Drafting { round: 1 },
        State::Drafting { round: u32::MAX },
        State::Checking { round: 1 },
    ];
    let stores = every_question()
        .map(|question| Store::Ask { question })
        .into_iter()
        .chain([
            Store::Draft { question: None },
            Store::Draft {
                question: Some(Question::Identity),
            },
            Store::Ticket {
                reason: TicketReason::TimedOut,
            },
            Store::Ticket {
                reason: TicketReason::Incomplete,
            },
            Store::Ticket {
                reason: TicketReason::Blocked,
            },
            Store::Handoff {
                reason: HandoffReason::UnknownEffect,
                proposal: None,
            },
            Store::Handoff {
                reason: HandoffReason::NeedsApproval,
                proposal: Some(proposal()),
            },
        ]);
    for store in stores {
        let outcome = Outcome::Degraded;
        states.push(State::Closing {
            outcome,
            store,
            say: None,
        });
        states.push(State::Closing {
            outcome,
            store,
            say: Some(Template::Incomplete),
        });
    }
    states.extend(EVERY_OUTCOME.map(|outcome| State::Done { outcome }));
    states
}

fn contexts() -> Vec<Ctx> {
    let fresh = new_turn(Mode::Full).ctx;
    let begun = Ctx {
        started_at: Some(at(0)),
        ..fresh.clone()
    };
    let nothing_allowed = Limits {
        plan_ms: 0,
        tool_ms: 0,
        first_ms: 0,
        stall_ms: 0,
        cap_ms: 0,
        close_ms: 0,
        max_tools: 0,
        corrections: 0,
        redrafts: 0,
    };
    let all_allowed = Limits {
        plan_ms: u32::MAX,
        tool_ms: u32::MAX,
        first_ms: u32::MAX,
        stall_ms: u32::MAX,
        cap_ms: u32::MAX,
        close_ms: u32::MAX,
        max_tools: u8::MAX,
        corrections: u8::MAX,
        redrafts: u8::MAX,
    };
    vec![
        fresh.clone(),
        begun.clone(),
        Ctx {
            mode: Mode::Shadow,
            limits: nothing_allowed,
            ..begun.clone()
        },
        Ctx {
            mode: Mode::Assist,
            limits: all_allowed,
            ..begun.clone()
        },
        Ctx {
            links: Vec::new(),
            ..begun.clone()
        },
        Ctx {
            link: usize::MAX,
            released: 2,
            first_out: true,
            ..begun.clone()
        },
        Ctx {
            released: 1,
            rounds: 1,
            first_out: true,
            tools_used: 1,
            grounded: true,
            ..begun
        },
        Ctx {
            started_at: Some(DateTime::<Utc>::MAX_UTC),
            tools_used: u8::MAX,
            corrections: u8::MAX,
            redrafts: u8::MAX,
            rounds: u32::MAX,
            released: u32::MAX,
            doubtful: true,
            write_keys: vec!["k".into()],
            ..fresh.clone()
        },
        Ctx {
            started_at: Some(DateTime::<Utc>::MIN_UTC),
            ..fresh
        },
    ]
}
