//! Trying a model out: whether it answers, streams and calls a tool. For the operator's
//! terminal; a few tokens each, and nothing of anybody's is sent.

use futures::StreamExt;
use serde_json::json;

use super::chat::OpenAiChat;
use crate::models::chat::{ChatError, ChatMessage, ChatRequest, Chunk, Failure, ToolChoice, ToolSpec};

/// What a trial showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// The answer came as a stream, not in one piece at its end.
    pub streamed: bool,
    /// It called the tool that it was told to call.
    pub called: bool,
}

/// Enough for a word or a call, and cheap where a model thinks for as long as it may.
const MOST_TOKENS: u32 = 64;

impl OpenAiChat {
    /// Asks a model for a word, or for a call of a tool.
    ///
    /// # Errors
    /// When it doesn't answer. An answer without a word is none: models that think may use
    /// up the few tokens for it.
    pub async fn try_out(&self, model: &str, with_tool: bool) -> Result<Trial, ChatError> {
        let tool = ToolSpec {
            name: "ready".to_owned(),
            description: "Say that you are ready.".to_owned(),
            parameters: json!({
                "type": "object",
                "properties": { "ready": { "type": "boolean" } },
                "required": ["ready"],
            }),
        };
        let task = if with_tool {
            "Call the tool `ready` with true."
        } else {
            "Answer with the word: ready"
        };
        let request = ChatRequest {
            model: model.to_owned(),
            messages: vec![ChatMessage::User(task.to_owned())],
            tools: Some(tool).filter(|_| with_tool).into_iter().collect(),
            tool_choice: ToolChoice::Required,
            temperature: 0.0,
            max_tokens: MOST_TOKENS,
        };
        let (mut chunks, streamed) = self.watched(request).await?;
        let mut called = false;
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(Chunk::Call(_)) => called = true,
                Ok(_) => {}
                Err(error) if error.kind == Failure::Empty && !with_tool => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Trial { streamed, called })
    }
}
