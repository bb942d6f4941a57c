//! One question, one answer, no conversation: the same search, brains and gate as a turn,
//! without a machine, since nothing is asked back, stored or handed over.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Agent;
use super::answer::Answer;
use super::brain::{Brain, Refused, ToolOutcome, TurnView};
use super::machine::input::LinkFailure;
use super::mask;
use super::meter::{self, Meter};
use super::operation::{self, Outcome, code};
use crate::db::pool::DbError;
use crate::db::sites;
use crate::domain::document::{Found, Passage};
use crate::domain::event::Citation;
use crate::domain::ids::SiteId;
use crate::domain::tool::ToolCode;
use crate::guardrails::moderation::{Direction, Moderated};
use crate::guardrails::pii::placeholders::Placeholders;
use crate::guardrails::{content, vault};
use crate::hands::Tool;
use crate::hands::kb_search::KbSearch;
use crate::hands::registry::CallError;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Query {
    /// At most 4000 characters.
    pub question: String,
    /// How many passages the answer may stand on, 1 to 5.
    pub k: u8,
    /// The language of the words that no document has; none: the site's.
    pub locale: Option<String>,
}

/// What is answered.
#[derive(Debug)]
pub struct Answered {
    /// Markdown with citation marks; empty when nothing could be said that the passages bear
    /// out.
    pub text: String,
    /// The sources of the text.
    pub citations: Vec<Citation>,
    /// What was found, best first.
    pub hits: Vec<Passage>,
    /// Which brain answered; `none` when none could.
    pub brain: String,
}

/// Why a question isn't answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// This process has enough to do, or a search took too long.
    #[error("too many questions at once")]
    Overloaded,
    /// The database is away, or there is no such site.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Answers a question from the site's documents.
///
/// # Errors
/// When this process has enough to do, the database is away, or there is no such site.
pub async fn answer(agent: &Arc<Agent>, site: SiteId, query: Query) -> Result<Answered, QueryError> {
    let slot = Arc::clone(&agent.slots)
        .try_acquire_owned()
        .map_err(|_| QueryError::Overloaded)?;
    let own = Arc::clone(agent);
    // In a task of its own: who asked may leave, what was spent is counted all the same.
    let task = agent.tasks.spawn(async move {
        let _slot = slot;
        answered(&own, site, query).await
    });
    match task.await {
        Ok(answered) => answered,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(QueryError::Overloaded),
    }
}

async fn answered(agent: &Arc<Agent>, site: SiteId, query: Query) -> Result<Answered, QueryError> {
    let mut vault = Placeholders::default();
    let mut tx = agent.db.site(site).await?;
    let own = sites::own(&mut tx).await?;
    tx.commit().await?;
    let own = own.ok_or_else(|| DbError::Unreadable("there is no such site".to_owned()))?;
    let mut view = TurnView {
        message: vault.mask(&query.question),
        locale: query.locale.unwrap_or(own.locale),
        site_name: own.name,
        confidence: own.rules.confidence,
        ..TurnView::default()
    };
    let (outcome, hits) = if own.rules.off.contains(KbSearch::NAME) {
        (switched_off(json!({})), Vec::new())
    } else {
        search(agent, site, &mut vault, &view.message, query.k).await?
    };
    // GRD-6: what fits too badly isn't answered from; there is nobody to hand it to here.
    let fits = outcome
        .found
        .as_ref()
        .is_some_and(|f| f.confidence() >= view.confidence);
    view.outcomes.push(outcome);
    let mut view = Arc::new(view);
    let meter = Arc::new(agent.meter(site));
    let mut answered = None;
    if fits && passes(agent, &view.message).await {
        for brain in &agent.brains {
            answered = by(agent, brain, &mut view, &meter).await;
            if answered.is_some() {
                break;
            }
        }
    }
    let ended = meter.take();
    if !ended.is_empty() {
        let mut tx = agent.db.site(site).await?;
        meter::store(&mut tx, None, &ended).await?;
        tx.commit().await?;
    }
    let (brain, text, mut citations) =
        answered.unwrap_or_else(|| ("none".to_owned(), String::new(), Vec::new()));
    let mut text = text;
    vault::reveal_message(&mut text, &mut citations, &vault);
    Ok(Answered {
        text,
        citations,
        hits,
        brain,
    })
}

/// Whether the content filter lets a question through to a brain.
async fn passes(agent: &Agent, question: &str) -> bool {
    if content::trips(question) {
        return false;
    }
    let asked = [question.to_owned()];
    let checked = agent.moderation.check(Direction::Message, &asked).await;
    checked == [Moderated::Passes]
}

