//! A model provider for tests: a real HTTP server that speaks OpenAI's chat completions as
//! it is told, well or badly, down to single bytes. Replies come from a queue, then from a
//! rule; what neither gives is an error, so that no call goes unnoticed.

mod reply;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use reply::Reply;
use reply::{Ending, Kind};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// With its query.
    pub path: String,
    /// Names in small letters.
    pub headers: HashMap<String, String>,
    pub body: Value,
}

impl Request {
    /// The text of the last message.
    pub fn last_text(&self) -> &str {
        let messages = self.body["messages"].as_array().map_or(&[][..], Vec::as_slice);
        messages.last().and_then(|m| m["content"].as_str()).unwrap_or("")
    }

    /// Whether tools may be called: it is a plan then.
    pub fn has_tools(&self) -> bool {
        self.body.get("tools").is_some()
    }
}

type Rule = Box<dyn Fn(&Request) -> Reply + Send + Sync>;

#[derive(Default)]
struct Inner {
    queue: Mutex<VecDeque<Reply>>,
    rule: Mutex<Option<Rule>>,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    under_way: AtomicUsize,
    left: AtomicUsize,
    changed: Notify,
}

/// The provider.
pub struct FakeProvider {
    pub base_url: String,
    inner: Arc<Inner>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl FakeProvider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let inner = Arc::new(Inner::default());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (shared, stopped, tracker) = (Arc::clone(&inner), stop.clone(), tasks.clone());
        tasks.spawn(async move {
            loop {
                let (stream, _) = tokio::select! {
                    () = stopped.cancelled() => return,
                    accepted = listener.accept() => accepted.unwrap(),
                };
                let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
                tracker.spawn(async move {
                    tokio::select! {
                        () = stopped.cancelled() => {}
                        // A client that leaves in the middle is part of the tests.
                        _ = connection(stream, &shared) => {}
                    }
                });
            }
        });
        Self {
            base_url,
            inner,
            stop,
            tasks,
        }
    }

    /// Adds to the queue.
    pub fn reply(&self, reply: Reply) -> &Self {
        self.inner.queue.lock().unwrap().push_back(reply);
        self
    }

    /// What calls get when the queue is empty.
    pub fn always(&self, rule: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> &Self {
        *self.inner.rule.lock().unwrap() = Some(Box::new(rule));
        self
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.inner.requests.lock().unwrap().clone()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::SeqCst)
    }

    /// How many answers are being written.
    pub fn under_way(&self) -> usize {
        self.inner.under_way.load(Ordering::SeqCst)
    }

    /// Waits until so many requests have come.
    pub async fn wait_for_requests(&self, n: usize) {
        self.wait(|inner| inner.requests.lock().unwrap().len() >= n).await;
    }

    /// Waits until so many clients have left an answer that wasn't whole.
    pub async fn wait_for_left(&self, n: usize) {
        self.wait(|inner| inner.left.load(Ordering::SeqCst) >= n).await;
    }

    async fn wait(&self, is_so: impl Fn(&Inner) -> bool) {
        let waited = async {
            loop {
                let changed = self.inner.changed.notified();
                if is_so(&self.inner) {
                    return;
                }
                changed.await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), waited).await;
        waited.expect("the provider saw it");
    }

    /// Stops; everything that was queued must have been asked for.
    pub async fn finish(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let left = self.inner.queue.lock().unwrap();
        assert!(left.is_empty(), "queued and never asked for: {left:?}");
    }
}

async fn connection(stream: TcpStream, inner: &Inner) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    inner.connections.fetch_add(1, Ordering::SeqCst);
    let (mut reader, mut writer) = stream.into_split();
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut reader, &mut buffer).await? {
        let reply = inner.queue.lock().unwrap().pop_front();
        let reply = reply.or_else(|| inner.rule.lock().unwrap().as_ref().map(|rule| rule(&request)));
        let unscripted =
            || Reply::status(500).saying_json(json!({ "error": { "message": "nothing is scripted" } }));
        let reply = reply.unwrap_or_else(unscripted);
        inner.requests.lock().unwrap().push(request.clone());
        inner.under_way.fetch_add(1, Ordering::SeqCst);
        inner.changed.notify_waiters();
        let mut byte = [0_u8; 1];
        let done = tokio::select! {
            done = answer(&mut writer, &reply, &request.body) => done,
            // A client sends nothing while it waits, so this is its leaving.
            _ = reader.read(&mut byte) => Err(std::io::ErrorKind::ConnectionAborted.into()),
        };
        inner.under_way.fetch_sub(1, Ordering::SeqCst);
        if done.is_err() {
            inner.left.fetch_add(1, Ordering::SeqCst);
        }
        inner.changed.notify_waiters();
        if !done? {
            return Ok(());
        }
    }
    Ok(())
}

