//! What other programs ask of the agent and its models: the AI jobs of a site's WordPress
//! (GW-7), and the questions that go back to the site, signed.

pub mod accept;
mod callback;
mod chat;
mod infer;
mod outgoing;
mod profile;
pub mod reach;
mod run;
pub mod usage;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::future::Cache;
use tokio_util::task::TaskTracker;

use crate::agent::Agent;
use crate::db::ai_jobs::{self, AiJobRow};
use crate::db::pool::{Db, DbResult};
use crate::domain::ids::{AiJobId, SiteId, VisitorId};
use crate::domain::seal::MasterKey;
use crate::knowledge::fetch::Fetcher;
use crate::models::provider::Provider;

pub use callback::CallbackError;
pub use profile::Login;
pub use run::{Again, close_abandoned};

/// How long a site that didn't say who its customer is isn't asked again.
const ASKED: Duration = Duration::from_secs(30);

/// A job as it stands.
#[derive(Debug)]
pub struct Look {
    /// As it is stored.
    pub row: AiJobRow,
    /// Its result, opened; null without one.
    pub result: serde_json::Value,
    /// What it took, for the wire.
    pub usage: serde_json::Value,
}

/// The gateway of this process.
pub struct Gateway {
    agent: Arc<Agent>,
    /// First choice first; the same ones, with the same breakers, as the agent's.
    providers: Vec<Arc<Provider>>,
    fetcher: Fetcher,
    /// What amounts are in, for those who are told.
    currency: String,
    /// Whose profile was just asked for.
    asked: Cache<(SiteId, VisitorId), ()>,
    tasks: TaskTracker,
}

impl Gateway {
    /// Puts it together.
    #[must_use]
    pub fn new(
        agent: Arc<Agent>,
        providers: Vec<Arc<Provider>>,
        fetcher: Fetcher,
        currency: String,
    ) -> Arc<Self> {
        Arc::new(Self {
            agent,
            providers,
            fetcher,
            currency,
            asked: Cache::builder().max_capacity(100_000).time_to_live(ASKED).build(),
            tasks: TaskTracker::new(),
        })
    }

    /// Whether a language model is configured.
    #[must_use]
    pub fn has_model(&self) -> bool {
        !self.providers.is_empty()
    }

    /// Whether a model of this name may be asked for.
    #[must_use]
    pub fn knows_model(&self, name: &str) -> bool {
        self.models().any(|m| m == name)
    }

    /// The models that may be asked for.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.providers.iter().flat_map(|p| {
            let s = p.settings();
            [s.draft_model.as_str(), s.plan_model.as_str()]
        })
    }

    /// What amounts are in.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// A job as it stands, opened.
    ///
    /// # Errors
    /// When the database does, or it can't be opened.
    pub async fn look(&self, site: SiteId, id: AiJobId) -> DbResult<Option<Look>> {
        let mut tx = self.db().site(site).await?;
        let row = ai_jobs::find(&mut tx, id).await?;
        tx.commit().await?;
        row.map(|row| {
            Ok(Look {
                result: callback::result(self, site, &row)?,
                usage: callback::usage(self, &row),
                row,
            })
        })
        .transpose()
    }

    fn db(&self) -> &Db {
        &self.agent.db
    }

    fn master(&self) -> &MasterKey {
        &self.agent.master
    }

    fn now(&self) -> DateTime<Utc> {
        self.agent.clock.now()
    }
}
