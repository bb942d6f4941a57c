//! The brain with a language model: asks a provider which tool to call, and has it write
//! the answer, which leaves here sentence by sentence with the chunks that it cites. What
//! a model writes is untrusted: it is read leniently and judged elsewhere.

mod context;
mod draft;
mod plan;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::StreamExt;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::Instrument;

use crate::agent::brain::{Brain, Plan, Sentence, TurnView};
use crate::agent::machine::input::LinkFailure;
use crate::agent::meter::{Intent, Meter, OpenCall};
use crate::domain::clock::SharedClock;
use crate::domain::tool::HANDOFF_HUMAN;
use crate::models::breaker::Ticket;
use crate::models::chat::{ChatError, ChatRequest, ChatStream, Chunk, Failure, ToolSpec};
use crate::models::provider::Provider;

/// A call that is given up after this without a token was too slow; one given up earlier
/// says nothing about the provider.
const SLOW: Duration = Duration::from_secs(2);

/// How much a brain may read and write.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// An answer's length at most, in tokens.
    pub answer_tokens: u32,
    /// Messages of history at most.
    pub history_messages: usize,
    /// Tokens of history at most.
    pub history_tokens: usize,
    /// How long a draft may be silent before its first sentence is out: then the next link
    /// still has time. After it the turn's own clock watches.
    pub silence: Duration,
}

/// A provider's models as a brain.
pub struct ModelBrain {
    provider: Arc<Provider>,
    /// The tools and the ways to end; and these alone.
    tools: Arc<[ToolSpec]>,
    ends: Arc<[ToolSpec]>,
    /// What the former take up, in tokens.
    tools_tokens: u32,
    budget: Budget,
    clock: SharedClock,
}

impl ModelBrain {
    /// A brain that may plan these tools.
    #[must_use]
    pub fn new(provider: Arc<Provider>, tools: Vec<ToolSpec>, budget: Budget, clock: SharedClock) -> Self {
        // One way to a person is enough.
        let by_tool = tools.iter().any(|t| t.name == HANDOFF_HUMAN);
        let ends = plan::ends()
            .into_iter()
            .filter(|e| !by_tool || e.name != plan::HAND_OVER);
        let tools: Arc<[ToolSpec]> = tools.into_iter().chain(ends).collect();
        Self {
            provider,
            tools_tokens: tokens_of(&tools),
            tools,
            ends: plan::ends().into(),
            budget,
            clock,
        }
    }

    /// What tools take up of a request, in tokens.
    fn size_of(&self, tools: &Arc<[ToolSpec]>) -> u32 {
        if Arc::ptr_eq(tools, &self.tools) {
            self.tools_tokens
        } else {
            tokens_of(tools)
        }
    }

    /// Asks the provider, unless its breaker is open or the day's money is spent.
    async fn ask<'m>(
        &self,
        meter: &'m Meter,
        phase: &'static str,
        prompt: &str,
        request: ChatRequest,
    ) -> Result<Answer<'_, 'm>, LinkFailure> {
        let ticket = self
            .provider
            .admit(self.clock.now())
            .map_err(|_| LinkFailure::BreakerOpen)?;
        let mut watch = Watch {
            brain: self,
            ticket: Some(ticket),
            begun: Instant::now(),
            any: false,
        };
        let settings = self.provider.settings();
        let intent = Intent {
            phase,
            provider: self.provider.name(),
            prompt,
            price: settings.price,
            request: &request,
        };
        let call = match meter.begin(intent).await {
            Ok(call) => call,
            Err(failure) => {
                watch.forget();
                return Err(failure);
            }
        };
        match self
            .provider
            .model()
            .stream(request)
            .instrument(call.span())
            .await
        {
            Ok(stream) => Ok(Answer { stream, call, watch }),
            Err(error) => {
                let failure = watch.failed(&error);
                call.end(Err(failure));
                Err(failure)
            }
        }
    }
}

fn tokens_of(tools: &[ToolSpec]) -> u32 {
    let of = |t: &ToolSpec| {
        context::bound(&t.name) + context::bound(&t.description) + context::bound(&t.parameters.to_string())
    };
    tools.iter().map(of).sum()
}

