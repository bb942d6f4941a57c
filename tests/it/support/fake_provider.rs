//! A model provider for tests: a real HTTP server that speaks OpenAI's chat completions,
//! scripted per test. What isn't scripted is an error, so that no call goes unnoticed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the next call gets.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Text, token by token, with a pause before each.
    Tokens { tokens: Vec<String>, pause: Duration },
    /// One call of a tool.
    Tool { name: String, args: Value },
    /// An HTTP error.
    Status(u16),
    /// Some tokens, then the connection is cut.
    Cut { tokens: Vec<String> },
    /// Some tokens, then nothing more until the client leaves.
    Stall { tokens: Vec<String> },
    /// A chunk that isn't JSON.
    Malformed,
    /// Some tokens, then an error object inside the stream.
    LateError { tokens: Vec<String> },
}

impl Reply {
    pub fn text(words: &str) -> Self {
        Self::Tokens {
            tokens: words.split_inclusive(' ').map(str::to_owned).collect(),
            pause: Duration::ZERO,
        }
    }
}

/// The provider.
pub struct FakeProvider {
    pub base_url: String,
    script: Arc<Mutex<VecDeque<Reply>>>,
    calls: Arc<Mutex<Vec<Value>>>,
    heads: Arc<Mutex<Vec<String>>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl FakeProvider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let script: Arc<Mutex<VecDeque<Reply>>> = Arc::default();
        let calls: Arc<Mutex<Vec<Value>>> = Arc::default();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (s, c, h, stopped, tracker) = (
            Arc::clone(&script),
            Arc::clone(&calls),
            Arc::clone(&heads),
            stop.clone(),
            tasks.clone(),
        );
        tasks.spawn(async move {
            loop {
                let (stream, _) = tokio::select! {
                    () = stopped.cancelled() => return,
                    accepted = listener.accept() => accepted.unwrap(),
                };
                let (s, c, h, stopped) = (Arc::clone(&s), Arc::clone(&c), Arc::clone(&h), stopped.clone());
                tracker.spawn(async move {
                    tokio::select! {
                        () = stopped.cancelled() => {}
                        // A client that leaves in the middle is part of the tests.
                        _ = answer(stream, &s, &c, &h) => {}
                    }
                });
            }
        });
        Self {
            base_url,
            script,
            calls,
            heads,
            stop,
            tasks,
        }
    }

    /// The heads of the calls so far, in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// Adds to the script.
    pub fn then(&self, reply: Reply) -> &Self {
        self.script.lock().unwrap().push_back(reply);
        self
    }

    /// The bodies of the calls so far.
    pub fn calls(&self) -> Vec<Value> {
        self.calls.lock().unwrap().clone()
    }

    /// Stops; everything that was scripted must have been asked for.
    pub async fn finish(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let left = self.script.lock().unwrap();
        assert!(left.is_empty(), "scripted and never asked for: {left:?}");
    }
}

async fn request(stream: &mut TcpStream) -> std::io::Result<(String, Value)> {
    let (mut bytes, mut piece) = (Vec::new(), [0_u8; 4096]);
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut piece).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => bytes.extend_from_slice(&piece[..n]),
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
    let length = text
        .lines()
        .find_map(|l| l.strip_prefix("content-length:")?.trim().parse::<usize>().ok())
        .unwrap_or(0);
    while bytes.len() < head + length {
        match stream.read(&mut piece).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => bytes.extend_from_slice(&piece[..n]),
        }
    }
    let body = serde_json::from_slice(&bytes[head..head + length]);
    Ok((text, body.unwrap_or(Value::Null)))
}

async fn whole(stream: &mut TcpStream, status: u16, body: &Value) -> std::io::Result<()> {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await
}

async fn chunk(stream: &mut TcpStream, data: &str) -> std::io::Result<()> {
    let line = format!("data: {data}\n\n");
    stream
        .write_all(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes())
        .await?;
    stream.flush().await
}

fn delta(delta: Value, finish: Option<&str>) -> String {
    json!({
        "id": "chatcmpl-test", "object": "chat.completion.chunk", "created": 0, "model": "fake",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
    })
    .to_string()
}

async fn tokens(stream: &mut TcpStream, tokens: &[String], pause: Duration) -> std::io::Result<()> {
    for token in tokens {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        chunk(stream, &delta(json!({ "content": token }), None)).await?;
    }
    Ok(())
}

async fn answer(
    mut stream: TcpStream,
    script: &Mutex<VecDeque<Reply>>,
    calls: &Mutex<Vec<Value>>,
    heads: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let (head, body) = request(&mut stream).await?;
    heads.lock().unwrap().push(head);
    let streams = body["stream"] == json!(true);
    calls.lock().unwrap().push(body);
    let reply = script.lock().unwrap().pop_front();
    let call = |name: &str, args: &Value| {
        json!([{ "index": 0, "id": "call_1", "type": "function",
                 "function": { "name": name, "arguments": args.to_string() } }])
    };
    if !streams {
        let message = match &reply {
            Some(Reply::Tokens { tokens, .. }) => json!({ "role": "assistant", "content": tokens.concat() }),
            Some(Reply::Tool { name, args }) => {
                json!({ "role": "assistant", "tool_calls": call(name, args) })
            }
            Some(Reply::Status(code)) => {
                return whole(&mut stream, *code, &json!({ "error": { "message": "scripted" } })).await;
            }
            _ => {
                return whole(
                    &mut stream,
                    500,
                    &json!({ "error": { "message": "nothing is scripted" } }),
                )
                .await;
            }
        };
        let body = json!({ "id": "chatcmpl-test", "object": "chat.completion", "created": 0, "model": "fake",
                           "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
                           "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 } });
        return whole(&mut stream, 200, &body).await;
    }
    if let Some(Reply::Status(code)) = reply {
        return whole(&mut stream, code, &json!({ "error": { "message": "scripted" } })).await;
    }
    let Some(reply) = reply else {
        return whole(
            &mut stream,
            500,
            &json!({ "error": { "message": "nothing is scripted" } }),
        )
        .await;
    };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    match reply {
        Reply::Tokens { tokens: t, pause } => tokens(&mut stream, &t, pause).await?,
        Reply::Tool { name, args } => {
            chunk(
                &mut stream,
                &delta(json!({ "tool_calls": call(&name, &args) }), None),
            )
            .await?
        }
        Reply::Malformed => chunk(&mut stream, "{not json").await?,
        Reply::Cut { tokens: t } => return tokens(&mut stream, &t, Duration::ZERO).await,
        Reply::Stall { tokens: t } => {
            tokens(&mut stream, &t, Duration::ZERO).await?;
            // Until the client leaves.
            let mut rest = [0_u8; 64];
            while stream.read(&mut rest).await? > 0 {}
            return Ok(());
        }
        Reply::LateError { tokens: t } => {
            tokens(&mut stream, &t, Duration::ZERO).await?;
            chunk(
                &mut stream,
                &json!({ "error": { "message": "scripted", "code": 500 } }).to_string(),
            )
            .await?;
        }
        Reply::Status(_) => {}
    }
    chunk(&mut stream, &delta(json!({}), Some("stop"))).await?;
    chunk(&mut stream, "[DONE]").await?;
    stream.write_all(b"0\r\n\r\n").await
}
