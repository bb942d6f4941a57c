//! What the machine asks for, done: operations begun, sentences released or taken back,
//! closing words said, the turn's end noted.

use std::sync::Arc;

use super::Driver;
use crate::agent::brain::{Plan, TurnView};
use crate::agent::machine::action::{Action, Correction, Question, WithdrawReason};
use crate::agent::machine::call::Call;
use crate::agent::machine::input::{Input, LinkFailure};
use crate::agent::operation::{self, Running};
use crate::agent::phrases;
use crate::agent::record::{CallNews, Ending};
use crate::domain::event::{AskKind, Outcome, ReplaceReason, StepStatus, ThreadEvent};
use crate::domain::site::Mode;

impl Driver {
    pub(super) fn perform(&mut self, action: Action) {
        let t = self.job.turn;
        match action {
            Action::Arm { timer, at } => {
                self.clocks.insert(timer, at);
            }
            Action::Abort => self.running = Running::Idle,
            Action::Screen => {
                self.running = if self.job.address_only {
                    Running::ready()
                } else if let Some(site_name) = self.job.opens.take() {
                    operation::opened(TurnView::clone(&self.view), site_name)
                } else {
                    operation::screen(
                        &self.agent,
                        t,
                        self.job.first_seq,
                        self.job.text.clone(),
                        self.job.locale.clone(),
                    )
                };
            }
            Action::Plan { link, correction } => self.plan(&link, correction),
            Action::CallTool { call } => self.call(call),
            Action::Draft { link, .. } => {
                self.draft.clear();
                match self.agent.brain(&link) {
                    Some(brain) => {
                        let meter = Arc::clone(&self.meter);
                        self.running = operation::draft(&self.agent, brain, &self.view, meter);
                    }
                    None => self.inputs.push_back(Input::LinkFailed {
                        cause: LinkFailure::Malformed,
                    }),
                }
            }
            Action::Release { i } => {
                if let Some(sentence) = self.draft.get(i as usize) {
                    let events = self
                        .answer
                        .release(sentence, &self.view.found().collect::<Vec<_>>());
                    if self.machine.ctx.mode != Mode::Shadow {
                        self.record.events.extend(events);
                    }
                }
            }
            Action::Withdraw { from, reason } => {
                let reason = match reason {
                    WithdrawReason::Guardrail => ReplaceReason::Guardrail,
                    WithdrawReason::Provider => ReplaceReason::Provider,
                };
                let event = self.answer.withdraw(from, reason);
                self.record.events.push(event);
            }
            Action::CheckAnswer { .. } => self.running = Running::ready(),
            Action::Say { template } => {
                let event = self.answer.say(phrases::say(template, self.tongue));
                self.record.events.push(event);
            }
            Action::StoreAsk { question } => {
                let (kind, proposal_id) = match question {
                    Question::Identity => (AskKind::Identity, None),
                    Question::Contact => (AskKind::Contact, None),
                    Question::Confirm { proposal } => (AskKind::Confirm, Some(proposal.0)),
                };
                self.record.events.push(ThreadEvent::Ask {
                    kind,
                    proposal_id,
                    summary: String::new(),
                });
                self.running = Running::ready();
            }
            Action::OpenTicket { reason } => self.running = operation::ticket(&self.agent, t, reason),
            Action::OpenHandoff { reason, .. } => {
                self.running = operation::handoff(&self.agent, t, reason);
            }
            Action::Finish {
                outcome,
                incomplete,
                silent,
            } => self.finish(outcome, incomplete, silent),
        }
    }

    fn plan(&mut self, link: &str, correction: Option<Correction>) {
        if correction.is_some() {
            // What was planned beside a call that failed was planned in the belief in it.
            self.queue.clear();
        }
        if let Some(next) = self.queue.pop_front() {
            let input = self.planned(Plan::Calls(vec![next]));
            self.inputs.push_back(input);
            return;
        }
        self.view_mut().correction = correction;
        match self.agent.brain(link) {
            Some(brain) => self.running = operation::plan(brain, &self.view, Arc::clone(&self.meter)),
            None => self.inputs.push_back(Input::LinkFailed {
                cause: LinkFailure::Malformed,
            }),
        }
    }

    pub(super) fn call(&mut self, call: Call) {
        let known = self.agent.registry.writes(&call.tool).is_some();
        self.record.calls.push(CallNews::Begun {
            id: call.call_id,
            tool: call.tool.clone(),
            args: self.args.clone(),
        });
        if known {
            self.progress(&call.tool, StepStatus::Start);
        }
        self.running = operation::call(
            &self.agent,
            self.job.turn,
            call.call_id,
            call.tool,
            self.args.clone(),
        );
    }

    pub(super) fn progress(&mut self, tool: &str, status: StepStatus) {
        let label = match status {
            StepStatus::Start => phrases::working(tool, self.tongue),
            StepStatus::Ok => phrases::worked(tool, true, self.tongue),
            StepStatus::Error => phrases::worked(tool, false, self.tongue),
        };
        self.record.events.push(ThreadEvent::Step {
            phase: "tool".to_owned(),
            tool: Some(tool.to_owned()),
            status,
            label: label.to_owned(),
        });
    }

    pub(super) fn finish(&mut self, outcome: Outcome, incomplete: bool, silent: bool) {
        let brain = self.machine.ctx.link_name().unwrap_or("none").to_owned();
        if silent {
            self.record.ending = Some(Ending {
                outcome: "fenced",
                brain,
                message: None,
                gap: None,
            });
            return;
        }
        let used = self.answer.used();
        let text = self.answer.text();
        self.record.events.push(ThreadEvent::Final {
            outcome,
            text: text.clone(),
            citations: used.iter().map(|c| c.n).collect(),
            brain: brain.clone(),
            incomplete,
        });
        self.record.events.push(ThreadEvent::Done {
            turn_id: self.job.turn.turn,
        });
        let gap = (used.is_empty() && self.searched_by_message())
            .then(|| (self.job.text.clone(), self.job.locale.clone()));
        let message = (!self.answer.is_empty()).then_some((text, used));
        self.record.ending = Some(Ending {
            outcome: outcome.as_str(),
            brain,
            message,
            gap,
        });
    }

    /// Whether the documents were asked what the visitor asked, and answered.
    fn searched_by_message(&self) -> bool {
        let asked = self.view.message.trim();
        !asked.is_empty()
            && self.view.outcomes.iter().any(|o| {
                let query = o.args.get("query").and_then(|q| q.as_str()).unwrap_or_default();
                o.found.is_some() && o.result.is_ok() && query.contains(asked)
            })
    }
}
