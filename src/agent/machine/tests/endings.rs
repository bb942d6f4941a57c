//! Rules for the end of a turn: the clocks of the whole turn, what is said once the
//! ticket is stored, the visitor's stop, the takeover, and silence afterwards.

use rstest::rstest;

use super::*;
use crate::agent::machine::tests::every::{every_input, every_state};

/// AGT-3: past the limit a ticket is opened, and only then promised.
#[rstest]
#[case::screening(screening())]
#[case::planning(planning())]
#[case::reading(reading())]
#[case::drafting(drafting())]
fn without_a_first_sentence_in_time_the_turn_is_degraded(
    #[case] base: Vec<Input>,
    #[values(Timer::First, Timer::Cap)] clock: Timer,
) {
    let (machine, actions) = run(new_turn(Mode::Full), base.into_iter().chain([timer(clock)]));
    assert_eq!(actions, abort_then(ticket(TicketReason::TimedOut)));
    let (_, actions) = run(machine, [closed()]);
    assert_eq!(actions, [say(Template::FollowUp), finish(Outcome::Degraded)]);
}

#[rstest]
#[case::first(Timer::First)]
#[case::cap(Timer::Cap)]
fn a_write_that_time_breaks_off_goes_to_a_person(#[case] clock: Timer) {
    let expected = abort_then(hand_off(HandoffReason::UnknownEffect));
    assert_eq!(caused(writing(), [timer(clock)]), expected);
}

#[rstest]
#[case::first_after_a_release(released(1), Timer::First)]
#[case::first_after_all_was_withdrawn([released(1), vec![fail(1)]].concat(), Timer::First)]
#[case::first_while_closing(handing_off(), Timer::First)]
#[case::cap_while_closing(handing_off(), Timer::Cap)]
#[case::plan_while_a_tool_runs(reading(), Timer::Plan)]
#[case::plan_while_drafting(drafting(), Timer::Plan)]
#[case::tool_while_planning(planning(), Timer::Tool)]
#[case::tool_while_drafting(drafting(), Timer::Tool)]
#[case::stall_before_a_release(drafting(), Timer::Stall)]
#[case::stall_while_closing(handing_off(), Timer::Stall)]
#[case::close_while_planning(planning(), Timer::Close)]
#[case::before_the_start(Vec::new(), Timer::Cap)]
fn a_late_clock_does_nothing(#[case] base: Vec<Input>, #[case] clock: Timer) {
    let (before, _) = run(new_turn(Mode::Full), base);
    let (after, actions) = run(before.clone(), [timer(clock)]);
    assert_eq!((after, actions), (before, vec![]));
}

#[rstest]
#[case::handoff(handing_off(), vec![say(Template::PassedOn), say(Template::AskForAddress), finish(Outcome::Handoff)])]
#[case::timed_out(
    [planning(), vec![timer(Timer::First)]].concat(),
    vec![say(Template::FollowUp), say(Template::AskForAddress), finish(Outcome::Degraded)]
)]
#[case::incomplete(
    [released(1), vec![link_failed()]].concat(),
    vec![say(Template::Incomplete), say(Template::AskForAddress), finish_incomplete(Outcome::Degraded)]
)]
#[case::approval(
    [writing(), vec![tool_needs(1, Need::Approval { proposal: proposal() })]].concat(),
    vec![say(Template::AwaitingApproval), say(Template::AskForAddress), finish(Outcome::Asked)]
)]
#[case::nobody_writes_about_a_blocked_message(
    [screening(), vec![screened(Verdict::Blocked)]].concat(),
    vec![say(Template::Blocked), finish(Outcome::Degraded)]
)]
#[case::a_question_is_its_own_word(
    [planning(), vec![planned(Plan::Ask { question: Question::Contact })]].concat(),
    vec![finish(Outcome::Asked)]
)]
fn an_address_is_asked_for_where_somebody_will_write(
    #[case] base: Vec<Input>,
    #[case] expected: Vec<Action>,
) {
    assert_eq!(caused(base, [closed_unreachable()]), expected);
}

#[test]
fn a_second_wish_for_a_person_hears_that_somebody_has_it() {
    let already = Input::Closed(Stored {
        already: true,
        ..Stored::default()
    });
    assert_eq!(
        caused(handing_off(), [already.clone()]),
        [say(Template::StillWithTeam), finish(Outcome::Handoff)]
    );
    // What waits for an approval says so all the same.
    let base = [
        writing(),
        vec![tool_needs(1, Need::Approval { proposal: proposal() })],
    ]
    .concat();
    assert_eq!(
        caused(base, [already]),
        [say(Template::AwaitingApproval), finish(Outcome::Asked)]
    );
}

#[test]
fn who_waits_for_a_person_hears_that_nobody_is_in() {
    let away = Input::Closed(Stored {
        away: true,
        needs_contact: true,
        ..Stored::default()
    });
    assert_eq!(
        caused(handing_off(), [away.clone()])[1..],
        [
            say(Template::NobodyIn),
            say(Template::AskForAddress),
            finish(Outcome::Handoff)
        ]
    );
    let question = [
        planning(),
        vec![planned(Plan::Ask {
            question: Question::Contact,
        })],
    ]
    .concat();
    assert_eq!(caused(question, [away]), [finish(Outcome::Asked)]);
}

