//! Files that pages load, built into the binary: the widget as the WordPress plugin ships
//! it, and the demo page's own.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::error::{Code, Problem};

#[derive(RustEmbed)]
#[folder = "wp-plugin/deskhand/assets/"]
struct Widget;

#[derive(RustEmbed)]
#[folder = "src/http/demo/"]
#[include = "*.css"]
#[include = "*.svg"]
#[include = "*.js"]
struct Demo;

/// `GET /assets/{name}`
pub async fn get(name: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Response {
    let name = name.map(|Path(name)| name).unwrap_or_default();
    match Widget::get(&name).or_else(|| Demo::get(&name)) {
        Some(file) => serve(&file, &headers),
        None => Problem::new(Code::NotFound, "No such file.").into_response(),
    }
}

fn serve(file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(file.metadata.sha256_hash()));
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes())
    {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let mut response = file.data.clone().into_owned().into_response();
    let headers = response.headers_mut();
    if let Ok(media) = HeaderValue::from_str(file.metadata.mimetype()) {
        headers.insert(header::CONTENT_TYPE, media);
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
