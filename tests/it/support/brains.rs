//! Brains for tests: they stand where a model would, and do what no honest one does.

use std::sync::Arc;

use deskhand::agent::brain::{Brain, Plan, Sentence, ToolCall, TurnView};
use deskhand::agent::machine::input::LinkFailure;
use deskhand::agent::meter::Meter;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use tokio::sync::{Semaphore, mpsc};

/// Searches, then says what it was told to; each sentence waits for a permit, so that a
/// test decides when it comes.
pub struct Scripted {
    pub sentences: Vec<&'static str>,
    /// Whether its sentences cite the first passage that was found.
    pub cites: bool,
    pub permits: Arc<Semaphore>,
    pub planning: Arc<Semaphore>,
}

impl Scripted {
    /// Says these at once.
    pub fn saying(sentences: &[&'static str]) -> Self {
        Self {
            sentences: sentences.to_vec(),
            cites: true,
            permits: Arc::new(Semaphore::new(1_000)),
            planning: Arc::new(Semaphore::new(1_000)),
        }
    }

    /// Says these, each when a permit is added.
    pub fn held(sentences: &[&'static str]) -> (Self, Arc<Semaphore>) {
        let permits = Arc::new(Semaphore::new(0));
        (
            Self {
                permits: Arc::clone(&permits),
                ..Self::saying(sentences)
            },
            permits,
        )
    }
}

async fn pass(gate: &Semaphore) {
    gate.acquire().await.unwrap().forget();
}

impl Brain for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn plan<'a>(&'a self, view: &'a TurnView, _: &'a Meter) -> BoxFuture<'a, Result<Plan, LinkFailure>> {
        async move {
            pass(&self.planning).await;
            Ok(if view.outcomes.is_empty() {
                Plan::Calls(vec![ToolCall {
                    tool: "kb_search".into(),
                    args: json!({ "query": view.message }),
                }])
            } else {
                Plan::Draft
            })
        }
        .boxed()
    }

    fn draft<'a>(
        &'a self,
        view: &'a TurnView,
        _: &'a Meter,
        out: mpsc::Sender<Sentence>,
    ) -> BoxFuture<'a, Result<(), LinkFailure>> {
        async move {
            let first = view
                .outcomes
                .iter()
                .filter_map(|o| o.found.as_ref())
                .flat_map(|f| &f.passages)
                .next();
            let cites: Vec<i64> = first
                .filter(|_| self.cites)
                .map(|p| p.chunk_id)
                .into_iter()
                .collect();
            for sentence in &self.sentences {
                pass(&self.permits).await;
                let sentence = Sentence {
                    fixed: false,
                    gap: None,
                    md: (*sentence).to_owned(),
                    cites: cites.clone(),
                };
                out.send(sentence).await.map_err(|_| LinkFailure::Cut)?;
            }
            Ok(())
        }
        .boxed()
    }
}

/// Calls tools that don't exist, with arguments that no schema allows, for ever.
pub struct Wild;

impl Brain for Wild {
    fn name(&self) -> &str {
        "wild"
    }

    fn plan<'a>(&'a self, _: &'a TurnView, _: &'a Meter) -> BoxFuture<'a, Result<Plan, LinkFailure>> {
        let call = Plan::Calls(vec![ToolCall {
            tool: "drop_tables; --".into(),
            args: json!({ "all": true }),
        }]);
        std::future::ready(Ok(call)).boxed()
    }

    fn draft<'a>(
        &'a self,
        _: &'a TurnView,
        _: &'a Meter,
        _: mpsc::Sender<Sentence>,
    ) -> BoxFuture<'a, Result<(), LinkFailure>> {
        std::future::ready(Ok(())).boxed()
    }
}
