//! What holds for every turn, whatever the driver, the brains, the tools, the visitor
//! and the power supply do.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::driver::{Move, World};
use super::every::{every_input, every_state};
use super::*;
use crate::agent::machine::replay;
use crate::agent::machine::state::State;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        40 => any::<u8>().prop_map(Move::Answer),
        3 => any::<u8>().prop_map(Move::Clock),
        3 => any::<u8>().prop_map(Move::Pass),
        1 => any::<u8>().prop_map(Move::Lose),
        3 => any::<u8>().prop_map(Move::Crash),
        1 => Just(Move::Cancel),
        1 => Just(Move::Fence),
    ];
    vec(one, 0..60)
}

fn modes() -> impl Strategy<Value = Mode> {
    select(vec![Mode::Shadow, Mode::Assist, Mode::Full])
}

/// Screen, a close, three calls and a rejected one, their plans, two drafts with their
/// checks; a plan and a draft more for each further link.
const fn most_operations(links: usize) -> usize {
    1 + 1 + 4 + 5 + 4 + 2 * links
}

proptest! {
    #![proptest_config(config(4_000))]

    /// The world of `driver` checks each action as it is performed: never a fourth call,
    /// never an effect twice, nothing after the end, nothing over a person, sentences
    /// without a hole and only through the gate. Here: every turn ends once time passes,
    /// and none keeps its driver busy for ever.
    #[test]
    fn every_turn_ends_and_keeps_the_rules(mode in modes(), links in 0usize..=3, moves in moves()) {
        let mut world = World::new(mode, links);
        for next in moves {
            world.make(next);
        }
        let ran_out = world.let_time_pass();
        prop_assert!(world.machine.outcome().is_some(), "still {:?}", world.machine.state);
        // Each clock of the turn, a plan's and a draft's for each link, a tool's for each call.
        prop_assert!(ran_out <= 4 + 2 * links + 3, "{ran_out} clocks");
        prop_assert!(world.operations <= most_operations(links) + world.crashes, "{}", world.operations);
    }

    /// AGT-2, AGT-5: a brain, a tool or a gate that does the same again and again gets
    /// nowhere, and is not asked for ever.
    #[test]
    fn stubbornness_is_bounded(links in 0usize..=3, habit in vec(any::<u8>(), 1..5)) {
        let mut world = World::new(Mode::Full, links);
        for pick in habit.iter().cycle().take(200) {
            world.make(Move::Answer(*pick));
        }
        prop_assert!(world.operations <= most_operations(links), "{}", world.operations);
    }

    /// AGT-3: with clocks that are on time, the first word comes within the limit for it,
    /// the end within the cap, each with the time that storing a ticket may take.
    #[test]
    fn no_visitor_waits_past_the_limits(
        mode in modes(),
        links in 0usize..=3,
        habit in vec((any::<u8>(), 0u8..40), 1..12),
    ) {
        let limits = Limits::default();
        let mut world = World::new(mode, links);
        // A brain that talks without end is such a habit too.
        for (pick, tenths) in habit.iter().cycle().take(200) {
            world.make(Move::Answer(*pick));
            world.make(Move::Pass(*tenths));
        }
        world.let_time_pass();
        let first_word = world.first_word.unwrap();
        prop_assert!(first_word <= i64::from(limits.first_ms + limits.close_ms), "{first_word}");
        let ended = world.ended.unwrap();
        prop_assert!(ended <= i64::from(limits.cap_ms + limits.close_ms), "{ended}");
    }

    /// AGT-11: the stored inputs lead to the same end.
    #[test]
    fn replay_ends_in_the_same_machine(mode in modes(), links in 0usize..=3, moves in moves()) {
        let mut world = World::new(mode, links);
        for next in moves {
            world.make(next);
        }
        let stored: Vec<String> =
            world.inputs.iter().map(|row| serde_json::to_string(row).unwrap()).collect();
        let read = stored.iter().map(|row| serde_json::from_str(row).unwrap());
        prop_assert_eq!(replay(world.start.clone(), read), world.machine);
    }

    /// A driver gone mad: any inputs at all, in any order, at any time.
    #[test]
    fn arbitrary_inputs_break_nothing(inputs in vec((select(every_input()), -10_000i64..100_000), 0..40)) {
        let mut machine = new_turn(Mode::Full);
        let (mut finishes, mut calls, mut handed_over) = (0, 0, false);
        for (input, ms) in inputs {
            let (before, was_over) = (machine.state.clone(), machine.outcome().is_some());
            let (after, actions) = step(machine, at(ms), &input);
            machine = after;
            prop_assert!(!was_over || actions.is_empty(), "{:?} after the end", actions);
            for action in &actions {
                match action {
                    Action::Finish { .. } => finishes += 1,
                    Action::OpenHandoff { .. } => handed_over = true,
                    Action::CallTool { .. } if matches!(input, Input::Resumed { .. }) => {}
                    Action::CallTool { .. } => calls += 1,
                    Action::Release { .. } => prop_assert!(!handed_over, "{input:?} in {before:?}"),
                    _ => {}
                }
                let spoken_to_staff = matches!(action, Action::CallTool { .. } | Action::Draft { .. });
                prop_assert!(!(handed_over && spoken_to_staff), "{action:?} after a handoff");
            }
            let turned_down = matches!(input, Input::CallRejected { .. }) && machine.state != before;
            calls -= i32::from(turned_down);
            prop_assert!(calls <= 3, "a fourth call");
            prop_assert!(finishes <= 1, "two ends");
            prop_assert_eq!(machine.outcome().is_some(), finishes == 1);
        }
    }
}

