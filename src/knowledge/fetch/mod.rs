//! Fetching for sites, which name the addresses: only from their own origins, only from
//! public addresses, within bounds of size and time. Every address is checked after its
//! name was looked up, for every redirect anew, and the connection goes to the very address
//! that was checked.

pub mod address;
pub mod allow;
pub mod body;
pub mod error;
pub mod resolve;
pub mod streamed;
pub mod validators;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use reqwest::header::{self, HeaderMap};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use tokio::time::{Instant, timeout_at};

use crate::domain::document::MAX_UPLOAD_BYTES;
use crate::domain::waiting;

use allow::{AllowList, PrivateHosts, has_user};
use body::{Body, Spool};
use error::{FetchError, Reason};
use resolve::{Guard, Lookup, SystemLookup, Unusable, permitted};
use validators::Validators;

/// The longest URL.
const URL: usize = 2_000;
/// Redirects that are followed.
const REDIRECTS: u8 = 5;
/// What is kept of the answer to a [`Fetcher::post`].
pub const MAX_ANSWER: usize = 64 << 10;
/// The longest answer to an [`Exchange`], and the longest time for one, whatever it asks for.
const MAX_EXCHANGE: usize = 16 << 20;
const LONGEST_EXCHANGE: Duration = Duration::from_secs(120);
/// Who is asking, as web servers log it; `deskhand` is also the name for robots.txt.
pub const USER_AGENT: &str = concat!("deskhand/", env!("CARGO_PKG_VERSION"));

/// How it is fetched.
#[derive(Debug, Clone)]
pub struct FetchSettings {
    /// Hosts and ports on the own network that the operator allows.
    pub private: PrivateHosts,
    /// Until there is a connection.
    pub connect: Duration,
    /// From the request to the answer's headers.
    pub first_byte: Duration,
    /// For everything, redirects included.
    pub total: Duration,
    /// The longest body, packed or unpacked.
    pub max_bytes: u64,
    /// Where bodies are written to.
    pub folder: PathBuf,
}

impl FetchSettings {
    /// The usual bounds, with bodies in this folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            private: PrivateHosts::default(),
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(15),
            total: Duration::from_secs(120),
            max_bytes: MAX_UPLOAD_BYTES as u64,
            folder,
        }
    }
}

/// What came.
#[derive(Debug)]
pub struct Fetched {
    /// Where it came from in the end.
    pub final_url: Url,
    /// As the server says; may be wrong.
    pub content_type: Option<String>,
    /// For the next time.
    pub validators: Validators,
    /// All of the answer's headers.
    pub headers: HeaderMap,
    /// The content.
    pub body: Body,
}

/// A request whose answer is read into memory, whatever its status is.
#[derive(Debug, Clone)]
pub struct Exchange<'a> {
    /// What to do.
    pub method: Method,
    /// Where.
    pub url: &'a str,
    /// To be sent.
    pub headers: HeaderMap,
    /// To be sent; empty for none.
    pub body: Vec<u8>,
    /// How much of the answer is kept.
    pub most: usize,
    /// For everything, the answer's body included.
    pub time: Duration,
}

/// The answer to an [`Exchange`].
#[derive(Debug, Clone)]
pub struct Answer {
    /// Whatever it is: redirects aren't followed.
    pub status: u16,
    /// Of the answer.
    pub headers: HeaderMap,
    /// Its beginning, as much as was to be kept.
    pub body: Vec<u8>,
    /// Whether that is all of it.
    pub whole: bool,
}

impl Answer {
    /// How long the server asks to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        asked_to_wait(&self.headers)
    }
}

/// Fetches. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Fetcher {
    settings: Arc<FetchSettings>,
    public: reqwest::Client,
    private: reqwest::Client,
    max_bytes: u64,
    redirects: u8,
}

impl Fetcher {
    /// With the system's look-up of names.
    ///
    /// # Errors
    /// When the system has no usable TLS.
    pub fn new(settings: FetchSettings) -> Result<Self, reqwest::Error> {
        Self::with_lookup(settings, Arc::new(SystemLookup::default()))
    }

    /// With a look-up of one's own.
    ///
    /// # Errors
    /// When the system has no usable TLS.
    pub fn with_lookup(settings: FetchSettings, lookup: Arc<dyn Lookup>) -> Result<Self, reqwest::Error> {
        let client = |private| {
            let lookup = Arc::clone(&lookup);
            reqwest::Client::builder()
                .connect_timeout(settings.connect)
                .tcp_nodelay(true)
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                // A proxy would look names up itself.
                .no_proxy()
                .pool_max_idle_per_host(1)
                .user_agent(USER_AGENT)
                .dns_resolver(Arc::new(Guard { lookup, private }))
                .build()
        };
        Ok(Self {
            public: client(false)?,
            private: client(true)?,
            max_bytes: settings.max_bytes,
            redirects: REDIRECTS,
            settings: Arc::new(settings),
        })
    }

