//! `send_notice`: tells staff of something by one channel. And `tell_of_dead_jobs`: looks each
//! minute whether work of a site has failed for good, which is told once an hour and kind.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::db::pool::DbError;
use crate::db::{jobs, notices};
use crate::domain::clock::SharedClock;
use crate::domain::ids::{NoticeId, SiteId};
use crate::domain::job::{JobError, Work};
use crate::domain::notice::{Notice, NoticeKind};
use crate::domain::seal::MasterKey;
use crate::inbox::notices::{NoticeError, Teller, give_up, send};
use crate::knowledge::fetch::Fetcher;

/// How often dead jobs are looked for.
pub const EVERY: Duration = Duration::from_mins(1);
/// How far back: a server may have been away.
const BACK: Duration = Duration::from_hours(24);

/// Tells.
pub struct SendNotice {
    /// What reaches Slack.
    pub fetcher: Fetcher,
    /// Whether mail can be sent.
    pub mails: bool,
    /// Business time.
    pub clock: SharedClock,
    /// What opens secrets.
    pub master: Arc<MasterKey>,
}

impl Handler for SendNotice {
    fn kind(&self) -> &'static str {
        Work::SEND_NOTICE
    }

    fn run<'a>(&'a self, ctx: JobContext, work: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let (Work::SendNotice { notice }, Some(site)) = (work, ctx.site) else {
                return Err(JobError::permanent("bad_job", "this isn't a site's notice"));
            };
            let teller = Teller {
                db: &ctx.db,
                master: &self.master,
                fetcher: &self.fetcher,
                mails: self.mails,
            };
            let sent = send(&teller, site, notice, self.clock.now()).await;
            let outcome = match &sent {
                Ok(()) => "sent",
                Err(NoticeError::Refused { .. }) => "refused",
                Err(_) => "again",
            };
            metrics::counter!("deskhand_notices_total", "outcome" => outcome).increment(1);
            self.end(&ctx, site, notice, sent).await
        }
        .boxed()
    }
}

impl SendNotice {
    async fn end(
        &self,
        ctx: &JobContext,
        site: SiteId,
        id: NoticeId,
        sent: Result<(), NoticeError>,
    ) -> Result<(), JobError> {
        let error = match sent {
            Ok(()) => return Ok(()),
            // Asked to wait is no failure.
            Err(NoticeError::Later {
                after: Some(after), ..
            }) => return Err(JobError::again(after)),
            Err(NoticeError::Later { code, detail, .. }) => JobError::transient(code, detail),
            Err(NoticeError::Refused { code, detail }) => JobError::permanent(code, detail),
            Err(NoticeError::Db(error)) => database(&error),
        };
        if ctx.last_attempt && !error.permanent {
            give_up(&ctx.db, site, id, &error.code, self.clock.now())
                .await
                .map_err(|e| database(&e))?;
        }
        Err(error)
    }
}

/// Looks for dead jobs.
pub struct TellOfDeadJobs {
    /// Business time.
    pub clock: SharedClock,
}

impl Handler for TellOfDeadJobs {
    fn kind(&self) -> &'static str {
        Work::TELL_OF_DEAD_JOBS
    }

    fn run<'a>(&'a self, ctx: JobContext, _: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let dead = jobs::dead_lately(&ctx.db, BACK).await.map_err(|e| database(&e))?;
            for group in dead {
                let notice = Notice {
                    kind: NoticeKind::DeadJobs,
                    key: format!("dead/{}/{}", group.kind, group.hour.format("%Y%m%d%H")),
                    thread: None,
                    subject: Some(group.kind),
                    reason: "dead_jobs",
                    at: self.clock.now(),
                };
                let told = async {
                    let mut tx = ctx.db.site(group.site).await?;
                    notices::enqueue(&mut tx, &notice).await?;
                    tx.commit().await
                };
                told.await.map_err(|e| database(&e))?;
            }
            Ok(())
        }
        .boxed()
    }
}

fn database(error: &DbError) -> JobError {
    tracing::warn!(%error, "a notice waits for the database");
    JobError::transient("database", "The database refused or was away.")
}
