//! Tokens for AI jobs: a JWT of at most a minute that the site's server signs for one request,
//! whose `jti` is the request's key. The site's API key may look at jobs, too.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, TimeDelta};
use serde::Deserialize;
use uuid::Uuid;

use super::{api_key, bearer, token};
use crate::domain::ai_job::Login;
use crate::domain::ids::{SiteId, VisitorId};
use crate::http::error::{Code, Problem};
use crate::http::state::App;

const AUDIENCE: &str = "deskhand-jobs";
/// The longest life.
const LONGEST: TimeDelta = TimeDelta::seconds(60);
/// A site's clock may be ahead by this much.
const AHEAD: TimeDelta = TimeDelta::seconds(60);

#[derive(Debug, Clone, Deserialize)]
struct Claims {
    iss: SiteId,
    sub: String,
    iat: i64,
    exp: i64,
    jti: String,
    wp_user: Option<i64>,
    profile: Option<String>,
}

/// A server that asks for a job.
#[derive(Debug, Clone)]
pub struct JobAsker {
    /// The site.
    pub site: SiteId,
    /// For whom; none for the site itself.
    pub visitor: Option<VisitorId>,
    /// The request's key.
    pub jti: String,
    /// The secret that it is signed with.
    pub kid: String,
    /// The visitor's login, where there is one.
    pub login: Option<Login>,
}

impl FromRequestParts<Arc<App>> for JobAsker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        verify(app, bearer(parts)?).await
    }
}

/// A server that looks at a job.
#[derive(Debug, Clone, Copy)]
pub struct JobReader {
    /// The site.
    pub site: SiteId,
    /// Only this visitor's jobs; none: all of the site's.
    pub visitor: Option<VisitorId>,
}

impl FromRequestParts<Arc<App>> for JobReader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let shown = bearer(parts)?;
        if let Some(key) = api_key(app, shown).await? {
            return Ok(Self {
                site: key.site,
                visitor: None,
            });
        }
        let asker = verify(app, shown).await?;
        Ok(Self {
            site: asker.site,
            visitor: asker.visitor,
        })
    }
}

fn invalid(why: &'static str) -> Problem {
    Problem::new(Code::TokenInvalid, why)
}

async fn verify(app: &Arc<App>, shown: &str) -> Result<JobAsker, Problem> {
    let (kid, key) = token::key_of(app, shown).await?;
    let claims: Claims = token::claims(shown, &key, AUDIENCE)?;
    if claims.iss != key.site {
        return Err(invalid("The token's `iss` is not the site of its key."));
    }
    let now = app.clock.now();
    let time = |seconds, why| DateTime::from_timestamp(seconds, 0).ok_or_else(|| invalid(why));
    let exp = time(claims.exp, "The token's `exp` is no time.")?;
    let iat = time(claims.iat, "The token's `iat` is no time.")?;
    if exp <= now {
        return Err(Problem::new(
            Code::TokenExpired,
            "Sign a new token and try again.",
        ));
    }
    if iat > now + AHEAD {
        return Err(invalid("The token's `iat` is in the future; compare the clocks."));
    }
    if exp - iat > LONGEST {
        return Err(invalid("A token for jobs lives for sixty seconds at most."));
    }
    let length = claims.jti.chars().count();
    if !(1..=200).contains(&length) || claims.jti.contains('\0') {
        return Err(invalid("The token's `jti` must have 1 to 200 characters."));
    }
    let visitor = match claims.sub.as_str() {
        "site" => None,
        id => Some(VisitorId(Uuid::parse_str(id).map_err(|_| {
            invalid("The token's `sub` must be a visitor's id, or `site`.")
        })?)),
    };
    Ok(JobAsker {
        site: claims.iss,
        visitor,
        jti: claims.jti,
        kid,
        login: claims.wp_user.filter(|user| *user > 0).map(|wp_user| Login {
            wp_user,
            profile: claims.profile,
        }),
    })
}
