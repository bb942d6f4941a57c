//! Tokens for the bridge: a JWT of at most five minutes that the site's server signs for one
//! event, and that is good once.

use std::sync::Arc;

use axum::http::HeaderMap;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::{bearer_of, token};
use crate::domain::ids::SiteId;
use crate::http::error::{Code, Problem};
use crate::http::state::App;

const AUDIENCE: &str = "deskhand-events";
/// The longest life.
const LONGEST: TimeDelta = TimeDelta::minutes(5);
/// The two clocks may differ by this much.
const DRIFT: TimeDelta = TimeDelta::seconds(300);
/// The longest id, in characters: some room is left for what it is filed under.
const ID: usize = 180;

#[derive(Debug, Clone, Deserialize)]
struct Claims {
    iss: SiteId,
    iat: i64,
    exp: i64,
    jti: String,
}

/// A server that tells an event. Its token is verified; that it is used for the first time is
/// for who stores the event to see.
#[derive(Debug, Clone)]
pub struct Teller {
    /// The site.
    pub site: SiteId,
    /// The secret that the token is signed with.
    pub kid: String,
    /// The token's id.
    pub jti: String,
    /// When nobody takes the token any more.
    pub expires_at: DateTime<Utc>,
}

fn invalid(why: &'static str) -> Problem {
    Problem::new(Code::TokenInvalid, why)
}

impl Teller {
    /// Reads and checks the token.
    ///
    /// # Errors
    /// 401 when it isn't valid, 503 when that can't be told.
    pub async fn of(headers: &HeaderMap, app: &Arc<App>) -> Result<Self, Problem> {
        let shown = bearer_of(headers)?;
        let (kid, key) = token::key_of(app, shown).await?;
        let claims: Claims = token::claims(shown, &key, AUDIENCE)?;
        if claims.iss != key.site {
            return Err(invalid("The token's `iss` is not the site of its key."));
        }
        let now = app.clock.now();
        let time = |seconds, why| DateTime::from_timestamp(seconds, 0).ok_or_else(|| invalid(why));
        let exp = time(claims.exp, "The token's `exp` is no time.")?;
        let iat = time(claims.iat, "The token's `iat` is no time.")?;
        if exp - iat > LONGEST || exp <= iat {
            return Err(invalid("A token for events lives for five minutes at most."));
        }
        if (now - iat).abs() > DRIFT {
            let detail = format!(
                "The token was signed {} seconds from now; compare the clocks, and sign it anew.",
                (now - iat).num_seconds()
            );
            return Err(Problem::new(Code::StaleTimestamp, detail).at(now));
        }
        if exp <= now {
            return Err(Problem::new(
                Code::TokenExpired,
                "Sign a new token and try again.",
            ));
        }
        let length = claims.jti.chars().count();
        if !(1..=ID).contains(&length) || claims.jti.contains('\0') {
            return Err(invalid("The token's `jti` must have 1 to 180 characters."));
        }
        Ok(Self {
            site: claims.iss,
            kid,
            jti: claims.jti,
            expires_at: exp + DRIFT,
        })
    }
}