impl Brain for ModelBrain {
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn plan<'a>(&'a self, view: &'a TurnView, meter: &'a Meter) -> BoxFuture<'a, Result<Plan, LinkFailure>> {
        Box::pin(plan::plan(self, view, meter))
    }

    fn draft<'a>(
        &'a self,
        view: &'a TurnView,
        meter: &'a Meter,
        out: mpsc::Sender<Sentence>,
    ) -> BoxFuture<'a, Result<(), LinkFailure>> {
        Box::pin(draft::draft(self, view, meter, out))
    }
}

/// Tells the breaker what came of a call, also when nobody waits for its end.
struct Watch<'a> {
    brain: &'a ModelBrain,
    ticket: Option<Ticket>,
    begun: Instant,
    any: bool,
}

impl Watch<'_> {
    fn now(&self) -> DateTime<Utc> {
        self.brain.clock.now()
    }

    fn worked(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.brain.provider.record(ticket, Ok(()), self.now());
        }
    }

    fn failed(&mut self, error: &ChatError) -> LinkFailure {
        tracing::warn!(
            provider = self.brain.provider.name(), status = error.status, error = %error.detail,
            "a language model failed"
        );
        if let Some(ticket) = self.ticket.take() {
            self.brain.provider.record(ticket, Err(error), self.now());
        }
        failure(error.kind)
    }

    fn forget(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.brain.provider.abandon(ticket, self.now());
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        if !self.any && self.begun.elapsed() >= SLOW {
            let error = ChatError::new(Failure::Timeout, "given up without a token");
            self.brain.provider.record(ticket, Err(&error), self.now());
        } else {
            self.brain.provider.abandon(ticket, self.now());
        }
    }
}

/// An answer under way, with its price and its breaker.
struct Answer<'b, 'm> {
    stream: ChatStream,
    call: OpenCall<'m>,
    watch: Watch<'b>,
}

impl Answer<'_, '_> {
    /// The next piece; an answer that ends without its end has failed.
    async fn next(&mut self) -> Result<Chunk, LinkFailure> {
        match self.stream.next().await {
            Some(Ok(chunk)) => {
                match &chunk {
                    Chunk::Text(text) => self.wrote(text.len()),
                    Chunk::Call(call) => self.wrote(call.name.len() + call.args.len()),
                    Chunk::End { finish, usage } => {
                        self.call.finished(*finish);
                        if let Some(usage) = usage {
                            self.call.used(*usage);
                        }
                    }
                }
                Ok(chunk)
            }
            Some(Err(error)) => Err(self.watch.failed(&error)),
            None => Err(self
                .watch
                .failed(&ChatError::new(Failure::Cut, "it ended without its end"))),
        }
    }

    fn wrote(&mut self, bytes: usize) {
        self.watch.any = true;
        self.call.wrote(bytes);
    }

    /// Notes how it ended. A failure that isn't the provider's own (an answer that can't be
    /// used) counts against it too: the next link may do better.
    fn end(mut self, how: Result<(), LinkFailure>) {
        match how {
            Ok(()) => self.watch.worked(),
            Err(failure) if self.watch.ticket.is_some() => {
                let error = ChatError::new(Failure::Malformed, failure.as_str());
                self.watch.failed(&error);
            }
            Err(_) => {}
        }
        self.call.end(how);
    }
}

/// How a failed call is named in turns and in the record of calls.
#[must_use]
pub fn failure(kind: Failure) -> LinkFailure {
    match kind {
        Failure::Timeout => LinkFailure::Timeout,
        Failure::RateLimit { .. } => LinkFailure::RateLimit,
        Failure::ServerError => LinkFailure::ServerError,
        Failure::Cut => LinkFailure::Cut,
        Failure::Stall => LinkFailure::Stall,
        Failure::Malformed => LinkFailure::Malformed,
        Failure::Empty => LinkFailure::Empty,
        Failure::LateError => LinkFailure::LateError,
        Failure::Refused => LinkFailure::Refused,
    }
}
