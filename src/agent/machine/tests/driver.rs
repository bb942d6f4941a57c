//! A driver that may do anything a real one may: any answer that fits the open
//! operation, any clock at any time, the visitor's stop, a takeover, a worker's death
//! at any point. It performs the actions on a small world and checks each against what
//! must hold.

use std::collections::{BTreeMap, BTreeSet};

use super::every::{EVERY_CODE, EVERY_FAILURE, EVERY_TIMER, every_need};
use super::*;

/// What the driver does next; the numbers pick among what is possible.
#[derive(Debug, Clone, Copy)]
pub enum Move {
    /// The open operation answers.
    Answer(u8),
    /// A clock runs out, armed or not.
    Clock(u8),
    /// Time passes, in tenths of a second, and the clocks run out when they are due.
    Pass(u8),
    /// Time passes, in tenths of a second, and the clocks will be late.
    Lose(u8),
    /// The worker dies and another takes over.
    Crash(u8),
    /// The visitor presses stop.
    Cancel,
    /// Staff take over.
    Fence,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Running,
    Done,
    Unknown,
}

/// The world around one turn.
pub struct World {
    pub machine: Machine,
    /// The machine as it was before the first input, for replay.
    pub start: Machine,
    /// What was stored of the turn.
    pub inputs: Vec<(DateTime<Utc>, Input)>,
    /// Every kind of action, ending and reason that was seen.
    pub seen: BTreeSet<String>,
    /// Operations that were begun, and worker's deaths.
    pub operations: usize,
    pub crashes: usize,
    /// When the visitor first read something of this turn's, and when it ended, in
    /// milliseconds after its start.
    pub first_word: Option<i64>,
    pub ended: Option<i64>,
    now: i64,
    open: Option<Action>,
    /// By when they run out, then by when they were set.
    clocks: BTreeMap<(i64, usize), Timer>,
    clocks_set: usize,
    /// Sentences of the current draft before the visitor.
    visible: u32,
    /// The gate has let exactly this sentence through and it isn't out yet.
    passed: Option<u32>,
    whole_passed: bool,
    said: Vec<Template>,
    stored: Option<Action>,
    calls: usize,
    next_call: u8,
    next_sentence: u32,
    effects: BTreeMap<String, (Fate, u32)>,
    handed_over: bool,
    fenced: bool,
    finished: bool,
}

impl World {
    pub fn new(mode: Mode, links: usize) -> Self {
        let links = ["a", "b", "c"]
            .iter()
            .take(links)
            .map(|&name| name.to_owned())
            .collect();
        let machine = Machine::new(mode, Limits::default(), links);
        let mut world = Self {
            start: machine.clone(),
            machine,
            inputs: Vec::new(),
            seen: BTreeSet::new(),
            operations: 0,
            crashes: 0,
            first_word: None,
            ended: None,
            now: 0,
            open: None,
            clocks: BTreeMap::new(),
            clocks_set: 0,
            visible: 0,
            passed: None,
            whole_passed: false,
            said: Vec::new(),
            stored: None,
            calls: 0,
            next_call: 0,
            next_sentence: 0,
            effects: BTreeMap::new(),
            handed_over: false,
            fenced: false,
            finished: false,
        };
        world.feed(Input::Started);
        world
    }

    pub fn make(&mut self, next: Move) {
        match next {
            Move::Answer(pick) => {
                if let Some(input) = self.answer(pick) {
                    self.feed(input);
                }
            }
            Move::Clock(pick) => {
                let timer = EVERY_TIMER[usize::from(pick) % EVERY_TIMER.len()];
                self.clocks.retain(|_, armed| *armed != timer);
                self.feed(Input::Timer { timer });
            }
            Move::Pass(tenths) => {
                let until = self.now + i64::from(tenths) * 100;
                while let Some(entry) = self.clocks.first_entry().filter(|entry| entry.key().0 <= until) {
                    let ((due, _), timer) = entry.remove_entry();
                    self.now = self.now.max(due);
                    self.feed(Input::Timer { timer });
                }
                self.now = self.now.max(until);
            }
            Move::Lose(tenths) => self.now += i64::from(tenths) * 100,
            Move::Crash(pick) => self.crash(pick),
            Move::Cancel => self.feed(Input::Cancelled),
            Move::Fence => {
                self.fenced = true;
                self.feed(Input::Fenced);
            }
        }
    }

