//! What comes back over HTTP, made fit for the library's reader of streams: refusals become
//! errors with a name, a whole JSON answer becomes a stream of one event, and a stream is
//! bounded and watched, since the reader tells neither how it ended nor why it failed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_openai::middleware::HttpRequestFactory;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use reqwest::StatusCode;
use serde_json::Value;

use super::event::identifiers;
use super::wire;
use crate::models::chat::{ChatError, Failure};

/// An answer's bytes at most, thoughts and framing included.
const MOST: usize = 4 << 20;
/// Of a refusal.
const MOST_REFUSAL: usize = 64 << 10;
/// How a stream may begin.
const FIELDS: [&str; 5] = ["data:", "event:", "id:", "retry:", ":"];
/// Some put it in front.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
const DONE: [&[u8]; 2] = [b"data: [DONE]", b"data:[DONE]"];
/// How long the end of the connection is waited for after the last event: only then it can
/// be used again, and the next call needn't begin with handshakes.
const CLOSING: Duration = Duration::from_millis(250);

/// A call that brought no answer.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Refusal {
    /// As the rest of the product sees it.
    pub error: ChatError,
    /// The body of a 400 and its like, to find out what was refused; never logged.
    pub body: String,
}

impl From<ChatError> for Refusal {
    fn from(error: ChatError) -> Self {
        let body = String::new();
        Self { error, body }
    }
}

/// What the reader doesn't tell.
#[derive(Debug, Default)]
pub struct Watch(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    done: bool,
    in_one_piece: bool,
    fault: Option<ChatError>,
    line: Vec<u8>,
    size: usize,
}

impl Watch {
    /// Whether the stream said that it is whole.
    pub fn done(&self) -> bool {
        self.seen().done
    }

    /// Whether it is a stream, not a whole answer in place of one.
    pub fn is_stream(&self) -> bool {
        !self.seen().in_one_piece
    }

    /// What broke it.
    pub fn fault(&self) -> Option<ChatError> {
        self.seen().fault.take()
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn broke(&self, error: ChatError) -> std::io::Error {
        self.seen().fault = Some(error);
        std::io::Error::other("the answer broke off")
    }

    /// Looks for the line of the end; a model's own text can't make one, its line breaks
    /// are escaped.
    fn look(&self, piece: &[u8]) -> Result<(), ChatError> {
        let mut seen = self.seen();
        seen.size += piece.len();
        if seen.size > MOST {
            return Err(ChatError::new(
                Failure::Malformed,
                format!("its answer is larger than {MOST} bytes"),
            ));
        }
        for &byte in piece {
            if byte == b'\n' || byte == b'\r' {
                seen.line.clear();
            } else if seen.line.len() <= DONE[0].len() {
                seen.line.push(byte);
                seen.done |= DONE.contains(&seen.line.as_slice());
            }
        }
        Ok(())
    }
}

/// Sends; the response that it gives is a stream of events whatever came.
pub async fn open(
    http: &reqwest::Client,
    request: HttpRequestFactory,
    watch: Arc<Watch>,
    trace: Option<String>,
) -> Result<reqwest::Response, Refusal> {
    let built = request.build().await;
    let mut built =
        built.map_err(|_| ChatError::new(Failure::Refused, "its address makes no valid request"))?;
    if let Some(trace) = trace.and_then(|t| t.parse().ok()) {
        built.headers_mut().insert("traceparent", trace);
    }
    let response = http.execute(built).await.map_err(|e| unsent(&e))?;
    let status = response.status();
    if !status.is_success() {
        return Err(refusal(status, response).await);
    }
    let mut pieces = response.bytes_stream();
    let mut head: Vec<u8> = Vec::new();
    // Until it is clear what this is.
    loop {
        let start = head.trim_ascii_start();
        let start = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start);
        match start.first() {
            Some(b'{' | b'[') => return whole(head, pieces, &watch).await,
            Some(b'<') => return Err(malformed("HTML instead of an answer").into()),
            Some(_) if FIELDS.iter().any(|f| start.starts_with(f.as_bytes())) => break,
            Some(_) if FIELDS.iter().any(|f| f.as_bytes().starts_with(start)) => {}
            Some(_) if BYTE_ORDER_MARK.starts_with(start) => {}
            Some(_) => return Err(malformed("neither events nor JSON").into()),
            None if head.len() > MOST_REFUSAL => return Err(malformed("blanks instead of an answer").into()),
            None => {}
        }
        match pieces.next().await {
            Some(Ok(piece)) => {
                watch.look(&piece)?;
                head.extend_from_slice(&piece);
            }
            Some(Err(e)) => return Err(broken(&e).into()),
            None if start.is_empty() => {
                return Err(ChatError::new(Failure::Empty, "an empty answer").into());
            }
            None => return Err(malformed("neither events nor JSON").into()),
        }
    }
    Ok(response_of(reqwest::Body::wrap_stream(watched(
        head, pieces, watch,
    ))))
}

