//! Runs an AI job: opens the request, has it answered, and stores the result together with
//! the job that delivers it. Run again after a crash it goes on where that is possible: a
//! message has its turn already, a prompt is asked anew.

use std::sync::Arc;

use super::Gateway;
use crate::agent::meter::{self, Ended};
use crate::db::ai_jobs::{self, AiJobRow, Ending};
use crate::db::jobs;
use crate::db::pool::{Db, DbError, DbResult, SiteTx};
use crate::domain::ai_job::{self, Outcome, Request, Usage, sealed_for};
use crate::domain::customer::Account;
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::{AiJobId, SiteId, VisitorId};
use crate::domain::job::{Job, Priority, Work};
use crate::privacy::subject;

/// The longest result, in bytes.
const LONGEST: usize = 200_000;

/// Another try may help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Again {
    /// For programs.
    pub code: String,
    /// For people.
    pub detail: String,
}

impl From<DbError> for Again {
    fn from(error: DbError) -> Self {
        tracing::warn!(%error, "an AI job waits for the database");
        Self {
            code: "database".to_owned(),
            detail: "The database refused or was away.".to_owned(),
        }
    }
}

/// What answering gave.
pub(super) struct Answered {
    pub outcome: Outcome,
    pub usage: Usage,
    /// Calls of models that aren't stored yet.
    pub calls: Vec<Ended>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Fault {
    pub code: &'static str,
    pub detail: String,
    /// Whether another try may help.
    pub passing: bool,
}

impl Fault {
    pub(super) fn lasting(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            passing: false,
        }
    }

    pub(super) fn passing(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            passing: true,
        }
    }
}

impl From<DbError> for Fault {
    fn from(error: DbError) -> Self {
        let again = Again::from(error);
        Self::passing("database", again.detail)
    }
}

impl Gateway {
    /// Runs a job to its end, which is stored whatever it is; with the `last` try also that
    /// nothing came of it.
    ///
    /// # Errors
    /// When another try may help.
    pub async fn run(self: &Arc<Self>, site: SiteId, id: AiJobId, last: bool) -> Result<(), Again> {
        let now = self.now();
        let mut tx = self.db().site(site).await?;
        let since = ai_jobs::begin(&mut tx, id, now).await?;
        let row = ai_jobs::find(&mut tx, id).await?;
        tx.commit().await?;
        // Ended by another try, or erased.
        let (Some(since), Some(row)) = (since, row) else {
            return Ok(());
        };
        fail::point(FailPoint::AiJobClaimed);
        let text = subject::open(self.master(), &sealed_for(site, id, "request"), &row.request)?;
        let request: Request =
            serde_json::from_str(&text).map_err(|e| DbError::Unreadable(format!("an AI job: {e}")))?;
        let (answered, calls) = match request {
            Request::Chat {
                message_id,
                thread_id,
                user_msg,
                locale,
                page,
                confirm,
                email,
                login,
            } => {
                let message = crate::agent::turns::Message {
                    message_id,
                    thread_id,
                    text: user_msg,
                    locale,
                    email,
                    confirm,
                    page,
                    client: None,
                    by_events: false,
                    account: login.as_ref().and_then(|login| {
                        let profile = login.profile.clone()?;
                        Some(Account {
                            user: login.wp_user,
                            profile,
                        })
                    }),
                    customer: match row.visitor {
                        Some(visitor) => self.name_of(site, visitor, &row, login.as_ref()).await?,
                        None => None,
                    },
                };
                (self.chat(site, row.visitor, message).await, Vec::new())
            }
            Request::Infer {
                prompt,
                model,
                max_tokens,
                temperature,
            } => {
                let wanted = super::infer::Wanted {
                    prompt: &prompt,
                    model: model.as_deref(),
                    max_tokens,
                    temperature,
                };
                self.infer(site, &wanted).await
            }
        };
        fail::point(FailPoint::AiJobAnswered);
        let answered = match answered {
            Ok(answered) => answered,
            Err(fault) if fault.passing && !last => {
                // What was spent on it is spent.
                self.store_calls(site, &calls).await?;
                return Err(Again {
                    code: fault.code.to_owned(),
                    detail: fault.detail,
                });
            }
            Err(fault) => Answered {
                outcome: Outcome::Failed {
                    code: fault.code.to_owned(),
                    detail: fault.detail,
                },
                usage: Usage::default(),
                calls,
            },
        };
        let mut answered = answered;
        answered.usage.ms = (self.now() - since).num_milliseconds().max(0);
        self.store(site, id, row.priority, &answered).await?;
        fail::point(FailPoint::AiJobStored);
        Ok(())
    }

