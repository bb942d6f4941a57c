//! Takes an AI job: checked, sealed, stored and enqueued in one transaction. The same token id
//! again is the same job.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use reqwest::Url;
use sha2::{Digest, Sha256};

use super::Gateway;
use crate::db::ai_jobs::{self, AiJobRow};
use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::db::{jobs, sites, threads};
use crate::domain::ai_job::{NewAiJob, Request, sealed_for};
use crate::domain::ids::{AiJobId, SiteId, VisitorId};
use crate::domain::job::{Job, Priority, Work};
use crate::domain::seal::{MasterKey, SealError};
use crate::domain::site::normalise_origin;
use crate::guardrails::pii::{self, Kind};
use crate::privacy::subject::email_hash;

/// Jobs of a site that may wait or run at once; more would only wait longer than anybody does.
const MOST_OPEN: i64 = 1_000;

/// Jobs of one visitor within the window.
const MOST_RECENT: i64 = 60;
const WINDOW: TimeDelta = TimeDelta::minutes(10);

/// An AI job as it came.
#[derive(Debug)]
pub struct Asked {
    /// Whose; none for the site's own.
    pub visitor: Option<VisitorId>,
    /// The token's id.
    pub jti: String,
    /// The secret that the token was signed with.
    pub kid: String,
    /// What is asked.
    pub request: Request,
    /// Where the result goes.
    pub callback_url: String,
    /// How urgent.
    pub priority: Priority,
}

/// A job that was taken, now or before.
#[derive(Debug)]
pub struct Accepted {
    /// As it stands.
    pub job: AiJobRow,
    /// Whether it is new.
    pub new: bool,
}

/// Why a job isn't taken.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The callback leads elsewhere.
    #[error("callback_url must be on one of the site's origins")]
    CallbackElsewhere,
    /// The token's id came with another request before.
    #[error("this jti was used for another request")]
    Reused,
    /// Too many wait already.
    #[error("too many jobs of this site are waiting")]
    TooMany,
    /// One visitor asks too much.
    #[error("too many jobs of this visitor")]
    TooFast,
    /// Sealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Takes a job.
///
/// # Errors
/// When it can't be taken; nothing is stored then.
pub async fn accept(gateway: &Gateway, site: SiteId, asked: &Asked) -> Result<Accepted, AcceptError> {
    let text = serde_json::to_string(&asked.request).map_err(|e| DbError::Unreadable(e.to_string()))?;
    let named = format!(
        "{}\n{}\n{text}",
        asked.visitor.map_or_else(|| "site".to_owned(), |v| v.to_string()),
        asked.callback_url
    );
    let body_hash: [u8; 32] = Sha256::digest(named.as_bytes()).into();
    let mut tx = gateway.db().site(site).await?;
    if let Some(job) = ai_jobs::by_jti(&mut tx, &asked.jti).await? {
        return repeat(job, &body_hash);
    }
    if !is_own(&mut tx, &asked.callback_url).await? {
        return Err(AcceptError::CallbackElsewhere);
    }
    if ai_jobs::open(&mut tx).await? >= MOST_OPEN {
        return Err(AcceptError::TooMany);
    }
    if let Some(visitor) = asked.visitor {
        let since = gateway.now() - WINDOW;
        if ai_jobs::recent(&mut tx, visitor, since).await? >= MOST_RECENT {
            return Err(AcceptError::TooFast);
        }
        threads::ensure_visitor(&mut tx, visitor).await?;
    }
    let id = AiJobId::new();
    let sealed = gateway
        .master()
        .seal(&sealed_for(site, id, "request"), text.as_bytes())?;
    let new = NewAiJob {
        id,
        jti: &asked.jti,
        body_hash,
        kid: &asked.kid,
        visitor: asked.visitor,
        route: asked.request.route(),
        priority: asked.priority,
        request: &sealed,
        addresses: addresses(gateway.master(), site, &asked.request),
        callback_url: &asked.callback_url,
        at: gateway.now(),
    };
    let new = if ai_jobs::insert(&mut tx, &new).await? {
        let job = Job {
            work: Work::AiJob { job: id },
            key: id.to_string(),
            priority: asked.priority,
        };
        jobs::enqueue(&mut tx, &job).await?;
        true
    } else {
        false
    };
    // The same token on two connections at once: the other one's is there by now.
    let job = ai_jobs::by_jti(&mut tx, &asked.jti).await?;
    let job = job.ok_or_else(|| DbError::Unreadable("an AI job that was stored isn't there".to_owned()))?;
    tx.commit().await?;
    if new {
        Ok(Accepted { job, new })
    } else {
        repeat(job, &body_hash)
    }
}

fn repeat(job: AiJobRow, body_hash: &[u8; 32]) -> Result<Accepted, AcceptError> {
    if job.body_hash == body_hash {
        Ok(Accepted { job, new: false })
    } else {
        Err(AcceptError::Reused)
    }
}

/// Whether a URL is on one of the transaction's site's origins.
async fn is_own(tx: &mut SiteTx, url: &str) -> DbResult<bool> {
    let origins = sites::own(tx).await?.map(|s| s.origins).unwrap_or_default();
    Ok(is_on(url, &origins))
}

/// Whether a URL is on one of these origins, and names no user.
pub(super) fn is_on(url: &str, origins: &[String]) -> bool {
    let Ok(parsed) = Url::parse(url) else {
        return false;
    };
    let plain = parsed.username().is_empty() && parsed.password().is_none() && parsed.fragment().is_none();
    let origin = normalise_origin(&parsed.origin().ascii_serialization());
    plain && origin.is_ok_and(|o| origins.contains(&o))
}

/// Hashes of the addresses in a request: a person whom it names is found by them.
fn addresses(master: &MasterKey, site: SiteId, request: &Request) -> Vec<Vec<u8>> {
    let (text, given) = match request {
        Request::Chat { user_msg, email, .. } => (user_msg, email.as_deref()),
        Request::Infer { prompt, .. } => (prompt, None),
    };
    let found: BTreeSet<[u8; 32]> = pii::find(text)
        .into_iter()
        .filter(|span| span.kind == Kind::Email)
        .map(|span| &text[span.start..span.end])
        .chain(given)
        .map(|email| email_hash(master, site, email))
        .collect();
    found.into_iter().map(|h| h.to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sites_own_addresses_are_called_back() {
        let origins = [
            "https://shop.example".to_owned(),
            "http://127.0.0.1:8081".to_owned(),
        ];
        for good in [
            "https://shop.example/wp-json/deskhand/v1/webhook",
            "https://SHOP.example:443/x?y=1",
            "http://127.0.0.1:8081/",
        ] {
            assert!(is_on(good, &origins), "{good}");
        }
        for bad in [
            "",
            "shop.example",
            "http://shop.example/",
            "https://shop.example.evil.example/",
            "https://shop.example@evil.example/",
            "https://user@shop.example/",
            "https://shop.example:8443/",
            "https://evil.example/#https://shop.example",
            "http://127.0.0.1:8082/",
            "file:///etc/passwd",
            "javascript:alert(1)",
        ] {
            assert!(!is_on(bad, &origins), "{bad}");
        }
    }
}
