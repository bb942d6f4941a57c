//! One request of any method to a server that a site's operator has named, and its answer
//! piece by piece: under one time limit and one bound of size, whatever the server does. It is
//! guarded as all of fetching is; redirects aren't followed.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use reqwest::{Method, Url};
use tokio::time::{Instant, timeout_at};

use super::allow::AllowList;
use super::error::{FetchError, Reason};
use super::{Fetcher, asked_to_wait, failed, parse, slow_body};

/// A request to make.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Its method.
    pub method: Method,
    /// Where to.
    pub url: String,
    /// Beside those that every request has.
    pub headers: HeaderMap,
    /// What is sent; none with methods that send nothing.
    pub body: Option<Vec<u8>>,
    /// From the look-up of the name to the answer's last byte.
    pub time: Duration,
    /// Bytes of the answer at most.
    pub most: usize,
}

/// An answer that is coming.
pub struct Incoming {
    /// Whatever it is.
    pub status: u16,
    /// Of the answer.
    pub headers: HeaderMap,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
    url: Url,
    pieces: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    until: Instant,
    most: usize,
    left: usize,
}

impl Fetcher {
    /// Makes a request and takes the answer's beginning; any status is an answer.
    ///
    /// # Errors
    /// When it isn't allowed, or no answer begins in time.
    pub async fn streamed(&self, out: Outgoing, allowed: &AllowList) -> Result<Incoming, FetchError> {
        let until = Instant::now() + out.time.min(self.settings.total);
        let url = parse(&out.url)?;
        let mut request = self.request(out.method, &url, allowed)?.headers(out.headers);
        if let Some(body) = out.body {
            request = request.body(body);
        }
        let response = self.send(request, &url, until).await?;
        let headers = response.headers().clone();
        let packed = headers
            .get(CONTENT_ENCODING)
            .is_some_and(|e| !matches!(e.as_bytes(), b"" | b"identity"));
        if packed {
            // Nothing packed was asked for.
            return Err(Reason::Encoding.into());
        }
        Ok(Incoming {
            status: response.status().as_u16(),
            retry_after: asked_to_wait(&headers),
            headers,
            url,
            pieces: response
                .bytes_stream()
                .map(|piece| piece.map(|bytes| bytes.to_vec()))
                .boxed(),
            until,
            most: out.most,
            left: out.most,
        })
    }
}

impl Incoming {
    /// The same, of which less may come; counted from here.
    #[must_use]
    pub fn at_most(self, most: usize) -> Self {
        let most = most.min(self.left);
        Self {
            most,
            left: most,
            ..self
        }
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// When it is cut off, too slow, or more than may come.
    pub async fn piece(&mut self) -> Result<Option<Vec<u8>>, FetchError> {
        let next = timeout_at(self.until, self.pieces.next())
            .await
            .map_err(|_| slow_body())?;
        let Some(piece) = next else { return Ok(None) };
        let piece = piece.map_err(|e| failed(&e, &self.url))?;
        self.left = self
            .left
            .checked_sub(piece.len())
            .ok_or(Reason::TooLarge(self.most as u64))?;
        Ok(Some(piece))
    }

    /// All that comes.
    ///
    /// # Errors
    /// When it is cut off, too slow, or more than may come.
    pub async fn whole(mut self) -> Result<Vec<u8>, FetchError> {
        let mut all = Vec::new();
        while let Some(piece) = self.piece().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    /// A header's text, in small letters and without what follows a semicolon.
    #[must_use]
    pub fn media_type(&self) -> String {
        let value = self.headers.get(reqwest::header::CONTENT_TYPE);
        let text = value.and_then(|v| v.to_str().ok()).unwrap_or_default();
        text.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }
}
