//! What is measured of a turn: the names of its metrics and spans in one place, so that the
//! code that does the work only says what happened. No text and no id but hashes.

use std::time::Instant;

use tracing::Span;
use tracing::field::Empty;

use crate::agent::machine::Machine;
use crate::agent::machine::input::{GateReason, Input};
use crate::agent::machine::state::{State, Store};
use crate::agent::meter::Intent;
use crate::agent::operation::code;
use crate::agent::record::TurnRef;
use crate::db::model_calls::ModelCall;
use crate::models::chat::{Finish, Usage};
use crate::models::price::Price;
use crate::telemetry::trace::TARGET;

/// A turn's span, the root of what the agent does.
pub(super) fn turn_span(t: &TurnRef, resumed: bool) -> Span {
    tracing::info_span!(
        target: TARGET, "invoke_agent",
        otel.name = "invoke_agent deskhand", otel.status_code = Empty,
        gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "deskhand",
        gen_ai.conversation.id = t.thread.hashed(),
        deskhand.site = t.site.hashed(), deskhand.turn.id = %t.turn, deskhand.turn.resumed = resumed,
        deskhand.turn.outcome = Empty, deskhand.turn.brain = Empty,
    )
}

/// Follows a turn from transition to transition.
pub(super) struct Watch {
    begun: Instant,
    since: Instant,
    phase: Option<&'static str>,
    resumed: bool,
    first_out: bool,
}

impl Watch {
    pub(super) fn new(resumed: bool, machine: &Machine) -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            since: now,
            phase: phase(&machine.state),
            resumed,
            first_out: machine.ctx.first_out,
        }
    }

    /// One transition; the turn's span is the current one.
    pub(super) fn step(&mut self, before: &Machine, input: &Input, after: &Machine) {
        let now = phase(&after.state);
        if self.phase != now || phase_ends(input) {
            if let Some(left) = self.phase {
                seconds("deskhand_turn_phase_seconds", "phase", left, self.since);
            }
            self.phase = now;
            self.since = Instant::now();
        }
        if after.ctx.first_out && !self.first_out {
            self.first_out = true;
            if !self.resumed {
                metrics::histogram!("deskhand_first_sentence_seconds").record(self.begun.elapsed());
            }
        }
        link(before, input, after);
        if let (
            State::Closing {
                store: Store::Handoff { reason, .. },
                ..
            },
            Input::Closed { .. },
        ) = (&before.state, input)
        {
            metrics::counter!("deskhand_handoffs_total", "reason" => code(reason)).increment(1);
        }
        if let (None, Some(outcome)) = (before.outcome(), after.outcome()) {
            let outcome = outcome.as_str();
            let brain = after.ctx.link_name().unwrap_or("none").to_owned();
            let span = Span::current();
            span.record("deskhand.turn.outcome", outcome);
            span.record("deskhand.turn.brain", &brain);
            let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::debug!(outcome, brain, ms, "the turn ended");
            metrics::counter!("deskhand_turns_total", "outcome" => outcome, "brain" => brain).increment(1);
            seconds("deskhand_turn_seconds", "outcome", outcome, self.begun);
        }
    }
}

fn seconds(name: &'static str, label: &'static str, value: &'static str, since: Instant) {
    metrics::histogram!(name, label => value).record(since.elapsed());
}

fn phase(state: &State) -> Option<&'static str> {
    match state {
        State::Received | State::Done { .. } => None,
        State::Screening => Some("screen"),
        State::Planning { .. } => Some("plan"),
        State::Calling { .. } => Some("tool"),
        State::Drafting { .. } => Some("draft"),
        State::Checking { .. } => Some("check"),
        State::Closing { .. } => Some("close"),
    }
}

/// What ends a phase though the next one has the same name.
fn phase_ends(input: &Input) -> bool {
    matches!(input, Input::LinkFailed { .. } | Input::CallRejected { .. })
}

/// A link that failed, or for which a clock ran out.
fn link(before: &Machine, input: &Input, after: &Machine) {
    let Some(name) = before.ctx.link_name() else {
        return;
    };
    let cause = match input {
        Input::LinkFailed { cause } => cause.as_str(),
        _ if after.ctx.link != before.ctx.link => "clock",
        _ => return,
    };
    metrics::counter!("deskhand_link_failures_total", "provider" => name.to_owned(), "cause" => cause)
        .increment(1);
}