    /// From now on nothing answers any more and the clocks run out one after another.
    /// Gives how many it took to end the turn.
    pub fn let_time_pass(&mut self) -> usize {
        let mut ran_out = 0;
        while let Some(((due, _), timer)) = self.clocks.pop_first() {
            if self.finished {
                break;
            }
            self.now = self.now.max(due);
            self.feed(Input::Timer { timer });
            ran_out += 1;
        }
        ran_out
    }

    /// A new worker restores what is stored, and asks the ledger if a write was open.
    fn crash(&mut self, pick: u8) {
        self.crashes += 1;
        let stored = serde_json::to_string(&self.machine).unwrap();
        self.machine = serde_json::from_str(&stored).unwrap();
        self.clocks.clear();
        self.passed = None;
        let ledger = match self.open.take() {
            Some(Action::CallTool { call }) if call.effect.key().is_some() => match pick % 3 {
                0 => {
                    self.settle(&call, None);
                    Ledger::None
                }
                1 => {
                    self.settle(&call, Some(Fate::Done));
                    Ledger::Done
                }
                _ => {
                    self.settle(&call, Some(Fate::Unknown));
                    Ledger::Unknown
                }
            },
            _ => Ledger::None,
        };
        self.feed(Input::Resumed { ledger });
    }

    /// An answer that fits the open operation.
    fn answer(&mut self, pick: u8) -> Option<Input> {
        let pick = usize::from(pick);
        let operation = self.open.clone()?;
        let input = match &operation {
            Action::Screen => screened(match pick % 16 {
                0 => Verdict::Blocked,
                1 => Verdict::WantsHuman,
                2 | 3 => {
                    self.next_call += 1;
                    Verdict::Confirms {
                        proposal: proposal(),
                        call: confirmed(self.next_call, "confirmed"),
                    }
                }
                4 => Verdict::Declines { proposal: proposal() },
                5 => Verdict::LeavesAddress,
                6 => Verdict::Unmoderated,
                _ => Verdict::Clean,
            }),
            Action::Plan { .. } => match pick % 16 {
                0 => planned(Plan::Ask {
                    question: Question::Contact,
                }),
                1 => planned(Plan::Ask {
                    question: Question::Confirm { proposal: proposal() },
                }),
                2 => planned(Plan::Handoff {
                    reason: HandoffReason::Policy,
                }),
                3 | 4 => Input::LinkFailed {
                    cause: EVERY_FAILURE[pick / 16 % EVERY_FAILURE.len()],
                },
                5..=8 => {
                    self.next_call += 1;
                    wants(read(self.next_call))
                }
                9 | 10 => {
                    self.next_call += 1;
                    wants(write(self.next_call, if pick < 128 { "one" } else { "two" }))
                }
                _ => planned(Plan::Draft),
            },
            Action::CallTool { call } => self.answer_of_tool(&call.clone(), pick),
            Action::Draft { .. } => match pick % 16 {
                0 | 1 => Input::LinkFailed {
                    cause: EVERY_FAILURE[pick / 16 % EVERY_FAILURE.len()],
                },
                2 | 3 => fail(self.next_sentence),
                4..=7 => Input::DraftEnded,
                _ => {
                    self.passed = Some(self.next_sentence);
                    self.next_sentence += 1;
                    pass(self.next_sentence - 1)
                }
            },
            Action::CheckAnswer { .. } => checked(pick % 4 != 0),
            _ => match pick % 4 {
                0 => Input::CloseFailed,
                1 => closed_unreachable(),
                2 => Input::Closed(Stored {
                    already: true,
                    away: true,
                    ..Stored::default()
                }),
                _ => closed(),
            },
        };
        if matches!(input, Input::Closed(_)) {
            if matches!(operation, Action::StoreAsk { .. }) {
                self.first_word.get_or_insert(self.now);
            }
            self.stored = Some(operation);
        }
        // Keeping a draft for staff is no new one.
        if !matches!(input, Input::Closed(_)) {
            self.whole_passed = matches!(input, Input::Checked { gate: Gate::Pass });
        }
        // A draft stays open while sentences come; everything else is answered once.
        if !matches!(input, Input::Sentence { .. }) {
            self.open = None;
        }
        Some(input)
    }

