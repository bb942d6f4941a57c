//! The demo shop: a page with the widget on it, its articles, and the minter of its
//! tokens. Served on loopback only, to requests that name a loopback host: another
//! machine's page, or a name that was made to point here, gets nothing.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use askama::Template;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use chrono::TimeDelta;
use serde::Serialize;

use super::auth::keyring::open_root;
use super::auth::token::{self, Claims};
use super::error::{Code, Problem};
use super::state::App;
use crate::db::sites;
use crate::domain::ids::{SiteId, VisitorId};
use crate::knowledge::pages;

const COOKIE: &str = "deskhand_demo_visitor";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "index.html")]
struct Index;

#[derive(Template)]
#[template(path = "article.html")]
struct Article {
    title: String,
    /// Sanitised HTML.
    body: String,
    updated: String,
}

/// A visitor's token.
#[derive(Debug, Serialize)]
pub struct Minted {
    token: String,
    expires_at: String,
}

/// The demo's site, or "nothing here".
fn site(app: &App) -> Result<SiteId, Problem> {
    app.settings
        .demo
        .ok_or_else(|| Problem::new(Code::NotFound, "The demo is not served here."))
}

/// Lets only loopback through: by address, and by the host that the browser was given.
pub async fn loopback_only(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|h| h.to_str().ok())
        .unwrap_or("");
    if app.settings.demo.is_none() || !peer.ip().to_canonical().is_loopback() || !is_loopback_host(host) {
        return Problem::new(Code::NotFound, "The demo is served to this machine only.").into_response();
    }
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn is_loopback_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn page(rendered: askama::Result<String>) -> Result<Response, Problem> {
    match rendered {
        Ok(html) => Ok(Html(html).into_response()),
        Err(error) => {
            tracing::error!(%error, "a page can't be rendered");
            Err(Problem::new(Code::Internal, "The page can't be shown."))
        }
    }
}

/// `GET /`
pub async fn index() -> Result<Response, Problem> {
    page(Index.render())
}

/// `GET /kb/{slug}`: an article as it is in the knowledge base now.
pub async fn article(State(app): State<Arc<App>>, Path(slug): Path<String>) -> Result<Response, Problem> {
    let site = site(&app)?;
    let mut tx = app.db.site(site).await?;
    let found = pages::by_url(&mut tx, &format!("/kb/{slug}")).await?;
    tx.commit().await?;
    let found = found.ok_or_else(|| Problem::new(Code::NotFound, "There is no such article."))?;
    page(
        Article {
            title: found.title,
            body: found.html,
            updated: found.updated_at.format("%Y-%m-%d").to_string(),
        }
        .render(),
    )
}

/// `POST /demo/token`: a token for this browser's visitor, who is known by a cookie.
pub async fn mint(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    let site = site(&app)?;
    let origin = headers
        .get(header::ORIGIN)
        .and_then(|o| o.to_str().ok())
        .ok_or_else(|| {
            Problem::new(
                Code::OriginNotAllowed,
                "Only the demo page itself may ask for a token.",
            )
        })?;
    let host = headers
        .get(header::HOST)
        .and_then(|h| h.to_str().ok())
        .unwrap_or("");
    if origin.strip_prefix("http://") != Some(host) {
        return Err(Problem::new(
            Code::OriginNotAllowed,
            "Only the demo page itself may ask for a token.",
        ));
    }
    let now = app.clock.now();
    let mut tx = app.db.site(site).await?;
    let current = sites::current_root(&mut tx, now).await?;
    tx.commit().await?;
    let failed = |why: &dyn std::fmt::Display| {
        tracing::error!(error = %why, "the demo's token can't be minted");
        Problem::new(Code::Internal, "No token can be given.")
    };
    let (kid, sealed) = current.ok_or_else(|| failed(&"the demo site has no valid key"))?;
    let root = open_root(&app.master, site, &kid, &sealed).map_err(|e| failed(&e))?;
    let visitor = visitor_of(&headers).unwrap_or_else(VisitorId::new);
    let expires_at = now + TimeDelta::minutes(5);
    let claims = Claims::new(site, visitor, origin, expires_at);
    let token = token::mint(&root, &kid, &claims).map_err(|e| failed(&e))?;
    let body = Minted {
        token,
        expires_at: expires_at.to_rfc3339(),
    };
    let mut response = axum::Json(body).into_response();
    let cookie = format!("{COOKIE}={visitor}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn visitor_of(headers: &HeaderMap) -> Option<VisitorId> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|c| c.to_str().ok())
        .flat_map(|c| c.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .and_then(|(_, value)| value.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::is_loopback_host;

    #[test]
    fn only_loopback_hosts_are_let_through() {
        for good in [
            "127.0.0.1:8080",
            "localhost",
            "localhost:1",
            "[::1]:8080",
            "127.0.0.2",
        ] {
            assert!(is_loopback_host(good), "{good}");
        }
        for bad in [
            "",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "localhost.evil.example",
        ] {
            assert!(!is_loopback_host(bad), "{bad}");
        }
    }
}
