//! What an operation gave, as the machine's next input: plans become calls with ids,
//! sentences pass the gate, errors become codes.

use std::sync::Arc;

use super::Driver;
use crate::agent::away;
use crate::agent::brain::extractive;
use crate::agent::brain::{Plan, Refused, Sentence, ToolCall, ToolOutcome, TurnView};
use crate::agent::closing::Closed;
use crate::agent::machine::action::{Action, HandoffReason, Template};
use crate::agent::machine::call::{ArgsRef, Call, Confidence, Effect, Rejection};
use crate::agent::machine::input::{self, Gate, GateReason, Input, LinkFailure, Stored, Verdict};
use crate::agent::machine::state::State;
use crate::agent::mask;
use crate::agent::operation::{Answered, Outcome as Done, Screened, code};
use crate::agent::phrases;
use crate::agent::policy;
use crate::agent::record::CallNews;
use crate::db::model_calls::Held;
use crate::db::pool::DbError;
use crate::domain::event::{AskKind, Asks, StepStatus, ThreadEvent};
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::CallId;
use crate::domain::site::Mode;
use crate::domain::tool::{HANDOFF_HUMAN, KB_SEARCH, Power, ToolCode};
use crate::hands::proposal;
use crate::hands::registry::{CallError, Called};

/// Calls taken from one plan; the turn has three at most anyhow.
const AT_ONCE: usize = 3;
/// Characters kept of a sentence that was held back.
const KEPT: usize = 4_000;

impl Driver {
    /// Turns what an operation gave into the machine's input.
    pub(super) fn take(&mut self, done: Done) {
        let input = match done {
            Done::Screened(seen, mut verdict) => {
                let mut answer = self.job.answer.take();
                match seen {
                    Ok(Screened {
                        view,
                        answer: by_word,
                        leaves_address,
                    }) => {
                        self.view = Arc::new(TurnView {
                            customer: self.vault.customer(),
                            account: self.job.account.clone(),
                            ..view
                        });
                        answer = answer.or(by_word);
                        if leaves_address {
                            verdict = Verdict::LeavesAddress;
                        }
                    }
                    // Nothing is known of the thread, but the question is: go on without history.
                    Err(error) => {
                        tracing::warn!(%error, turn = %self.job.turn.turn, "screening without history");
                    }
                }
                Input::Screened {
                    verdict: answer.map_or(verdict, |answer| self.answered(answer)),
                }
            }
            Done::Planned(Ok(plan)) => {
                fail::point(FailPoint::TurnPlanned);
                self.planned(plan)
            }
            Done::Planned(Err(cause)) => Input::LinkFailed { cause },
            Done::Called { id, result, ms } => self.called(id, result, ms),
            Done::Drafted((sentence, verdict)) => self.drafted(sentence, verdict),
            Done::DraftEnded(Ok(())) => Input::DraftEnded,
            Done::DraftEnded(Err(cause)) => Input::LinkFailed { cause },
            Done::Kept(Ok(closed)) => {
                let followed_up =
                    matches!(&self.machine.state, State::Closing { store, .. } if store.is_followed_up());
                if closed.needs_contact && followed_up {
                    let summary = phrases::asks(AskKind::Contact, self.tongue).to_owned();
                    self.record
                        .events
                        .push(ThreadEvent::Ask(Asks::plain(AskKind::Contact, summary)));
                }
                self.closed(closed)
            }
            Done::Handoff(Ok((handoff_id, closed))) => {
                let needs_contact = closed.needs_contact;
                let say = match self.machine.state {
                    State::Closing { say: Some(words), .. } => Some(words),
                    _ => None,
                };
                let say = say.map(|words| match words {
                    Template::HandedOver | Template::PassedOn if closed.already => Template::StillWithTeam,
                    words => words,
                });
                let input = self.closed(closed);
                let mut next = say
                    .map(|words| phrases::say(words, self.tongue))
                    .unwrap_or_default()
                    .to_owned();
                if let Some(away) = &self.away {
                    next = format!("{next} {away}");
                }
                self.record.events.push(ThreadEvent::Handoff {
                    handoff_id,
                    reason: self.handoff_reason(),
                    ticket_id: None,
                    needs_contact,
                    next,
                });
                input
            }
            // Staff have the thread by now.
            Done::Kept(Err(DbError::Fenced)) | Done::Handoff(Err(DbError::Fenced)) => Input::Fenced,
            Done::Kept(Err(error)) | Done::Handoff(Err(error)) => {
                tracing::error!(%error, turn = %self.job.turn.turn, "a turn couldn't be closed as it should");
                Input::CloseFailed
            }
            Done::Proposal(Ok(Some(row))) => {
                let t = &self.job.turn;
                let summary = match proposal::summary(&self.agent.master, t.site, &row) {
                    Ok(summary) => self.vault.mask(&summary),
                    Err(error) => {
                        tracing::error!(%error, turn = %t.turn, "a proposal can't be read");
                        self.inputs.push_back(Input::CloseFailed);
                        return;
                    }
                };
                self.ask(Asks {
                    kind: AskKind::Confirm,
                    proposal_id: Some(row.id.0),
                    summary,
                    amount_minor: row.amount_minor,
                    currency: row.currency,
                    expires_at: Some(row.expires_at),
                });
                Input::Closed(Stored::default())
            }
            Done::Proposal(Ok(None)) => Input::CloseFailed,
            Done::Proposal(Err(error)) => {
                tracing::error!(%error, turn = %self.job.turn.turn, "a proposal can't be read");
                Input::CloseFailed
            }
            Done::Ready => self.ready(),
        };
        self.inputs.push_back(input);
    }

