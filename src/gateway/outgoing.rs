//! Messages to a site, signed with its callback key: only to its own origins, only to
//! addresses that may be called.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::Gateway;
use crate::db::pool::DbError;
use crate::db::sites::{self, StoredRoot};
use crate::domain::ids::SiteId;
use crate::domain::keys::{Purpose, open_root};
use crate::domain::seal::SealError;
use crate::domain::signature::{CALLBACK, Signed};
use crate::knowledge::fetch::Answer;
use crate::knowledge::fetch::allow::AllowList;
use crate::knowledge::fetch::error::FetchError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutgoingError {
    /// The site has no key to sign with.
    #[error("the site has no secret; `deskhand site rotate` makes one")]
    NoKey,
    /// A value can't stand in a header.
    #[error("a value can't be sent as a header")]
    Header,
    /// The key can't be opened.
    #[error("the site's secret can't be opened: {0}")]
    Seal(#[from] SealError),
    /// The site answered with an error.
    #[error("the site answered {0}")]
    Status(u16),
    /// It isn't allowed, or nobody answered.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Gateway {
    /// Posts JSON to a site, signed with its secret `kid` if that is still valid: while secrets
    /// rotate, the site may know no other yet.
    pub(super) async fn post(
        &self,
        site: SiteId,
        kid: &str,
        url: &str,
        extra: &[(&'static str, &str)],
        body: Vec<u8>,
        time: Duration,
    ) -> Result<Answer, OutgoingError> {
        let now = self.now();
        let mut tx = self.db().site(site).await?;
        let origins = sites::own(&mut tx).await?.map(|s| s.origins).unwrap_or_default();
        let roots = sites::roots(&mut tx, now).await?;
        tx.commit().await?;
        let root = roots.iter().find(|r| r.kid == kid).or(roots.first());
        let StoredRoot { kid, sealed, .. } = root.ok_or(OutgoingError::NoKey)?;
        let key = open_root(self.master(), site, kid, sealed)?.derive(site, Purpose::Callback);
        let timestamp = now.timestamp().to_string();
        let signed = Signed {
            body: &body,
            timestamp: &timestamp,
        };
        let signature = CALLBACK.sign(key.expose(), &signed);
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| OutgoingError::Header);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-ai-timestamp", value(&timestamp)?);
        headers.insert("x-ai-signature", value(&signature)?);
        headers.insert("x-key-id", value(kid)?);
        for (name, text) in extra {
            headers.insert(HeaderName::from_static(name), value(text)?);
        }
        // What can't be read as an origin is none of the site's; the list is then shorter.
        let allowed =
            AllowList::new(origins.iter().map(String::as_str)).map_err(|_| OutgoingError::Header)?;
        Ok(self.fetcher.post(url, &allowed, headers, body, time).await?)
    }
}
