//! What a conversation's agent is furnished with. Whoever runs cases builds it: the command line
//! as it builds the agent of visitors, with another clock, another model where one is recorded, and
//! the run's documents instead of those that the conversation's own site would need.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::agent::Agent;
use crate::domain::clock::SharedClock;
use crate::domain::ids::{ProposalId, SiteId};
use crate::domain::tool::Power;
use crate::hands::kb_search::{self, KbSearch};
use crate::hands::orders::Stores;
use crate::hands::{Reply, Tool, ToolContext, ToolError};
use crate::models::chat::ChatModel;
use crate::models::price::Price;
use crate::models::provider::{Provider, ProviderKind, ProviderSettings, Times};

/// What an agent is to have.
pub struct Furniture {
    /// Business time: a conversation can wait.
    pub clock: SharedClock,
    /// The language model, in place of the configured ones.
    pub model: Option<Arc<dyn ChatModel>>,
    /// The site whose documents are searched.
    pub documents: SiteId,
    /// Whether mail can be sent, whatever the environment says of it.
    pub mails: bool,
}

/// Builds agents, and does what workers do.
pub trait House: Send + Sync {
    /// An agent of its own for one conversation.
    ///
    /// # Errors
    /// When it can't be built; the sentence says why.
    fn agent(&self, furniture: Furniture) -> Result<Arc<Agent>, String>;

    /// Where orders are.
    fn stores(&self) -> Arc<dyn Stores>;

    /// Carries out what staff have approved, as the job does.
    fn carry_out<'a>(
        &'a self,
        clock: SharedClock,
        site: SiteId,
        proposal: ProposalId,
    ) -> BoxFuture<'a, Result<(), String>>;
}

/// A provider with a model of an evaluation behind it; it costs nothing.
#[must_use]
pub fn provider(model: Arc<dyn ChatModel>) -> Provider {
    let settings = ProviderSettings {
        name: model.name().to_owned(),
        kind: ProviderKind::OpenAi,
        // Nothing is sent.
        base_url: String::new(),
        api_version: None,
        api_key: None,
        plan_model: model.name().to_owned(),
        draft_model: model.name().to_owned(),
        plan_temperature: 0.0,
        draft_temperature: 0.0,
        price: Price::default(),
        context_tokens: 32_000,
        times: Times::default(),
    };
    Provider::new(settings, model)
}

/// `kb_search` over the documents of another site than the conversation's.
pub struct SearchIn {
    /// The tool itself.
    pub search: KbSearch,
    /// Whose documents.
    pub site: SiteId,
}

impl Tool for SearchIn {
    type Input = kb_search::Input;
    type Output = Vec<kb_search::Hit>;
    const NAME: &'static str = KbSearch::NAME;
    const DESCRIPTION: &'static str = KbSearch::DESCRIPTION;
    const POWER: Power = KbSearch::POWER;

    fn call<'a>(
        &'a self,
        ctx: &'a ToolContext,
        input: Self::Input,
    ) -> BoxFuture<'a, Result<Reply<Self::Output>, ToolError>> {
        Box::pin(async move {
            let there = ToolContext {
                site: self.site,
                ..ctx.clone()
            };
            self.search.call(&there, input).await
        })
    }
}