async fn read_request(reader: &mut OwnedReadHalf, bytes: &mut Vec<u8>) -> std::io::Result<Option<Request>> {
    let mut piece = [0_u8; 4096];
    let mut more = async |bytes: &mut Vec<u8>| -> std::io::Result<bool> {
        let n = reader.read(&mut piece).await?;
        bytes.extend_from_slice(&piece[..n]);
        Ok(n > 0)
    };
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
        if !more(bytes).await? {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.lines();
    let path = lines
        .next()
        .and_then(|l| l.split(' ').nth(1))
        .unwrap_or("")
        .to_owned();
    let headers: HashMap<String, String> = lines
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.to_lowercase(), v.trim().to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map_or(0, |l| l.parse::<usize>().unwrap());
    while bytes.len() < head + length {
        if !more(bytes).await? {
            return Ok(None);
        }
    }
    let body = serde_json::from_slice(&bytes[head..head + length]).unwrap_or(Value::Null);
    bytes.drain(..head + length);
    Ok(Some(Request { path, headers, body }))
}

/// Writes the reply; whether the connection can be used again.
async fn answer(writer: &mut OwnedWriteHalf, reply: &Reply, body: &Value) -> std::io::Result<bool> {
    tokio::time::sleep(reply.first).await;
    match &reply.kind {
        Kind::Never => std::future::pending().await,
        Kind::Status(code, said) => {
            whole(
                writer,
                *code,
                "application/json",
                said.to_string().as_bytes(),
                &reply.headers,
            )
            .await?;
            Ok(true)
        }
        Kind::Raw {
            content_type,
            pieces,
            ending,
        } => {
            head(writer, content_type, &reply.headers).await?;
            for piece in pieces {
                chunk(writer, piece, reply.split).await?;
            }
            end(writer, ending, reply.split).await
        }
        Kind::Answer if body["stream"] == json!(true) => stream(writer, reply, body).await,
        Kind::Answer => {
            let text = Some(reply.tokens.concat()).filter(|t| !t.is_empty());
            let mut message = json!({ "role": "assistant", "content": text });
            if !reply.calls.is_empty() {
                message["tool_calls"] = tool_calls(reply);
            }
            let said = json!({
                "id": "chatcmpl-test", "object": "chat.completion", "created": 0, "model": body["model"],
                "choices": [{ "index": 0, "message": message, "finish_reason": finish(reply) }],
                "usage": usage(reply, body),
            });
            whole(
                writer,
                200,
                "application/json",
                said.to_string().as_bytes(),
                &reply.headers,
            )
            .await?;
            Ok(true)
        }
    }
}

async fn stream(writer: &mut OwnedWriteHalf, reply: &Reply, body: &Value) -> std::io::Result<bool> {
    let event = |delta: Value, finish: Option<&str>| {
        json!({
            "id": "chatcmpl-test", "object": "chat.completion.chunk", "created": 0, "model": body["model"],
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }], "usage": null,
        })
    };
    head(writer, "text/event-stream", &reply.headers).await?;
    let split = reply.split;
    data(
        writer,
        &event(json!({ "role": "assistant", "content": "" }), None),
        split,
    )
    .await?;
    for token in &reply.tokens {
        tokio::time::sleep(reply.token).await;
        if let Some(gate) = &reply.gate {
            gate.acquire().await.unwrap().forget();
        }
        data(writer, &event(json!({ "content": token }), None), split).await?;
    }
    if reply.ending != Ending::Whole {
        return end(writer, &reply.ending, split).await;
    }
    if !reply.calls.is_empty() {
        data(
            writer,
            &event(json!({ "tool_calls": tool_calls(reply) }), None),
            split,
        )
        .await?;
    }
    data(writer, &event(json!({}), Some(&finish(reply))), split).await?;
    if body["stream_options"]["include_usage"] == json!(true) {
        let last = json!({ "choices": [], "usage": usage(reply, body) });
        data(writer, &last, split).await?;
    }
    chunk(writer, b"data: [DONE]\n\n", split).await?;
    end(writer, &Ending::Whole, split).await
}

fn finish(reply: &Reply) -> String {
    let fits = if reply.calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    };
    reply.finish.clone().unwrap_or_else(|| fits.to_owned())
}

fn usage(reply: &Reply, body: &Value) -> Value {
    let guess = || {
        let sent = body["messages"].to_string().len() / 4;
        (
            u32::try_from(sent).unwrap(),
            u32::try_from(reply.tokens.len()).unwrap(),
        )
    };
    let (input, output) = reply.usage.unwrap_or_else(guess);
    json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output })
}

fn tool_calls(reply: &Reply) -> Value {
    let calls = reply.calls.iter().enumerate().map(|(i, (name, args))| {
        json!({ "index": i, "id": format!("call_{i}"), "type": "function",
                "function": { "name": name, "arguments": args.to_string() } })
    });
    calls.collect()
}

async fn whole(
    writer: &mut OwnedWriteHalf,
    status: u16,
    content_type: &str,
    body: &[u8],
    headers: &[(String, String)],
) -> std::io::Result<()> {
    let more: String = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n{more}\r\n",
        body.len()
    );
    writer.write_all(&[head.as_bytes(), body].concat()).await
}

async fn head(
    writer: &mut OwnedWriteHalf,
    content_type: &str,
    headers: &[(String, String)],
) -> std::io::Result<()> {
    let more: String = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n{more}\r\n"
    );
    writer.write_all(head.as_bytes()).await
}

async fn data(writer: &mut OwnedWriteHalf, event: &Value, split: Option<usize>) -> std::io::Result<()> {
    chunk(writer, format!("data: {event}\n\n").as_bytes(), split).await
}

async fn chunk(writer: &mut OwnedWriteHalf, bytes: &[u8], split: Option<usize>) -> std::io::Result<()> {
    for piece in bytes.chunks(split.unwrap_or(usize::MAX)) {
        let framed = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
        writer.write_all(&framed).await?;
        writer.flush().await?;
        if split.is_some() {
            // So that the pieces arrive as such.
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

async fn end(writer: &mut OwnedWriteHalf, ending: &Ending, split: Option<usize>) -> std::io::Result<bool> {
    match ending {
        Ending::Whole => {
            writer.write_all(b"0\r\n\r\n").await?;
            Ok(true)
        }
        Ending::Done => {
            chunk(writer, b"data: [DONE]\n\n", split).await?;
            writer.write_all(b"0\r\n\r\n").await?;
            Ok(true)
        }
        Ending::Cut => Ok(false),
        Ending::Stall => std::future::pending().await,
        Ending::Error(error) => {
            data(writer, error, split).await?;
            writer.write_all(b"0\r\n\r\n").await?;
            Ok(true)
        }
    }
}