#[rstest]
#[case::handoff(handing_off(), finish(Outcome::Degraded))]
#[case::ask(
    [planning(), vec![planned(Plan::Ask { question: Question::Contact })]].concat(),
    finish(Outcome::Degraded)
)]
#[case::incomplete([released(1), vec![link_failed()]].concat(), finish_incomplete(Outcome::Degraded))]
fn what_could_not_be_stored_is_not_promised(#[case] base: Vec<Input>, #[case] end: Action) {
    assert_eq!(
        caused(base.clone(), [Input::CloseFailed]),
        [say(Template::NotStored), end.clone()]
    );
    let hung = caused(base, [timer(Timer::Close)]);
    assert_eq!(hung, [Action::Abort, say(Template::NotStored), end]);
}

#[rstest]
#[case::screening(screening(), finish(Outcome::Cancelled))]
#[case::planning(planning(), finish(Outcome::Cancelled))]
#[case::reading(reading(), finish(Outcome::Cancelled))]
#[case::drafting(drafting(), finish(Outcome::Cancelled))]
#[case::with_sentences_out(released(2), finish_incomplete(Outcome::Cancelled))]
#[case::checking(checking(), finish_incomplete(Outcome::Cancelled))]
#[case::closing(handing_off(), finish(Outcome::Cancelled))]
fn the_visitors_stop_ends_the_turn(#[case] base: Vec<Input>, #[case] end: Action) {
    assert_eq!(caused(base, [Input::Cancelled]), [Action::Abort, end]);
}

#[test]
fn a_stop_before_the_start_has_nothing_to_abort() {
    assert_eq!(
        caused(Vec::new(), [Input::Cancelled]),
        [finish(Outcome::Cancelled)]
    );
}

/// A stop can't undo a write: a person learns of it, whatever the visitor presses.
#[test]
fn a_stop_during_a_write_goes_to_a_person() {
    let inputs = writing().into_iter().chain([Input::Cancelled]);
    let (machine, actions) = run(new_turn(Mode::Full), inputs);
    assert_eq!(actions, abort_then(hand_off(HandoffReason::UnknownEffect)));
    let (machine, actions) = run(machine, [Input::Cancelled]);
    assert_eq!(actions, []);
    let (_, actions) = run(machine, [closed()]);
    assert_eq!(
        actions,
        [say(Template::StoppedMidway), finish(Outcome::Cancelled)]
    );
}

#[rstest]
#[case::screening(screening(), false)]
#[case::planning(planning(), false)]
#[case::writing(writing(), false)]
#[case::drafting(drafting(), false)]
#[case::with_sentences_out(released(2), true)]
#[case::checking(checking(), true)]
#[case::closing(handing_off(), false)]
fn a_takeover_ends_the_turn_silently(#[case] base: Vec<Input>, #[case] incomplete: bool) {
    let end = Action::Finish {
        outcome: Outcome::Handoff,
        incomplete,
        silent: true,
    };
    assert_eq!(caused(base, [Input::Fenced]), [Action::Abort, end]);
}

#[test]
fn done_takes_everything_and_does_nothing() {
    for machine in every_state().into_iter().filter(|m| m.outcome().is_some()) {
        for input in every_input() {
            let (after, actions) = run(machine.clone(), [input]);
            assert_eq!((after, actions), (machine.clone(), vec![]));
        }
    }
}

/// A change in a shop, or by a connected tool, may take longer than a look-up: the turn waits as long as
/// that may take, and then has its usual time to tell what came of it.
#[test]
fn a_change_with_a_time_of_its_own_is_waited_for() {
    let call = Call {
        within_ms: Some(8_000),
        ..confirmed(1, "k")
    };
    let verdict = Verdict::Confirms {
        proposal: proposal(),
        call: call.clone(),
    };
    let base = [screening(), vec![screened(verdict)]].concat();
    let (machine, actions) = run(new_turn(Mode::Full), base);
    let first = 8_000 + i64::from(Limits::default().plan_ms);
    let armed = |timer, ms| Action::Arm { timer, at: at(ms) };
    assert_eq!(
        actions,
        [
            armed(Timer::Tool, 8_000),
            armed(Timer::First, first),
            Action::CallTool { call }
        ]
    );
    let (_, actions) = run_at(machine.clone(), 7_900, [tool_ok(1)]);
    assert_eq!(
        actions[..2],
        [arm_from(Timer::First, 7_900), arm_from(Timer::Cap, 7_900)]
    );
    // Its own time is over: nobody knows.
    let (_, actions) = run_at(machine, 8_000, [timer(Timer::Tool)]);
    let close = arm_from(Timer::Close, 8_000);
    let handed = Action::OpenHandoff {
        reason: HandoffReason::UnknownEffect,
        proposal: None,
    };
    assert_eq!(actions, [Action::Abort, close, handed]);
}
