//! Runs cases: each try is a visitor of its own with a thread of its own, several at once.
//! What a run leaves on the site can be deleted by its visitors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::agent::follow::{FollowError, follow};
use crate::agent::turns::{self, Message, StartError};
use crate::db::eval_threads::{self, Gone};
use crate::db::pool::DbError;
use crate::db::{sites, tool_calls};
use crate::domain::event::ThreadEvent;
use crate::domain::ids::{MessageId, SiteId, ThreadId, VisitorId};
use crate::domain::site::Site;
use crate::evals::cases::connected::Seen;
use crate::evals::cases::conversation::Conversation;
use crate::evals::cases::house::House;
use crate::evals::cases::load::{Case, Suite};
use crate::evals::cases::script::Act;
use crate::evals::cases::seen::Heard;
use crate::evals::cases::state::State;
use crate::evals::cases::watch::Counted;
use crate::guardrails::pii::placeholders::Placeholders;
use crate::knowledge::gaps;

/// What the threads of a run are marked with.
const CHANNEL: &str = "eval";

/// How to run.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Cases at once; at least 1.
    pub jobs: usize,
    /// How often each case is tried; at least 1.
    pub repeat: usize,
    /// How long one try may take, over all of its messages.
    pub limit: Duration,
    /// Whether what it leaves stays, the sites of conversations with a shop among it.
    pub keep: bool,
}

/// The agent's answer to one message.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// How the turn ended, or what came instead of one.
    pub outcome: String,
    /// Which brain answered.
    pub brain: String,
    /// What counts in the end.
    pub text: String,
    /// All that the visitor could read meanwhile, also what was taken back.
    pub seen: String,
    /// The cited documents' addresses, or their titles where they have none.
    pub citations: Vec<String>,
    /// The tools that were called, in order.
    pub calls: Vec<CallSeen>,
    /// What the visitor is asked for.
    pub ask: Option<String>,
    /// Why it went to staff, if it did.
    pub handoff_reason: Option<String>,
    /// To the first sentence; none when there was none.
    pub first: Option<Duration>,
    /// To the end.
    pub whole: Duration,
}

impl Said {
    /// The names of the tools that were called, in order.
    #[must_use]
    pub fn tools(&self) -> Vec<String> {
        self.calls.iter().map(|c| c.tool.clone()).collect()
    }
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct CallSeen {
    /// The tool.
    pub tool: String,
    /// Its arguments, personal data behind placeholders.
    pub args: serde_json::Value,
    /// The error's code, if it gave one.
    pub code: Option<String>,
}

impl From<tool_calls::CallRow> for CallSeen {
    fn from(call: tool_calls::CallRow) -> Self {
        Self {
            tool: call.tool,
            args: call.args,
            code: call.code,
        }
    }
}

/// One try of a case.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tried {
    /// The answers, as far as it came.
    pub answers: Vec<Said>,
    /// Why it came no further.
    pub broke_off: Option<String>,
    /// The shop before and after, where the case has one.
    pub before: Option<State>,
    /// See `before`.
    pub after: Option<State>,
    /// What happened in the first visitor's conversation.
    pub events: Vec<String>,
    /// Where a recorded model was asked for more or less than is recorded.
    pub model_amiss: Vec<String>,
    /// What connected systems were like afterwards, look by look.
    pub outside: Vec<Seen>,
    /// What no conversation may do, counted.
    pub counted: Option<Counted>,
}

/// Why a run can't go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Somebody stopped it.
    #[error("stopped")]
    Stopped,
    /// A message isn't taken.
    #[error("the case `{0}` can't be asked: {1}")]
    Start(String, StartError),
    /// A case's shop can't be set up.
    #[error("the shop of the case `{0}` can't be set up: {1}")]
    Shop(String, String),
    /// The run's own site is gone.
    #[error("the site is gone")]
    NoSite,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A run: which cases on which site, and as whom.
pub struct Run<'a> {
    agent: &'a Arc<Agent>,
    site: SiteId,
    suite: &'a Suite,
    settings: Settings,
    /// Builds the agents of conversations with a shop.
    house: Option<&'a dyn House>,
    /// One a try: case by case, each `repeat` times.
    visitors: Vec<VisitorId>,
    /// Held by a conversation in what the site is connected to: that is there once for all of them.
    outside: Mutex<()>,
}

