//! What an operation gave, as the machine's next input: plans become calls with ids,
//! sentences pass the gate, errors become codes.

use super::{Driver, found};
use crate::agent::brain::{BrainFault, Plan, Sentence, ToolOutcome};
use crate::agent::machine::action::{Action, HandoffReason, Template};
use crate::agent::machine::call::{ArgsRef, Call, Effect, Rejection};
use crate::agent::machine::input::{self, Gate, GateReason, Input, LinkFailure, Verdict};
use crate::agent::machine::state::State;
use crate::agent::operation::{Outcome as Done, code};
use crate::agent::phrases;
use crate::agent::record::CallNews;
use crate::domain::event::{StepStatus, ThreadEvent};
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::CallId;
use crate::domain::tool::ToolCode;
use crate::guardrails::gate;
use crate::hands::registry::{CallError, Called};

impl Driver {
    /// Turns what an operation gave into the machine's input.
    pub(super) fn take(&mut self, done: Done) {
        let input = match done {
            Done::Screened(Ok(view)) => {
                self.view = view;
                Input::Screened {
                    verdict: Verdict::Clean,
                }
            }
            Done::Screened(Err(error)) => {
                // Nothing is known of the thread, but the question is: go on without history.
                tracing::warn!(%error, turn = %self.job.turn.turn, "screening without history");
                Input::Screened {
                    verdict: Verdict::Clean,
                }
            }
            Done::Planned(Ok(plan)) => self.planned(plan),
            Done::Planned(Err(fault)) => Input::LinkFailed { cause: cause(fault) },
            Done::Called { id, result, ms } => self.called(id, result, ms),
            Done::Drafted(sentence) => {
                fail::point(FailPoint::TurnDrafting);
                let i = u32::try_from(self.draft.len()).unwrap_or(u32::MAX);
                let said = format!("{} {}", self.view.message, self.view.site_name);
                let gate = self.judge(&sentence, &said);
                self.draft.push(sentence);
                Input::Sentence { i, gate }
            }
            Done::DraftEnded(Ok(())) => Input::DraftEnded,
            Done::DraftEnded(Err(fault)) => Input::LinkFailed { cause: cause(fault) },
            Done::Ticket(Ok((_, needs_contact))) => Input::Closed { needs_contact },
            Done::Handoff(Ok((handoff_id, needs_contact))) => {
                let reason = self.handoff_reason();
                let next = phrases::say(Template::HandedOver, self.tongue);
                self.record.events.push(ThreadEvent::Handoff {
                    handoff_id,
                    reason,
                    ticket_id: None,
                    needs_contact,
                    next: next.to_owned(),
                });
                Input::Closed { needs_contact }
            }
            Done::Ticket(Err(error)) | Done::Handoff(Err(error)) => {
                tracing::error!(%error, turn = %self.job.turn.turn, "a turn couldn't be closed as it should");
                Input::CloseFailed
            }
            Done::Ready => self.ready(),
        };
        self.inputs.push_back(input);
    }

    /// What the gate says of a sentence.
    fn judge(&self, sentence: &Sentence, said: &str) -> Gate {
        let found = found(&self.view);
        let sources: Vec<gate::Source<'_>> = found
            .iter()
            .flat_map(|f| &f.passages)
            .map(|p| gate::Source {
                id: p.chunk_id,
                title: &p.title,
                headings: &p.heading_path,
                text: &p.text,
            })
            .collect();
        let tools: Vec<&serde_json::Value> = self
            .view
            .outcomes
            .iter()
            .filter(|o| o.found.is_none())
            .filter_map(|o| o.result.as_ref().ok())
            .collect();
        let evidence = gate::Evidence {
            sources: &sources,
            tools: &tools,
            said,
        };
        passed(&gate::check(&sentence.md, &sentence.cites, &evidence))
    }

    /// The answer of operations that need no work of ours.
    fn ready(&self) -> Input {
        match self.machine.state {
            State::Screening => Input::Screened {
                verdict: Verdict::LeavesAddress,
            },
            State::Checking { .. } => Input::Checked { gate: self.whole() },
            _ => Input::Closed { needs_contact: false },
        }
    }

