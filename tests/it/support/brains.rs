//! Brains for tests: they stand where a model would, and do what no honest one does.

use std::sync::Arc;

use deskhand::agent::brain::{Brain, BrainFault, Plan, Sentence, TurnView};
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
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn plan<'a>(&'a self, view: &'a TurnView) -> BoxFuture<'a, Result<Plan, BrainFault>> {
        async move {
            pass(&self.planning).await;
            Ok(if view.outcomes.is_empty() {
                Plan::Call {
                    tool: "kb_search".into(),
                    args: json!({ "query": view.message }),
                }
            } else {
                Plan::Draft
            })
        }
        .boxed()
    }

    fn draft<'a>(
        &'a self,
        view: &'a TurnView,
        out: mpsc::Sender<Sentence>,
    ) -> BoxFuture<'a, Result<(), BrainFault>> {
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
                    md: (*sentence).to_owned(),
                    cites: cites.clone(),
                };
                out.send(sentence).await.map_err(|_| BrainFault::Cut)?;
            }
            Ok(())
        }
        .boxed()
    }
}

/// Calls tools that don't exist, with arguments that no schema allows, for ever.
pub struct Wild;

impl Brain for Wild {
    fn name(&self) -> &'static str {
        "wild"
    }

    fn plan<'a>(&'a self, _: &'a TurnView) -> BoxFuture<'a, Result<Plan, BrainFault>> {
        let call = Plan::Call {
            tool: "drop_tables; --".into(),
            args: json!({ "all": true }),
        };
        std::future::ready(Ok(call)).boxed()
    }

    fn draft<'a>(
        &'a self,
        _: &'a TurnView,
        _: mpsc::Sender<Sentence>,
    ) -> BoxFuture<'a, Result<(), BrainFault>> {
        std::future::ready(Ok(())).boxed()
    }
}
