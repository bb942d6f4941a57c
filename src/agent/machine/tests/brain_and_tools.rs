//! Rules up to the draft: the start, what screening says, what the brain wants, what
//! the tools answer, and the chain of links.

use rstest::rstest;

use super::*;
use crate::agent::machine::action::Correction;
use crate::agent::machine::state::State;

#[test]
fn the_start_sets_the_turns_clocks_and_screens() {
    let (_, actions) = run(new_turn(Mode::Full), [Input::Started]);
    assert_eq!(actions, [arm(Timer::First), arm(Timer::Cap), Action::Screen]);
    assert_eq!(caused(screening(), [Input::Started]), []);
}

#[rstest]
#[case::clean(Verdict::Clean, plan_by("a"))]
#[case::blocked(Verdict::Blocked, ticket(TicketReason::Blocked))]
#[case::unmoderated(Verdict::Unmoderated, hand_off(HandoffReason::Unmoderated))]
#[case::wants_human(Verdict::WantsHuman, hand_off(HandoffReason::VisitorAsked))]
#[case::confirms(
    Verdict::Confirms { proposal: proposal(), call: confirmed(1, "k") },
    vec![arm(Timer::Tool), Action::CallTool { call: confirmed(1, "k") }]
)]
#[case::declines(
    Verdict::Declines { proposal: proposal() },
    vec![say(Template::Declined), finish(Outcome::Answered)]
)]
#[case::leaves_address(
    Verdict::LeavesAddress,
    vec![say(Template::AddressSaved), finish(Outcome::Answered)]
)]
fn screening_decides_the_way(#[case] verdict: Verdict, #[case] expected: Vec<Action>) {
    assert_eq!(caused(screening(), [screened(verdict)]), expected);
}

#[rstest]
#[case::call(Plan::Call { call: read(1) }, vec![arm(Timer::Tool), Action::CallTool { call: read(1) }])]
#[case::draft(Plan::Draft, draft_by("a", 1))]
#[case::ask(Plan::Ask { question: Question::Identity }, ask(Question::Identity))]
#[case::handoff(Plan::Handoff { reason: HandoffReason::Policy }, hand_off(HandoffReason::Policy))]
#[case::a_yes_without_a_proposal_of_the_hands(
    Plan::Ask { question: Question::Confirm { proposal: proposal() } },
    plan_by("b")
)]
fn a_plan_is_followed(#[case] plan: Plan, #[case] expected: Vec<Action>) {
    assert_eq!(caused(planning(), [planned(plan)]), expected);
}

/// After three calls, a fourth goes to a person; an answer, a question or a handoff may still come.
#[rstest]
#[case::call(Plan::Call { call: read(4) }, hand_off(HandoffReason::TooManyCalls))]
#[case::draft(Plan::Draft, draft_by("a", 1))]
#[case::ask(Plan::Ask { question: Question::Contact }, ask(Question::Contact))]
#[case::handoff(Plan::Handoff { reason: HandoffReason::OutOfScope }, hand_off(HandoffReason::OutOfScope))]
fn no_fourth_call(#[case] plan: Plan, #[case] expected: Vec<Action>) {
    let three_calls = (1..=3).flat_map(|n| [wants(read(n)), tool_ok(n)]);
    let base = planning().into_iter().chain(three_calls).collect();
    assert_eq!(caused(base, [planned(plan)]), expected);
}

#[rstest]
#[case::a_site_may_allow_fewer(1, 1)]
#[case::no_site_may_allow_more(9, 3)]
fn a_sites_limit_of_calls(#[case] limit: u8, #[case] allowed: u8) {
    let limits = Limits {
        max_tools: limit,
        ..Limits::default()
    };
    let machine = Machine::new(Mode::Full, limits, vec!["a".into()]);
    let (mut machine, _) = run(machine, planning());
    let mut performed = 0;
    for n in 1..=9 {
        let (after, actions) = run(machine, [wants(read(n))]);
        performed += actions
            .iter()
            .filter(|a| matches!(a, Action::CallTool { .. }))
            .count();
        (machine, _) = run(after, [tool_ok(n)]);
    }
    assert_eq!(performed, usize::from(allowed));
}

