//! Requests to a shop: the key goes as HTTP basic authentication and only over HTTPS, answers
//! are bounded, and every way to fail has its name. Nothing that the shop wrote is repeated in
//! an error but its code.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::hands::orders::StoreError;
use crate::knowledge::fetch::allow::AllowList;
use crate::knowledge::fetch::error::{FetchError, Reason};
use crate::knowledge::fetch::{Answer as HttpAnswer, Exchange, Fetcher};
use crate::models::breaker::Outcome;

/// The longest answer: far above an order of some thousand lines.
const MOST: usize = 8 << 20;
/// Answers above this are read on a thread of their own.
const LARGE: usize = 256 << 10;
/// For a look-up.
const READ: Duration = Duration::from_secs(8);
/// For a change: the shop asks its payment service meanwhile. A turn waits less; what comes later
/// goes into the ledger.
const WRITE: Duration = Duration::from_secs(30);
/// Where the interface lies below the shop's address.
const ROOT: &str = "wp-json/wc/v3";

/// Why there is no answer that can be used.
#[derive(Debug)]
pub struct Fault {
    /// For the hands.
    pub error: StoreError,
    /// How long the shop asks to be left alone.
    wait: Option<Duration>,
}

impl Fault {
    /// What came can't be what it should be.
    #[must_use]
    pub fn unreadable(what: &str) -> Self {
        StoreError::Failed(what.to_owned()).into()
    }

    /// What the breaker makes of it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let wait = self.wait.and_then(|wait| TimeDelta::from_std(wait).ok());
        match (&self.error, wait) {
            (StoreError::RateLimited | StoreError::Failed(_), Some(wait)) => Outcome::Wait(wait),
            (
                StoreError::RateLimited
                | StoreError::Unreachable(_)
                | StoreError::Silent(_)
                | StoreError::Failed(_),
                _,
            ) => Outcome::Bad,
            (StoreError::Resting | StoreError::Refused(_) | StoreError::NoAccess(_), _) => Outcome::Good,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self { error, wait: None }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        fault.error
    }
}

/// What the shop answered.
#[derive(Debug)]
pub struct Answer {
    /// JSON.
    pub body: Value,
    /// Of a list: how much there is of it in all.
    pub total: Option<u64>,
    /// Of a list: how many pages it has, where the shop says so.
    pages: Option<u64>,
    /// Of a list: whether it names a next page.
    next: bool,
}

impl Answer {
    /// Whether a page follows after this one (the first is 1) of so many. Where proxies have
    /// taken the headers away one follows after a full page.
    #[must_use]
    pub fn has_more(&self, page: usize, size: usize) -> bool {
        let full = self.body.as_array().is_some_and(|list| list.len() >= size);
        match self.pages {
            Some(pages) => (page as u64) < pages,
            None => self.next || full,
        }
    }
}

/// A shop's REST API.
#[derive(Clone)]
pub struct Client {
    fetcher: Fetcher,
    allowed: AllowList,
    /// The shop's own address.
    home: String,
    base: String,
    key: HeaderValue,
}

impl Client {
    /// For the shop at this address, with its key and secret, `ck_…:cs_…`.
    ///
    /// # Errors
    /// [`StoreError::NoAccess`] when the address isn't one, or isn't safe to send a key to.
    pub fn new(fetcher: Fetcher, url: &str, secret: &SecretString) -> Result<Self, StoreError> {
        let no_access = |why: &str| StoreError::NoAccess(why.to_owned());
        let parsed = Url::parse(url).map_err(|_| no_access("its address isn't a URL"))?;
        if parsed.scheme() != "https" && !fetcher.is_private(url) {
            return Err(no_access("its address must begin with https://"));
        }
        let allowed = AllowList::new([parsed.origin().ascii_serialization()])
            .map_err(|_| no_access("its address isn't a web address"))?;
        let encoded = STANDARD.encode(secret.expose_secret());
        let mut key = HeaderValue::from_str(&format!("Basic {encoded}"))
            .map_err(|_| no_access("its key can't be sent"))?;
        key.set_sensitive(true);
        Ok(Self {
            fetcher,
            allowed,
            home: url.trim_end_matches('/').to_owned(),
            base: format!("{}/{ROOT}", url.trim_end_matches('/')),
            key,
        })
    }

    /// The shop's own address, without a `/` at its end.
    #[must_use]
    pub fn home(&self) -> &str {
        &self.home
    }

