//! Which shop a site has: the WooCommerce that it is connected to, else the built-in store where
//! that has orders of it. A shop that keeps failing is left alone for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures::FutureExt;

use super::demo_store::DemoStore;
use super::woocommerce::WooCommerce;
use super::woocommerce::client::Client;
use crate::db::connections::{self, Connection};
use crate::db::pool::Db;
use crate::domain::clock::SharedClock;
use crate::domain::connection::kinds::WOOCOMMERCE;
use crate::domain::connection::{self};
use crate::domain::ids::SiteId;
use crate::domain::seal::MasterKey;
use crate::hands::orders::{OrderStore, StoreError, StoreResult, Stores};
use crate::knowledge::fetch::Fetcher;
use crate::models::breaker::Breaker;

/// Breakers that are remembered; beyond that all begin anew.
const MOST_BREAKERS: usize = 10_000;

/// A connection's breaker; another connection of the site has another one.
type Kept = (DateTime<Utc>, Arc<Mutex<Breaker>>);

/// The shops of all sites.
#[derive(Clone)]
pub struct Shops {
    db: Db,
    clock: SharedClock,
    master: Arc<MasterKey>,
    fetcher: Fetcher,
    demo: DemoStore,
    breakers: Arc<Mutex<HashMap<SiteId, Kept>>>,
}

impl Shops {
    /// Over this database, reached by this fetcher.
    #[must_use]
    pub fn new(db: Db, clock: SharedClock, master: Arc<MasterKey>, fetcher: Fetcher) -> Self {
        Self {
            demo: DemoStore::new(db.clone(), Arc::clone(&clock)),
            db,
            clock,
            master,
            fetcher,
            breakers: Arc::default(),
        }
    }

    /// The WooCommerce of a connection.
    ///
    /// # Errors
    /// [`StoreError::NoAccess`] when it can't be used as it stands.
    pub fn woocommerce(&self, site: SiteId, connection: &Connection) -> Result<WooCommerce, StoreError> {
        let no_access = |why: &str| StoreError::NoAccess(why.to_owned());
        let url = connection.config["url"]
            .as_str()
            .ok_or_else(|| no_access("the connection has no address"))?;
        let sealed = connection
            .secret_sealed
            .as_deref()
            .ok_or_else(|| no_access("the connection has no key"))?;
        let secret = connection::open(&self.master, site, &connection.kind, &connection.name, sealed)
            .map_err(|e| no_access(&e.to_string()))?;
        let client = Client::new(self.fetcher.clone(), url, &secret)?;
        let breaker = self.breaker(site, connection.at);
        Ok(WooCommerce::new(client, breaker, Arc::clone(&self.clock)))
    }

    fn breaker(&self, site: SiteId, since: DateTime<Utc>) -> Arc<Mutex<Breaker>> {
        let mut all = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_BREAKERS && !all.contains_key(&site) {
            all.clear();
        }
        let kept = all.entry(site).or_insert_with(|| (since, Arc::default()));
        if kept.0 != since {
            *kept = (since, Arc::default());
        }
        Arc::clone(&kept.1)
    }
}

impl Stores for Shops {
    fn of(&self, site: SiteId) -> StoreResult<'_, Option<Arc<dyn OrderStore>>> {
        async move {
            let mut tx = self.db.site(site).await?;
            let connected = connections::of_kind(&mut tx, WOOCOMMERCE).await?;
            drop(tx);
            match connected.first() {
                Some(connection) => {
                    let shop = self.woocommerce(site, connection)?;
                    Ok(Some(Arc::new(shop) as Arc<dyn OrderStore>))
                }
                None => self.demo.of(site).await,
            }
        }
        .boxed()
    }
}
