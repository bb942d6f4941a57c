//! Who is asking: a visitor's token, checked against the one key and algorithm that its
//! `kid` is pinned to. Every route under `/api` takes a [`Visitor`]; the exceptions stand
//! in `router.rs`.

pub mod event_token;
pub mod job_token;
pub mod keyring;
pub mod token;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};
use chrono::{DateTime, Utc};

use super::error::{Code, Problem};
use super::state::App;
use crate::domain::ids::{SiteId, VisitorId};

/// A visitor of a site.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The site.
    pub site: SiteId,
    /// Who.
    pub id: VisitorId,
    /// When the token ends, and with it a stream.
    pub expires_at: DateTime<Utc>,
    /// The user of WordPress, where the visitor is logged in.
    pub wp_user: Option<i64>,
    /// Where the site says who that is.
    pub profile: Option<String>,
    /// The secret that the token is signed with.
    pub kid: String,
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        visitor(parts, app, bearer(parts)?).await
    }
}

async fn visitor(parts: &Parts, app: &Arc<App>, token: &str) -> Result<Visitor, Problem> {
    let origin = parts
        .headers
        .get(header::ORIGIN)
        .map(|o| o.to_str().unwrap_or("invalid"));
    token::verify(app, token, origin).await
}

fn bearer(parts: &Parts) -> Result<&str, Problem> {
    bearer_of(&parts.headers)
}

fn bearer_of(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || Problem::new(Code::TokenMissing, "Send `Authorization: Bearer TOKEN`.");
    let given = headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let given = given.to_str().map_err(|_| missing())?;
    let (scheme, token) = given.split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err(missing());
    }
    Ok(token.trim())
}

/// A visitor's session, or a server of the site's own that shows the site's API key
/// (`KID.KEY`, the key in hex, as `deskhand site api-key` prints it).
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    /// The site.
    pub site: SiteId,
}

impl FromRequestParts<Arc<App>> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let shown = bearer(parts)?;
        let site = match api_key(app, shown).await? {
            Some(key) => key.site,
            None => visitor(parts, app, shown).await?.site,
        };
        Ok(Self { site })
    }
}

/// A server of the site's own that shows the site's API key; no visitor.
#[derive(Debug, Clone, Copy)]
pub struct ApiKey {
    /// The site.
    pub site: SiteId,
}

impl FromRequestParts<Arc<App>> for ApiKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        api_key(app, bearer(parts)?).await?.ok_or_else(no_api_key)
    }
}

fn no_api_key() -> Problem {
    Problem::new(
        Code::TokenInvalid,
        "This is no API key that is valid here; `deskhand site api-key` prints the site's.",
    )
}

/// The API key that is shown; none when it is a token instead, which has two points.
async fn api_key(app: &Arc<App>, shown: &str) -> Result<Option<ApiKey>, Problem> {
    let Some((kid, key)) = shown.split_once('.').filter(|(_, key)| !key.contains('.')) else {
        return Ok(None);
    };
    let key = hex::decode(key).map_err(|_| no_api_key())?;
    if kid.len() > 64 {
        return Err(no_api_key());
    }
    let known = app.keyring.get(kid).await.map_err(|error| {
        tracing::error!(%error, "a key can't be used");
        Problem::new(
            Code::NotReady,
            "Keys can't be checked just now. Please try again in a moment.",
        )
    })?;
    known
        .filter(|k| k.is_valid(app.clock.now()) && k.is_api_key(&key))
        .map(|k| Some(ApiKey { site: k.site }))
        .ok_or_else(no_api_key)
}
