//! Tokens: minting (the demo page's; WordPress mints its own) and verifying. A token is a
//! JWT of at most five minutes for one visitor on one origin; its id belongs to it alone.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header, Validation, errors::ErrorKind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Visitor;
use super::keyring::{DRIFT, TokenKey};
use crate::db::sites::{self, NonceUse};
use crate::domain::ids::{SiteId, VisitorId};
use crate::domain::keys::{DerivedKey, Purpose, RootSecret};
use crate::http::error::{Code, Problem};
use crate::http::state::App;

/// The longest life of a token.
pub const LONGEST: TimeDelta = TimeDelta::minutes(5);
const AUDIENCE: &str = "deskhand";
/// Longest token that is looked at, in bytes.
const LARGEST: usize = 4_096;

/// What a token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// The site.
    pub iss: SiteId,
    /// The visitor.
    pub sub: VisitorId,
    /// `deskhand`.
    pub aud: String,
    /// The page's origin.
    pub origin: String,
    /// Seconds since 1970.
    pub exp: i64,
    /// Its own id.
    pub jti: String,
    /// The user of WordPress, where the visitor is logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wp_user: Option<i64>,
    /// Where the site says who that is: an address on one of its origins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

impl Claims {
    /// Those of a new token.
    #[must_use]
    pub fn new(site: SiteId, visitor: VisitorId, origin: &str, expires_at: DateTime<Utc>) -> Self {
        Self {
            iss: site,
            sub: visitor,
            aud: AUDIENCE.to_owned(),
            origin: origin.to_owned(),
            exp: expires_at.timestamp(),
            jti: Uuid::new_v4().to_string(),
            wp_user: None,
            profile: None,
        }
    }
}

/// Signs claims with a site's root secret (HS256, by its derived token key).
///
/// # Errors
/// When signing fails, which HMAC doesn't.
pub fn mint(root: &RootSecret, kid: &str, claims: &Claims) -> Result<String, jsonwebtoken::errors::Error> {
    let key: DerivedKey = root.derive(claims.iss, Purpose::Token);
    let header = Header {
        kid: Some(kid.to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(key.expose()))
}

fn invalid(why: &'static str) -> Problem {
    Problem::new(Code::TokenInvalid, why)
}

/// Checks a token and the page that sends it.
///
/// # Errors
/// 401 when the token isn't valid (any more), 403 when the page isn't the site's, 503 when
/// it can't be told.
pub async fn verify(app: &Arc<App>, token: &str, origin: Option<&str>) -> Result<Visitor, Problem> {
    let (kid, key) = key_of(app, token).await?;
    let claims: Claims = claims(token, &key, AUDIENCE)?;
    let now = app.clock.now();
    if claims.iss != key.site {
        return Err(invalid("The token's `iss` is not the site of its key."));
    }
    let expires_at =
        DateTime::from_timestamp(claims.exp, 0).ok_or_else(|| invalid("The token's `exp` is no time."))?;
    if expires_at <= now {
        return Err(Problem::new(Code::TokenExpired, "Get a new token and try again."));
    }
    if expires_at > now + LONGEST + DRIFT {
        return Err(invalid("The token lives longer than five minutes."));
    }
    if claims.jti.is_empty() || claims.jti.len() > 200 || claims.jti.contains('\0') {
        return Err(invalid("The token's `jti` must have 1 to 200 characters."));
    }
    let allowed = |o: &str| key.origins.iter().any(|known| known == o);
    if !allowed(&claims.origin) || origin.is_some_and(|o| o != claims.origin) {
        return Err(Problem::new(
            Code::OriginNotAllowed,
            "The page's origin is not one of the site's, or not the token's.",
        ));
    }
    bind(app, &kid, &claims, token, expires_at).await?;
    Ok(Visitor {
        site: claims.iss,
        id: claims.sub,
        expires_at,
        wp_user: claims.wp_user.filter(|user| *user > 0),
        profile: claims.profile,
        kid,
    })
}

/// The one key that a token names, if it may be used now and with the token's algorithm.
///
/// # Errors
/// 401 when there is none, 503 when it can't be told.
pub(super) async fn key_of(app: &Arc<App>, token: &str) -> Result<(String, Arc<TokenKey>), Problem> {
    if token.len() > LARGEST {
        return Err(invalid("The token is too long."));
    }
    let header = jsonwebtoken::decode_header(token)
        .map_err(|_| invalid("This is no JWT that can be checked here."))?;
    let kid = header
        .kid
        .ok_or_else(|| invalid("The token's header has no `kid`."))?;
    // Nobody has signed this yet.
    if kid.len() > 64 || !kid.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(invalid("The token's `kid` is not one of ours."));
    }
    let key = app.keyring.get(&kid).await.map_err(|error| {
        tracing::error!(%error, "a key can't be used");
        Problem::new(
            Code::NotReady,
            "Tokens can't be checked just now. Please try again in a moment.",
        )
    })?;
    let key = key
        .filter(|k| k.is_valid(app.clock.now()))
        .ok_or_else(|| invalid("The token's key is not, or no longer, valid."))?;
    if header.alg != key.algorithm {
        return Err(invalid(
            "The token's algorithm is not the one that its key is pinned to.",
        ));
    }
    Ok((kid, key))
}

/// A token's claims, once its signature and audience are right. Its times are for the caller to
/// judge, by the injected clock.
///
/// # Errors
/// 401 when they aren't.
pub(super) fn claims<T: DeserializeOwned + Clone>(
    token: &str,
    key: &TokenKey,
    audience: &str,
) -> Result<T, Problem> {
    let mut validation = Validation::new(key.algorithm);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let data = jsonwebtoken::decode::<T>(token, &key.decoding, &validation).map_err(|e| match e.kind() {
        ErrorKind::InvalidSignature => invalid("The token's signature is not right."),
        ErrorKind::InvalidAudience => Problem::new(
            Code::TokenInvalid,
            format!("The token's `aud` must be `{audience}`."),
        ),
        _ => invalid("The token's claims are not as they should be."),
    })?;
    Ok(data.claims)
}

/// A token may be used for as long as it lives; its id may not be used by another token.
async fn bind(
    app: &App,
    kid: &str,
    claims: &Claims,
    token: &str,
    expires_at: DateTime<Utc>,
) -> Result<(), Problem> {
    let digest = Sha256::digest(token.as_bytes()).to_vec();
    let name = (claims.iss, claims.jti.clone());
    let known = match app.seen_tokens.get(&name).await {
        Some(known) => known == digest,
        None => {
            let mut tx = app.db.site(claims.iss).await?;
            let used = sites::bind_nonce(&mut tx, kid, &claims.jti, &digest, expires_at).await?;
            tx.commit().await?;
            if used == NonceUse::Own {
                app.seen_tokens.insert(name, digest).await;
            }
            used == NonceUse::Own
        }
    };
    if known {
        Ok(())
    } else {
        Err(invalid("The token's `jti` belongs to another token."))
    }
}