    /// What is to be said of what is stored.
    fn closed(&mut self, closed: Closed) -> Input {
        self.away = closed.away.as_ref().map(|away| away::said(away, self.tongue));
        Input::Closed(Stored {
            needs_contact: closed.needs_contact,
            already: closed.already,
            away: closed.away.is_some(),
        })
    }

    /// A sentence came, with the gate's word on it; one that fails is kept for the record and
    /// for the next draft.
    fn drafted(&mut self, sentence: Sentence, verdict: Result<(), GateReason>) -> Input {
        fail::point(FailPoint::TurnDrafting);
        let i = u32::try_from(self.draft.len()).unwrap_or(u32::MAX);
        let unknown = self.vault.lacks_one_of(&sentence.md);
        let verdict = verdict.and(if unknown {
            Err(GateReason::PersonalData)
        } else {
            Ok(())
        });
        let gate = match verdict {
            Ok(()) => Gate::Pass,
            Err(reason) => {
                let mut masked = self.vault.clone();
                self.record.held.push(Held {
                    round: i32::try_from(self.machine.ctx.rounds).unwrap_or(i32::MAX),
                    i: i32::try_from(i).unwrap_or(i32::MAX),
                    // What was held back for personal data isn't kept with it.
                    text: masked.mask(&sentence.md).chars().take(KEPT).collect(),
                    cites: sentence.cites.clone(),
                    reason: code(&reason),
                    at: self.agent.clock.now(),
                });
                self.view_mut().refused.push(Refused {
                    md: sentence.md.clone(),
                    why: code(&reason),
                });
                Gate::Fail { reason }
            }
        };
        self.draft.push(sentence);
        Input::Sentence { i, gate }
    }

    /// The answer of operations that need no work of ours.
    fn ready(&self) -> Input {
        match self.machine.state {
            State::Screening => Input::Screened {
                verdict: Verdict::LeavesAddress,
            },
            State::Checking { .. } => Input::Checked { gate: self.whole() },
            _ => Input::Closed(Stored::default()),
        }
    }

    /// The whole answer: something was said, and what it cites is there.
    fn whole(&self) -> Gate {
        let cited = self.draft.iter().any(|s| !s.cites.is_empty());
        let answer = if self.machine.ctx.mode == Mode::Shadow {
            &self.for_staff
        } else {
            &self.answer
        };
        if answer.text().trim().is_empty() {
            Gate::Fail {
                reason: GateReason::Form,
            }
        } else if cited && answer.used().is_empty() {
            Gate::Fail {
                reason: GateReason::BadCitation,
            }
        } else if !cited && self.lacks_a_document() {
            Gate::Fail {
                reason: GateReason::NoDocument,
            }
        } else {
            Gate::Pass
        }
    }

    /// Whether a draft without sources answers a question of policy that documents were
    /// searched for; asking back is no answer.
    fn lacks_a_document(&self) -> bool {
        let searched = |o: &ToolOutcome| o.tool == KB_SEARCH && o.result.is_ok();
        let only_searched = self.view.outcomes.iter().all(|o| o.tool == KB_SEARCH);
        only_searched
            && self.view.outcomes.iter().any(searched)
            && policy::is_asked_for(&self.view.message)
            && !self.draft.iter().all(|s| s.md.trim_end().ends_with('?'))
    }

