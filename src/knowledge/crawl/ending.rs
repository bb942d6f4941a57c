//! How a run ends: which pages are gone, as far as it went through. And how a crawl is
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

/// Why nothing was read at the start: a code and a sentence.
fn why_shut(reason: &str) -> Option<(&'static str, &'static str)> {
    Some(match reason {
        "gone" => (
            "gone",
            "The server says that there is nothing at this address any more.",
        ),
        "not_public" => ("not_public", "The server doesn't show this address to everybody."),
        _ => return None,
    })
}

impl Crawler {
    /// Ends the run. One that went wrong doesn't tell which pages are gone; one that came to a bound
    /// does, of those that it visited.
    pub(super) async fn end(&self, frame: &Frame, stop: Stop) -> Result<(), DbError> {
        let settled = match &stop {
            Stop::Done | Stop::Bound(_) => self.settle(frame).await?,
            Stop::Wrong(..) => "",
        };
        let mut tx = self.db.site(frame.site).await?;
        let shut = crawl_pages::shut_start(&mut tx, frame.crawl.id, frame.crawl.run).await?;
        let (outcome, detail) = match (stop, shut.as_deref().and_then(why_shut)) {
            (Stop::Wrong(code, detail), _) => (code, Some(detail)),
            (_, Some((code, detail))) => (code, Some(detail.to_owned())),
            (Stop::Bound(code), None) if settled != "many_gone" => (code, None),
            _ => (settled, None),
        };
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
