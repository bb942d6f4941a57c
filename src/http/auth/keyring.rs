//! Keys by their `kid`, opened and kept for a few seconds: a token costs no look-up, and a
//! key that is revoked stops working almost at once.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey};
use moka::future::Cache;

use crate::db::pool::{Db, DbError};
use crate::db::sites;
use crate::domain::ids::SiteId;
use crate::domain::keys::{Alg, DerivedKey, Purpose, RootSecret, open_root};
use crate::domain::seal::{MasterKey, SealError};

const KEPT: Duration = Duration::from_secs(5);
const MOST: u64 = 10_000;
/// Two machines' clocks may differ by this much.
pub const DRIFT: TimeDelta = TimeDelta::seconds(5);

/// Why a key can't be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// It can't be opened.
    #[error("key {0}: {1}")]
    Seal(String, SealError),
    /// It is no key of its algorithm.
    #[error("key {0} is damaged")]
    Damaged(String),
}

/// A key that verifies tokens.
pub struct TokenKey {
    /// Whose tokens.
    pub site: SiteId,
    /// The one algorithm that they may use.
    pub algorithm: Algorithm,
    /// The key itself.
    pub decoding: DecodingKey,
    /// The site's origins.
    pub origins: Vec<String>,
    /// What a server of the site's own shows; only a root secret gives one.
    api: Option<DerivedKey>,
    not_before: DateTime<Utc>,
    not_after: Option<DateTime<Utc>>,
}

impl TokenKey {
    /// Whether this is the site's API key; takes as long for a wrong one.
    #[must_use]
    pub fn is_api_key(&self, shown: &[u8]) -> bool {
        self.api
            .as_ref()
            .is_some_and(|key| aws_lc_rs::constant_time::verify_slices_are_equal(key.expose(), shown).is_ok())
    }

    /// Whether it is valid at this time.
    #[must_use]
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.not_before <= now + DRIFT && self.not_after.is_none_or(|end| now < end)
    }
}

/// A root secret of a site, opened.
pub struct SiteRoot {
    /// Its id.
    pub kid: String,
    root: RootSecret,
    not_before: DateTime<Utc>,
    not_after: Option<DateTime<Utc>>,
}

impl SiteRoot {
    /// Whether it is valid at this time.
    #[must_use]
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.not_before <= now + DRIFT && self.not_after.is_none_or(|end| now < end)
    }

    /// When it ends, once another has taken its place.
    #[must_use]
    pub fn ends(&self) -> Option<DateTime<Utc>> {
        self.not_after
    }

    /// The site's key for a purpose.
    #[must_use]
    pub fn derive(&self, site: SiteId, purpose: Purpose) -> DerivedKey {
        self.root.derive(site, purpose)
    }
}

/// The keys.
pub struct Keyring {
    db: Db,
    master: Arc<MasterKey>,
    keys: Cache<String, Option<Arc<TokenKey>>>,
    roots: Cache<SiteId, Arc<Vec<SiteRoot>>>,
    decoy: RootSecret,
}

impl Keyring {
    /// An empty one.
    #[must_use]
    pub fn new(db: Db, master: Arc<MasterKey>) -> Self {
        Self {
            db,
            master,
            keys: Cache::builder().max_capacity(MOST).time_to_live(KEPT).build(),
            roots: Cache::builder().max_capacity(MOST).time_to_live(KEPT).build(),
            decoy: RootSecret::new(rand::random()),
        }
    }

    /// A secret of nobody's: what a signature is held against where there is no other key, so
    /// that it takes as long.
    #[must_use]
    pub fn decoy(&self) -> &RootSecret {
        &self.decoy
    }

    /// A site's root secrets, the newest first; an unknown site has none.
    ///
    /// # Errors
    /// When the database is away or a key can't be opened.
    pub async fn of_site(&self, site: SiteId, now: DateTime<Utc>) -> Result<Arc<Vec<SiteRoot>>, KeyError> {
        if let Some(known) = self.roots.get(&site).await {
            return Ok(known);
        }
        let mut tx = self.db.site(site).await?;
        let stored = sites::roots(&mut tx, now).await?;
        drop(tx);
        let mut roots = Vec::with_capacity(stored.len());
        for key in stored {
            let root = open_root(&self.master, site, &key.kid, &key.sealed)
                .map_err(|e| KeyError::Seal(key.kid.clone(), e))?;
            roots.push(SiteRoot {
                kid: key.kid,
                root,
                not_before: key.not_before,
                not_after: key.not_after,
            });
        }
        let roots = Arc::new(roots);
        self.roots.insert(site, Arc::clone(&roots)).await;
        Ok(roots)
    }

    /// The key of this id; None when there is none.
    ///
    /// # Errors
    /// When the database is away or the key can't be opened.
    pub async fn get(&self, kid: &str) -> Result<Option<Arc<TokenKey>>, KeyError> {
        if let Some(known) = self.keys.get(kid).await {
            return Ok(known);
        }
        let key = self.load(kid).await?.map(Arc::new);
        self.keys.insert(kid.to_owned(), key.clone()).await;
        Ok(key)
    }

    async fn load(&self, kid: &str) -> Result<Option<TokenKey>, KeyError> {
        let Some(stored) = sites::key_by_kid(&self.db, kid).await? else {
            return Ok(None);
        };
        let damaged = || KeyError::Damaged(kid.to_owned());
        let pem = || {
            stored
                .public_key
                .as_deref()
                .map(str::as_bytes)
                .ok_or_else(damaged)
        };
        let mut api = None;
        let (algorithm, decoding) = match stored.alg {
            Alg::HS256 => {
                let sealed = stored.sealed.as_deref().ok_or_else(damaged)?;
                let root = open_root(&self.master, stored.site, kid, sealed)
                    .map_err(|e| KeyError::Seal(kid.to_owned(), e))?;
                let key = root.derive(stored.site, Purpose::Token);
                api = Some(root.derive(stored.site, Purpose::Api));
                (Algorithm::HS256, DecodingKey::from_secret(key.expose()))
            }
            Alg::RS256 => (
                Algorithm::RS256,
                DecodingKey::from_rsa_pem(pem()?).map_err(|_| damaged())?,
            ),
            Alg::ES256 => (
                Algorithm::ES256,
                DecodingKey::from_ec_pem(pem()?).map_err(|_| damaged())?,
            ),
        };
        Ok(Some(TokenKey {
            site: stored.site,
            algorithm,
            decoding,
            origins: stored.origins,
            api,
            not_before: stored.not_before,
            not_after: stored.not_after,
        }))
    }
}