    pub(super) fn planned(&mut self, plan: Plan) -> Input {
        let plan = match plan {
            Plan::Draft => input::Plan::Draft,
            Plan::Ask(question) => input::Plan::Ask { question },
            Plan::Handoff(reason) => input::Plan::Handoff { reason },
            Plan::Calls(calls) => {
                self.queue.extend(calls.into_iter().take(AT_ONCE));
                let Some(ToolCall { tool, args }) = self.queue.pop_front() else {
                    return Input::LinkFailed {
                        cause: LinkFailure::Malformed,
                    };
                };
                let call_id = CallId::new();
                let power = self.power(&tool);
                self.args = args;
                input::Plan::Call {
                    call: Call {
                        call_id,
                        // An unknown name is the brain's free text, which isn't stored.
                        tool: if power.is_some() {
                            tool
                        } else {
                            "unknown".to_owned()
                        },
                        args: ArgsRef::Call,
                        // A guarded tool only proposes; what is said yes to is the write.
                        effect: if power == Some(Power::Serves) {
                            Effect::Write {
                                key: call_id.to_string(),
                            }
                        } else {
                            Effect::Read
                        },
                        within_ms: None,
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
            Ok(Called { mut reply, attempts }) => {
                mask::reply(&mut self.vault, &mut reply);
                // A search that finds nothing at all leaves a model nothing to answer from
                // (GRD-6); the extractive brain says so itself, unless the site wants more.
                let model = self.machine.ctx.link_name() != Some(extractive::NAME);
                let least = self.view.confidence;
                let confidence = reply.found.as_ref().map(|f| {
                    if (model && f.passages.is_empty()) || f.confidence() < least {
                        Confidence::Low
                    } else {
                        Confidence::Enough
                    }
                });
                self.progress(&tool, StepStatus::Ok);
                self.record.calls.push(CallNews::Ended {
                    id,
                    result: Ok(reply.output.clone()),
                    attempts,
                    ms,
                });
                if tool == HANDOFF_HUMAN {
                    let reason = serde_json::from_value(reply.output["reason"].clone());
                    return Input::ToolHandsOver {
                        call_id: id,
                        reason: reason.unwrap_or(HandoffReason::VisitorAsked),
                    };
                }
                let args = self.args.clone();
                self.view_mut().outcomes.push(ToolOutcome {
                    tool,
                    args,
                    result: Ok(reply.output),
                    found: reply.found,
                });
                Input::ToolOk {
                    call_id: id,
                    confidence,
                }
            }
            Err(CallError::Failed { error, attempts }) => {
                if error.code.is_transient() {
                    tracing::warn!(tool, %error, attempts, turn = %self.job.turn.turn, "a tool failed");
                } else {
                    tracing::debug!(tool, %error, attempts, turn = %self.job.turn.turn, "a tool said no");
                }
                let status = if error.need.is_some() {
                    StepStatus::Ok
                } else {
                    StepStatus::Error
                };
                self.progress(&tool, status);
                self.record.calls.push(CallNews::Ended {
                    id,
                    result: Err(error.code.as_str()),
                    attempts,
                    ms,
                });
                if let Some(need) = error.need {
                    return Input::ToolNeeds { call_id: id, need };
                }
                let args = self.args.clone();
                self.view_mut().outcomes.push(ToolOutcome {
                    tool,
                    args,
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

    /// What a yes or no to a proposal means: a yes runs the stored call under the proposal's own
    /// key, for as long as its tool may take.
    fn answered(&self, answer: Answered) -> Verdict {
        let proposal = answer.proposal;
        if !answer.accept {
            return Verdict::Declines { proposal };
        }
        let within = self
            .agent
            .registry
            .change_takes(&self.view.site_tools, &answer.tool);
        Verdict::Confirms {
            proposal,
            call: Call {
                call_id: CallId::new(),
                tool: answer.tool,
                args: ArgsRef::Proposal { proposal },
                effect: Effect::Write {
                    key: proposal.to_string(),
                },
                within_ms: u32::try_from(within.as_millis()).ok(),
            },
        }
    }
}
