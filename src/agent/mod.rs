//! The agent: a brain plans, hands act, and a pure state machine stands between them.
//! [`turns`] starts, stops and takes over turns; [`driver`] performs what the machine asks.

pub mod answer;
mod away;
pub mod brain;
mod closing;
pub mod consent;
mod contact;
pub mod driver;
pub mod explain;
mod fingerprint;
pub mod follow;
pub mod hub;
pub mod judge;
pub mod live;
pub mod machine;
mod mask;
mod measure;
pub mod meter;
mod opening;
mod operation;
mod page;
pub mod phrases;
mod policy;
pub mod query;
mod record;
mod screening;
mod spoken;
pub mod turns;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::agent::brain::Brain;
use crate::agent::hub::Hub;
use crate::agent::machine::ctx::Limits;
use crate::agent::meter::Meter;
use crate::agent::opening::KnownSite;
use crate::db::pool::Db;
use crate::domain::clock::SharedClock;
use crate::domain::ids::{SiteId, TurnId};
use crate::domain::seal::MasterKey;
use crate::guardrails::moderation::Moderation;
use crate::hands::registry::Registry;
use crate::knowledge::base::Knowledge;

/// Sites that are remembered.
const MOST_SITES: u64 = 10_000;
/// How long a site is taken for what it was where nobody says that it was changed: in a
/// process without a listener, and for what its connected tools are.
const SITE_KNOWN: Duration = Duration::from_secs(10);

/// How the agent is set up.
#[derive(Clone)]
pub struct AgentSettings {
    /// Limits of a turn.
    pub limits: Limits,
    /// Turns at once in this process.
    pub turns_at_once: usize,
    /// What a site may spend on language models a day, in millionths of the currency's unit.
    pub day_cap_micro: i64,
    /// Who is asked about what is written, beside the closed rules.
    pub moderation: Arc<Moderation>,
}

/// The agent of this process; shared by all turns.
pub struct Agent {
    /// The database.
    pub db: Db,
    /// Business time.
    pub clock: SharedClock,
    /// The tools.
    pub registry: Registry,
    /// The brains, first choice first; a link of the chain is one's name.
    pub brains: Vec<Arc<dyn Brain>>,
    /// What seals personal data.
    pub master: Arc<MasterKey>,
    /// The embedding models, for the gate's doubts.
    pub knowledge: Arc<Knowledge>,
    moderation: Arc<Moderation>,
    limits: Limits,
    day_cap_micro: i64,
    /// This process, as the owner of leases.
    owner: Uuid,
    slots: Arc<Semaphore>,
    stops: Mutex<HashMap<TurnId, Arc<Notify>>>,
    /// Who waits for events in this process.
    pub hub: Arc<Hub>,
    /// What turns depended on of their sites, the last time.
    sites: Cache<SiteId, Arc<KnownSite>>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Agent {
    /// Sets the agent up.
    #[must_use]
    pub fn new(
        db: Db,
        clock: SharedClock,
        registry: Registry,
        brains: Vec<Arc<dyn Brain>>,
        master: Arc<MasterKey>,
        knowledge: Arc<Knowledge>,
        settings: &AgentSettings,
    ) -> Arc<Self> {
        Arc::new(Self {
            db,
            clock,
            registry,
            brains,
            master,
            knowledge,
            moderation: Arc::clone(&settings.moderation),
            limits: settings.limits,
            day_cap_micro: settings.day_cap_micro,
            owner: Uuid::now_v7(),
            slots: Arc::new(Semaphore::new(settings.turns_at_once)),
            stops: Mutex::default(),
            hub: Arc::default(),
            sites: Cache::builder()
                .max_capacity(MOST_SITES)
                .time_to_live(SITE_KNOWN)
                .build(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        })
    }

    /// A site was changed: what is known of it is read anew.
    pub fn forget_site(&self, site: SiteId) {
        self.sites.invalidate(&site);
    }

    /// Any site may have been changed.
    pub fn forget_sites(&self) {
        self.sites.invalidate_all();
    }

    fn brain(&self, link: &str) -> Option<Arc<dyn Brain>> {
        self.brains.iter().find(|b| b.name() == link).cloned()
    }

    /// What counts a site's calls of models, and holds them to its cap.
    pub fn meter(&self, site: SiteId) -> Meter {
        let clock = Arc::clone(&self.clock);
        Meter::new(
            self.db.clone(),
            site,
            clock,
            self.day_cap_micro,
            self.tasks.clone(),
        )
    }

    /// Tells the driver of a turn in this process that the visitor wants it to stop.
    pub fn stop_here(&self, turn: TurnId) {
        if let Some(stop) = self.stops().get(&turn) {
            stop.notify_one();
        }
    }

    fn stops(&self) -> std::sync::MutexGuard<'_, HashMap<TurnId, Arc<Notify>>> {
        // Held for single map operations only, none of which can panic half-way.
        self.stops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes no new turns; those under way may end. Resolves when none is left.
    pub async fn drain(&self) {
        self.slots.close();
        self.tasks.close();
        self.tasks.wait().await;
        self.registry.drain().await;
    }

    /// Lets go of the turns under way: their leases end, so that another replica, or this
    /// one after its restart, carries on at once.
    pub async fn let_go(&self) {
        self.closing.cancel();
        self.drain().await;
    }

    /// Turns under way in this process.
    #[must_use]
    pub fn running(&self) -> usize {
        self.stops().len()
    }
}