impl<'a> Run<'a> {
    /// Prepares one. The agent should be the run's own: [`Run::end`] closes it.
    #[must_use]
    pub fn new(agent: &'a Arc<Agent>, site: SiteId, suite: &'a Suite, settings: Settings) -> Self {
        let tries = suite.cases.len() * settings.repeat;
        Self {
            agent,
            site,
            suite,
            settings,
            house: None,
            visitors: (0..tries).map(|_| VisitorId::new()).collect(),
            outside: Mutex::new(()),
        }
    }

    /// With what conversations with a shop need.
    #[must_use]
    pub fn with_house(mut self, house: &'a dyn House) -> Self {
        self.house = Some(house);
        self
    }

    /// Runs all cases; gives each one's tries, in the file's order. `told` is given how many
    /// tries are done, from any of them.
    ///
    /// # Errors
    /// When it is stopped, a message isn't taken, or the database is away.
    pub async fn all(
        &self,
        stop: &CancellationToken,
        told: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Vec<Tried>>, RunError> {
        let mut tx = self.agent.db.site(self.site).await?;
        let site = sites::own(&mut tx).await?.ok_or(RunError::NoSite)?;
        tx.commit().await?;
        let done = AtomicUsize::new(0);
        let repeat = self.settings.repeat;
        // Every try ends its own turn when one of them can't go on: none is dropped midway.
        let halt = stop.child_token();
        let mut ended: Vec<(usize, Result<Tried, RunError>)> = stream::iter(self.visitors.iter().enumerate())
            .map(|(i, visitor)| {
                let (case, done, halt, site) = (&self.suite.cases[i / repeat], &done, &halt, &site);
                async move {
                    let tried = match &case.shop {
                        Some(_) => self.in_shop(case, site, halt).await,
                        None => self.one(case, *visitor, halt).await,
                    };
                    match &tried {
                        Ok(_) => told(done.fetch_add(1, Ordering::Relaxed) + 1),
                        Err(_) => halt.cancel(),
                    }
                    (i, tried)
                }
            })
            .buffer_unordered(self.settings.jobs)
            .collect()
            .await;
        ended.sort_by_key(|(i, _)| *i);
        let mut tries = Vec::with_capacity(ended.len());
        let mut stopped = false;
        for (_, tried) in ended {
            match tried {
                Ok(tried) => tries.push(tried),
                Err(RunError::Stopped) => stopped = true,
                Err(error) => return Err(error),
            }
        }
        if stopped {
            return Err(RunError::Stopped);
        }
        Ok(tries.chunks(repeat).map(<[Tried]>::to_vec).collect())
    }

    /// One try of a conversation with a shop, which has a site of its own.
    async fn in_shop(&self, case: &Case, site: &Site, stop: &CancellationToken) -> Result<Tried, RunError> {
        if stop.is_cancelled() {
            return Err(RunError::Stopped);
        }
        let missing = || RunError::Shop(case.id.clone(), "nobody builds it here".to_owned());
        let (house, shop) = self.house.zip(case.shop.as_ref()).ok_or_else(missing)?;
        let _alone = if case.is_connected() {
            Some(self.outside.lock().await)
        } else {
            None
        };
        let folder = &self.suite.folder;
        let opened = Conversation::open(case, shop, folder, house, site, self.agent).await?;
        opened.hold(self.settings.limit, stop, self.settings.keep).await
    }

    /// One try. Its turn is stopped when the time is over or the run is stopped.
    async fn one(
        &self,
        case: &Case,
        visitor: VisitorId,
        stop: &CancellationToken,
    ) -> Result<Tried, RunError> {
        if stop.is_cancelled() {
            return Err(RunError::Stopped);
        }
        let mut tried = Tried::default();
        let mut thread = None;
        let ended = {
            let talk = self.talk(case, visitor, &mut thread, &mut tried);
            tokio::select! {
                ended = talk => Some(ended),
                () = tokio::time::sleep(self.settings.limit) => None,
                () = stop.cancelled() => Some(Err(RunError::Stopped)),
            }
        };
        if !matches!(ended, Some(Ok(())))
            && let Some(thread) = thread
        {
            // A turn that has just ended needs no stopping.
            match turns::cancel(self.agent, self.site, visitor, thread).await {
                Ok(()) | Err(StartError::ThreadNotFound) => {}
                Err(error) => tracing::warn!(%error, "a turn that took too long can't be stopped"),
            }
        }
        match ended {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(error),
            None => {
                tried.broke_off = Some(format!(
                    "it took longer than {} s",
                    self.settings.limit.as_secs_f64()
                ));
            }
        }
        Ok(tried)
    }

    async fn talk(
        &self,
        case: &Case,
        visitor: VisitorId,
        thread: &mut Option<ThreadId>,
        tried: &mut Tried,
    ) -> Result<(), RunError> {
        let texts = case.turns.iter().filter_map(|step| match &step.act {
            Act::Say(text) => Some(text),
            _ => None,
        });
        for text in texts {
            let message = Message {
                message_id: MessageId::new(),
                thread_id: *thread,
                text: text.trim().to_owned(),
                locale: case.locale.clone(),
                email: None,
                confirm: None,
                customer: None,
                account: None,
                page: None,
                client: None,
                by_events: false,
            };
            let start = Instant::now();
            let begun = turns::start_on(self.agent, self.site, visitor, message, CHANNEL)
                .await
                .map_err(|e| RunError::Start(case.id.clone(), e))?;
            *thread = Some(begun.thread);
            let (mut heard, mut first) = (Heard::default(), None);
            let ended = follow(self.agent, self.site, begun, |event| {
                if matches!(event, ThreadEvent::Delta { .. }) {
                    first.get_or_insert_with(|| start.elapsed());
                }
                heard.hear(event);
            })
            .await;
            let whole = start.elapsed();
            let ended = match ended {
                Ok(ended) => ended,
                Err(FollowError::Db(error)) => return Err(error.into()),
                Err(error) => {
                    tried.broke_off = Some(error.to_string());
                    return Ok(());
                }
            };
            let mut tx = self.agent.db.site(self.site).await?;
            let calls = tool_calls::of_turn(&mut tx, ended.turn).await?;
            tx.commit().await?;
            tried.answers.push(Said {
                outcome: ended.outcome.as_str().to_owned(),
                brain: ended.brain,
                ask: ended.ask.as_ref().map(|a| a.kind.as_str().to_owned()),
                // A question to the visitor is an answer of its kind.
                text: match ended.ask {
                    Some(asks) if ended.text.is_empty() => asks.summary,
                    _ => ended.text,
                },
                seen: heard.seen,
                citations: ended
                    .citations
                    .into_iter()
                    .map(|c| c.url.unwrap_or(c.title))
                    .collect(),
                calls: calls.into_iter().map(CallSeen::from).collect(),
                handoff_reason: heard.reason,
                first,
                whole,
            });
        }
        Ok(())
    }

    /// Waits until no turn of the run is under way, then deletes what the run left on the
    /// site, or keeps it. The agent takes no further message.
    ///
    /// # Errors
    /// When the database refuses or is away.
    pub async fn end(&self) -> Result<Option<Gone>, DbError> {
        self.agent.drain().await;
        if self.settings.keep {
            return Ok(None);
        }
        let questions: Vec<String> = self
            .suite
            .cases
            .iter()
            .flat_map(|c| {
                // As a thread stores them: one number a value over all of its messages.
                let mut vault = Placeholders::default();
                let said = c.turns.iter().filter_map(|step| match &step.act {
                    Act::Say(text) => Some(gaps::masked(&vault.mask(text.trim()))),
                    _ => None,
                });
                said.collect::<Vec<_>>()
            })
            .collect();
        let mut tx = self.agent.db.site(self.site).await?;
        let gone = eval_threads::delete(&mut tx, &self.visitors, &questions).await?;
        tx.commit().await?;
        Ok(Some(gone))
    }
}
