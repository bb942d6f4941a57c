//! Visitors: each with a token, asking by JSON or by stream.

use std::time::{Duration, Instant};

use eventsource_stream::Eventsource;
use futures::StreamExt;
use serde_json::{Value, json};
use uuid::Uuid;

/// A visitor of the demo page.
#[derive(Clone)]
pub struct Visitor {
    http: reqwest::Client,
    base: String,
    token: String,
    /// Who it is, to come back as.
    pub cookie: String,
}

/// An answer's end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub thread: String,
    pub outcome: String,
    pub text: String,
    /// When its first sentence came, on a stream.
    pub first: Option<Instant>,
}

pub fn http() -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .timeout(Duration::from_secs(120))
        .no_proxy();
    builder.build().unwrap()
}

impl Visitor {
    /// A new one, or one who comes back.
    pub async fn new(http: &reqwest::Client, base: &str, cookie: Option<&str>) -> Self {
        let mut request = http.post(format!("{base}/demo/token")).header("origin", base);
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        let response = request.send().await.unwrap().error_for_status().unwrap();
        let set = response.headers()["set-cookie"].to_str().unwrap();
        let cookie = set.split(';').next().unwrap_or_default().to_owned();
        let body: Value = response.json().await.unwrap();
        Self {
            http: http.clone(),
            base: base.to_owned(),
            token: body["token"].as_str().unwrap().to_owned(),
            cookie,
        }
    }

    fn post(&self, question: &str) -> reqwest::RequestBuilder {
        let body = json!({ "message_id": Uuid::now_v7(), "user_msg": question });
        let request = self.http.post(format!("{}/api/agent/messages", self.base));
        request.bearer_auth(&self.token).json(&body)
    }

    /// Asks for the answer as JSON.
    pub async fn ask(&self, question: &str) -> Result<Answer, String> {
        let response = self.post(question).send().await.map_err(|e| e.to_string())?;
        let status = response.status();
        let body: Value = response.json().await.map_err(|e| e.to_string())?;
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        match (text("thread_id"), text("outcome"), text("text")) {
            (Some(thread), Some(outcome), Some(text)) => Ok(Answer {
                thread,
                outcome,
                text,
                first: None,
            }),
            _ => Err(format!("{status}: {body}")),
        }
    }

    /// Asks for the answer as a stream.
    pub async fn listen(&self, question: &str) -> Result<Answer, String> {
        let request = self.post(question).header("accept", "text/event-stream");
        let response = request.send().await.map_err(|e| e.to_string())?;
        if !response.status().is_success() {
            return Err(response.status().to_string());
        }
        let mut events = response.bytes_stream().eventsource();
        let (mut thread, mut first, mut last) = (None, None, None);
        while let Some(event) = events.next().await {
            let event = event.map_err(|e| e.to_string())?;
            if event.event == "delta" && first.is_none() {
                first = Some(Instant::now());
            }
            let data = || serde_json::from_str::<Value>(&event.data).unwrap_or_default();
            match event.event.as_str() {
                "turn" => thread = data()["thread_id"].as_str().map(str::to_owned),
                "final" => last = Some(data()),
                "done" => {
                    let last = last.ok_or("it ended without an answer")?;
                    let text = |name: &str| last[name].as_str().unwrap_or_default().to_owned();
                    return Ok(Answer {
                        thread: thread.unwrap_or_default(),
                        outcome: text("outcome"),
                        text: text("text"),
                        first,
                    });
                }
                _ => {}
            }
        }
        Err("the stream ended before the turn did".to_owned())
    }

    /// Opens the stream of a thread where nothing happens; gives it once its head and its
    /// first line are there.
    pub async fn idle(&self, thread: &str) -> reqwest::Response {
        let url = format!("{}/api/agent/thread/{thread}/events?after=1000000", self.base);
        let request = self
            .http
            .get(url)
            .bearer_auth(&self.token)
            .header("accept", "text/event-stream");
        let mut response = request.send().await.unwrap().error_for_status().unwrap();
        assert!(response.chunk().await.unwrap().is_some(), "the stream has begun");
        response
    }
}