    fn answer_of_tool(&mut self, call: &Call, pick: usize) -> Input {
        let call_id = call.call_id;
        match pick % 16 {
            0 | 1 => {
                self.calls -= 1;
                self.settle(call, None);
                let why = if pick < 128 {
                    Rejection::Unknown
                } else {
                    Rejection::Schema
                };
                Input::CallRejected { call_id, why }
            }
            2..=5 => {
                let code = EVERY_CODE[pick / 16 % EVERY_CODE.len()];
                self.settle(call, code.leaves_doubt().then_some(Fate::Unknown));
                Input::ToolErr { call_id, code }
            }
            6 | 7 => {
                self.settle(call, None);
                Input::ToolNeeds {
                    call_id,
                    need: every_need()[pick / 16 % 4],
                }
            }
            15 => {
                self.settle(call, Some(Fate::Done));
                Input::ToolHandsOver {
                    call_id,
                    reason: HandoffReason::Policy,
                }
            }
            n => {
                self.settle(call, Some(Fate::Done));
                let confidence = match n {
                    8 | 9 => Some(Confidence::Low),
                    10 | 11 => Some(Confidence::Enough),
                    _ => None,
                };
                Input::ToolOk { call_id, confidence }
            }
        }
    }

    /// Writes into the ledger what became of a call: `None` is "nothing happened". What
    /// may have happened is taken to have happened.
    fn settle(&mut self, call: &Call, fate: Option<Fate>) {
        let Some(key) = call.effect.key() else { return };
        match fate {
            None => {
                self.effects.remove(key);
            }
            Some(fate) => {
                let (state, times) = self.effects.get_mut(key).unwrap();
                *state = fate;
                *times += 1;
                assert!(*times <= 1, "the effect of {key} happened twice");
            }
        }
    }

    fn feed(&mut self, input: Input) {
        let at = at(self.now);
        let (machine, actions) = step(self.machine.clone(), at, &input);
        let (again, same_actions) = step(self.machine.clone(), at, &input);
        assert_eq!(
            (&machine, &actions),
            (&again, &same_actions),
            "a step is a pure function"
        );
        assert!(!self.finished || actions.is_empty(), "{actions:?} after the end");
        if matches!(input, Input::Fenced) && !self.finished {
            let silent = actions
                .iter()
                .all(|a| matches!(a, Action::Abort | Action::Finish { silent: true, .. }));
            assert!(silent && self.fenced, "{actions:?} over a person");
        }
        self.inputs.push((at, input));
        self.machine = machine;
        for action in &actions {
            self.perform(action);
        }
        assert_eq!(self.passed, None, "what the gate let through is out");
        assert_eq!(
            self.open,
            self.machine.open_operation(),
            "the state names what is open"
        );
        assert_eq!(self.finished, self.machine.outcome().is_some());
    }

    fn perform(&mut self, action: &Action) {
        self.seen.insert(name(action));
        assert!(!self.finished, "{action:?} after the end");
        if action.is_operation() {
            assert_eq!(self.open, None, "{action:?} while another operation runs");
            self.operations += 1;
            self.open = Some(action.clone());
        }
        let closes = matches!(action, Action::OpenHandoff { .. });
        assert!(
            closes || !self.handed_over || !action.is_operation(),
            "{action:?} after the thread was given to a person"
        );
        match action {
            Action::Screen | Action::Plan { .. } | Action::CheckAnswer { .. } => {}
            Action::StoreAsk { .. } | Action::StoreDraft { .. } | Action::OpenTicket { .. } => {}
            Action::CallTool { call } => self.begin_call(call),
            Action::Draft { .. } => {
                assert_eq!(self.visible, 0, "a draft begins on a clean page");
                self.next_sentence = 0;
            }
            Action::Release { i } => {
                assert!(
                    !self.handed_over,
                    "a sentence after the thread was given to a person"
                );
                assert_eq!(
                    self.passed.take(),
                    Some(*i),
                    "only what the gate let through, once"
                );
                assert_eq!(*i, self.visible, "sentences come without a hole");
                self.visible += 1;
                self.first_word.get_or_insert(self.now);
            }
            Action::Withdraw { from, .. } => {
                assert!(*from < self.visible, "nothing from {from} on is out");
                self.visible = *from;
            }
            Action::Say { template } => {
                let after_the_store = !matches!(
                    template,
                    Template::HandedOver | Template::InDoubt | Template::FollowUp | Template::Incomplete
                ) || self.stored.is_some();
                assert!(after_the_store, "{template:?} promises what isn't stored");
                self.said.push(*template);
                self.first_word.get_or_insert(self.now);
            }
            Action::OpenHandoff { .. } => self.handed_over = true,
            Action::Arm { timer, at: when } => {
                assert!(*when >= at(self.now), "a clock set in the past");
                self.clocks.retain(|_, armed| armed != timer);
                self.clocks_set += 1;
                self.clocks
                    .insert(((*when - at(0)).num_milliseconds(), self.clocks_set), *timer);
            }
            Action::Abort => match self.open.take() {
                Some(Action::CallTool { call }) => self.settle(&call, Some(Fate::Unknown)),
                Some(_) => self.passed = None,
                None => panic!("nothing to abort"),
            },
            Action::Finish {
                outcome,
                incomplete,
                silent,
            } => self.end(*outcome, *incomplete, *silent),
        }
    }

