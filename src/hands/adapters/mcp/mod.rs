//! An MCP server over streamable HTTP: which tools it has, and calls of them. The protocol is
//! spoken over the guarded client and read by types of our own. What the operator lists may be
//! used, and nothing else of it, whatever the server says later.

mod catalogue;
mod rpc;
mod sse;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use moka::sync::Cache;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::rpc::{Endpoint, Session, Trouble};
use crate::db::connections::Connection;
use crate::domain::connection;
use crate::domain::ids::SiteId;
use crate::domain::seal::MasterKey;
use crate::domain::tool::{Power, ToolCode};
use crate::hands::outside::remote::{Asked, Fault, Remote};
use crate::hands::outside::results;
use crate::hands::outside::tools::{Offered, Origin, Terms, named};
use crate::knowledge::fetch::Fetcher;

/// The connection's kind.
pub const KIND: &str = connection::tools::MCP;

/// How long a server may take to tell its tools.
const LISTING: Duration = Duration::from_secs(10);
/// How long a call may take where the connection doesn't say.
const CALL: Duration = Duration::from_millis(2_500);
/// Bytes of an answer at most, as it comes.
const MOST_ANSWER: usize = 256 << 10;
const MOST_LIST: usize = 1 << 20;
/// Sessions that are remembered, and how long unused.
const MOST_SESSIONS: u64 = 10_000;
const IDLE: Duration = Duration::from_secs(600);

/// Whose session it is: one of a connection as it was made.
type SessionKey = (SiteId, String, DateTime<Utc>);

/// The sessions with all servers.
pub type Sessions = Cache<SessionKey, Arc<Session>>;

/// None yet.
#[must_use]
pub fn sessions() -> Sessions {
    Cache::builder()
        .max_capacity(MOST_SESSIONS)
        .time_to_idle(IDLE)
        .build()
}

/// What the operator has set.
#[derive(Debug, Clone, Deserialize)]
struct Settings {
    url: String,
    tools: Vec<String>,
    #[serde(default)]
    reads: Vec<String>,
    #[serde(default)]
    idempotent: Vec<String>,
    #[serde(default)]
    verified: Vec<String>,
    prefix: Option<String>,
    #[serde(default)]
    auth: Auth,
    timeout_ms: Option<u64>,
}

/// How the secret is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// As a token.
    #[default]
    Bearer,
    /// As a user and a password, `user:password`: WordPress's application passwords.
    Basic,
}

/// A connected server.
pub struct Mcp {
    name: String,
    settings: Settings,
    endpoint: Endpoint,
    sessions: Sessions,
    key: SessionKey,
}

impl Mcp {
    /// By its connection. Nothing is sent yet.
    ///
    /// # Errors
    /// In a sentence, when the connection can't be used.
    pub fn new(
        fetcher: Fetcher,
        master: &MasterKey,
        sessions: Sessions,
        site: SiteId,
        row: &Connection,
    ) -> Result<Self, String> {
        let settings: Settings = serde_json::from_value(row.config.clone())
            .map_err(|e| format!("its settings can't be read: {e}"))?;
        let secret = opened(master, site, row)?;
        let endpoint = Endpoint::new(fetcher, &settings.url, settings.auth, secret.as_ref())?;
        Ok(Self {
            name: row.name.clone(),
            settings,
            endpoint,
            sessions,
            key: (site, row.name.clone(), row.at),
        })
    }

    /// The tools that the server has now, cut to what is looked at later.
    ///
    /// # Errors
    /// When it doesn't tell them.
    pub async fn tools(&self) -> Result<Vec<Value>, Fault> {
        let mut all = catalogue::Pages::default();
        while let Some(params) = all.next() {
            let page = self
                .request("tools/list", None, params, LISTING, MOST_LIST)
                .await?;
            all.take(&page).map_err(Fault::Useless)?;
        }
        Ok(all.tools)
    }

    /// A request in a session; one that the server has forgotten is begun anew.
    async fn request(
        &self,
        method: &'static str,
        tool: Option<&str>,
        params: Map<String, Value>,
        time: Duration,
        most: usize,
    ) -> Result<Value, Fault> {
        let until = tokio::time::Instant::now() + time;
        let known = self.sessions.get(&self.key);
        let begun_before = known.is_some();
        let session = match known {
            Some(session) => session,
            None => self.begin(until).await?,
        };
        match self
            .endpoint
            .ask(&session, method, tool, &params, until, most)
            .await
        {
            // It was never looked at: nothing can have been done.
            Err(Trouble::Lost) if begun_before => {
                self.sessions.invalidate(&self.key);
                let session = self.begin(until).await?;
                let again = self
                    .endpoint
                    .ask(&session, method, tool, &params, until, most)
                    .await;
                again.map_err(Fault::from)
            }
            other => other.map_err(Fault::from),
        }
    }

    async fn begin(&self, until: tokio::time::Instant) -> Result<Arc<Session>, Fault> {
        let session = Arc::new(self.endpoint.begin(until).await?);
        self.sessions.insert(self.key.clone(), Arc::clone(&session));
        Ok(session)
    }
}

/// The secret of a connection, where it has one.
pub(super) fn opened(
    master: &MasterKey,
    site: SiteId,
    row: &Connection,
) -> Result<Option<SecretString>, String> {
    let sealed = row.secret_sealed.as_deref();
    sealed
        .map(|s| connection::open(master, site, &row.kind, &row.name, s))
        .transpose()
        .map_err(|e| format!("its secret can't be opened: {e}"))
}

