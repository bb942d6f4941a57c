//! The form in which steps are stored. Rows outlive the code that wrote them, so a tag
//! that changes here makes old turns unreadable.

use rstest::rstest;
use serde_json::{Value, json};

use super::every::{every_input, every_state};
use super::*;
use crate::agent::machine::action::{Correction, WithdrawReason};

const ID: &str = "00000000-0000-0000-0000-000000000001";
const PROPOSAL: &str = "00000000-0000-0000-0000-00000000beef";

#[test]
fn machines_inputs_and_actions_survive_being_stored() {
    for machine in every_state() {
        let stored = serde_json::to_string(&machine).unwrap();
        assert_eq!(serde_json::from_str::<Machine>(&stored).unwrap(), machine);
        for input in every_input() {
            let stored = serde_json::to_string(&input).unwrap();
            assert_eq!(serde_json::from_str::<Input>(&stored).unwrap(), input);
            let (_, actions) = step(machine.clone(), at(0), &input);
            let stored = serde_json::to_string(&actions).unwrap();
            assert_eq!(serde_json::from_str::<Vec<Action>>(&stored).unwrap(), actions);
        }
    }
}

#[rstest]
#[case(Input::Started, json!({"input": "started"}))]
#[case(screened(Verdict::WantsHuman), json!({"input": "screened", "verdict": {"kind": "wants_human"}}))]
#[case(screened(Verdict::LeavesAddress), json!({"input": "screened", "verdict": {"kind": "leaves_address"}}))]
#[case(
    screened(Verdict::Confirms { proposal: proposal(), call: confirmed(1, "k") }),
    json!({"input": "screened", "verdict": {"kind": "confirms", "proposal": PROPOSAL, "call": {
        "call_id": ID, "tool": "issue_refund", "args": {"from": "proposal", "proposal": PROPOSAL},
        "effect": {"kind": "write", "key": "k"}}}})
)]
#[case(
    wants(read(1)),
    json!({"input": "planned", "plan": {"kind": "call", "call": {
        "call_id": ID, "tool": "kb_search", "args": {"from": "call"}, "effect": {"kind": "read"}}}})
)]
#[case(planned(Plan::Draft), json!({"input": "planned", "plan": {"kind": "draft"}}))]
#[case(
    planned(Plan::Ask { question: Question::Identity }),
    json!({"input": "planned", "plan": {"kind": "ask", "question": {"kind": "identity"}}})
)]
#[case(
    planned(Plan::Handoff { reason: HandoffReason::OutOfScope }),
    json!({"input": "planned", "plan": {"kind": "handoff", "reason": "out_of_scope"}})
)]
#[case(rejected(1), json!({"input": "call_rejected", "call_id": ID, "why": "schema"}))]
#[case(tool_ok(1), json!({"input": "tool_ok", "call_id": ID, "confidence": null}))]
#[case(
    tool_found(1, Confidence::Low),
    json!({"input": "tool_ok", "call_id": ID, "confidence": "low"})
)]
#[case(
    tool_err(1, ToolCode::Upstream5xx),
    json!({"input": "tool_err", "call_id": ID, "code": "UPSTREAM_5XX"})
)]
#[case(tool_err(1, ToolCode::NotFound), json!({"input": "tool_err", "call_id": ID, "code": "NOT_FOUND"}))]
#[case(
    tool_needs(1, Need::Approval { proposal: proposal() }),
    json!({"input": "tool_needs", "call_id": ID, "need": {"kind": "approval", "proposal": PROPOSAL}})
)]
#[case(link_failed(), json!({"input": "link_failed", "cause": "server_error"}))]
#[case(pass(3), json!({"input": "sentence", "i": 3, "gate": {"verdict": "pass"}}))]
#[case(fail(3), json!({"input": "sentence", "i": 3, "gate": {"verdict": "fail", "reason": "unsupported"}}))]
#[case(
    held(0, GateReason::NoDocument),
    json!({"input": "sentence", "i": 0, "gate": {"verdict": "fail", "reason": "no_document"}})
)]
#[case(screened(Verdict::Unmoderated), json!({"input": "screened", "verdict": {"kind": "unmoderated"}}))]
#[case(Input::DraftEnded, json!({"input": "draft_ended"}))]
#[case(checked(true), json!({"input": "checked", "gate": {"verdict": "pass"}}))]
#[case(timer(Timer::First), json!({"input": "timer", "timer": "first"}))]
#[case(closed(), json!({"input": "closed", "needs_contact": false}))]
#[case(
    Input::Closed(Stored { needs_contact: true, already: true, away: true }),
    json!({"input": "closed", "needs_contact": true, "already": true, "away": true})
)]
#[case(
    Input::ToolHandsOver { call_id: call_id(1), reason: HandoffReason::Policy },
    json!({"input": "tool_hands_over", "call_id": ID, "reason": "policy"})
)]
#[case(Input::CloseFailed, json!({"input": "close_failed"}))]
#[case(Input::Fenced, json!({"input": "fenced"}))]
#[case(Input::Cancelled, json!({"input": "cancelled"}))]
#[case(resumed(Ledger::Unknown), json!({"input": "resumed", "ledger": "unknown"}))]
fn an_inputs_form(#[case] input: Input, #[case] stored: Value) {
    assert_eq!(serde_json::to_value(&input).unwrap(), stored);
}

