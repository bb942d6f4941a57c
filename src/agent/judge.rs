//! The gate before each sentence (GRD-4, GRD-5): what it states must stand in what this
//! turn found, it must leak nothing, and where only meaning can tell, the site's embedding
//! model is asked. Whatever can't be decided in time isn't released.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Agent;
use super::brain::{Sentence, TurnView};
use super::machine::input::GateReason;
use super::operation::Judged;
use crate::domain::tool::ToolCode;
use crate::guardrails::gate::{self, Evidence, Fault, Reading, Source, Verdict};
use crate::guardrails::moderation::{Direction, Moderated, Moderation};
use crate::guardrails::sentences::Splitter;
use crate::guardrails::{content, leak, pii};
use crate::hands::ToolError;
use crate::hands::registry::CallError;
use crate::knowledge::base::Knowledge;
use crate::models::embedder::Purpose;

/// How long a doubt may take; a sentence that can't be decided is held back.
const DOUBT: Duration = Duration::from_millis(1_500);
/// The tool whose passages are cited; its output is no fact of its own.
const SEARCH: &str = "kb_search";

/// What the sentences of a draft may stand on, read once.
pub(super) struct Ground {
    reading: Reading,
}

impl Ground {
    pub(super) fn of(view: &TurnView) -> Self {
        let passages = view
            .outcomes
            .iter()
            .filter_map(|o| o.found.as_ref())
            .flat_map(|f| &f.passages);
        let sources: Vec<Source<'_>> = passages
            .map(|p| Source {
                id: p.chunk_id,
                title: &p.title,
                headings: &p.heading_path,
                text: &p.text,
            })
            .collect();
        // What a connected tool returned is called by the words of the tool's name, which its
        // operator has chosen.
        let named: Vec<Value> = view
            .outcomes
            .iter()
            .filter(|o| view.site_tools.get(&o.tool).is_some())
            .filter_map(|o| Some(json!({ o.tool.replace('_', " "): o.result.as_ref().ok()? })))
            .collect();
        let own = view
            .outcomes
            .iter()
            .filter(|o| o.tool != SEARCH && view.site_tools.get(&o.tool).is_none())
            .filter_map(|o| o.result.as_ref().ok());
        let tools: Vec<&Value> = own.chain(&named).collect();
        let said = format!("{}\n{}", view.message, view.site_name);
        Self {
            reading: Reading::of(&Evidence {
                sources: &sources,
                tools: &tools,
                said: &said,
            }),
        }
    }

    /// Whether a sentence may go out.
    pub(super) async fn judge(&self, agent: &Agent, sentence: &Sentence) -> Result<(), GateReason> {
        if !pii::find(&sentence.md).is_empty() {
            // All that this turn knows of persons stands behind placeholders.
            return Err(GateReason::PersonalData);
        }
        if leak::is_internal(&sentence.md) {
            return Err(GateReason::Internal);
        }
        if content::trips(&sentence.md) {
            return Err(GateReason::Content);
        }
        let verdict = if sentence.fixed {
            self.reading.check_fixed(&sentence.md)
        } else {
            self.reading.check(&sentence.md, &sentence.cites)
        };
        let pairs = match verdict {
            Verdict::Pass => return Ok(()),
            Verdict::Fail(fault) => return Err(reason(fault)),
            Verdict::Doubt { pairs } => pairs,
        };
        match tokio::time::timeout(DOUBT, closeness(&agent.knowledge, pairs)).await {
            Ok(Some(cosine)) => gate::settle(cosine).map_err(reason),
            // No model, or none in time: what can't be told isn't said.
            Ok(None) | Err(_) => Err(GateReason::Unsupported),
        }
    }
}