    /// Reads; none when there is no such thing.
    ///
    /// # Errors
    /// As [`Fault`] says.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Answer>, Fault> {
        let answer = self.send(Method::GET, path, query, None).await?;
        judge(answer, false).await
    }

    /// Writes; none when there is no such thing.
    ///
    /// # Errors
    /// As [`Fault`] says; one that leaves doubt may have been carried out all the same.
    pub async fn write(&self, method: Method, path: &str, body: &Value) -> Result<Option<Answer>, Fault> {
        let answer = self.send(method, path, &[], Some(body)).await?;
        judge(answer, true).await
    }

    /// Whether the key may change orders. Asked by changing one that there can't be: the right
    /// is checked before the order is looked for.
    ///
    /// # Errors
    /// When the shop fails over it.
    pub async fn may_write(&self) -> Result<bool, StoreError> {
        let nothing = serde_json::json!({ "meta_data": [] });
        let answer = self.send(Method::PUT, "orders/0", &[], Some(&nothing)).await?;
        match judge(answer, true).await {
            Ok(_) => Ok(true),
            Err(fault) => match fault.error {
                StoreError::Refused(_) => Ok(true),
                StoreError::NoAccess(_) => Ok(false),
                other => Err(other),
            },
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<HttpAnswer, Fault> {
        let mut url = Url::parse(&format!("{}/{path}", self.base))
            .map_err(|_| StoreError::NoAccess("its address isn't a URL".to_owned()))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.key.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let exchange = Exchange {
            method,
            url: url.as_str(),
            headers,
            body: body.map(|b| b.to_string().into_bytes()).unwrap_or_default(),
            most: MOST,
            time: if body.is_some() { WRITE } else { READ },
        };
        Ok(self
            .fetcher
            .exchange(exchange, &self.allowed)
            .await
            .map_err(|e| unsent(&e))?)
    }
}

/// Why no answer came, and whether the request may have arrived.
fn unsent(error: &FetchError) -> StoreError {
    match &error.reason {
        Reason::Timeout(_) | Reason::CutOff | Reason::TooLarge(_) | Reason::Encoding | Reason::Disk => {
            StoreError::Silent(error.to_string())
        }
        Reason::Unresolvable(_) | Reason::Connect(_) | Reason::Tls(_) => {
            StoreError::Unreachable(error.to_string())
        }
        Reason::BadUrl
        | Reason::Scheme
        | Reason::UserInfo
        | Reason::Port(_)
        | Reason::Origin(_)
        | Reason::Address(_)
        | Reason::Redirect { .. }
        | Reason::Status(_)
        | Reason::NotForAll
        | Reason::Mistyped(_) => StoreError::NoAccess(error.to_string()),
    }
}

async fn read(body: Vec<u8>) -> Option<Value> {
    let parse = |body: &[u8]| {
        // Some shops' files begin with a byte order mark, and so do their answers.
        serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).ok()
    };
    if body.len() < LARGE {
        return parse(&body);
    }
    tokio::task::spawn_blocking(move || parse(&body)).await.ok()?
}

/// The code of an error of WordPress's, if it looks like one.
fn code_of(body: Option<&Value>) -> Option<String> {
    let code = body?.get("code")?.as_str()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!code.is_empty() && code.len() <= 100 && code.chars().all(fits)).then(|| code.to_owned())
}

/// What an answer means.
async fn judge(answer: HttpAnswer, writes: bool) -> Result<Option<Answer>, Fault> {
    let status = answer.status;
    if !answer.whole {
        return Err(Fault::unreadable("its answer is too large"));
    }
    let wait = answer.retry_after();
    let headers = answer.headers;
    let body = read(answer.body).await;
    let code = code_of(body.as_ref());
    let named = code.clone().unwrap_or_else(|| format!("status {status}"));
    let error = match (status, &code) {
        (200..=299, _) => {
            let body = body.ok_or_else(|| Fault::unreadable("its answer isn't JSON"))?;
            return Ok(Some(listed(body, &headers)));
        }
        (404, Some(code)) if code != "rest_no_route" => return Ok(None),
        (404, _) => StoreError::NoAccess(
            "there is no REST API of WooCommerce at this address; its permalinks must not be “Plain”"
                .to_owned(),
        ),
        (300..=399, _) => {
            StoreError::NoAccess("its address leads on to another one; connect that".to_owned())
        }
        (401, _) => StoreError::NoAccess(format!(
            "it doesn't accept the key ({named}), or its server doesn't pass the Authorization header on"
        )),
        (403, Some(_)) => StoreError::NoAccess(format!("the key may not do this ({named})")),
        (403, None) => StoreError::NoAccess("a firewall in front of it refuses us (status 403)".to_owned()),
        (408, _) => StoreError::Silent(named),
        (429, _) => StoreError::RateLimited,
        // Before a change it is a refusal to work at all, or a time that ran out on the way.
        (503, _) if wait.is_some() && !writes => StoreError::RateLimited,
        (400..=499, _) => StoreError::Refused(named),
        _ => StoreError::Failed(named),
    };
    Err(Fault { error, wait })
}

fn listed(body: Value, headers: &HeaderMap) -> Answer {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let links = headers.get_all("link");
    Answer {
        total: number("x-wp-total"),
        pages: number("x-wp-totalpages"),
        next: links
            .iter()
            .any(|v| v.to_str().is_ok_and(|text| text.contains("rel=\"next\""))),
        body,
    }
}
