//! `crawl`: a slice of a crawl's run, again and again until it has ended; and `begin_crawls`,
//! which the clock starts. A slice that is broken off is gone on with from its last page.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::db::crawls;
use crate::db::pool::DbError;
use crate::domain::clock::SharedClock;
use crate::domain::job::{JobError, Work};
use crate::knowledge::crawl;
use crate::knowledge::crawl::run::{Crawler, Slice};

/// Handles [`Work::Crawl`].
pub struct Crawl(pub Crawler);

impl Handler for Crawl {
    fn kind(&self) -> &'static str {
        Work::CRAWL
    }

    fn run<'a>(&'a self, ctx: JobContext, work: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let (Work::Crawl { crawl }, Some(site)) = (work, ctx.site) else {
                return Err(JobError::permanent(
                    "wrong_work",
                    "The job names no crawl of a site.",
                ));
            };
            let tell = |stage, share| ctx.progress(stage, share);
            match self.0.slice(site, crawl, &tell).await {
                Ok(Slice::Ended) => Ok(()),
                Ok(Slice::Again(after)) => Err(JobError::again(after)),
                Err(error) => Err(failure(&error)),
            }
        }
        .boxed()
    }
}

/// Handles [`Work::BeginCrawls`].
pub struct BeginCrawls {
    /// Business time.
    pub clock: SharedClock,
}

impl Handler for BeginCrawls {
    fn kind(&self) -> &'static str {
        Work::BEGIN_CRAWLS
    }

    fn run<'a>(&'a self, ctx: JobContext, _: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let now = self.clock.now();
            let begun = async {
                for (site, id) in crawls::due(&ctx.db, now).await? {
                    let mut tx = ctx.db.site(site).await?;
                    crawl::wake(&mut tx, now, id).await?;
                    tx.commit().await?;
                }
                Ok(())
            };
            begun.await.map_err(|e| failure(&e))
        }
        .boxed()
    }
}

/// How often the clock looks for crawls that are due.
pub const EVERY: Duration = Duration::from_mins(1);

fn failure(error: &DbError) -> JobError {
    tracing::warn!(%error, "crawling stopped");
    let detail = "The database refused or was away.";
    if error.is_transient() {
        JobError::transient("database", detail)
    } else {
        JobError::permanent("database", detail)
    }
}