/// Asks the moderation endpoint about the sentences that passed all else. Sentences of this
/// program's own need no asking.
pub(super) async fn moderate(moderation: &Moderation, judged: &mut [Judged]) {
    let asked: Vec<usize> = (0..judged.len())
        .filter(|i| judged[*i].1.is_ok() && !judged[*i].0.fixed)
        .collect();
    let texts: Vec<String> = asked.iter().map(|i| judged[*i].0.md.clone()).collect();
    let verdicts = moderation.check(Direction::Answer, &texts).await;
    for (i, verdict) in asked.into_iter().zip(verdicts) {
        judged[i].1 = match verdict {
            Moderated::Passes => Ok(()),
            Moderated::Trips => Err(GateReason::Content),
            Moderated::Unasked => Err(GateReason::Unmoderated),
        };
    }
}

/// A letter that a brain wrote, personal data behind placeholders, and what it may stand on.
pub(super) struct Letter {
    pub text: String,
    pub view: Arc<TurnView>,
}

impl Letter {
    /// Whether it may be sent: each of its sentences must pass as one of an answer.
    pub(super) async fn passes(&self, agent: &Agent) -> Result<(), CallError> {
        passes(agent, &self.view, &self.text).await.map_err(|reason| {
            tracing::info!(?reason, "a letter was held back");
            CallError::Failed {
                error: ToolError::new(ToolCode::InvalidInput, "its text didn't pass the gate"),
                attempts: 0,
            }
        })
    }
}

/// Whether all sentences pass, each with whatever it can cite.
async fn passes(agent: &Agent, view: &TurnView, text: &str) -> Result<(), GateReason> {
    let ground = Ground::of(view);
    let all: Vec<i64> = view
        .outcomes
        .iter()
        .filter_map(|o| o.found.as_ref())
        .flat_map(|f| f.passages.iter().map(|p| p.chunk_id))
        .collect();
    let mut splitter = Splitter::default();
    let mut pieces = splitter.push(text);
    pieces.extend(splitter.end());
    for piece in pieces {
        if piece.md.trim().is_empty() {
            continue;
        }
        let sentence = |cites: &[i64]| Sentence {
            fixed: false,
            gap: None,
            md: piece.md.trim().to_owned(),
            cites: cites.to_vec(),
        };
        if let Err(reason) = ground.judge(agent, &sentence(&[])).await {
            if all.is_empty() {
                return Err(reason);
            }
            ground.judge(agent, &sentence(&all)).await?;
        }
    }
    match moderated(&agent.moderation, text).await {
        Moderated::Passes => Ok(()),
        Moderated::Trips => Err(GateReason::Content),
        Moderated::Unasked => Err(GateReason::Unmoderated),
    }
}

async fn moderated(moderation: &Moderation, text: &str) -> Moderated {
    let checked = moderation.check(Direction::Answer, &[text.to_owned()]).await;
    checked.first().copied().unwrap_or(Moderated::Unasked)
}

/// The least cosine of the pairs, each of which must hold, by the default model of this
/// process; none where there is no such model.
pub async fn closeness(knowledge: &Knowledge, pairs: Vec<(String, String)>) -> Option<f64> {
    let spec = knowledge.embedders.first_choice()?.clone();
    let embedder = knowledge.embedders.get(&spec, None).await.ok()?;
    let texts: Vec<String> = pairs.into_iter().flat_map(|(a, b)| [a, b]).collect();
    let vectors = embedder.embed(texts, Purpose::Query).await.ok()?;
    vectors
        .chunks_exact(2)
        .map(|pair| pair[0].iter().zip(&pair[1]).map(|(a, b)| f64::from(a * b)).sum())
        .min_by(f64::total_cmp)
}

fn reason(fault: Fault) -> GateReason {
    match fault {
        Fault::Uncited => GateReason::Uncited,
        Fault::BadCitation => GateReason::BadCitation,
        Fault::Unsupported | Fault::Negation => GateReason::Unsupported,
        Fault::Mismatch => GateReason::Mismatch,
        Fault::Form | Fault::Link => GateReason::Form,
    }
}
