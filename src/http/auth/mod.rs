//! Who is asking: a visitor's token, checked against the one key and algorithm that its
//! `kid` is pinned to. Every route under `/api` takes a [`Visitor`]; the exceptions stand
//! in `router.rs`.

pub mod keyring;
pub mod token;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{header, request::Parts};
use chrono::{DateTime, Utc};

use super::error::{Code, Problem};
use super::state::App;
use crate::domain::ids::{SiteId, VisitorId};

/// A visitor of a site.
#[derive(Debug, Clone, Copy)]
pub struct Visitor {
    /// The site.
    pub site: SiteId,
    /// Who.
    pub id: VisitorId,
    /// When the token ends, and with it a stream.
    pub expires_at: DateTime<Utc>,
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let missing = || Problem::new(Code::TokenMissing, "Send `Authorization: Bearer TOKEN`.");
        let given = parts.headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
        let given = given.to_str().map_err(|_| missing())?;
        let (scheme, token) = given.split_once(' ').ok_or_else(missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
            return Err(missing());
        }
        let origin = parts
            .headers
            .get(header::ORIGIN)
            .map(|o| o.to_str().unwrap_or("invalid"));
        token::verify(app, token.trim(), origin).await
    }
}
