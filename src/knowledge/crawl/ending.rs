//! How a run ends: only one that went through tells which pages are gone. And how a crawl is
//! removed with all that it took in.

use std::time::Duration;

use tokio::time::Instant;

use super::run::{Crawler, Frame, SLICE, Slice, Stop};
use crate::db::pool::DbError;
use crate::db::{crawl_pages, crawls, documents};
use crate::domain::crawl::{Crawl, CrawlState};
use crate::domain::ids::{CrawlId, SiteId};

/// Runs in which a page may fail before its document goes.
const GRACE: i16 = 2;
/// As many pages that go at once, and more than half of all, are rather a server's fault: they
/// stay until the next run says the same.
const MANY: usize = 10;

impl Crawler {
    /// Ends the run. Only one that went through tells which pages are gone.
    pub(super) async fn end(&self, frame: &Frame, stop: Stop) -> Result<(), DbError> {
        let (outcome, detail) = match stop {
            Stop::Done => (self.settle(frame).await?, None),
            Stop::Bound(code) => (code, None),
            Stop::Wrong(code, detail) => (code, Some(detail)),
        };
        let mut tx = self.db.site(frame.site).await?;
        let all = crawls::lock(&mut tx).await?;
        let ours =
            |c: &&Crawl| c.id == frame.crawl.id && c.run == frame.crawl.run && c.state == CrawlState::Running;
        if let Some(crawl) = all.iter().find(ours) {
            super::end(&mut tx, self.clock.now(), crawl, outcome, detail.as_deref()).await?;
        }
        tx.commit().await
    }

    /// Removes the documents of pages that are gone: at once where the server says so, after
    /// two runs of grace where it failed.
    pub(super) async fn settle(&self, frame: &Frame) -> Result<&'static str, DbError> {
        let crawl = &frame.crawl;
        let mut tx = self.db.site(frame.site).await?;
        let lost = crawl_pages::lost(&mut tx, crawl.id, crawl.run).await?;
        let all = crawl_pages::with_document(&mut tx, crawl.id).await?;
        drop(tx);
        let said = lost.iter().filter(|l| l.said).count();
        let is_many = said >= MANY && i64::try_from(said).is_ok_and(|n| n * 2 > all);
        let goes = |l: &crawl_pages::Lost| {
            if l.said {
                !is_many || l.misses > 1
            } else {
                l.misses > GRACE
            }
        };
        let mut kept = false;
        for page in &lost {
            if !goes(page) {
                kept |= page.said;
                continue;
            }
            let mut tx = self.db.site(frame.site).await?;
            documents::delete(&mut tx, self.clock.now(), page.document).await?;
            crawl_pages::let_go(&mut tx, crawl.id, &page.url).await?;
            tx.commit().await?;
        }
        Ok(match (kept, crawl.limited) {
            (true, _) => "many_gone",
            (_, true) => "page_limit",
            _ => "done",
        })
    }

    /// Removes a crawl's documents, then the crawl.
    pub(super) async fn remove(
        &self,
        site: SiteId,
        id: CrawlId,
        tell: &(dyn Fn(&'static str, f32) + Sync),
    ) -> Result<Slice, DbError> {
        let until = Instant::now() + SLICE;
        loop {
            let mut tx = self.db.site(site).await?;
            let some = crawl_pages::documents(&mut tx, id, 20).await?;
            if some.is_empty() {
                crawls::delete(&mut tx, id).await?;
                super::begin_waiting(&mut tx, self.clock.now()).await?;
                tx.commit().await?;
                return Ok(Slice::Ended);
            }
            for (url, document, shared) in some {
                if !shared {
                    documents::delete(&mut tx, self.clock.now(), document).await?;
                }
                crawl_pages::let_go(&mut tx, id, &url).await?;
            }
            tx.commit().await?;
            tell("remove", 0.5);
            if Instant::now() > until {
                return Ok(Slice::Again(Duration::ZERO));
            }
        }
    }
}
