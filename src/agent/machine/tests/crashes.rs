//! Rules for a turn whose worker died: each state, in time and too late, and what the
//! ledger says of a write.

use rstest::rstest;

use super::*;
use crate::agent::machine::action::WithdrawReason;

/// What a worker that takes the turn over `ms` after its start is to do.
fn after_crash(base: Vec<Input>, ms: i64, ledger: Ledger) -> Vec<Action> {
    let (machine, _) = run(new_turn(Mode::Full), base);
    run_at(machine, ms, [resumed(ledger)]).1
}

/// The turn's clocks go on; only the phase's own begins anew.
fn turn_clocks() -> Vec<Action> {
    vec![arm(Timer::First), arm(Timer::Cap)]
}

#[rstest]
#[case::screening(screening(), vec![Action::Screen])]
#[case::planning(planning(), vec![arm_from(Timer::Plan, 900), Action::Plan { link: "a".into(), correction: None }])]
#[case::reading(reading(), vec![arm_from(Timer::Tool, 900), Action::CallTool { call: read(1) }])]
#[case::drafting(drafting(), vec![Action::Draft { link: "a".into(), round: 2, strict: false }])]
fn what_was_open_is_repeated(#[case] base: Vec<Input>, #[case] repeated: Vec<Action>) {
    assert_eq!(
        after_crash(base, 900, Ledger::None),
        [turn_clocks(), repeated].concat()
    );
}

#[test]
fn a_turn_that_never_began_begins() {
    let (_, actions) = run_at(new_turn(Mode::Full), 900, [resumed(Ledger::None)]);
    assert_eq!(
        actions,
        [
            arm_from(Timer::First, 900),
            arm_from(Timer::Cap, 900),
            Action::Screen
        ]
    );
}

#[test]
fn a_draft_that_was_partly_out_is_withdrawn_and_begun_again() {
    let expected = [
        arm(Timer::Cap),
        Action::Withdraw {
            from: 0,
            reason: WithdrawReason::Provider,
        },
        arm_from(Timer::Stall, 30_000),
        Action::Draft {
            link: "a".into(),
            round: 2,
            strict: false,
        },
    ];
    assert_eq!(after_crash(released(2), 30_000, Ledger::None), expected);
}

#[test]
fn a_check_is_repeated() {
    let expected = [
        arm(Timer::Cap),
        arm_from(Timer::Stall, 30_000),
        Action::CheckAnswer { round: 1 },
    ];
    assert_eq!(after_crash(checking(), 30_000, Ledger::None), expected);
}

#[rstest]
#[case::never_began(
    Ledger::None,
    [turn_clocks(), vec![arm_from(Timer::Tool, 900), Action::CallTool { call: write(1, "k") }]].concat()
)]
#[case::done(
    Ledger::Done,
    [turn_clocks(), vec![arm_from(Timer::Plan, 900), Action::Plan { link: "a".into(), correction: None }]].concat()
)]
#[case::unknown(
    Ledger::Unknown,
    vec![
        arm_from(Timer::Close, 900),
        Action::OpenHandoff { reason: HandoffReason::UnknownEffect, proposal: None },
    ]
)]
fn a_write_asks_the_ledger(#[case] ledger: Ledger, #[case] expected: Vec<Action>) {
    assert_eq!(after_crash(writing(), 900, ledger), expected);
}

/// The key of a write that the ledger knows as done is spent.
#[test]
fn a_write_that_was_done_is_not_done_again() {
    let (machine, _) = run(
        new_turn(Mode::Full),
        [writing(), vec![resumed(Ledger::Done)]].concat(),
    );
    let (_, actions) = run(machine, [wants(write(2, "k"))]);
    assert_eq!(actions, hand_off(HandoffReason::TooManyCalls));
}

/// Past the limit for the first sentence where none is out, past the cap where one is.
#[rstest]
#[case::screening(screening(), 6_000, TicketReason::TimedOut)]
#[case::planning(planning(), 6_000, TicketReason::TimedOut)]
#[case::reading(reading(), 6_000, TicketReason::TimedOut)]
#[case::a_write_that_never_began(writing(), 6_000, TicketReason::TimedOut)]
#[case::drafting(drafting(), 6_000, TicketReason::TimedOut)]
#[case::partly_out(released(1), 60_000, TicketReason::Incomplete)]
#[case::checking(checking(), 60_000, TicketReason::Incomplete)]
fn without_time_left_the_turn_is_degraded(
    #[case] base: Vec<Input>,
    #[case] limit: i64,
    #[case] reason: TicketReason,
) {
    let closing = [arm_from(Timer::Close, limit), Action::OpenTicket { reason }];
    assert_eq!(after_crash(base.clone(), limit, Ledger::None), closing);
    let a_moment_before = after_crash(base, limit - 1, Ledger::None);
    assert!(!a_moment_before.contains(&closing[1]), "{a_moment_before:?}");
}

/// What could not be decided in time still comes first: the person, not the ticket.
#[test]
fn a_write_that_nobody_can_tell_goes_to_a_person_however_late() {
    let store = Action::OpenHandoff {
        reason: HandoffReason::UnknownEffect,
        proposal: None,
    };
    assert_eq!(
        after_crash(writing(), 9_000, Ledger::Unknown),
        [arm_from(Timer::Close, 9_000), store]
    );
}

/// What was done is told: the turn's clocks run from the takeover.
#[test]
fn a_write_that_was_done_is_told_however_late() {
    let actions = after_crash(writing(), 9_000, Ledger::Done);
    assert!(matches!(actions.last(), Some(Action::Plan { .. })), "{actions:?}");
}

#[test]
fn a_close_is_repeated_however_late() {
    let store = Action::OpenHandoff {
        reason: HandoffReason::VisitorAsked,
        proposal: None,
    };
    assert_eq!(
        after_crash(handing_off(), 90_000, Ledger::None),
        [arm_from(Timer::Close, 90_000), store]
    );
}