/// What of the server's tools the operator has listed, and why some can't be used.
#[must_use]
pub fn offered(server: &Arc<Mcp>, told: &Value) -> (Vec<Offered>, Vec<(String, String)>) {
    let settings = &server.settings;
    let told = told.as_array().map(Vec::as_slice).unwrap_or_default();
    let prefix = settings.prefix.as_deref().unwrap_or(&server.name);
    let (mut out, mut problems) = (Vec::new(), Vec::new());
    for own in &settings.tools {
        let Some(tool) = told.iter().find(|t| t["name"] == own.as_str()) else {
            problems.push((own.clone(), "the server has no such tool".to_owned()));
            continue;
        };
        if let Some(why) = tool["unfit"].as_str() {
            problems.push((own.clone(), why.to_owned()));
            continue;
        }
        let output = tool["output"].is_object().then(|| tool["output"].clone());
        let listed = |names: &[String]| names.contains(own);
        out.push(Offered {
            origin: Origin {
                kind: KIND,
                name: server.name.clone(),
            },
            name: named(prefix, own),
            description: tool["description"].as_str().unwrap_or_default().to_owned(),
            input: tool["input"].clone(),
            terms: Terms {
                // The server's own hints are no more than that.
                power: if listed(&settings.reads) {
                    Power::Reads
                } else {
                    Power::Guarded
                },
                verified: listed(&settings.verified),
                idempotent: listed(&settings.idempotent),
                confirm: None,
                time: settings.timeout_ms.map_or(CALL, Duration::from_millis),
            },
            by_operator: false,
            remote: Arc::new(McpTool {
                server: Arc::clone(server),
                own: own.clone(),
                structured: output.is_some(),
            }),
            output,
        });
    }
    (out, problems)
}

/// One of its tools.
struct McpTool {
    server: Arc<Mcp>,
    /// What the server calls it.
    own: String,
    /// Whether it has promised results by a schema.
    structured: bool,
}

impl Remote for McpTool {
    fn ask<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Result<Value, Fault>> {
        async move {
            let mut params = Map::new();
            params.insert("name".to_owned(), json!(self.own));
            params.insert("arguments".to_owned(), asked.args.clone());
            let mut meta = Map::new();
            if let Some(key) = asked.key {
                meta.insert("deskhand/idempotency-key".to_owned(), json!(key));
            }
            if !asked.emails.is_empty() {
                meta.insert("deskhand/verified-emails".to_owned(), json!(asked.emails));
            }
            if !meta.is_empty() {
                params.insert("_meta".to_owned(), Value::Object(meta));
            }
            let result = self
                .server
                .request("tools/call", Some(&self.own), params, asked.time, MOST_ANSWER)
                .await?;
            // What carries a key changes something.
            read(&result, self.structured, asked.key.is_some())
        }
        .boxed()
    }
}

/// A call's result: what the server has structured, else its text. A tool that failed may have
/// acted before it did: whatever breaks inside one becomes `isError`, a time-out behind it too.
fn read(result: &Value, structured: bool, writes: bool) -> Result<Value, Fault> {
    let no = |code: ToolCode, why: &str| {
        Err(if writes {
            Fault::Useless(why.to_owned())
        } else {
            Fault::Refused(code, why.to_owned())
        })
    };
    let kind = result["resultType"].as_str().unwrap_or("complete");
    if kind != "complete" {
        // It wants something of a person in the middle of a call.
        return no(ToolCode::Disabled, "it asks back, which isn't answered");
    }
    if result["isError"] == true {
        return no(ToolCode::InvalidInput, "the tool says that it failed");
    }
    match result.get("structuredContent") {
        Some(content) if !content.is_null() => return Ok(content.clone()),
        _ if structured => {
            return Err(Fault::Useless(
                "it promised a structured result and gave none".to_owned(),
            ));
        }
        _ => {}
    }
    let blocks = result["content"].as_array().map(Vec::as_slice);
    let blocks = blocks.ok_or_else(|| Fault::Useless("its result has no content".to_owned()))?;
    let texts: Vec<&str> = blocks
        .iter()
        .filter(|b| b["type"] == "text")
        .filter_map(|b| b["text"].as_str())
        .collect();
    Ok(results::of_text(&texts.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_as_far_as_they_can_be() {
        let text =
            json!({"content": [{"type": "text", "text": "12 in stock"}, {"type": "image", "data": "…"}]});
        assert_eq!(read(&text, false, false), Ok(json!({"text": "12 in stock"})));
        assert!(matches!(read(&text, true, false), Err(Fault::Useless(_))));
        let both = json!({"content": [], "structuredContent": {"n": 12}, "resultType": "complete"});
        assert_eq!(read(&both, true, false), Ok(json!({"n": 12})));
        let failed = json!({"content": [{"type": "text", "text": "secret detail"}], "isError": true});
        let fault = read(&failed, false, false).unwrap_err();
        assert!(
            !fault.leaves_doubt() && !fault.to_string().contains("secret"),
            "{fault}"
        );
        let asks_back = json!({"resultType": "input_required"});
        assert!(!read(&asks_back, false, false).unwrap_err().leaves_doubt());
        // A change may be half done by then.
        for result in [&failed, &asks_back] {
            let fault = read(result, false, true).unwrap_err();
            assert!(
                fault.leaves_doubt() && !fault.to_string().contains("secret"),
                "{fault}"
            );
        }
        assert!(read(&json!({}), false, false).unwrap_err().leaves_doubt());
    }
}
