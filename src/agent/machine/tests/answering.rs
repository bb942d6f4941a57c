//! Rules of the draft: what is released, taken back, drafted again, and when an answer
//! stands.

use rstest::rstest;

use super::*;
use crate::agent::machine::action::WithdrawReason;

fn release(i: u32) -> Vec<Action> {
    vec![Action::Release { i }, arm(Timer::Stall)]
}

fn withdraw() -> Action {
    Action::Withdraw {
        from: 0,
        reason: WithdrawReason::Guardrail,
    }
}

/// The one strict second draft, after a first that had sentences out.
fn redraft() -> Vec<Action> {
    vec![
        withdraw(),
        arm(Timer::Stall),
        Action::Draft {
            link: "a".into(),
            round: 2,
            strict: true,
        },
    ]
}

#[test]
fn sentences_that_pass_are_released_in_order() {
    assert_eq!(caused(drafting(), [pass(0)]), release(0));
    assert_eq!(caused(drafting(), [pass(0), pass(1)]), release(1));
}

#[test]
fn a_sentence_is_not_released_twice() {
    assert_eq!(caused(released(2), [pass(1)]), []);
}

#[rstest]
#[case::before_the_first(drafting(), abort_then(draft_by("b", 2)))]
#[case::after_the_first(released(1), abort_then(ticket(TicketReason::Incomplete)))]
fn a_gap_breaks_the_draft(#[case] base: Vec<Input>, #[case] expected: Vec<Action>) {
    assert_eq!(caused(base, [pass(5)]), expected);
}

#[test]
fn a_failing_sentence_gives_one_strict_draft() {
    assert_eq!(caused(released(2), [fail(2)]), abort_then(redraft()));
    let nothing_out = vec![
        Action::Abort,
        Action::Draft {
            link: "a".into(),
            round: 2,
            strict: true,
        },
    ];
    assert_eq!(caused(drafting(), [fail(0)]), nothing_out);
}

#[rstest]
#[case::nothing_of_it_out(vec![fail(0)], vec![Action::Abort])]
#[case::some_of_it_out(vec![pass(0), fail(1)], vec![Action::Abort, withdraw()])]
#[case::the_whole_of_it(vec![pass(0), Input::DraftEnded, checked(false)], vec![withdraw()])]
fn a_second_failure_takes_all_back_and_goes_to_a_person(
    #[case] second: Vec<Input>,
    #[case] first_actions: Vec<Action>,
) {
    let expected = [first_actions, hand_off(HandoffReason::Guardrail)].concat();
    assert_eq!(caused([released(2), vec![fail(2)]].concat(), second), expected);
}

/// Another draft would be held back as well.
#[rstest]
#[case::nothing_out(drafting(), 0, vec![Action::Abort])]
#[case::some_of_it_out(released(2), 2, vec![Action::Abort, withdraw()])]
fn what_cannot_be_moderated_goes_to_a_person_at_once(
    #[case] base: Vec<Input>,
    #[case] i: u32,
    #[case] first_actions: Vec<Action>,
) {
    let expected = [first_actions, hand_off(HandoffReason::Unmoderated)].concat();
    assert_eq!(caused(base, [held(i, GateReason::Unmoderated)]), expected);
}

#[test]
fn a_question_of_policy_that_no_document_answers_goes_to_a_person() {
    let gate = Gate::Fail {
        reason: GateReason::NoDocument,
    };
    let expected = [vec![withdraw()], hand_off(HandoffReason::Policy)].concat();
    assert_eq!(caused(checking(), [Input::Checked { gate }]), expected);
}

#[test]
fn a_site_without_redrafts_goes_to_a_person_at_once() {
    let limits = Limits {
        redrafts: 0,
        ..Limits::default()
    };
    let machine = Machine::new(Mode::Full, limits, vec!["a".into()]);
    let actions = run(machine, [drafting(), vec![fail(0)]].concat()).1;
    assert_eq!(actions, abort_then(hand_off(HandoffReason::Guardrail)));
}

/// The next link drafts strictly too: the rule belongs to the turn.
#[test]
fn the_next_link_stays_strict() {
    let actions = caused(released(1), [fail(1), link_failed()]);
    let strict = Action::Draft {
        link: "b".into(),
        round: 3,
        strict: true,
    };
    assert_eq!(actions, [arm(Timer::Stall), strict]);
}

