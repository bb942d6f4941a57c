//! JSON bodies, checked on their way in: media type, size, syntax, shape; each mistake
//! with its own code, and the place of a wrong field as a JSON pointer.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde::de::DeserializeOwned;

use super::error::{Code, Problem};
use super::plain_text;
use super::shape::told;

/// Largest body of the agent's endpoints, in bytes.
pub const LARGEST: usize = 64 * 1024;

/// A JSON body.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or("");
        let media = media.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        if media != "application/json" && !(media.starts_with("application/") && media.ends_with("+json")) {
            return Err(Problem::new(
                Code::UnsupportedMedia,
                "Send `Content-Type: application/json`.",
            ));
        }
        let bytes = read(request, state, LARGEST).await?;
        parse(&bytes).map(Json)
    }
}

/// A body's bytes, of a request whose limit is `largest`.
///
/// # Errors
/// When it is larger, doesn't arrive in time, or can't be read.
pub(super) async fn read<S: Send + Sync>(
    request: Request,
    state: &S,
    largest: usize,
) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|e| match e.status().as_u16() {
            413 => Problem::new(Code::TooLarge, format!("At most {largest} bytes.")),
            408 => Problem::new(Code::RequestTimeout, "The body didn't arrive in time."),
            _ => Problem::new(Code::BadJson, "The body couldn't be read."),
        })
}

/// Reads a body as JSON of this shape.
///
/// # Errors
/// When it is no JSON, or of another shape.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let bad = |e: &serde_json::Error| {
        Problem::new(
            Code::BadJson,
            format!("Not JSON from line {}, column {} on.", e.line(), e.column()),
        )
    };
    // Two steps, since serde_json reports a wrong shape before it has seen the rest.
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|e| bad(&e))?;
    plain_text::check(&value)?;
    shape(value, "")
}

/// Reads a part of a body, which stands at this pointer, as this shape.
///
/// # Errors
/// When it is of another shape.
pub(super) fn shape<T: DeserializeOwned>(value: serde_json::Value, at: &str) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|e| {
        let (pointer, detail) = told(at, e.path(), &e.inner().to_string());
        Problem::field(pointer, detail)
    })
}
