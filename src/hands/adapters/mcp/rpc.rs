//! MCP's JSON-RPC over streamable HTTP, as a client that only asks: the handshake of versions
//! with sessions, or what each request says of itself since 2026-07-28; answers as JSON or as a
//! stream of events. Requests of the server's own are not answered.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::Auth;
use super::sse::Events;
use crate::domain::tool::ToolCode;
use crate::hands::outside::remote::Fault;
use crate::knowledge::fetch::allow::AllowList;
use crate::knowledge::fetch::streamed::Incoming;
use crate::knowledge::fetch::{Exchange, Fetcher};

/// Versions with a handshake, the newest first.
const SESSION_VERSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];
/// The version without one.
const STATELESS: &str = "2026-07-28";
/// Bytes of an answer to a notification or of an error that are read.
const SMALL: usize = 16 << 10;

/// JSON-RPC's and MCP's own errors.
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const UNSUPPORTED_VERSION: i64 = -32022;

const SESSION_ID: &str = "mcp-session-id";
const VERSION: &str = "mcp-protocol-version";
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";

/// How a server is spoken to.
#[derive(Debug)]
pub struct Session {
    id: Option<HeaderValue>,
    version: String,
    stateless: bool,
    next: AtomicU64,
}

/// Why a request has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The server doesn't know the session any more.
    Lost,
    /// An error of the protocol, by its code.
    Error(i64),
    /// Anything else.
    Fault(Fault),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Fault(fault) => fault,
            Trouble::Lost => Self::Refused(ToolCode::Disabled, "no MCP server is at this address".to_owned()),
            Trouble::Error(code) => {
                let said = format!("error {code}");
                match code {
                    INVALID_PARAMS => Self::Refused(ToolCode::InvalidInput, said),
                    METHOD_NOT_FOUND | UNSUPPORTED_VERSION => Self::Refused(ToolCode::Disabled, said),
                    _ => Self::Useless(said),
                }
            }
        }
    }
}

/// A server's address.
pub(super) struct Endpoint {
    fetcher: Fetcher,
    url: String,
    allowed: AllowList,
    /// What shows who asks.
    authorization: Option<HeaderValue>,
}

impl Endpoint {
    pub fn new(
        fetcher: Fetcher,
        url: &str,
        auth: Auth,
        secret: Option<&SecretString>,
    ) -> Result<Self, String> {
        let parsed = Url::parse(url).map_err(|_| "its address is no URL".to_owned())?;
        let origin = parsed.origin().ascii_serialization();
        let allowed = AllowList::new([origin]).map_err(|e| e.to_string())?;
        let authorization = secret.map(|s| shown(auth, s)).transpose()?;
        Ok(Self {
            fetcher,
            url: url.to_owned(),
            allowed,
            authorization,
        })
    }

    /// Agrees on a version with the server.
    pub async fn begin(&self, until: Instant) -> Result<Session, Fault> {
        let mut session = Session {
            id: None,
            version: SESSION_VERSIONS[0].to_owned(),
            stateless: false,
            next: AtomicU64::new(1),
        };
        let params = json!({
            "protocolVersion": session.version, "capabilities": {}, "clientInfo": client(),
        });
        let request = message(Some(0), "initialize", &params);
        // Its headers can't name a version yet.
        let answer = self.post(None, "initialize", None, &request, until).await?;
        let id = answer.headers.get(SESSION_ID).cloned();
        let result = match self.result(answer, 0, false, SMALL).await {
            Ok(result) => result,
            Err(Trouble::Error(METHOD_NOT_FOUND | UNSUPPORTED_VERSION)) => {
                session.stateless = true;
                session.version = STATELESS.to_owned();
                return Ok(session);
            }
            Err(trouble) => return Err(trouble.into()),
        };
        let version = result["protocolVersion"].as_str().unwrap_or_default();
        if !SESSION_VERSIONS.contains(&version) {
            let why = "it speaks no version of MCP that deskhand does".to_owned();
            return Err(Fault::Refused(ToolCode::Disabled, why));
        }
        session.version = version.to_owned();
        session.id = id;
        let ready = message(None, "notifications/initialized", &json!({}));
        let answer = self
            .post(Some(&session), "notifications/initialized", None, &ready, until)
            .await?;
        match answer.status {
            200..300 => Ok(session),
            status => Err(Fault::of_status(status)),
        }
    }

    /// Asks for something in a session.
    pub async fn ask(
        &self,
        session: &Session,
        method: &'static str,
        tool: Option<&str>,
        params: &Map<String, Value>,
        until: Instant,
        most: usize,
    ) -> Result<Value, Trouble> {
        let id = session.next.fetch_add(1, Ordering::Relaxed);
        let mut params = params.clone();
        if session.stateless {
            let meta = params.entry("_meta").or_insert_with(|| json!({}));
            meta["io.modelcontextprotocol/protocolVersion"] = json!(session.version);
            meta["io.modelcontextprotocol/clientInfo"] = client();
            meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
        }
        let request = message(Some(id), method, &Value::Object(params));
        let answer = self.post(Some(session), method, tool, &request, until).await?;
        self.result(answer, id, session.id.is_some(), most).await
    }