    /// The whole answer: something was said, and what it cites is there.
    fn whole(&self) -> Gate {
        let cited = self.draft.iter().any(|s| !s.cites.is_empty());
        if self.answer.text().trim().is_empty() {
            Gate::Fail {
                reason: GateReason::Form,
            }
        } else if cited && self.answer.used().is_empty() {
            Gate::Fail {
                reason: GateReason::BadCitation,
            }
        } else {
            Gate::Pass
        }
    }

    fn planned(&mut self, plan: Plan) -> Input {
        let plan = match plan {
            Plan::Draft => input::Plan::Draft,
            Plan::Handoff => input::Plan::Handoff {
                reason: HandoffReason::OutOfScope,
            },
            Plan::Call { tool, args } => {
                let call_id = CallId::new();
                let writes = self.agent.registry.writes(&tool);
                self.args = args;
                input::Plan::Call {
                    call: Call {
                        call_id,
                        // An unknown name is the brain's free text, which isn't stored.
                        tool: if writes.is_some() {
                            tool
                        } else {
                            "unknown".to_owned()
                        },
                        args: ArgsRef::Call,
                        effect: if writes == Some(true) {
                            Effect::Write {
                                key: call_id.to_string(),
                            }
                        } else {
                            Effect::Read
                        },
                    },
                }
            }
        };
        Input::Planned { plan }
    }

    fn called(&mut self, id: CallId, result: Result<Called, CallError>, ms: i32) -> Input {
        fail::point(FailPoint::TurnToolDone);
        let tool = self.current_tool();
        match result {
            Ok(Called { reply, attempts }) => {
                self.progress(&tool, StepStatus::Ok);
                self.record.calls.push(CallNews::Ended {
                    id,
                    result: Ok(reply.output.clone()),
                    attempts,
                    ms,
                });
                self.view.outcomes.push(ToolOutcome {
                    tool,
                    args: self.args.clone(),
                    result: Ok(reply.output),
                    found: reply.found,
                });
                Input::ToolOk {
                    call_id: id,
                    confidence: None,
                }
            }
            Err(CallError::Failed { error, attempts }) => {
                tracing::warn!(tool, %error, attempts, turn = %self.job.turn.turn, "a tool failed");
                self.progress(&tool, StepStatus::Error);
                self.record.calls.push(CallNews::Ended {
                    id,
                    result: Err(error.code.as_str()),
                    attempts,
                    ms,
                });
                self.view.outcomes.push(ToolOutcome {
                    tool,
                    args: self.args.clone(),
                    result: Err(error.code.as_str().to_owned()),
                    found: None,
                });
                Input::ToolErr {
                    call_id: id,
                    code: error.code,
                }
            }
            Err(error) => {
                tracing::warn!(%error, turn = %self.job.turn.turn, "the brain's call was turned down");
                let why = if matches!(error, CallError::Unknown) {
                    Rejection::Unknown
                } else {
                    Rejection::Schema
                };
                let code = ToolCode::InvalidInput.as_str();
                self.record.calls.push(CallNews::Ended {
                    id,
                    result: Err(code),
                    attempts: 0,
                    ms,
                });
                Input::CallRejected { call_id: id, why }
            }
        }
    }

    fn current_tool(&self) -> String {
        match self.machine.open_operation() {
            Some(Action::CallTool { call }) => call.tool,
            _ => "unknown".to_owned(),
        }
    }

    fn handoff_reason(&self) -> String {
        match self.machine.open_operation() {
            Some(Action::OpenHandoff { reason, .. }) => code(&reason),
            _ => "unknown".to_owned(),
        }
    }
}

fn cause(fault: BrainFault) -> LinkFailure {
    match fault {
        BrainFault::Empty => LinkFailure::Empty,
        BrainFault::Cut => LinkFailure::Cut,
    }
}

fn passed(verdict: &gate::Verdict) -> Gate {
    let fault = match verdict {
        gate::Verdict::Pass => return Gate::Pass,
        gate::Verdict::Fail(fault) => *fault,
        // Without vectors a doubt can't be settled.
        gate::Verdict::Doubt { .. } => gate::Fault::Unsupported,
    };
    let reason = match fault {
        gate::Fault::Uncited => GateReason::Uncited,
        gate::Fault::BadCitation => GateReason::BadCitation,
        gate::Fault::Unsupported => GateReason::Unsupported,
        gate::Fault::Mismatch | gate::Fault::Negation | gate::Fault::Link => GateReason::Mismatch,
        gate::Fault::Form => GateReason::Form,
    };
    Gate::Fail { reason }
}
