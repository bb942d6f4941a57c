//! What the machine asks for, done: operations begun, sentences released or taken back,
//! closing words said, the turn's end noted.

use std::sync::Arc;

use serde_json::json;

use super::Driver;
use crate::agent::brain::{Plan, TurnView};
use crate::agent::closing;
use crate::agent::judge::Letter;
use crate::agent::machine::action::{Action, Correction, Question, Template, WithdrawReason};
use crate::agent::machine::call::{ArgsRef, Call};
use crate::agent::machine::input::{Input, LinkFailure};
use crate::agent::mask;
use crate::agent::operation::{self, Running, What};
use crate::agent::phrases;
use crate::agent::record::{CallNews, Ending};
use crate::agent::screening;
use crate::domain::event::{AskKind, Asks, Outcome, ReplaceReason, StepStatus, ThreadEvent};
use crate::domain::site::Mode;
use crate::domain::tool::Power;
use crate::hands::Tool;
use crate::hands::send_email::{self, SendEmail};

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
                } else if let Some(site) = self.job.opens.take() {
                    screening::opened(&self.agent, TurnView::clone(&self.view), &site)
                } else {
                    screening::screen(
                        &self.agent,
                        t,
                        self.job.first_seq,
                        self.job.text.clone(),
                        self.job.locale.clone(),
                        self.job.answer.is_some(),
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
                if let Some(sentence) = self.draft.get(i as usize).cloned() {
                    let view = Arc::clone(&self.view);
                    let events = self
                        .answer_mut()
                        .release(&sentence, &view.found().collect::<Vec<_>>());
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
                let event = self.answer_mut().withdraw(from, reason);
                if self.machine.ctx.mode != Mode::Shadow {
                    self.record.events.push(event);
                }
            }
            Action::CheckAnswer { .. } => self.running = Running::ready(),
            Action::Say { template } => {
                let words = match (template, &self.away) {
                    (Template::NobodyIn, Some(away)) => away.as_str(),
                    _ => phrases::say(template, self.tongue),
                };
                let event = self.answer.say(words);
                self.record.events.push(event);
            }
            Action::StoreAsk { question } => {
                if let Question::Confirm { proposal } = question {
                    self.running = closing::proposal(&self.agent, t, proposal);
                    return;
                }
                let kind = asked(question);
                let summary = phrases::asks(kind, self.tongue).to_owned();
                self.ask(Asks::plain(kind, summary));
                self.running = Running::ready();
            }
            Action::StoreDraft { question } => {
                let (text, cites) = match question {
                    Some(question) => (phrases::asks(asked(question), self.tongue).to_owned(), Vec::new()),
                    None => (self.for_staff.text(), self.for_staff.used()),
                };
                let page = self.job.page.clone();
                self.running = closing::keep_draft(&self.agent, t, text, cites, page);
            }
            Action::OpenTicket { reason } => {
                let page = self.job.page.clone();
                self.running = closing::ticket(&self.agent, t, reason, page, self.job.text.clone());
            }
            Action::OpenHandoff { reason, proposal } => {
                let page = self.job.page.clone();
                self.running =
                    closing::handoff(&self.agent, t, reason, proposal, (page, self.job.text.clone()));
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
        let known = self.power(&call.tool).is_some();
        if let ArgsRef::Proposal { proposal } = call.args {
            self.args = json!({ "proposal": proposal });
        }
        self.record.calls.push(CallNews::Begun {
            id: call.call_id,
            tool: call.tool.clone(),
            args: self.args.clone(),
        });
        if known {
            self.progress(&call.tool, StepStatus::Start);
        }
        let what = match call.args {
            ArgsRef::Proposal { proposal } => What::Proposal(proposal),
            // The hands' border: from here on it is the visitor's own data.
            ArgsRef::Call => {
                let args = mask::for_tool(&self.vault, &call.tool, &self.args);
                if call.tool == SendEmail::NAME {
                    let letter = Letter {
                        text: send_email::written(&self.args),
                        view: Arc::clone(&self.view),
                    };
                    What::Letter(letter, call.tool, args)
                } else {
                    What::Call(call.tool, args)
                }
            }
        };
        let ctx = operation::context_of(&self.agent, &self.job.turn, call.call_id, &self.view);
        self.running = operation::call(&self.agent, ctx, call.call_id, what);
    }

    /// How much a tool changes, whoever it is of.
    pub(super) fn power(&self, tool: &str) -> Option<Power> {
        let own = self.agent.registry.power(tool);
        own.or_else(|| self.view.site_tools.power(tool))
    }

    /// Asks the visitor for something. The question is the agent's message, for whoever reads
    /// the conversation later.
    pub(super) fn ask(&mut self, asks: Asks) {
        self.asked = Some(asks.summary.clone());
        self.record.events.push(ThreadEvent::Ask(asks));
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
        let message = match (self.answer.is_empty(), self.asked.take()) {
            (false, _) => Some((text, used)),
            (true, asked) => asked.map(|question| (question, Vec::new())),
        };
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

/// What a question asks for, as the wire names it.
fn asked(question: Question) -> AskKind {
    match question {
        Question::Identity => AskKind::Identity,
        Question::Contact => AskKind::Contact,
        Question::Confirm { .. } => AskKind::Confirm,
    }
}