#[test]
fn a_rejected_call_goes_back_once_and_does_not_count() {
    let why = Rejection::Schema;
    let correction = Some(Correction::Rejected { why });
    let again = vec![
        arm(Timer::Plan),
        Action::Plan {
            link: "a".into(),
            correction,
        },
    ];
    assert_eq!(caused(reading(), [rejected(1)]), again);
    assert_eq!(
        caused(reading(), [rejected(1), wants(read(2)), rejected(2)]),
        hand_off(HandoffReason::BadCalls)
    );
    let three_more = (2..=4).flat_map(|n| [wants(read(n)), tool_ok(n)]);
    let (machine, _) = run(
        new_turn(Mode::Full),
        reading().into_iter().chain([rejected(1)]).chain(three_more),
    );
    assert_eq!(machine.ctx.tools_used, 3);
    assert_eq!(machine.state, State::Planning { correction: None });
}

/// A rejected write never began, so its key is still free.
#[test]
fn a_rejected_write_may_come_again_mended() {
    let mended = vec![arm(Timer::Tool), Action::CallTool { call: write(2, "k") }];
    assert_eq!(caused(writing(), [rejected(1), wants(write(2, "k"))]), mended);
}

#[test]
fn a_proposal_that_no_longer_fits_goes_to_a_person() {
    let yes = screened(Verdict::Confirms {
        proposal: proposal(),
        call: confirmed(1, "k"),
    });
    assert_eq!(
        caused(screening(), [yes, rejected(1)]),
        hand_off(HandoffReason::BadCalls)
    );
}

#[test]
fn a_result_goes_back_to_the_brain() {
    assert_eq!(caused(reading(), [tool_ok(1)]), plan_by("a"));
    assert_eq!(caused(writing(), [tool_ok(1)]), plan_by("a"));
}

/// KB-10: no brain goes on without the knowledge base; of another tool it hears that it is off.
#[test]
fn a_search_that_is_switched_off_leads_to_a_person() {
    let off = || tool_err(1, ToolCode::Disabled);
    assert_eq!(caused(reading(), [off()]), hand_off(HandoffReason::KnowledgeOff));
    let mut other = read(1);
    other.tool = "list_orders".into();
    let calling = [planning(), vec![planned(Plan::Call { call: other })]].concat();
    let correction = Some(Correction::ToolFailed {
        code: ToolCode::Disabled,
    });
    let again = vec![
        arm(Timer::Plan),
        Action::Plan {
            link: "a".into(),
            correction,
        },
    ];
    assert_eq!(caused(calling, [off()]), again);
}

#[rstest]
#[case::read_not_found(reading(), ToolCode::NotFound, false)]
#[case::read_timeout(reading(), ToolCode::Timeout, false)]
#[case::read_upstream(reading(), ToolCode::Upstream5xx, false)]
#[case::write_invalid(writing(), ToolCode::InvalidInput, false)]
#[case::write_disabled(writing(), ToolCode::Disabled, false)]
#[case::write_rate_limit(writing(), ToolCode::RateLimit, false)]
#[case::write_timeout(writing(), ToolCode::Timeout, true)]
#[case::write_upstream(writing(), ToolCode::Upstream5xx, true)]
fn an_error_goes_back_unless_a_write_may_have_happened(
    #[case] base: Vec<Input>,
    #[case] code: ToolCode,
    #[case] unknown: bool,
) {
    let correction = Some(Correction::ToolFailed { code });
    let expected = if unknown {
        hand_off(HandoffReason::UnknownEffect)
    } else {
        vec![
            arm(Timer::Plan),
            Action::Plan {
                link: "a".into(),
                correction,
            },
        ]
    };
    assert_eq!(caused(base, [tool_err(1, code)]), expected);
}

#[test]
fn a_tools_clock_counts_as_its_timeout() {
    let correction = Some(Correction::ToolFailed {
        code: ToolCode::Timeout,
    });
    let again = vec![
        Action::Abort,
        arm(Timer::Plan),
        Action::Plan {
            link: "a".into(),
            correction,
        },
    ];
    assert_eq!(caused(reading(), [timer(Timer::Tool)]), again);
    let person = abort_then(hand_off(HandoffReason::UnknownEffect));
    assert_eq!(caused(writing(), [timer(Timer::Tool)]), person);
}

