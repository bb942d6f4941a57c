//! What one call of the fake provider gets: whole answers, calls, errors, and every way of
//! breaking off.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// What happens after an answer's tokens.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    /// As it should be.
    Whole,
    /// The stream says that it is done, but not why the model stopped.
    Done,
    /// The connection is cut.
    Cut,
    /// Nothing more, until the client leaves.
    Stall,
    /// An error inside the stream.
    Error(Value),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Tokens and calls of tools.
    Answer,
    /// A body as it is: pieces are written one by one.
    Raw {
        content_type: String,
        pieces: Vec<Vec<u8>>,
        ending: Ending,
    },
    /// An HTTP error.
    Status(u16, Value),
    /// The request is read, and that is all.
    Never,
}

/// What one call gets. Made by one of the first functions, changed by the others.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) kind: Kind,
    pub(super) tokens: Vec<String>,
    pub(super) calls: Vec<(String, Value)>,
    pub(super) ending: Ending,
    pub(super) finish: Option<String>,
    pub(super) first: Duration,
    pub(super) token: Duration,
    pub(super) headers: Vec<(String, String)>,
    pub(super) usage: Option<(u32, u32)>,
    pub(super) gate: Option<Arc<Semaphore>>,
    pub(super) split: Option<usize>,
}

impl Reply {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            tokens: Vec::new(),
            calls: Vec::new(),
            ending: Ending::Whole,
            finish: None,
            first: Duration::ZERO,
            token: Duration::ZERO,
            headers: Vec::new(),
            usage: None,
            gate: None,
            split: None,
        }
    }

    /// Text, a word a token.
    pub fn text(words: &str) -> Self {
        let mut reply = Self::new(Kind::Answer);
        reply.tokens = words.split_inclusive(' ').map(str::to_owned).collect();
        reply
    }

    /// One call of a tool.
    pub fn call(tool: &str, args: Value) -> Self {
        Self::calls(&[(tool, args)])
    }

    /// Calls at once.
    pub fn calls(calls: &[(&str, Value)]) -> Self {
        let mut reply = Self::new(Kind::Answer);
        reply.calls = calls
            .iter()
            .map(|(tool, args)| ((*tool).to_owned(), args.clone()))
            .collect();
        reply
    }

    /// An HTTP status with OpenAI's error object.
    pub fn status(code: u16) -> Self {
        Self::new(Kind::Status(
            code,
            json!({ "error": { "message": "scripted", "type": "scripted_error" } }),
        ))
    }

    /// So many tokens of a text, then the connection is cut.
    pub fn cut_after(tokens: usize) -> Self {
        Self::broken(tokens, Ending::Cut)
    }

    /// So many tokens of a text, then nothing more until the client leaves.
    pub fn stall_after(tokens: usize) -> Self {
        Self::broken(tokens, Ending::Stall)
    }

    /// So many tokens of a text, then an error inside the stream.
    pub fn late_error(tokens: usize) -> Self {
        let error = json!({ "error": { "message": "scripted", "type": "server_error", "code": 500 } });
        Self::broken(tokens, Ending::Error(error))
    }

    fn broken(tokens: usize, ending: Ending) -> Self {
        let mut reply = Self::new(Kind::Answer);
        reply.tokens = (0..tokens).map(|i| format!("word{i} ")).collect();
        reply.ending = ending;
        reply
    }

    /// An event that isn't JSON.
    pub fn garbage() -> Self {
        Self::events(&["{not json"])
    }

    /// 200, and nothing.
    pub fn empty() -> Self {
        Self::raw("text/event-stream", &[])
    }

    /// No answer at all.
    pub fn never() -> Self {
        Self::new(Kind::Never)
    }

    /// The `data:` of a stream's events, as they are; the stream then ends.
    pub fn events(data: &[&str]) -> Self {
        let pieces: Vec<String> = data.iter().map(|d| format!("data: {d}\n\n")).collect();
        let pieces: Vec<&[u8]> = pieces.iter().map(String::as_bytes).collect();
        Self::raw("text/event-stream", &pieces)
    }

    /// Any body, piece by piece.
    pub fn raw(content_type: &str, pieces: &[&[u8]]) -> Self {
        Self::new(Kind::Raw {
            content_type: content_type.to_owned(),
            pieces: pieces.iter().map(|p| p.to_vec()).collect(),
            ending: Ending::Whole,
        })
    }

    /// Other words, for replies that break off in the middle: as many of them as it says.
    pub fn saying(mut self, words: &str) -> Self {
        let most = self.tokens.len();
        self.tokens = words.split_inclusive(' ').take(most).map(str::to_owned).collect();
        self
    }

    /// Text before the calls.
    pub fn first_saying(mut self, words: &str) -> Self {
        self.tokens = words.split_inclusive(' ').map(str::to_owned).collect();
        self
    }

    /// A pause before anything.
    pub fn first_ms(mut self, ms: u64) -> Self {
        self.first = Duration::from_millis(ms);
        self
    }

    /// A pause before each token.
    pub fn token_ms(mut self, ms: u64) -> Self {
        self.token = Duration::from_millis(ms);
        self
    }

    /// Each token waits for a permit, so that a test says when it comes.
    pub fn gated(mut self, gate: &Arc<Semaphore>) -> Self {
        self.gate = Some(Arc::clone(gate));
        self
    }

    /// Seconds to wait, as a header.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header("retry-after", &seconds.to_string())
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The body of a status.
    pub fn saying_json(mut self, body: Value) -> Self {
        if let Kind::Status(_, said) = &mut self.kind {
            *said = body;
        }
        self
    }

    /// Why the model stopped, instead of what fits.
    pub fn finish(mut self, reason: &str) -> Self {
        self.finish = Some(reason.to_owned());
        self
    }

    /// What was used, instead of an estimate.
    pub fn usage(mut self, input: u32, output: u32) -> Self {
        self.usage = Some((input, output));
        self
    }

    /// Writes the body in pieces of so many bytes, which cuts letters too.
    pub fn split(mut self, bytes: usize) -> Self {
        self.split = Some(bytes);
        self
    }

    /// A text that breaks off, after which the stream is closed as if it were whole.
    pub fn then_done(mut self) -> Self {
        self.ending = Ending::Done;
        self
    }

    /// A body of [`Reply::raw`] or [`Reply::events`] that doesn't end: the connection does.
    pub fn then_cut(mut self) -> Self {
        if let Kind::Raw { ending, .. } = &mut self.kind {
            *ending = Ending::Cut;
        }
        self
    }

    /// One after which nothing comes.
    pub fn then_stall(mut self) -> Self {
        if let Kind::Raw { ending, .. } = &mut self.kind {
            *ending = Ending::Stall;
        }
        self
    }
}