#[rstest]
#[case(Action::Screen, json!({"action": "screen"}))]
#[case(
    Action::Plan {
        link: "a".into(),
        correction: Some(Correction::ToolFailed { code: ToolCode::Timeout }),
    },
    json!({"action": "plan", "link": "a", "correction": {"kind": "tool_failed", "code": "TIMEOUT"}})
)]
#[case(
    Action::CallTool { call: read(1) },
    json!({"action": "call_tool", "call": {
        "call_id": ID, "tool": "kb_search", "args": {"from": "call"}, "effect": {"kind": "read"}}})
)]
#[case(
    Action::Draft { link: "a".into(), round: 2, strict: true },
    json!({"action": "draft", "link": "a", "round": 2, "strict": true})
)]
#[case(Action::Release { i: 0 }, json!({"action": "release", "i": 0}))]
#[case(
    Action::Withdraw { from: 0, reason: WithdrawReason::Guardrail },
    json!({"action": "withdraw", "from": 0, "reason": "guardrail"})
)]
#[case(Action::CheckAnswer { round: 1 }, json!({"action": "check_answer", "round": 1}))]
#[case(say(Template::AskForAddress), json!({"action": "say", "template": "ask_for_address"}))]
#[case(
    Action::StoreAsk { question: Question::Confirm { proposal: proposal() } },
    json!({"action": "store_ask", "question": {"kind": "confirm", "proposal": PROPOSAL}})
)]
#[case(
    Action::StoreDraft { question: Some(Question::Contact) },
    json!({"action": "store_draft", "question": {"kind": "contact"}})
)]
#[case(
    Action::OpenTicket { reason: TicketReason::TimedOut },
    json!({"action": "open_ticket", "reason": "timed_out"})
)]
#[case(
    Action::OpenHandoff { reason: HandoffReason::NoBrain, proposal: None },
    json!({"action": "open_handoff", "reason": "no_brain", "proposal": null})
)]
#[case(arm(Timer::Stall), json!({"action": "arm", "timer": "stall", "at": "2027-01-15T08:00:04Z"}))]
#[case(Action::Abort, json!({"action": "abort"}))]
#[case(
    finish_incomplete(Outcome::Degraded),
    json!({"action": "finish", "outcome": "degraded", "incomplete": true, "silent": false})
)]
fn an_actions_form(#[case] action: Action, #[case] stored: Value) {
    assert_eq!(serde_json::to_value(&action).unwrap(), stored);
}

#[test]
fn a_machines_form() {
    let (machine, _) = run(new_turn(Mode::Full), handing_off());
    let stored = serde_json::to_value(&machine).unwrap();
    assert_eq!(
        stored,
        json!({
            "ctx": {
                "mode": "full",
                "limits": {
                    "plan_ms": 2500, "tool_ms": 3000, "first_ms": 6000, "stall_ms": 4000, "cap_ms": 60000,
                    "close_ms": 2000, "max_tools": 3, "corrections": 1, "redrafts": 1
                },
                "links": ["a", "b"], "link": 0, "started_at": "2027-01-15T08:00:00Z", "tools_used": 0,
                "corrections": 0, "redrafts": 0, "rounds": 0, "released": 0, "first_out": false,
                "grounded": false, "doubtful": false, "write_keys": []
            },
            "state": {
                "state": "closing", "outcome": "handoff",
                "store": {"kind": "handoff", "reason": "visitor_asked", "proposal": null},
                "say": "passed_on"
            }
        })
    );
}

/// A row from before a limit existed is read with that limit's default.
#[test]
fn limits_that_are_missing_have_their_defaults() {
    let limits: Limits = serde_json::from_value(json!({"first_ms": 9000})).unwrap();
    assert_eq!(
        limits,
        Limits {
            first_ms: 9_000,
            ..Limits::default()
        }
    );
}
