//! What the handlers share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::auth::keyring::Keyring;
use super::auth::token;
use super::metrics::{Access, Looked};
use super::webhooks::collector::Collector;
use super::webhooks::refused::Refusals;
use crate::agent::Agent;
use crate::db::pool::Db;
use crate::domain::clock::SharedClock;
use crate::domain::ids::SiteId;
use crate::domain::seal::MasterKey;
use crate::gateway::Gateway;
use crate::knowledge::base::Knowledge;
use crate::privacy::journal::Journal;

/// How the web is set up.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Where it really listens.
    pub listen: SocketAddr,
    /// The demo shop's site, while the demo is served.
    pub demo: Option<SiteId>,
    /// Open event streams at once.
    pub streams_at_once: usize,
    /// Who gets metrics.
    pub metrics: Access,
    /// Where erasures are written down, with a database of our own.
    pub erasures: Option<Journal>,
}

/// What the handlers share.
pub struct App {
    /// The database.
    pub db: Db,
    /// The agent.
    pub agent: Arc<Agent>,
    /// AI jobs.
    pub gateway: Arc<Gateway>,
    /// Business time.
    pub clock: SharedClock,
    /// What searches need.
    pub knowledge: Arc<Knowledge>,
    /// Keys of tokens.
    pub keyring: Keyring,
    /// Stores webhooks.
    pub collector: Collector,
    /// Counts webhooks whose signature is wrong.
    pub refused: Refusals,
    /// What opens secrets.
    pub master: Arc<MasterKey>,
    /// Which origins belong to some site.
    pub origins: Cache<String, bool>,
    /// Tokens that were seen: their ids and digests.
    pub seen_tokens: Cache<(SiteId, String), Vec<u8>>,
    /// Places for streams.
    pub streams: Arc<Semaphore>,
    /// Ends streams when the server stops.
    pub closing: CancellationToken,
    /// When the queue was last measured.
    pub looked: Looked,
    /// Settings.
    pub settings: HttpSettings,
}

impl App {
    /// Puts it together.
    #[must_use]
    pub fn new(
        agent: Arc<Agent>,
        gateway: Arc<Gateway>,
        knowledge: Arc<Knowledge>,
        settings: HttpSettings,
        closing: CancellationToken,
    ) -> Arc<Self> {
        let kept = |seconds| Duration::from_secs(seconds);
        let longest = u64::try_from(token::LONGEST.num_seconds()).unwrap_or(300);
        Arc::new(Self {
            db: agent.db.clone(),
            clock: Arc::clone(&agent.clock),
            keyring: Keyring::new(agent.db.clone(), Arc::clone(&agent.master)),
            collector: Collector::new(agent.db.clone()),
            refused: Refusals::new(agent.db.clone()),
            master: Arc::clone(&agent.master),
            origins: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(kept(30))
                .build(),
            seen_tokens: Cache::builder()
                .max_capacity(100_000)
                .time_to_live(kept(longest))
                .build(),
            streams: Arc::new(Semaphore::new(settings.streams_at_once)),
            agent,
            gateway,
            knowledge,
            closing,
            looked: Looked::default(),
            settings,
        })
    }
}
