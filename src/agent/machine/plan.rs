//! Rules for what the brain wants and what the tools answer: the three calls, the one
//! correction, the chain of links, and writes whose effect can't be told.

use crate::agent::machine::action::{Correction, HandoffReason, Question, Template};
use crate::agent::machine::call::{ArgsRef, Call, Confidence, Rejection};
use crate::agent::machine::ctx::{MAX_CORRECTIONS, MAX_TOOLS, Timer};
use crate::agent::machine::input::Plan;
use crate::agent::machine::state::{State, Store};
use crate::agent::machine::step::Step;
use crate::domain::event::Outcome;
use crate::domain::site::Mode;
use crate::domain::tool::{HANDOFF_HUMAN, Need, ToolCode};

impl Step {
    /// Asks the current link for one plan; without a link left, a person goes on (AGT-5).
    pub(super) fn plan(&mut self, correction: Option<Correction>) {
        if self.ctx.link_name().is_some() {
            self.enter(State::Planning { correction });
        } else {
            self.hand_off(HandoffReason::NoBrain);
        }
    }

    pub(super) fn planned(&mut self, plan: &Plan) {
        match plan {
            Plan::Call { call } => self.wants_call(call),
            // GRD-6: all that was found lies below the site's threshold.
            Plan::Draft if self.ctx.doubtful && !self.ctx.grounded => {
                self.hand_off(HandoffReason::LowConfidence);
            }
            Plan::Draft => self.draft(),
            // Only the hands make a proposal; a brain that asks for a yes of its own is confused.
            Plan::Ask {
                question: Question::Confirm { .. },
            } => self.link_failed(),
            Plan::Ask { question } => self.ask(*question),
            Plan::Handoff { reason } => self.hand_off(*reason),
        }
    }

    fn wants_call(&mut self, call: &Call) {
        // AGT-2: after the last call only an answer, a question or a handoff may come.
        let spent = self.ctx.tools_used >= self.ctx.limits.max_tools.min(MAX_TOOLS);
        // AGT-10: one key, one effect. The first attempt's result is known to the brain.
        let repeated = call
            .effect
            .key()
            .is_some_and(|key| self.ctx.write_keys.iter().any(|k| k == key));
        if spent && call.tool == HANDOFF_HUMAN {
            // A wish for a person is never one call too many.
            self.hand_off(HandoffReason::VisitorAsked);
        } else if spent || repeated {
            self.hand_off(HandoffReason::TooManyCalls);
        } else {
            self.call(call.clone());
        }
    }

    /// Runs a call and counts it.
    pub(super) fn call(&mut self, call: Call) {
        self.ctx.tools_used = self.ctx.tools_used.saturating_add(1);
        if let Some(key) = call.effect.key() {
            self.ctx.write_keys.push(key.to_owned());
        }
        self.enter(State::Calling { call });
    }

    /// AGT-2: the validation error goes back to the brain once, and the call doesn't count.
    pub(super) fn call_rejected(&mut self, call: Call, why: Rejection) {
        self.ctx.tools_used = self.ctx.tools_used.saturating_sub(1);
        if let Some(key) = call.effect.key() {
            self.ctx.write_keys.retain(|k| k != key);
        }
        let brains_own = call.args == ArgsRef::Call;
        if brains_own && self.ctx.corrections < self.ctx.limits.corrections.min(MAX_CORRECTIONS) {
            self.ctx.corrections += 1;
            self.plan(Some(Correction::Rejected { why }));
        } else {
            // A stored proposal that no longer fits is nothing that a brain could mend.
            self.hand_off(HandoffReason::BadCalls);
        }
    }

    pub(super) fn tool_ok(&mut self, confidence: Option<Confidence>) {
        self.note_result(confidence);
        self.change_ended();
        self.plan(None);
    }

    /// Remembers what there is to stand on.
    pub(super) fn note_result(&mut self, confidence: Option<Confidence>) {
        match confidence {
            Some(Confidence::Low) => self.ctx.doubtful = true,
            Some(Confidence::Enough) | None => self.ctx.grounded = true,
        }
    }

    /// A read's error goes back to the brain. A write that may have happened all the same
    /// goes to a person and is never tried again here (AGT-10); so does a question that the
    /// knowledge base is switched off for (KB-10).
    pub(super) fn tool_failed(&mut self, code: ToolCode) {
        if self.state.is_handing_over() {
            // Switched off, or it failed: the wish for a person stands.
            self.hand_off(HandoffReason::VisitorAsked);
        } else if code == ToolCode::Disabled && self.state.is_searching() {
            self.hand_off(HandoffReason::KnowledgeOff);
        } else if self.state.is_writing() && code.leaves_doubt() {
            self.hand_off(HandoffReason::UnknownEffect);
        } else {
            self.change_ended();
            self.plan(Some(Correction::ToolFailed { code }));
        }
    }

    /// What became of a change has to be told, however long it took: the turn's clocks begin anew.
    fn change_ended(&mut self) {
        if self.state.within_ms().is_some() {
            self.ctx.started_at = Some(self.at);
            if !self.ctx.first_out {
                self.arm(Timer::First);
            }
            self.arm(Timer::Cap);
        }
    }

    /// TOOL-8: the hands ask for what is missing; the turn ends with that question. Staff's
    /// approval runs the proposal later, in no turn.
    pub(super) fn tool_needs(&mut self, need: Need) {
        match need {
            Need::Identity => self.ask(Question::Identity),
            Need::Contact => self.ask(Question::Contact),
            Need::Confirm { proposal } => self.ask(Question::Confirm { proposal }),
            Need::Approval { proposal } => {
                let reason = HandoffReason::NeedsApproval;
                let store = Store::Handoff {
                    reason,
                    proposal: Some(proposal),
                };
                self.close(Outcome::Asked, store, Some(Template::AwaitingApproval));
            }
        }
    }

    /// A question of the agent's own is an answer of its kind: in shadow mode staff put it.
    fn ask(&mut self, question: Question) {
        match self.ctx.mode {
            Mode::Shadow => {
                let store = Store::Draft {
                    question: Some(question),
                };
                self.close(Outcome::Withheld, store, Some(Template::Withheld));
            }
            Mode::Assist | Mode::Full => self.close(Outcome::Asked, Store::Ask { question }, None),
        }
    }

    /// AGT-5: the next link takes over where nothing of the answer is out; what the tools
    /// found stays. After that the answer can only be closed as it stands.
    ///
    /// A link that fails at drafting before any tool ran leaves nothing to draft from, so
    /// its successor is asked for a plan of its own.
    pub(super) fn link_failed(&mut self) {
        if self.ctx.released > 0 {
            return self.degrade();
        }
        let drafting = matches!(self.state, State::Drafting { .. });
        self.ctx.link = self.ctx.link.saturating_add(1);
        if drafting && self.ctx.tools_used > 0 {
            self.draft();
        } else {
            self.plan(None);
        }
    }
}