#[rstest]
#[case::done(tool_ok(1))]
#[case::refused(tool_err(1, ToolCode::RateLimit))]
fn a_write_never_comes_twice_under_one_key(#[case] answer: Input) {
    let again = caused(writing(), [answer, wants(write(2, "k"))]);
    assert_eq!(again, hand_off(HandoffReason::TooManyCalls));
}

#[rstest]
#[case::identity(Need::Identity, ask(Question::Identity))]
#[case::confirm(
    Need::Confirm { proposal: proposal() },
    ask(Question::Confirm { proposal: proposal() })
)]
#[case::approval(
    Need::Approval { proposal: proposal() },
    vec![
        arm(Timer::Close),
        Action::OpenHandoff { reason: HandoffReason::NeedsApproval, proposal: Some(proposal()) },
    ]
)]
fn what_a_tool_needs_ends_the_turn_as_asked(#[case] need: Need, #[case] expected: Vec<Action>) {
    let inputs = writing().into_iter().chain([tool_needs(1, need)]);
    let (machine, actions) = run(new_turn(Mode::Full), inputs);
    assert_eq!(actions, expected);
    let (machine, _) = run(machine, [closed()]);
    assert_eq!(machine.outcome(), Some(Outcome::Asked));
}

#[rstest]
#[case::ok(tool_ok(7))]
#[case::error(tool_err(7, ToolCode::NotFound))]
#[case::needs(tool_needs(7, Need::Identity))]
#[case::rejected(rejected(7))]
fn an_answer_of_another_call_is_ignored(#[case] answer: Input) {
    assert_eq!(caused(reading(), [answer]), []);
}

/// GRD-6: only a doubtful find leads to a person, anything firmer may be answered from.
#[rstest]
#[case::low(vec![tool_found(1, Confidence::Low)], hand_off(HandoffReason::LowConfidence))]
#[case::enough(vec![tool_found(1, Confidence::Enough)], draft_by("a", 1))]
#[case::unrated(vec![tool_ok(1)], draft_by("a", 1))]
#[case::low_then_enough(
    vec![tool_found(1, Confidence::Low), wants(read(2)), tool_found(2, Confidence::Enough)],
    draft_by("a", 1)
)]
fn low_confidence_goes_to_a_person(#[case] found: Vec<Input>, #[case] expected: Vec<Action>) {
    let then = found.into_iter().chain([planned(Plan::Draft)]);
    assert_eq!(caused(reading(), then), expected);
}

#[rstest]
#[case::planning_goes_on_with_the_next(planning(), plan_by("b"))]
#[case::drafting_goes_on_from_what_was_found(drafting(), draft_by("b", 2))]
#[case::drafting_from_nothing_asks_for_a_plan(
    [planning(), vec![planned(Plan::Draft)]].concat(),
    plan_by("b")
)]
#[case::the_chain_is_spent(
    [planning(), vec![link_failed()]].concat(),
    hand_off(HandoffReason::NoBrain)
)]
#[case::the_chain_is_spent_at_drafting(
    [drafting(), vec![link_failed()]].concat(),
    hand_off(HandoffReason::NoBrain)
)]
fn a_failed_link_is_left_for_the_next(#[case] base: Vec<Input>, #[case] expected: Vec<Action>) {
    assert_eq!(caused(base, [link_failed()]), expected);
}

#[test]
fn a_silent_link_is_left_for_the_next() {
    assert_eq!(caused(planning(), [timer(Timer::Plan)]), abort_then(plan_by("b")));
}

#[test]
fn what_the_tools_found_outlives_their_link() {
    let (machine, _) = run(
        new_turn(Mode::Full),
        [reading(), vec![tool_ok(1), link_failed()]].concat(),
    );
    assert_eq!(machine.ctx.link_name(), Some("b"));
    assert_eq!((machine.ctx.tools_used, machine.ctx.grounded), (1, true));
}

#[test]
fn an_empty_chain_leads_to_a_person() {
    let machine = Machine::new(Mode::Full, Limits::default(), Vec::new());
    assert_eq!(run(machine, planning()).1, hand_off(HandoffReason::NoBrain));
}