/// The stream as it comes, watched, and closed by blank lines: an event that ends with the
/// connection would be lost else.
fn watched<B, S>(head: Vec<u8>, rest: S, watch: Arc<Watch>) -> BoxStream<'static, std::io::Result<Vec<u8>>>
where
    B: AsRef<[u8]>,
    S: Stream<Item = reqwest::Result<B>> + Send + Unpin + 'static,
{
    let closing = |rest: S| async move {
        let mut rest = rest;
        let drained = async { while let Some(Ok(_)) = rest.next().await {} };
        // Late or never: then the connection isn't used again, no more.
        let _ = tokio::time::timeout(CLOSING, drained).await;
    };
    futures::stream::unfold((Some(head), Some(rest)), move |(head, rest)| {
        let watch = Arc::clone(&watch);
        async move {
            let mut rest = rest?;
            let piece = if let Some(head) = head {
                Ok(head)
            } else {
                match rest.next().await {
                    Some(Ok(piece)) => match watch.look(piece.as_ref()) {
                        Ok(()) => Ok(piece.as_ref().to_vec()),
                        Err(error) => Err(watch.broke(error)),
                    },
                    Some(Err(e)) => Err(watch.broke(broken(&e))),
                    None => return Some((Ok(b"\n\n".to_vec()), (None, None))),
                }
            };
            if piece.is_err() {
                return Some((piece, (None, None)));
            }
            if watch.done() {
                closing(rest).await;
                let ended = piece.map(|p| [p.as_slice(), b"\n\n"].concat());
                return Some((ended, (None, None)));
            }
            Some((piece, (None, Some(rest))))
        }
    })
    .boxed()
}

/// A whole JSON answer as a stream of one event.
async fn whole<B, S>(mut body: Vec<u8>, mut rest: S, watch: &Watch) -> Result<reqwest::Response, Refusal>
where
    B: AsRef<[u8]>,
    S: Stream<Item = reqwest::Result<B>> + Unpin,
{
    while let Some(piece) = rest.next().await {
        let piece = piece.map_err(|e| broken(&e))?;
        watch.look(piece.as_ref())?;
        body.extend_from_slice(piece.as_ref());
    }
    let body = body.trim_ascii_start();
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let answer = serde_json::from_slice(body).map_err(|_| malformed("JSON that breaks off"))?;
    // Google puts its errors into a list.
    let answer = match answer {
        Value::Array(all) => all.into_iter().next().unwrap_or_default(),
        other => other,
    };
    let mut seen = watch.seen();
    (seen.done, seen.in_one_piece) = (true, true);
    drop(seen);
    Ok(response_of(format!("data: {answer}\n\ndata: [DONE]\n\n").into()))
}

fn response_of(body: reqwest::Body) -> reqwest::Response {
    http::Response::new(body).into()
}

fn malformed(what: &str) -> ChatError {
    ChatError::new(Failure::Malformed, format!("it answered with {what}"))
}

fn unsent(error: &reqwest::Error) -> ChatError {
    if error.is_timeout() {
        ChatError::new(Failure::Timeout, "no connection in time")
    } else if error.is_connect() {
        ChatError::new(Failure::Cut, "no connection can be made")
    } else if error.is_builder() {
        ChatError::new(Failure::Refused, "its address makes no valid request")
    } else {
        ChatError::new(Failure::Cut, "the connection ended before an answer came")
    }
}

fn broken(error: &reqwest::Error) -> ChatError {
    if error.is_timeout() {
        return ChatError::new(Failure::Timeout, "the answer took too long");
    }
    ChatError::new(Failure::Cut, "the connection ended inside the answer")
}

async fn refusal(status: StatusCode, response: reqwest::Response) -> Refusal {
    let retry_after = wire::retry_after(response.headers());
    // Where it can't be read the status alone says enough.
    let body = wire::read(response, MOST_REFUSAL).await.unwrap_or_default();
    let kind = match status.as_u16() {
        408 => Failure::Timeout,
        429 => Failure::RateLimit { retry_after },
        500.. => Failure::ServerError,
        _ => Failure::Refused,
    };
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    let root = value.get(0).unwrap_or(&value);
    let error = root.get("error").filter(|e| e.is_object()).unwrap_or(root);
    let field = |name: &str| error.get(name).cloned();
    let codes = identifiers(&[field("type"), field("code"), field("param"), field("status")]);
    Refusal {
        error: ChatError {
            kind,
            status: Some(status.as_u16()),
            detail: format!("it answered {}{codes}", status.as_u16()),
            words: Some(wire::said(&body)).filter(|w| !w.is_empty()),
        },
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_of_its_own_is_the_end() {
        let done = |pieces: &[&str]| {
            let watch = Watch::default();
            pieces.iter().for_each(|p| watch.look(p.as_bytes()).unwrap());
            watch.done()
        };
        assert!(done(&["data: {}\n\nda", "ta: [DO", "NE]"]));
        assert!(done(&["data:[DONE]\r\n\r\n"]));
        assert!(!done(&["data: {\"content\":\"data: [DONE]\"}\n\n"]));
        assert!(!done(&["data: [DON"]));
        assert!(!done(&[": data: [DONE]\n"]));
    }

    #[test]
    fn an_answer_has_a_bound() {
        let watch = Watch::default();
        let megabyte = vec![b'x'; 1 << 20];
        assert!((0..4).all(|_| watch.look(&megabyte).is_ok()));
        assert_eq!(watch.look(b"x").unwrap_err().kind, Failure::Malformed);
    }
}