    /// The same with another bound for bodies.
    #[must_use]
    pub fn within(&self, max_bytes: u64) -> Self {
        Self {
            max_bytes,
            ..self.clone()
        }
    }

    /// The same, but a redirect is an error that says where it leads.
    #[must_use]
    pub fn without_redirects(&self) -> Self {
        Self {
            redirects: 0,
            ..self.clone()
        }
    }

    /// Gets what is at this URL now.
    ///
    /// # Errors
    /// When it isn't allowed, isn't there, or doesn't come in time.
    pub async fn get(&self, url: &str, allowed: &AllowList) -> Result<Fetched, FetchError> {
        let got = self.get_if_changed(url, allowed, &Validators::default()).await?;
        // Without validators nobody may say that nothing has changed.
        got.ok_or_else(|| Reason::Status(StatusCode::NOT_MODIFIED.as_u16()).into())
    }

    /// Gets what is at this URL unless it is still of the version that the validators tell;
    /// then there is nothing to give.
    ///
    /// # Errors
    /// When it isn't allowed, isn't there, or doesn't come in time.
    pub async fn get_if_changed(
        &self,
        url: &str,
        allowed: &AllowList,
        known: &Validators,
    ) -> Result<Option<Fetched>, FetchError> {
        let until = Instant::now() + self.settings.total;
        let mut url = parse(url)?;
        let mut followed = 0;
        loop {
            let request = self.request(Method::GET, &url, allowed)?;
            let request = known.ask(request).header(header::ACCEPT_ENCODING, "gzip");
            let response = self.send(request, &url, until).await?;
            let status = response.status();
            if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
                let to = location(&response, &url);
                if followed < self.redirects
                    && let Some(to) = to
                {
                    url = to;
                    followed += 1;
                    continue;
                }
                let to = to.map(Box::new);
                return Err(Reason::Redirect { to, followed }.into());
            }
            if status == StatusCode::NOT_MODIFIED {
                return Ok(None);
            }
            // 206 would be a part of it, 204 nothing.
            if status != StatusCode::OK {
                return Err(FetchError {
                    reason: Reason::Status(status.as_u16()),
                    retry_after: asked_to_wait(response.headers()),
                });
            }
            return self.take(response, url, until).await.map(Some);
        }
    }

    /// Posts a body; redirects aren't followed, any status is an answer.
    ///
    /// # Errors
    /// When it isn't allowed, or no answer comes within `time`.
    pub async fn post(
        &self,
        url: &str,
        allowed: &AllowList,
        headers: HeaderMap,
        body: Vec<u8>,
        time: Duration,
    ) -> Result<Answer, FetchError> {
        let time = time.min(self.settings.first_byte).min(self.settings.total);
        let exchange = Exchange {
            method: Method::POST,
            url,
            headers,
            body,
            most: MAX_ANSWER,
            time,
        };
        self.exchange(exchange, allowed).await
    }

    /// Sends a request; redirects aren't followed, any status is an answer.
    ///
    /// # Errors
    /// When it isn't allowed, or no whole answer comes in time.
    pub async fn exchange(&self, exchange: Exchange<'_>, allowed: &AllowList) -> Result<Answer, FetchError> {
        let until = Instant::now() + exchange.time.min(LONGEST_EXCHANGE);
        let most = exchange.most.min(MAX_EXCHANGE);
        let url = parse(exchange.url)?;
        let mut request = self
            .request(exchange.method, &url, allowed)?
            .headers(exchange.headers);
        if !exchange.body.is_empty() {
            request = request.body(exchange.body);
        }
        let response = match timeout_at(until, request.send()).await {
            Ok(sent) => sent.map_err(|e| failed(&e, &url))?,
            Err(_) => return Err(Reason::Timeout("no answer came in time").into()),
        };
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut pieces = response.bytes_stream();
        let (mut body, mut whole) = (Vec::new(), true);
        while let Some(piece) = timeout_at(until, pieces.next()).await.map_err(|_| slow_body())? {
            let piece = piece.map_err(|e| failed(&e, &url))?;
            let room = most - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.len() > room {
                whole = false;
                break;
            }
        }
        Ok(Answer {
            status,
            headers,
            body,
            whole,
        })
    }

    /// Whether the operator has named this URL's host and port as one of the own network.
    #[must_use]
    pub fn is_private(&self, url: &str) -> bool {
        parse(url).is_ok_and(|url| self.settings.private.names(&url))
    }

    /// A request that may be made.
    fn request(&self, method: Method, url: &Url, allowed: &AllowList) -> Result<RequestBuilder, Reason> {
        let private = self.settings.private.names(url);
        check(url, allowed, private)?;
        let client = if private { &self.private } else { &self.public };
        Ok(client.request(method, url.clone()))
    }

    async fn send(&self, request: RequestBuilder, url: &Url, until: Instant) -> Result<Response, FetchError> {
        let first_byte = (Instant::now() + self.settings.first_byte).min(until);
        match timeout_at(first_byte, request.send()).await {
            Ok(sent) => Ok(sent.map_err(|e| failed(&e, url))?),
            Err(_) => Err(Reason::Timeout("no answer came in time").into()),
        }
    }

    /// The body to disk.
    async fn take(&self, response: Response, url: Url, until: Instant) -> Result<Fetched, FetchError> {
        let headers = response.headers().clone();
        if response.content_length().is_some_and(|n| n > self.max_bytes) {
            return Err(Reason::TooLarge(self.max_bytes).into());
        }
        let text = |name| Some(headers.get(name)?.to_str().ok()?.to_owned());
        let encoding = text(header::CONTENT_ENCODING).unwrap_or_default();
        let mut spool = Spool::open(&self.settings.folder, &encoding, self.max_bytes)?;
        let mut pieces = response.bytes_stream();
        while let Some(piece) = timeout_at(until, pieces.next()).await.map_err(|_| slow_body())? {
            let piece = piece.map_err(|e| failed(&e, &url))?;
            // A small piece may unpack to a large one, and the disk may be slow.
            let wrote = tokio::task::spawn_blocking(move || spool.write(&piece).map(|()| spool));
            spool = wrote.await.map_err(|_| Reason::Disk)??;
        }
        let body = tokio::task::spawn_blocking(move || spool.finish());
        Ok(Fetched {
            content_type: text(header::CONTENT_TYPE),
            validators: Validators::of(&headers),
            body: body.await.map_err(|_| Reason::Disk)??,
            final_url: url,
            headers,
        })
    }
}