/// The gate's work on one draft; what it has judged is told when it is dropped, since a draft
/// may be broken off.
pub(super) struct Gate {
    span: Span,
    passed: u64,
    held: Vec<String>,
}

impl Gate {
    pub(super) fn open() -> Self {
        let span = tracing::info_span!(
            target: TARGET, "gate", deskhand.gate.passed = Empty, deskhand.gate.held = Empty,
            deskhand.gate.reasons = Empty,
        );
        Self {
            span,
            passed: 0,
            held: Vec::new(),
        }
    }

    pub(super) fn judged(&mut self, verdict: Result<(), GateReason>) {
        let verdict = match verdict {
            Ok(()) => {
                self.passed += 1;
                "passed".to_owned()
            }
            Err(reason) => {
                let reason = code(&reason);
                self.held.push(reason.clone());
                reason
            }
        };
        metrics::counter!("deskhand_sentences_total", "verdict" => verdict).increment(1);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.span.record("deskhand.gate.passed", self.passed);
        self.span.record("deskhand.gate.held", self.held.len());
        self.held.sort_unstable();
        self.held.dedup();
        self.span.record("deskhand.gate.reasons", self.held.join(","));
    }
}

/// The span of a call of a language model.
pub(super) fn chat_span(intent: &Intent<'_>) -> Span {
    tracing::info_span!(
        target: TARGET, "chat",
        otel.name = %format!("chat {}", intent.request.model), otel.kind = "client", otel.status_code = Empty,
        gen_ai.operation.name = "chat", gen_ai.provider.name = intent.provider,
        gen_ai.request.model = intent.request.model, gen_ai.request.max_tokens = intent.request.max_tokens,
        gen_ai.request.temperature = f64::from(intent.request.temperature),
        gen_ai.usage.input_tokens = Empty, gen_ai.usage.output_tokens = Empty,
        gen_ai.response.finish_reasons = Empty, error.type = Empty,
        deskhand.phase = intent.phase, deskhand.prompt.id = intent.prompt,
        deskhand.first_token_ms = Empty, deskhand.cost_micros = Empty,
    )
}

/// A call of a language model has ended.
pub(super) fn chat_ended(span: &Span, call: &ModelCall, usage: Usage, finish: Option<Finish>, price: Price) {
    span.record("gen_ai.usage.input_tokens", usage.input);
    span.record("gen_ai.usage.output_tokens", usage.output);
    span.record("deskhand.cost_micros", call.cost_micro);
    if let Some(finish) = finish {
        span.record("gen_ai.response.finish_reasons", finish_name(finish));
    }
    if let Some(ms) = call.first_ms {
        span.record("deskhand.first_token_ms", ms);
    }
    if call.outcome != "ok" {
        span.record("error.type", &call.outcome);
        span.record("otel.status_code", "ERROR");
    }
    let labels = || [("provider", call.provider.clone()), ("model", call.model.clone())];
    let seconds = |ms: i32| f64::from(ms) / 1_000.0;
    metrics::counter!(
        "deskhand_model_calls_total", "provider" => call.provider.clone(), "model" => call.model.clone(),
        "phase" => call.phase.clone(), "outcome" => call.outcome.clone()
    )
    .increment(1);
    metrics::histogram!("deskhand_model_seconds", &labels()).record(seconds(call.ms));
    if let Some(ms) = call.first_ms {
        metrics::histogram!("deskhand_model_first_token_seconds", &labels()).record(seconds(ms));
    }
    let input = Usage { output: 0, ..usage };
    let output = Usage { input: 0, ..usage };
    for (direction, tokens, used) in [("input", usage.input, input), ("output", usage.output, output)] {
        let labels = || {
            [
                ("provider", call.provider.clone()),
                ("model", call.model.clone()),
                ("direction", direction.to_owned()),
            ]
        };
        metrics::counter!("deskhand_tokens_total", &labels()).increment(tokens.into());
        metrics::counter!("deskhand_cost_micros_total", &labels()).increment(price.cost(used).0);
    }
}

fn finish_name(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
        Finish::Filter => "content_filter",
        Finish::Other => "other",
    }
}