    /// What a visitor is called, as far as it is known within a moment.
    async fn name_of(
        self: &Arc<Self>,
        site: SiteId,
        visitor: VisitorId,
        row: &AiJobRow,
        login: Option<&ai_job::Login>,
    ) -> DbResult<Option<String>> {
        let Some(login) = login else {
            return self.known_name(site, visitor).await;
        };
        let login = super::Login {
            wp_user: login.wp_user,
            kid: &row.kid,
            origin: None,
            profile: login.profile.as_deref(),
        };
        let customer = self.customer(site, visitor, &login).await;
        Ok(customer.map(|c| c.name).filter(|name| !name.is_empty()))
    }

    async fn store_calls(&self, site: SiteId, calls: &[Ended]) -> DbResult<()> {
        if calls.is_empty() {
            return Ok(());
        }
        let mut tx = self.db().site(site).await?;
        meter::store(&mut tx, None, calls).await?;
        tx.commit().await
    }

    async fn store(
        &self,
        site: SiteId,
        id: AiJobId,
        priority: Priority,
        answered: &Answered,
    ) -> DbResult<()> {
        let mut tx = self.db().site(site).await?;
        let sealed = match &answered.outcome {
            Outcome::Succeeded(value) => {
                let text = value.to_string();
                if text.len() > LONGEST {
                    return Err(DbError::Unreadable("an AI job's result is too long".to_owned()));
                }
                let sealed = self
                    .master()
                    .seal(&sealed_for(site, id, "result"), text.as_bytes());
                Ok(sealed.map_err(|e| DbError::Unreadable(e.to_string()))?)
            }
            Outcome::Failed { code, detail } => Err((code.as_str(), detail.as_str())),
        };
        let ending = Ending {
            outcome: sealed.as_deref().map_err(|e| *e),
            usage: &answered.usage,
            at: self.now(),
        };
        let ended = ai_jobs::finish(&mut tx, id, &ending).await?;
        meter::store(&mut tx, None, &answered.calls).await?;
        if ended {
            call_back(&mut tx, id, priority).await?;
        }
        tx.commit().await
    }
}

/// Jobs that nobody works on any more, since their worker died again and again, are said to
/// have failed; gives how many.
///
/// # Errors
/// When the database does.
pub async fn close_abandoned(db: &Db) -> DbResult<usize> {
    let abandoned = ai_jobs::abandoned(db).await?;
    for (site, id, at) in &abandoned {
        let mut tx = db.site(*site).await?;
        let usage = Usage::default();
        let ending = Ending {
            outcome: Err(("abandoned", "It was begun several times and never ended.")),
            usage: &usage,
            at: *at,
        };
        if ai_jobs::finish(&mut tx, *id, &ending).await? {
            call_back(&mut tx, *id, Priority::Standard).await?;
        }
        tx.commit().await?;
    }
    Ok(abandoned.len())
}

async fn call_back(tx: &mut SiteTx, id: AiJobId, priority: Priority) -> DbResult<()> {
    let job = Job {
        work: Work::AiCallback { job: id },
        key: id.to_string(),
        priority,
    };
    jobs::enqueue(tx, &job).await.map(|_| ())
}