/// Each input in each state, also in such as no turn reaches, at the ends of time: there
/// is an answer, it has the right form, and it survives being stored.
#[test]
fn every_input_has_an_answer_in_every_state() {
    let moments = [
        DateTime::<Utc>::MIN_UTC,
        at(0),
        at(6_000),
        DateTime::<Utc>::MAX_UTC,
    ];
    for machine in every_state() {
        for input in every_input() {
            for moment in moments {
                let (after, actions) = step(machine.clone(), moment, &input);
                let what = format!("{input:?} in {machine:?}: {actions:?}");
                let over = matches!(after.state, State::Done { .. });
                if matches!(machine.state, State::Done { .. }) {
                    assert!(actions.is_empty() && after == machine, "{what}");
                } else {
                    let ended = matches!(actions.last(), Some(Action::Finish { .. }));
                    assert_eq!(over, ended, "{what}");
                }
                let finishes = actions
                    .iter()
                    .filter(|a| matches!(a, Action::Finish { .. }))
                    .count();
                assert!(finishes <= 1, "{what}");
                let begun: Vec<_> = actions.iter().filter(|a| a.is_operation()).collect();
                assert!(begun.len() <= 1, "{what}");
                if let Some(operation) = begun.first() {
                    assert_eq!(Some((*operation).clone()), after.open_operation(), "{what}");
                    assert_eq!(
                        actions.last(),
                        Some(*operation),
                        "the operation comes last: {what}"
                    );
                }
            }
        }
    }
}

/// The properties above would prove little if the driver never came to the corners.
#[test]
fn the_driver_reaches_every_corner() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..8_000 {
        let strategy = (modes(), 0usize..=3, moves());
        let (mode, links, moves) = strategy.new_tree(&mut runner).unwrap().current();
        let mut world = World::new(mode, links);
        for next in moves {
            world.make(next);
        }
        world.let_time_pass();
        seen.append(&mut world.seen);
    }
    let corners = [
        "Answered",
        "Asked",
        "Handoff",
        "Degraded",
        "Withheld",
        "Cancelled",
        "VisitorAsked",
        "Policy",
        "LowConfidence",
        "BadCalls",
        "TooManyCalls",
        "UnknownEffect",
        "NeedsApproval",
        "Guardrail",
        "NoBrain",
        "ticket TimedOut",
        "ticket Incomplete",
        "ticket Blocked",
        "withdraw Guardrail",
        "withdraw Provider",
        "draft strict=false",
        "draft strict=true",
        "ask Identity",
        "ask Contact",
        "ask Confirm ",
        "say FollowUp",
        "say Incomplete",
        "say AskForAddress",
        "say HandedOver",
        "say AwaitingApproval",
        "say Blocked",
        "say Declined",
        "say AddressSaved",
        "say Withheld",
        "say StoppedMidway",
        "say InDoubt",
        "say NotStored",
        "Screen",
        "Plan",
        "CallTool",
        "Release",
        "CheckAnswer",
        "Arm",
        "Abort",
        "Finish",
    ];
    let missing: Vec<_> = corners.iter().filter(|corner| !seen.contains(**corner)).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}; seen: {seen:?}");
}
