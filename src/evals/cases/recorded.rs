//! A language model that was recorded, or written down by hand: it answers turn by turn what stands
//! in the case, good or bad. What it is asked beyond that, and what it wasn't asked for, is told.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use serde_json::Value;

use crate::evals::cases::script::Recorded;
use crate::models::chat::{ChatError, ChatModel, ChatRequest, ChatStream, Chunk, Failure, Finish, ToolCall};

/// Its name, as turns record it.
pub const NAME: &str = "recorded";

#[derive(Default)]
struct Turn {
    left: VecDeque<Recorded>,
    /// Requests that there was no answer for.
    unforeseen: usize,
}

/// The model.
#[derive(Default)]
pub struct RecordedModel {
    turn: Mutex<Turn>,
}

impl RecordedModel {
    fn turn(&self) -> MutexGuard<'_, Turn> {
        // Held for single steps only, none of which can panic half-way.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it answers in the turn that comes.
    pub fn begin(&self, answers: &[Recorded]) {
        *self.turn() = Turn {
            left: answers.iter().cloned().collect(),
            unforeseen: 0,
        };
    }

    /// What of the turn didn't go as recorded; none: all did.
    #[must_use]
    pub fn amiss(&self) -> Option<String> {
        let turn = self.turn();
        match (turn.left.len(), turn.unforeseen) {
            (0, 0) => None,
            (left, 0) => Some(format!(
                "{left} recorded answer(s) of the model weren't asked for"
            )),
            (_, more) => Some(format!(
                "the model was asked {more} time(s) more than is recorded"
            )),
        }
    }
}

impl ChatModel for RecordedModel {
    fn name(&self) -> &str {
        NAME
    }

    fn stream(&self, _: ChatRequest) -> BoxFuture<'static, Result<ChatStream, ChatError>> {
        let next = {
            let mut turn = self.turn();
            let next = turn.left.pop_front();
            turn.unforeseen += usize::from(next.is_none());
            next
        };
        std::future::ready(match next {
            Some(Recorded::Calls(calls)) => Ok(answer(called(calls), Finish::Calls)),
            Some(Recorded::Text(text)) => Ok(answer(written(&text), Finish::Stop)),
            Some(Recorded::Fails(kind)) => Err(ChatError::new(kind, "recorded")),
            None => Err(ChatError::new(Failure::Empty, "nothing is recorded")),
        })
        .boxed()
    }
}

/// Pieces and their end.
pub(super) fn answer(mut pieces: Vec<Chunk>, finish: Finish) -> ChatStream {
    pieces.push(Chunk::End { finish, usage: None });
    stream::iter(pieces.into_iter().map(Ok)).boxed()
}

/// Calls as a model makes them.
pub(super) fn called(calls: Vec<(String, Value)>) -> Vec<Chunk> {
    let call = |(n, (name, args)): (usize, (String, Value))| {
        Chunk::Call(ToolCall {
            id: format!("call_{n}"),
            name,
            // A text is taken as it is: models break JSON too.
            args: args.as_str().map_or_else(|| args.to_string(), str::to_owned),
        })
    };
    calls.into_iter().enumerate().map(call).collect()
}

/// A text word by word, as a model writes it.
pub(super) fn written(text: &str) -> Vec<Chunk> {
    text.split_inclusive(' ')
        .map(|w| Chunk::Text(w.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::models::chat::ToolChoice;

    fn request() -> ChatRequest {
        ChatRequest {
            model: String::new(),
            messages: vec![],
            tools: Arc::default(),
            tool_choice: ToolChoice::None,
            temperature: 0.0,
            max_tokens: 1,
        }
    }

    #[tokio::test]
    async fn it_answers_what_is_recorded_and_tells_what_is_not() {
        let model = RecordedModel::default();
        model.begin(&[Recorded::Text("a b".into()), Recorded::Fails(Failure::Cut)]);
        let pieces: Vec<_> = model.stream(request()).await.unwrap().collect().await;
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces[1], Ok(Chunk::Text("b".into())));
        assert!(model.amiss().unwrap().contains("weren't asked for"));
        assert_eq!(model.stream(request()).await.err().unwrap().kind, Failure::Cut);
        assert_eq!(model.amiss(), None);
        assert_eq!(model.stream(request()).await.err().unwrap().kind, Failure::Empty);
        assert!(model.amiss().unwrap().contains("1 time(s) more"));
    }
}