fn parse(text: &str) -> Result<Url, Reason> {
    if text.len() > URL {
        return Err(Reason::BadUrl);
    }
    Url::parse(text.trim()).map_err(|_| Reason::BadUrl)
}

/// Everything that a URL itself shows; what its host's name leads to is checked when it is
/// looked up.
fn check(url: &Url, allowed: &AllowList, private: bool) -> Result<(), Reason> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Reason::Scheme);
    }
    if has_user(url) {
        return Err(Reason::UserInfo);
    }
    let Some(host) = url.host_str() else {
        return Err(Reason::BadUrl);
    };
    if !allowed.allows(url) {
        return Err(Reason::Origin(url.origin().ascii_serialization()));
    }
    let port = url.port_or_known_default().unwrap_or_default();
    // Below 1024 other services are at home, which could take a request for their own language.
    if !private && port < 1024 && !matches!(port, 80 | 443) {
        return Err(Reason::Port(port));
    }
    // The parser has brought decimal, octal and hex forms into the usual one. An address is
    // never looked up, so it is checked here.
    let literal = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    if literal.is_ok_and(|address| !permitted(address, private)) {
        return Err(Reason::Address(host.to_owned()));
    }
    Ok(())
}

fn location(response: &Response, from: &Url) -> Option<Url> {
    let to = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let mut to = from.join(to).ok().filter(|u| u.as_str().len() <= URL)?;
    to.set_fragment(None);
    Some(to)
}

fn asked_to_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok();
    waiting::retry_after(text(header::RETRY_AFTER)?, text(header::DATE))
}

fn slow_body() -> Reason {
    Reason::Timeout("not everything came in time")
}

/// What a failed request means. The error's own text may hold the whole URL and isn't shown.
fn failed(error: &reqwest::Error, url: &Url) -> Reason {
    let host = || url.host_str().unwrap_or_default().to_owned();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut words = String::new();
    while let Some(inner) = cause {
        match inner.downcast_ref::<Unusable>() {
            Some(Unusable::Address) => return Reason::Address(host()),
            Some(Unusable::Unknown) => return Reason::Unresolvable(host()),
            None => {}
        }
        if !inner.is::<reqwest::Error>() {
            words.push_str(&inner.to_string().to_lowercase());
        }
        cause = inner.source();
    }
    tracing::debug!(host = host(), words, "not fetched");
    if error.is_timeout() {
        return Reason::Timeout("no connection was made in time");
    }
    if ["certificate", "tls", "handshake"]
        .iter()
        .any(|w| words.contains(w))
    {
        return Reason::Tls(host());
    }
    if error.is_connect() {
        return Reason::Connect(host());
    }
    if error.is_builder() {
        return Reason::BadUrl;
    }
    Reason::CutOff
}
