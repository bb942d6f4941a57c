//! One question, one answer, no conversation: the same search, brains and gate as a turn,
//! without a machine, since nothing is asked back, stored or handed over.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Agent;
use super::answer::Answer;
use super::brain::{Brain, Refused, ToolOutcome, TurnView};
use super::judge::Ground;
use super::machine::input::LinkFailure;
use super::mask::mask_reply;
use super::meter;
use super::operation::code;
use crate::db::pool::{DbError, DbResult};
use crate::db::sites;
use crate::domain::document::{Found, Passage};
use crate::domain::event::Citation;
use crate::domain::ids::SiteId;
use crate::guardrails::pii::placeholders::Placeholders;
use crate::guardrails::{content, vault};
use crate::hands::ToolContext;
use crate::hands::kb_search::WIDGET;
use crate::hands::registry::CallError;

/// A draft's sentences that may wait for the gate.
const AHEAD: usize = 16;

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
    /// This process has enough to do.
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
        Ok(answered) => Ok(answered?),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(QueryError::Overloaded),
    }
}

async fn answered(agent: &Arc<Agent>, site: SiteId, query: Query) -> DbResult<Answered> {
    let mut vault = Placeholders::default();
    let mut tx = agent.db.site(site).await?;
    let own = sites::own(&mut tx).await?;
    tx.commit().await?;
    let own = own.ok_or_else(|| DbError::Unreadable("there is no such site".to_owned()))?;
    let mut view = TurnView {
        message: vault.mask(&query.question),
        locale: query.locale.unwrap_or(own.locale),
        site_name: own.name,
        ..TurnView::default()
    };
    let (outcome, hits) = search(agent, site, &mut vault, &view.message, query.k).await?;
    view.outcomes.push(outcome);
    let meter = agent.meter(site);
    let mut answered = None;
    if !content::trips(&view.message) {
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

async fn search(
    agent: &Agent,
    site: SiteId,
    vault: &mut Placeholders,
    message: &str,
    k: u8,
) -> DbResult<(ToolOutcome, Vec<Passage>)> {
    let ctx = ToolContext {
        db: agent.db.clone(),
        site,
        channel: WIDGET,
    };
    let args = json!({ "query": message, "top_k": k });
    let called = agent.registry.call(&ctx, "kb_search", &args).await;
    let mut reply = match called {
        Ok(called) => called.reply,
        Err(CallError::Failed { error, .. }) => {
            return Err(DbError::Unreadable(format!("the search failed: {error}")));
        }
        Err(error) => return Err(DbError::Unreadable(error.to_string())),
    };
    let hits = reply
        .found
        .as_ref()
        .map(|f| f.passages.clone())
        .unwrap_or_default();
    mask_reply(vault, &mut reply);
    let outcome = ToolOutcome {
        tool: "kb_search".to_owned(),
        args,
        result: Ok(reply.output),
        found: Some(reply.found.unwrap_or_default()),
    };
    Ok((outcome, hits))
}

type Written = (String, String, Vec<Citation>);

/// What one brain makes of it: a draft, and a second one where the gate held something of
/// the first back.
async fn by(
    agent: &Arc<Agent>,
    brain: &Arc<dyn Brain>,
    view: &mut TurnView,
    meter: &meter::Meter,
) -> Option<Written> {
    view.refused.clear();
    let end = Instant::now() + Duration::from_millis(agent.limits.cap_ms.into());
    for _ in 0..=agent.limits.redrafts {
        match tokio::time::timeout_at(end, draft(agent, brain, view, meter)).await {
            Ok(Ok(answer)) => return Some((brain.name().to_owned(), answer.text(), answer.used())),
            Ok(Err(Fault::Held(refused))) => view.refused.push(refused),
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
    view: &TurnView,
    meter: &meter::Meter,
) -> Result<Answer, Fault> {
    let ground = Ground::of(view);
    let found: Vec<&Found> = view.outcomes.iter().filter_map(|o| o.found.as_ref()).collect();
    let (out, mut written) = mpsc::channel(AHEAD);
    let judging = async {
        let mut answer = Answer::default();
        let (first, stall) = (agent.limits.first_ms, agent.limits.stall_ms);
        loop {
            // The first sentence must come as soon as a turn's would, and so the others.
            let patience = if answer.is_empty() { first } else { stall };
            let next = tokio::time::timeout(Duration::from_millis(patience.into()), written.recv()).await;
            let sentence = match next {
                Ok(Some(sentence)) => sentence,
                Ok(None) => break,
                Err(_) => {
                    written.close();
                    return Err(Fault::Link(LinkFailure::Stall));
                }
            };
            match ground.judge(agent, &sentence).await {
                Ok(()) => {
                    answer.release(&sentence, &found);
                }
                Err(reason) => {
                    // Nobody takes what would come after it.
                    written.close();
                    return Err(Fault::Held(Refused {
                        md: sentence.md,
                        why: code(&reason),
                    }));
                }
            }
        }
        Ok(answer)
    };
    let mut writing = std::pin::pin!(brain.draft(view, meter, out));
    let mut judging = std::pin::pin!(judging);
    let mut end = None;
    let answer = loop {
        tokio::select! {
            judged = &mut judging => break judged?,
            done = &mut writing, if end.is_none() => end = Some(done),
        }
    };
    // All sentences are judged: the channel is closed, and so the draft has ended.
    end.unwrap_or(Ok(())).map_err(Fault::Link)?;
    if answer.is_empty() {
        return Err(Fault::Link(LinkFailure::Empty));
    }
    Ok(answer)
}
