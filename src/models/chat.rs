//! What a language model is to the rest of the product: a request goes in, a stream of text,
//! tool calls and an end comes out. Nothing here knows whose model it is; every way of
//! failing has a name, so that the caller can tell a slow provider from a wrong key.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde_json::Value;

/// What a model is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The model's name at its provider.
    pub model: String,
    /// Oldest first.
    pub messages: Vec<ChatMessage>,
    /// What it may call.
    pub tools: Arc<[ToolSpec]>,
    /// Whether it must.
    pub tool_choice: ToolChoice,
    /// 0 to 2; left out for models that take none.
    pub temperature: f32,
    /// The answer's length at most, in the model's tokens.
    pub max_tokens: u32,
}

/// One message of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatMessage {
    /// The product's own instructions.
    System(String),
    /// What a person wrote, or data that is shown to the model.
    User(String),
    /// What the model said or called before.
    Assistant {
        /// Its text; may be empty beside calls.
        text: String,
        /// Its calls; each needs a [`ChatMessage::Tool`] after it.
        calls: Vec<ToolCall>,
    },
    /// What a call returned.
    Tool {
        /// [`ToolCall::id`].
        call_id: String,
        /// The output.
        content: String,
    },
}

/// A call that a model wants made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// Joins the call and its output; never empty, unique within an answer.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments as JSON text. What a model writes may be broken: check it.
    pub args: String,
}

/// A tool, as a model sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// `[a-zA-Z0-9_-]{1,64}`
    pub name: String,
    /// When to use it.
    pub description: String,
    /// JSON Schema of an object, as schemars writes it; what providers want for strict
    /// arguments is made of it when it is sent.
    pub parameters: Value,
}

/// Whether tools are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToolChoice {
    /// As the model likes.
    #[default]
    Auto,
    /// At least one.
    Required,
    /// None, though some are named.
    None,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Text, a few letters to a few words; never empty.
    Text(String),
    /// A call, whole.
    Call(ToolCall),
    /// The end. Nothing follows, and a stream without it was not whole.
    End {
        /// Why.
        finish: Finish,
        /// What was used, where the provider says so.
        usage: Option<Usage>,
    },
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It had said everything.
    Stop,
    /// At the limit of tokens: the answer is not whole.
    Length,
    /// It wants tools called.
    Calls,
    /// The provider's filter stepped in.
    Filter,
    /// Another reason, or none was given.
    Other,
}

/// Tokens as the provider counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// What was sent.
    pub input: u32,
    /// What was written, thoughts included.
    pub output: u32,
}

/// How a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection, no first piece or no end in time.
    Timeout,
    /// 429; when the provider said how long to wait, so long.
    RateLimit {
        /// From now.
        retry_after: Option<Duration>,
    },
    /// 5xx.
    ServerError,
    /// The connection couldn't be made, or ended before the answer did.
    Cut,
    /// It began, and then nothing more came.
    Stall,
    /// Not the protocol: HTML, broken JSON, too much of it.
    Malformed,
    /// 200, and nothing in it.
    Empty,
    /// An error inside an answer that began with 200.
    LateError,
    /// Turned down, and would be again: a wrong key, model, path or request.
    Refused,
}

/// A failed call. `detail` is for the log: it holds codes and the provider's identifiers, no
/// keys and no message texts.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ChatError {
    /// How.
    pub kind: Failure,
    /// The HTTP status, where there was one that says something.
    pub status: Option<u16>,
    /// A phrase for the log.
    pub detail: String,
    /// What the provider itself said, one short line. It may repeat what was sent to it, so
    /// it is for a terminal whose request held nothing of anybody; never log it.
    pub words: Option<String>,
}

impl ChatError {
    /// One without a status.
    #[must_use]
    pub fn new(kind: Failure, detail: impl Into<String>) -> Self {
        Self {
            kind,
            status: None,
            detail: detail.into(),
            words: None,
        }
    }

    /// Whether it tells something about the provider and not about this one request: 400
    /// and its like may be due to a single conversation.
    #[must_use]
    pub fn is_the_providers(&self) -> bool {
        self.kind != Failure::Refused || !matches!(self.status, Some(400 | 413 | 422))
    }
}

impl fmt::Debug for ChatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatError")
            .field("kind", &self.kind)
            .field("status", &self.status)
            .field("detail", &self.detail)
            .finish_non_exhaustive()
    }
}

/// An answer under way. It ends with [`Chunk::End`] or the first error; dropping it ends the
/// call at the provider too.
pub type ChatStream = BoxStream<'static, Result<Chunk, ChatError>>;

/// A provider's models.
pub trait ChatModel: Send + Sync {
    /// The provider's name in the configuration; recorded on turns.
    fn name(&self) -> &str;

    /// Asks. The future ends when the answer begins; time limits are the provider's settings.
    fn stream(&self, request: ChatRequest) -> BoxFuture<'static, Result<ChatStream, ChatError>>;
}
