//! An exchange whose answer is taken piece by piece, since its end may not come: under the same
//! limits of time and size, and guarded as all of fetching is.

use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::Url;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use tokio::time::{Instant, timeout_at};

use super::allow::AllowList;
use super::error::{FetchError, Reason};
use super::{Exchange, Fetcher, failed, parse, slow_body};

/// An answer that is coming.
pub struct Incoming {
    /// Whatever it is.
    pub status: u16,
    /// Of the answer.
    pub headers: HeaderMap,
    url: Url,
    pieces: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    until: Instant,
    most: usize,
    left: usize,
}

impl Fetcher {
    /// Makes a request and takes the answer's beginning; any status is an answer, and more than
    /// may come is an error.
    ///
    /// # Errors
    /// When it isn't allowed, or no answer begins in time.
    pub async fn streamed(
        &self,
        exchange: Exchange<'_>,
        allowed: &AllowList,
    ) -> Result<Incoming, FetchError> {
        let until = Instant::now() + exchange.time.min(self.settings.total);
        let url = parse(exchange.url)?;
        let request = self
            .request(exchange.method, &url, allowed)?
            .headers(exchange.headers)
            .body(exchange.body);
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
            headers,
            url,
            pieces: response
                .bytes_stream()
                .map(|piece| piece.map(|bytes| bytes.to_vec()))
                .boxed(),
            until,
            most: exchange.most,
            left: exchange.most,
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