async fn search(
    agent: &Agent,
    site: SiteId,
    vault: &mut Placeholders,
    message: &str,
    k: u8,
) -> Result<(ToolOutcome, Vec<Passage>), QueryError> {
    let args = json!({ "query": message, "top_k": k });
    let called = agent
        .registry
        .call(&operation::context(agent, site), KbSearch::NAME, &args)
        .await;
    let mut reply = match called {
        Ok(called) => called.reply,
        // Switched off, stale or empty: there is nothing to answer from.
        Err(CallError::Failed { error, .. }) if error.code == ToolCode::Disabled => {
            return Ok((switched_off(args), Vec::new()));
        }
        Err(CallError::Failed { error, .. }) => {
            tracing::warn!(%error, "a question's search failed");
            return Err(QueryError::Overloaded);
        }
        Err(error) => return Err(DbError::Unreadable(error.to_string()).into()),
    };
    // The documents' own, as anybody may read them.
    let hits = reply
        .found
        .as_ref()
        .map(|f| f.passages.clone())
        .unwrap_or_default();
    mask::reply(vault, &mut reply);
    let outcome = ToolOutcome {
        tool: KbSearch::NAME.to_owned(),
        args,
        result: Ok(reply.output),
        found: Some(reply.found.unwrap_or_default()),
    };
    Ok((outcome, hits))
}

fn switched_off(args: Value) -> ToolOutcome {
    ToolOutcome {
        tool: KbSearch::NAME.to_owned(),
        args,
        result: Err(ToolCode::Disabled.as_str().to_owned()),
        found: None,
    }
}

type Written = (String, String, Vec<Citation>);

/// What one brain makes of it: a draft, and a second one where the gate held something of
/// the first back.
async fn by(
    agent: &Arc<Agent>,
    brain: &Arc<dyn Brain>,
    view: &mut Arc<TurnView>,
    meter: &Arc<Meter>,
) -> Option<Written> {
    Arc::make_mut(view).refused.clear();
    let end = Instant::now() + Duration::from_millis(agent.limits.cap_ms.into());
    for _ in 0..=agent.limits.redrafts {
        match tokio::time::timeout_at(end, draft(agent, brain, view, meter)).await {
            Ok(Ok(answer)) => return Some((brain.name().to_owned(), answer.text(), answer.used())),
            Ok(Err(Fault::Held(refused))) => Arc::make_mut(view).refused.push(refused),
            Ok(Err(Fault::Link(cause))) => {
                tracing::info!(
                    brain = brain.name(),
                    cause = cause.as_str(),
                    "a question goes to the next brain"
                );
                return None;
            }
            Err(_) => return None,
        }
    }
    None
}

enum Fault {
    Held(Refused),
    Link(LinkFailure),
}

async fn draft(
    agent: &Arc<Agent>,
    brain: &Arc<dyn Brain>,
    view: &Arc<TurnView>,
    meter: &Arc<Meter>,
) -> Result<Answer, Fault> {
    let found: Vec<&Found> = view.found().collect();
    let mut answer = Answer::default();
    let mut running = operation::draft(agent, Arc::clone(brain), view, Arc::clone(meter));
    loop {
        // The first sentence must come as soon as a turn's would, and so the others.
        let patience = if answer.is_empty() {
            agent.limits.first_ms
        } else {
            agent.limits.stall_ms
        };
        let patience = Duration::from_millis(patience.into());
        match tokio::time::timeout(patience, running.next()).await {
            Ok(Outcome::Drafted((sentence, Ok(())))) => {
                answer.release(&sentence, &found);
            }
            Ok(Outcome::Drafted((sentence, Err(reason)))) => {
                return Err(Fault::Held(Refused {
                    md: sentence.md,
                    why: code(&reason),
                }));
            }
            Ok(Outcome::DraftEnded(Ok(()))) if answer.is_empty() => {
                return Err(Fault::Link(LinkFailure::Empty));
            }
            Ok(Outcome::DraftEnded(Ok(()))) => return Ok(answer),
            Ok(Outcome::DraftEnded(Err(cause))) => return Err(Fault::Link(cause)),
            // A draft gives nothing else.
            Ok(_) => return Err(Fault::Link(LinkFailure::Malformed)),
            Err(_) => return Err(Fault::Link(LinkFailure::Stall)),
        }
    }
}