    fn begin_call(&mut self, call: &Call) {
        let repeated = matches!(self.inputs.last(), Some((_, Input::Resumed { .. })));
        if !repeated {
            self.calls += 1;
        }
        assert!(self.calls <= 3, "a fourth call");
        if let Some(key) = call.effect.key() {
            let before = self.effects.insert(key.to_owned(), (Fate::Running, 0));
            assert_eq!(before, None, "the write {key} begins again");
        }
    }

    fn end(&mut self, outcome: Outcome, incomplete: bool, silent: bool) {
        assert_eq!(self.open, None, "the turn ends while an operation runs");
        self.finished = true;
        self.ended = Some(self.now);
        self.clocks.clear();
        self.seen.insert(format!("{outcome:?}"));
        assert_eq!(silent, self.fenced);
        let whole = matches!(outcome, Outcome::Answered | Outcome::Withheld);
        assert_eq!(incomplete, self.visible > 0 && !whole);
        if silent {
            return;
        }
        let unknown = self.effects.values().any(|(fate, _)| *fate == Fate::Unknown);
        let handoff_stored = matches!(self.stored, Some(Action::OpenHandoff { .. }));
        if unknown {
            let told = handoff_stored || self.said == [Template::NotStored];
            assert!(told, "nobody learns of a write whose effect is unknown");
        }
        match outcome {
            Outcome::Answered | Outcome::Withheld if self.visible > 0 => {
                assert!(self.whole_passed, "an answer that wasn't checked as a whole");
                let shadow = self.machine.ctx.mode == Mode::Shadow;
                assert_eq!(shadow, outcome == Outcome::Withheld);
            }
            Outcome::Handoff => assert!(handoff_stored, "a handoff that isn't stored"),
            Outcome::Asked => assert!(matches!(
                self.stored,
                Some(Action::StoreAsk { .. } | Action::OpenHandoff { .. })
            )),
            Outcome::Degraded => assert!(
                matches!(self.stored, Some(Action::OpenTicket { .. })) || self.said == [Template::NotStored]
            ),
            Outcome::Answered | Outcome::Withheld | Outcome::Cancelled => {}
        }
        let spoken = self.visible > 0 || !self.said.is_empty();
        let quiet = matches!(outcome, Outcome::Cancelled | Outcome::Asked);
        assert!(spoken || quiet, "the visitor is left in silence");
    }
}

/// What to call an action in the tally of what was seen.
fn name(action: &Action) -> String {
    match action {
        Action::OpenHandoff { reason, .. } => format!("{reason:?}"),
        Action::OpenTicket { reason } => format!("ticket {reason:?}"),
        Action::Say { template } => format!("say {template:?}"),
        Action::StoreAsk { question } => format!("ask {question:?}").chars().take(12).collect(),
        Action::Withdraw { reason, .. } => format!("withdraw {reason:?}"),
        Action::Draft { strict, .. } => format!("draft strict={strict}"),
        other => format!("{other:?}")
            .chars()
            .take_while(char::is_ascii_alphabetic)
            .collect(),
    }
}