#[test]
fn a_finished_draft_is_checked_as_a_whole() {
    let expected = [arm(Timer::Stall), Action::CheckAnswer { round: 1 }];
    assert_eq!(caused(released(2), [Input::DraftEnded]), expected);
}

#[test]
fn a_draft_without_a_sentence_is_a_failed_link() {
    assert_eq!(caused(drafting(), [Input::DraftEnded]), draft_by("b", 2));
}

#[rstest]
#[case::full(Mode::Full, true, vec![finish(Outcome::Answered)])]
#[case::assist(Mode::Assist, true, vec![finish(Outcome::Answered)])]
#[case::shadow(Mode::Shadow, true, vec![arm(Timer::Close), Action::StoreDraft { question: None }])]
#[case::full_failing(Mode::Full, false, redraft())]
#[case::shadow_failing(Mode::Shadow, false, redraft())]
fn the_check_of_the_whole_decides(#[case] mode: Mode, #[case] passed: bool, #[case] expected: Vec<Action>) {
    let inputs = checking().into_iter().chain([checked(passed)]);
    assert_eq!(run(new_turn(mode), inputs).1, expected);
}

/// AGT-15: in shadow mode a question of the agent's own is for staff to put.
#[test]
fn shadow_mode_withholds_questions_too() {
    let inputs = [
        planning(),
        vec![
            planned(Plan::Ask {
                question: Question::Contact,
            }),
            closed(),
        ],
    ]
    .concat();
    let (asking, actions) = run(new_turn(Mode::Shadow), inputs);
    assert_eq!(actions, [say(Template::Withheld), finish(Outcome::Withheld)]);
    assert_eq!(asking.outcome(), Some(Outcome::Withheld));
}

/// AGT-15: what was drafted is kept for staff before the visitor is told that they will reply.
#[test]
fn a_draft_for_staff_is_kept_and_written_again_after_a_crash() {
    let passed = || checking().into_iter().chain([checked(true)]);
    let (_, actions) = run(new_turn(Mode::Shadow), passed().chain([closed_unreachable()]));
    let end = [
        say(Template::Withheld),
        say(Template::AskForAddress),
        finish(Outcome::Withheld),
    ];
    assert_eq!(actions, end);
    let (again, actions) = run(new_turn(Mode::Shadow), passed().chain([resumed(Ledger::None)]));
    assert!(
        matches!(actions.last(), Some(Action::Draft { .. })),
        "{actions:?}"
    );
    assert_eq!(again.ctx.released, 0);
}

/// AGT-3: what passed the gate stays, and the turn closes as incomplete.
#[rstest]
#[case::cut(released(2), link_failed(), vec![])]
#[case::stalled(released(2), timer(Timer::Stall), vec![Action::Abort])]
#[case::capped(released(2), timer(Timer::Cap), vec![Action::Abort])]
#[case::check_failed_late(checking(), link_failed(), vec![])]
#[case::check_stalled(checking(), timer(Timer::Stall), vec![Action::Abort])]
#[case::check_capped(checking(), timer(Timer::Cap), vec![Action::Abort])]
fn a_draft_that_breaks_off_after_a_release_is_closed_as_incomplete(
    #[case] base: Vec<Input>,
    #[case] input: Input,
    #[case] first_actions: Vec<Action>,
) {
    let (machine, actions) = run(new_turn(Mode::Full), base.into_iter().chain([input]));
    assert_eq!(
        actions,
        [first_actions, ticket(TicketReason::Incomplete)].concat()
    );
    let (_, actions) = run(machine, [closed()]);
    assert_eq!(
        actions,
        [say(Template::Incomplete), finish_incomplete(Outcome::Degraded)]
    );
}

/// Once a sentence was out, `Stall` watches every later draft from its start.
#[test]
fn a_second_draft_that_never_begins_is_left_for_the_next_link() {
    let actions = caused(released(1), [fail(1), timer(Timer::Stall)]);
    let strict = Action::Draft {
        link: "b".into(),
        round: 3,
        strict: true,
    };
    assert_eq!(actions, [Action::Abort, arm(Timer::Stall), strict]);
}