    async fn post(
        &self,
        session: Option<&Session>,
        method: &'static str,
        tool: Option<&str>,
        message: &Value,
        until: Instant,
    ) -> Result<Incoming, Fault> {
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, text/event-stream"),
        );
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| unsendable());
        if let Some(session) = session {
            headers.insert(VERSION, value(&session.version)?);
            if let Some(id) = &session.id {
                headers.insert(SESSION_ID, id.clone());
            }
            if session.stateless {
                headers.insert(METHOD, HeaderValue::from_static(method));
                if let Some(tool) = tool {
                    headers.insert(NAME, value(tool)?);
                }
            }
        }
        if let Some(shown) = &self.authorization {
            headers.insert(AUTHORIZATION, shown.clone());
        }
        let out = Exchange {
            method: Method::POST,
            url: &self.url,
            headers,
            body: message.to_string().into_bytes(),
            time: until.saturating_duration_since(Instant::now()),
            most: super::MOST_LIST,
        };
        Ok(self.fetcher.streamed(out, &self.allowed).await?)
    }

    /// The result to a request out of the answer.
    async fn result(
        &self,
        answer: Incoming,
        id: u64,
        in_session: bool,
        most: usize,
    ) -> Result<Value, Trouble> {
        let answer = answer.at_most(most);
        match (answer.status, answer.media_type().as_str()) {
            (200, "application/json") => {
                let body = answer.whole().await.map_err(Fault::from)?;
                let read: Value = serde_json::from_slice(&body).map_err(|_| unreadable())?;
                of_messages(read, id).unwrap_or_else(|| Err(unreadable().into()))
            }
            (200, "text/event-stream") => streamed(answer, id).await,
            (200, _) => Err(unreadable().into()),
            (404, _) if in_session => Err(Trouble::Lost),
            (status @ (400 | 404 | 405), _) => {
                // It may say in the protocol's own words what it doesn't like.
                let body = answer.at_most(SMALL).whole().await.unwrap_or_default();
                let read: Value = serde_json::from_slice(&body).unwrap_or_default();
                match (read["error"]["code"].as_i64(), status) {
                    (Some(code), _) => Err(Trouble::Error(code)),
                    (None, 404 | 405) => Err(Trouble::Lost),
                    (None, status) => Err(Fault::of_status(status).into()),
                }
            }
            (status, _) => Err(Fault::of_status(status).into()),
        }
    }
}

/// Reads events until the result is among them: the server may keep the stream open after it.
async fn streamed(mut answer: Incoming, id: u64) -> Result<Value, Trouble> {
    let mut events = Events::default();
    while let Some(piece) = answer.piece().await.map_err(Fault::from)? {
        for data in events.push(&piece) {
            // Not all events hold a message.
            let Ok(read) = serde_json::from_str::<Value>(&data) else {
                continue;
            };
            if let Some(result) = of_messages(read, id) {
                return result;
            }
        }
    }
    Err(Fault::Silent("the stream ended before the result".to_owned()).into())
}

/// The result to a request among one or several messages.
fn of_messages(read: Value, id: u64) -> Option<Result<Value, Trouble>> {
    let messages = match read {
        Value::Array(all) => all,
        one => vec![one],
    };
    let mut ours = messages.into_iter().filter(|m| {
        // An error that comes before the request could be read has no id.
        m["id"] == id || (m["id"].is_null() && m.get("error").is_some())
    });
    let mut message = ours.next()?;
    if let Some(error) = message.get("error") {
        return Some(Err(Trouble::Error(error["code"].as_i64().unwrap_or_default())));
    }
    message.get_mut("result").map(|result| Ok(result.take()))
}

fn shown(auth: Auth, secret: &SecretString) -> Result<HeaderValue, String> {
    let secret = secret.expose_secret();
    let text = match auth {
        Auth::Bearer => format!("Bearer {secret}"),
        Auth::Basic => format!("Basic {}", BASE64.encode(secret)),
    };
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| "its secret can't be sent in a header".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

fn message(id: Option<u64>, method: &str, params: &Value) -> Value {
    let mut out = json!({ "jsonrpc": "2.0", "method": method, "params": params });
    if let Some(id) = id {
        out["id"] = json!(id);
    }
    out
}

fn client() -> Value {
    json!({ "name": "deskhand", "version": env!("CARGO_PKG_VERSION") })
}

fn unreadable() -> Fault {
    Fault::Useless("its answer isn't MCP".to_owned())
}

fn unsendable() -> Fault {
    let why = "what would be sent doesn't fit into a header".to_owned();
    Fault::Refused(ToolCode::Disabled, why)
}
