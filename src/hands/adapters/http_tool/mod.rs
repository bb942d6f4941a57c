//! An HTTP call that a file describes, as a tool: method, address, headers and body are fixed,
//! arguments fill places in path, query and body only.

pub mod description;
mod template;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use self::description::{Description, Power as Declared};
use super::mcp::opened;
use crate::db::connections::Connection;
use crate::domain::ids::SiteId;
use crate::domain::seal::MasterKey;
use crate::domain::tool::{Power, ToolCode};
use crate::hands::outside::remote::{Asked, Fault, Remote};
use crate::hands::outside::results;
use crate::hands::outside::tools::{Offered, Origin, Terms};
use crate::knowledge::fetch::allow::AllowList;
use crate::knowledge::fetch::{Exchange, Fetcher};

/// The connection's kind.
pub const KIND: &str = crate::domain::connection::tools::HTTP_TOOL;

/// How long a call may take where the file doesn't say.
const CALL: Duration = Duration::from_millis(2_500);
/// Bytes of an answer at most, as it comes.
const MOST_ANSWER: usize = 256 << 10;
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The tool that a connection describes.
///
/// # Errors
/// In a sentence, when it can't be used.
pub fn offered(
    fetcher: &Fetcher,
    master: &MasterKey,
    site: SiteId,
    row: &Connection,
) -> Result<Offered, String> {
    let description = Description::read(&row.config["file"])?;
    let secret = opened(master, site, row)?;
    let origin = description.origin()?;
    let allowed = AllowList::new([origin]).map_err(|e| e.to_string())?;
    Ok(Offered {
        origin: Origin {
            kind: KIND,
            name: row.name.clone(),
        },
        name: description.name.clone(),
        description: description.description.clone(),
        input: description.input.clone(),
        output: description.output.clone(),
        terms: Terms {
            power: match description.power {
                Declared::Reads => Power::Reads,
                Declared::Guarded => Power::Guarded,
            },
            verified: description.verified,
            idempotent: description.idempotent,
            confirm: description.confirm.clone(),
            time: description.timeout_ms.map_or(CALL, Duration::from_millis),
        },
        by_operator: true,
        remote: Arc::new(HttpTool {
            headers: headers(&description, secret.as_ref())?,
            description,
            fetcher: fetcher.clone(),
            allowed,
        }),
    })
}

/// The fixed headers, the secret in its place.
fn headers(description: &Description, secret: Option<&SecretString>) -> Result<HeaderMap, String> {
    let mut out = HeaderMap::new();
    out.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if description.body.is_some() {
        out.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, value) in &description.headers {
        let shows_secret = value.contains(description::SECRET);
        let filled = match secret {
            Some(secret) => value.replace(description::SECRET, secret.expose_secret()),
            None if shows_secret => {
                return Err(format!(
                    "its header `{name}` has {{secret}}, and the connection has none"
                ));
            }
            None => value.clone(),
        };
        let unfit = || format!("its header `{name}` can't be sent");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
        let mut value = HeaderValue::from_str(&filled).map_err(|_| unfit())?;
        value.set_sensitive(shows_secret);
        out.insert(name, value);
    }
    Ok(out)
}

struct HttpTool {
    description: Description,
    headers: HeaderMap,
    fetcher: Fetcher,
    allowed: AllowList,
}

impl Remote for HttpTool {
    fn ask<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Result<Value, Fault>> {
        self.call(asked).boxed()
    }
}

impl HttpTool {
    async fn call(&self, asked: Asked<'_>) -> Result<Value, Fault> {
        let refused = |why: String| Fault::Refused(ToolCode::InvalidInput, why);
        let values = template::Values::new(asked.args, asked.emails);
        let url = template::url(&self.description.url, &values).map_err(refused)?;
        let body = self.description.body.as_ref();
        let body = body
            .map(|b| template::body(b, &values))
            .map(|b| b.to_string().into_bytes());
        let mut headers = self.headers.clone();
        if let Some(key) = asked.key {
            let key = HeaderValue::from_str(key).map_err(|e| refused(e.to_string()))?;
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        let method =
            Method::from_bytes(self.description.method.as_bytes()).map_err(|e| refused(e.to_string()))?;
        let out = Exchange {
            method,
            url: &url,
            headers,
            body: body.unwrap_or_default(),
            time: asked.time,
            most: MOST_ANSWER,
        };
        let answer = self.fetcher.exchange(out, &self.allowed).await?;
        match answer.status {
            200..=203 => {}
            204 | 205 => return Ok(Value::Object(serde_json::Map::new())),
            status => return Err(Fault::of_status(status)),
        }
        if !answer.whole {
            return Err(Fault::Useless(format!(
                "its answer has more than {MOST_ANSWER} bytes"
            )));
        }
        let kind = answer.headers.get(CONTENT_TYPE).and_then(|k| k.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
        let kind = kind.trim().to_ascii_lowercase();
        let json = kind == "application/json" || kind.ends_with("+json");
        let bytes = answer.body;
        let unreadable = || Fault::Useless("its answer isn't JSON".to_owned());
        match serde_json::from_slice(&bytes) {
            Ok(read) if json || self.description.output.is_some() => Ok(read),
            _ if json || self.description.output.is_some() => Err(unreadable()),
            _ => Ok(results::of_text(
                std::str::from_utf8(&bytes).map_err(|_| unreadable())?,
            )),
        }
    }
}
