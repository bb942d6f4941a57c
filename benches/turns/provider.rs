//! A language model that costs next to nothing: speaks OpenAI's chat completions as a
//! stream, plans a search, then writes the first two sentences of the best passage, at
//! once or at a given pace. It notes when it wrote the token that ends the first sentence.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How fast it writes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    /// To the first token.
    pub first: Duration,
    /// Between two.
    pub token: Duration,
}

/// When the first sentence of an answer was written.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// The last token of its citation mark.
    pub mark: Instant,
    /// The one after it: only this one tells that no other mark follows.
    pub certain: Instant,
}

#[derive(Default)]
struct Inner {
    pace: Mutex<Pace>,
    written: Mutex<HashMap<String, Written>>,
}

/// The provider.
pub struct Provider {
    pub base_url: String,
    inner: Arc<Inner>,
}

impl Provider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let inner = Arc::new(Inner::default());
        let shared = Arc::clone(&inner);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    // A client that goes is none of its business.
                    let _ = serve(stream, &shared).await;
                });
            }
        });
        Self { base_url, inner }
    }

    pub fn set_pace(&self, pace: Pace) {
        *self.inner.pace.lock().unwrap() = pace;
    }

    /// When it wrote the first sentence of the answer to a question.
    pub fn written(&self, question: &str) -> Option<Written> {
        self.inner.written.lock().unwrap().remove(question)
    }
}

async fn serve(mut stream: TcpStream, inner: &Inner) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::with_capacity(32 << 10);
    while let Some(body) = request(&mut stream, &mut bytes).await? {
        let pace = *inner.pace.lock().unwrap();
        reply(&mut stream, &body, pace, inner).await?;
    }
    Ok(())
}

/// The next request's body.
async fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> std::io::Result<Option<Value>> {
    loop {
        if let Some(head) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|l| l.strip_prefix("content-length:"));
            let length: usize = length.and_then(|l| l.trim().parse().ok()).unwrap_or(0);
            let end = head + 4 + length;
            if bytes.len() >= end {
                let body = serde_json::from_slice(&bytes[head + 4..end]).unwrap_or_default();
                bytes.drain(..end);
                return Ok(Some(body));
            }
        }
        if stream.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    }
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn event(body: &Value) -> String {
    let data = format!("data: {body}\n\n");
    format!("{:x}\r\n{data}\r\n", data.len())
}

fn part(delta: &Value, finish: Option<&str>) -> String {
    event(&json!({
        "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 0, "model": "bench",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
    }))
}

fn end(finish: &str) -> String {
    let usage = json!({ "prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940 });
    let last = event(&json!({ "choices": [], "usage": usage }));
    format!(
        "{}{last}e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n",
        part(&json!({}), Some(finish))
    )
}

async fn reply(stream: &mut TcpStream, body: &Value, pace: Pace, inner: &Inner) -> std::io::Result<()> {
    let last = body["messages"].as_array().and_then(|m| m.last());
    let said = last.and_then(|m| m["content"].as_str()).unwrap_or_default();
    if body.get("tools").is_some() {
        let searched = last.is_some_and(|m| m["role"] == "tool");
        let order = order_asked(said);
        let (name, arguments) = if searched {
            ("write_answer", json!({}))
        } else if let Some(number) = order {
            (
                "get_order_status",
                json!({ "order_id": number, "email": "[EMAIL_1]" }),
            )
        } else {
            ("kb_search", json!({ "query": said, "top_k": 5 }))
        };
        let function = json!({ "name": name, "arguments": arguments.to_string() });
        let calls = json!({ "tool_calls": [{ "index": 0, "id": "call_1", "type": "function", "function": function }] });
        tokio::time::sleep(pace.first).await;
        let whole = format!("{HEAD}{}{}", part(&calls, None), end("tool_calls"));
        return stream.write_all(whole.as_bytes()).await;
    }
    let question = said
        .rsplit_once("The visitor's message:\n")
        .map_or("", |(_, q)| q);
    let [first, second] = order_told(said).unwrap_or_else(|| sentences(said));
    let mut tokens = tokens(&first);
    let mark = tokens.len() - 1;
    tokens.extend(self::tokens(&second));
    if pace.first.is_zero() && pace.token.is_zero() {
        let parts: String = tokens
            .iter()
            .map(|t| part(&json!({ "content": t }), None))
            .collect();
        return stream
            .write_all(format!("{HEAD}{parts}{}", end("stop")).as_bytes())
            .await;
    }
    tokio::time::sleep(pace.first).await;
    stream.write_all(HEAD.as_bytes()).await?;
    let mut ticks = tokio::time::interval(pace.token.max(Duration::from_micros(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut marked = None;
    for (n, token) in tokens.iter().enumerate() {
        ticks.tick().await;
        // Before the write: what the kernel does with it counts as well.
        if n == mark {
            marked = Some(Instant::now());
        }
        if let (Some(mark), true) = (marked, n == mark + 1) {
            let written = Written {
                mark,
                certain: Instant::now(),
            };
            inner.written.lock().unwrap().insert(question.to_owned(), written);
        }
        stream
            .write_all(part(&json!({ "content": token }), None).as_bytes())
            .await?;
    }
    stream.write_all(end("stop").as_bytes()).await
}

/// The number of the order that a visitor asks about who has given an address.
fn order_asked(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once("my order ")?;
    rest.contains("[EMAIL_1]").then(|| rest.split(' ').next())?
}

/// What a looked-up order costs, in two sentences.
fn order_told(said: &str) -> Option<[String; 2]> {
    let (_, rest) = said.split_once("What get_order_status returned:\n")?;
    let order: Value = serde_json::from_str(rest.lines().next()?).ok()?;
    let (number, total) = (order["order_id"].as_str()?, order["total"].as_str()?);
    Some([
        format!("The total of order {number} is {total} EUR."),
        " Is there anything else you would like to know?".to_owned(),
    ])
}

/// The first two sentences of the first passage that has a paragraph of two, each with its mark.
fn sentences(said: &str) -> [String; 2] {
    let two = |n: usize| {
        let (_, rest) = said.split_once(&format!("\n[{n}] "))?;
        let (_, text) = rest.split_once('\n')?;
        // A passage ends where the next begins; a section's heading stands before its text.
        let mut lines = text.lines().map(str::trim).take_while(|l| !l.starts_with('['));
        lines.find_map(|line| {
            let mut all = line.split_inclusive(". ").map(str::trim);
            let (first, second) = (all.next()?, all.next()?);
            let told = !line.starts_with(['#', '-', '*', '|']);
            told.then(|| [format!("{first} [{n}]"), format!(" {second} [{n}]")])
        })
    };
    (1..=5)
        .find_map(two)
        .unwrap_or_else(|| ["Nothing was found. [1]".into(), String::new()])
}

/// Words with the blank before them, about as models cut text.
fn tokens(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut token = String::new();
    for c in text.chars() {
        let starts = c == ' ' || c == '.' || c == ']';
        let ends = token.ends_with('[');
        if (starts || ends) && !token.is_empty() {
            out.push(std::mem::take(&mut token));
        }
        token.push(c);
    }
    out.push(token);
    out
}
