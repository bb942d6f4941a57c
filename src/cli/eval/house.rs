//! What conversations of an evaluation are held with: agents as visitors have them, each with a
//! clock and, where the case records one, a language model of its own.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::agent::Agent;
use crate::cli::session::Session;
use crate::domain::clock::SharedClock;
use crate::domain::ids::{ProposalId, SiteId};
use crate::evals::cases::house::{Furniture, House, SearchIn, provider};
use crate::hands::kb_search::KbSearch;
use crate::hands::orders::Stores;
use crate::jobs::execute_proposal::ExecuteProposal;
use crate::models::provider::Provider;

/// Over an open session.
pub struct CliHouse<'a> {
    session: &'a Session,
    providers: Vec<Arc<Provider>>,
}

impl<'a> CliHouse<'a> {
    /// With the configured providers, for conversations that record no model.
    ///
    /// # Errors
    /// When one can't be used.
    pub fn new(session: &'a Session) -> anyhow::Result<Self> {
        Ok(Self {
            session,
            providers: session.providers()?,
        })
    }
}

impl House for CliHouse<'_> {
    fn agent(&self, furniture: Furniture) -> Result<Arc<Agent>, String> {
        let search = SearchIn {
            search: KbSearch(Arc::clone(&self.session.knowledge)),
            site: furniture.documents,
        };
        let providers = match furniture.model {
            Some(model) => vec![Arc::new(provider(model))],
            None => self.providers.clone(),
        };
        self.session
            .agent_with(&providers, furniture.clock, search, furniture.mails)
            .map_err(|e| e.to_string())
    }

    fn stores(&self) -> Arc<dyn Stores> {
        self.session.stores()
    }

    fn carry_out<'a>(
        &'a self,
        clock: SharedClock,
        site: SiteId,
        proposal: ProposalId,
    ) -> BoxFuture<'a, Result<(), String>> {
        async move {
            let work = ExecuteProposal {
                stores: self.session.stores(),
                clock,
                master: Arc::clone(&self.session.master),
            };
            work.carry_out(&self.session.db, site, proposal, true)
                .await
                .map_err(|e| e.to_string())
        }
        .boxed()
    }
}
