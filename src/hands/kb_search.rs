//! `kb_search`: the passages of the site's own documents that fit a question best.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Reply, Tool, ToolContext, ToolError};
use crate::db::postings::Filter;
use crate::domain::tool::{KB_SEARCH, Power, ToolCode};
use crate::knowledge::base::Knowledge;
use crate::knowledge::search::{self, Mode, SearchQuery};

/// The channel of the widget on a site.
pub const WIDGET: &str = "widget";

/// What to look for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The question, in the visitor's words.
    #[schemars(length(min = 1, max = 4000))]
    pub query: String,
    /// How many passages at most.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 5))]
    pub top_k: u8,
}

fn five() -> u8 {
    5
}

/// A passage.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Hit {
    /// What an answer cites.
    pub chunk_id: i64,
    /// The document.
    pub doc_id: String,
    /// Its title.
    pub title: String,
    /// Where it can be read.
    pub url: Option<String>,
    /// The headings above the passage.
    pub section: String,
    /// The passage.
    pub snippet: String,
    /// Comparable within one search only.
    pub score: f64,
}

/// The tool.
pub struct KbSearch(pub Arc<Knowledge>);

impl Tool for KbSearch {
    type Input = Input;
    type Output = Vec<Hit>;
    const NAME: &'static str = KB_SEARCH;
    const DESCRIPTION: &'static str =
        "Searches the site's own documents and returns the passages that fit best.";
    const POWER: Power = Power::Reads;

    fn call<'a>(
        &'a self,
        ctx: &'a ToolContext,
        input: Input,
    ) -> BoxFuture<'a, Result<Reply<Vec<Hit>>, ToolError>> {
        async move {
            let filter = Filter {
                channel: Some(ctx.channel.to_owned()),
                ..Filter::default()
            };
            let query = SearchQuery {
                text: input.query,
                k: usize::from(input.top_k),
                filter,
                mode: Mode::Hybrid,
            };
            // KB-10: without knowledge, or with one that is too old, people answer.
            if let Some(fault) = self.0.freshness.fault(&ctx.db, ctx.site, ctx.now()).await? {
                let cause = format!("the site's knowledge is {}", fault.as_str());
                return Err(ToolError::new(ToolCode::Disabled, cause));
            }
            let found = search::search(&self.0, &ctx.db, ctx.site, query).await?;
            let output = found
                .passages
                .iter()
                .map(|p| Hit {
                    chunk_id: p.chunk_id,
                    doc_id: p.document_id.to_string(),
                    title: p.title.clone(),
                    url: p.url.clone(),
                    section: p.heading_path.join(" › "),
                    snippet: p.text.clone(),
                    score: p.score,
                })
                .collect();
            Ok(Reply {
                output,
                found: Some(Arc::unwrap_or_clone(found)),
            })
        }
        .boxed()
    }
}
