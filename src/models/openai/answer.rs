//! An answer under way: the library's events become chunks, in time or not at all. What
//! ends without a reason, a closing line or a single word is an error, so that half an
//! answer never passes for a whole one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_openai::error::OpenAIError;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::body::Watch;
use super::calls::Calls;
use super::event::{Event, Said};
use super::schema;
use super::thoughts::Thoughts;
use crate::models::chat::{ChatError, Chunk, Failure, Finish, ToolSpec, Usage};

/// How long the usage and the closing line are waited for once the model has stopped.
const AFTER_STOP: Duration = Duration::from_millis(1500);

/// The library's events.
pub type Events = BoxStream<'static, Result<Event, OpenAIError>>;

/// When an answer's pieces must be there.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// The first one.
    pub first: Instant,
    /// The end.
    pub end: Instant,
    /// Between two.
    pub idle: Duration,
}

struct Answer {
    events: Events,
    watch: Arc<Watch>,
    deadlines: Deadlines,
    tools: Arc<[ToolSpec]>,
    ready: VecDeque<Chunk>,
    calls: Calls,
    thoughts: Thoughts,
    begun: bool,
    spoke: bool,
    stopped: Option<(Finish, Instant)>,
    usage: Option<Usage>,
    over: bool,
}

/// Reads events to chunks.
pub fn read(
    events: Events,
    watch: Arc<Watch>,
    deadlines: Deadlines,
    tools: Arc<[ToolSpec]>,
) -> impl Stream<Item = Result<Chunk, ChatError>> + Send + 'static {
    let answer = Answer {
        events,
        watch,
        deadlines,
        tools,
        ready: VecDeque::new(),
        calls: Calls::default(),
        thoughts: Thoughts::default(),
        begun: false,
        spoke: false,
        stopped: None,
        usage: None,
        over: false,
    };
    futures::stream::unfold(answer, |mut answer| async move {
        let next = answer.next().await?;
        Some((next, answer))
    })
}

impl Answer {
    async fn next(&mut self) -> Option<Result<Chunk, ChatError>> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Some(Ok(chunk));
            }
            if self.over {
                return None;
            }
            if let Err(error) = self.advance().await {
                self.over = true;
                return Some(Err(error));
            }
        }
    }

    /// Takes one event, or the end.
    async fn advance(&mut self) -> Result<(), ChatError> {
        let limit = match &self.stopped {
            Some((_, at)) => *at + AFTER_STOP,
            None if self.begun => Instant::now() + self.deadlines.idle,
            None => self.deadlines.first,
        };
        let limit = limit.min(self.deadlines.end);
        match timeout_at(limit, self.events.next()).await {
            Ok(Some(Ok(event))) => {
                self.begun = true;
                self.take(event.read()?)
            }
            // `data:` with nothing after it.
            Ok(Some(Err(OpenAIError::JSONDeserialize(_, text)))) if text.trim().is_empty() => Ok(()),
            // Whatever happens once the model has stopped, the answer is whole.
            _ if self.stopped.is_some() => self.end(),
            Ok(Some(Err(error))) => Err(self.watch.fault().unwrap_or_else(|| unread(&error))),
            Ok(None) => match self.watch.fault() {
                Some(fault) => Err(fault),
                None if self.watch.done() => self.end(),
                None if !self.begun => Err(ChatError::new(Failure::Empty, "no events in its answer")),
                None => Err(ChatError::new(Failure::Cut, "its answer ended in the middle")),
            },
            Err(_) if self.begun && limit < self.deadlines.end => {
                Err(ChatError::new(Failure::Stall, "nothing more came"))
            }
            Err(_) => Err(ChatError::new(Failure::Timeout, "no answer in time")),
        }
    }

    fn take(&mut self, said: Said) -> Result<(), ChatError> {
        if let Some(usage) = said.usage {
            self.usage = Some(usage);
        }
        for fragment in said.calls {
            self.calls.take(fragment)?;
        }
        if !said.text.is_empty() {
            let text = self.thoughts.strip(said.text);
            self.say(text);
        }
        if let Some(finish) = said.finish {
            self.flush()?;
            self.stopped.get_or_insert((finish, Instant::now()));
        }
        Ok(())
    }

    fn say(&mut self, text: String) {
        if !text.is_empty() {
            self.spoke |= !text.trim().is_empty();
            self.ready.push_back(Chunk::Text(text));
        }
    }

    /// What was held back while more of it could come.
    fn flush(&mut self) -> Result<(), ChatError> {
        let held = self.thoughts.rest();
        self.say(held);
        for mut call in self.calls.whole()? {
            if let Some(tool) = self.tools.iter().find(|t| t.name == call.name) {
                call.args = schema::without_nulls(call.args, &tool.parameters);
            }
            self.ready.push_back(Chunk::Call(call));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), ChatError> {
        self.flush()?;
        let called = self.calls.any();
        // A gateway that loses its model still closes the stream properly: only the reason
        // tells that the model had stopped. A JSON answer is whole when it can be read.
        if self.stopped.is_none() && self.watch.is_stream() && (self.spoke || called) {
            self.ready.clear();
            return Err(ChatError::new(
                Failure::Cut,
                "its answer ended without a reason for the end",
            ));
        }
        let stated = self.stopped.map_or(Finish::Other, |(finish, _)| finish);
        if !self.spoke && !called && stated != Finish::Filter {
            return Err(ChatError::new(Failure::Empty, "no word in its answer"));
        }
        let finish = match stated {
            // Not all say that they stop for calls.
            Finish::Stop | Finish::Other if called => Finish::Calls,
            other => other,
        };
        let usage = self.usage;
        self.ready.push_back(Chunk::End { finish, usage });
        self.over = true;
        Ok(())
    }
}

/// The error's own text may hold what the model wrote.
fn unread(error: &OpenAIError) -> ChatError {
    match error {
        OpenAIError::JSONDeserialize(..) => ChatError::new(Failure::Malformed, "an event that can't be read"),
        _ => ChatError::new(Failure::Cut, "its stream of events broke off"),
    }
}
