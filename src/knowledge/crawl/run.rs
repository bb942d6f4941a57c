//! A run, slice by slice. One slice visits pages for a few seconds and then gives its place
//! to other work, so that a crawl of hours never holds up an upload. Each visit is stored in
//! one transaction together with what it causes.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;
use reqwest::Url;
use tokio::time::Instant;

use super::robots::{self, Robots};
use super::scope::{self, Scope, is_readable};
use super::sitemap::Sitemap;
use super::visit::{self, Content, Seen};
use crate::db::crawl_pages::{self, NewPage, Next, PAGE, SITEMAP, START, Visit};
use crate::db::pool::{Db, DbError, SiteTx};
use crate::db::{crawls, documents, jobs};
use crate::domain::clock::SharedClock;
use crate::domain::crawl::{Counts, Crawl, CrawlState, SOURCE};
use crate::domain::document::{MAX_UPLOAD_BYTES, NewUpload};
use crate::domain::ids::{CrawlId, SiteId};
use crate::domain::job::{Job, Priority, Work};
use crate::knowledge::accept::accept;
use crate::knowledge::base::Knowledge;
use crate::knowledge::fetch::allow::AllowList;
use crate::knowledge::fetch::error::{FetchError, Reason};
use crate::knowledge::fetch::{Fetcher, Validators};

/// How long a slice goes on.
const SLICE: Duration = Duration::from_secs(10);
/// How long a run goes on.
const LONGEST: TimeDelta = TimeDelta::hours(6);
/// What a run reads.
const MOST_BYTES: i64 = 4 << 30;
/// Failures in a row after which a server is left alone until the next night.
const AWAY: i32 = 5;
/// Times that a server may put one page off, and how long it is left alone if it doesn't say.
const PUT_OFF: i16 = 3;
const PAUSE: Duration = Duration::from_secs(30);
/// Runs in which a page may fail before its document goes.
const GRACE: i16 = 2;
/// As many pages that go at once, and more than half of all, are rather a server's fault: they
/// stay until the next run says the same.
const MANY: usize = 10;
/// A page that a sitemap says is unchanged is read again after that all the same.
const TRUST_LISTS: TimeDelta = TimeDelta::days(7);
/// Redirects one after the other.
const HOPS: i16 = 5;

/// What runs need.
pub struct Crawler {
    /// The database.
    pub db: Db,
    /// Business time.
    pub clock: SharedClock,
    /// What fetches, and how documents are cut.
    pub knowledge: Arc<Knowledge>,
    /// robots.txt by site and origin.
    robots: Cache<(SiteId, String), Arc<Robots>>,
    /// When a host was last asked, by site.
    asked: Cache<(SiteId, String), Instant>,
}

/// How a slice ended.
#[derive(Debug)]
pub enum Slice {
    /// There is nothing left to do.
    Ended,
    /// Go on after that.
    Again(Duration),
}

/// What ends a run.
enum Stop {
    /// All was visited.
    Done,
    /// A bound, by its code.
    Bound(&'static str),
    /// It went wrong: a code and a sentence.
    Wrong(&'static str, String),
}

/// What a slice knows of its run.
struct Frame {
    site: SiteId,
    crawl: Crawl,
    allowed: AllowList,
}

impl Crawler {
    /// One that knows no robots.txt yet.
    #[must_use]
    pub fn new(db: Db, clock: SharedClock, knowledge: Arc<Knowledge>) -> Self {
        let robots = Cache::builder()
            .max_capacity(1_000)
            .time_to_live(Duration::from_hours(1))
            .build();
        Self {
            db,
            clock,
            knowledge,
            robots,
            asked: Cache::builder()
                .max_capacity(1_000)
                .time_to_live(Duration::from_mins(2))
                .build(),
        }
    }

    /// The next slice of a crawl's run, or of its removal. `tell` hears how far it is.
    ///
    /// # Errors
    /// When the database refuses or is away.
    pub async fn slice(
        &self,
        site: SiteId,
        id: CrawlId,
        tell: &(dyn Fn(&'static str, f32) + Sync),
    ) -> Result<Slice, DbError> {
        let mut tx = self.db.site(site).await?;
        let crawl = crawls::get(&mut tx, id).await?;
        let allowed = AllowList::of_site(&mut tx).await?;
        drop(tx);
        let Some(crawl) = crawl else {
            return Ok(Slice::Ended);
        };
        match crawl.state {
            CrawlState::Running => {
                let frame = Frame { site, crawl, allowed };
                match self.knowledge.fetcher.clone() {
                    Some(fetcher) => self.visit_some(frame, &fetcher, tell).await,
                    None => {
                        let detail = "Nothing can be fetched on this machine.".to_owned();
                        self.end(&frame, Stop::Wrong("no_fetcher", detail)).await?;
                        Ok(Slice::Ended)
                    }
                }
            }
            CrawlState::Removing => self.remove(site, id, tell).await,
            CrawlState::Idle | CrawlState::Queued => Ok(Slice::Ended),
        }
    }

    async fn visit_some(
        &self,
        mut frame: Frame,
        fetcher: &Fetcher,
        tell: &(dyn Fn(&'static str, f32) + Sync),
    ) -> Result<Slice, DbError> {
        let until = Instant::now() + SLICE;
        let run = frame.crawl.run;
        loop {
            let mut tx = self.db.site(frame.site).await?;
            // Its bounds count anew each time, and somebody may have ended it.
            let Some(crawl) = crawls::get(&mut tx, frame.crawl.id).await? else {
                return Ok(Slice::Ended);
            };
            if crawl.state != CrawlState::Running || crawl.run != run {
                // Whoever did that has enqueued what comes next.
                return Ok(Slice::Ended);
            }
            frame.crawl = crawl;
            let counts = crawl_pages::counts(&mut tx, frame.crawl.id, run).await?;
            let next = crawl_pages::next(&mut tx, frame.crawl.id, run).await?;
            drop(tx);
            tell("crawl", share(counts));
            let stop = self.bound(&frame.crawl, counts);
            let Some(next) = next.filter(|_| stop.is_none()) else {
                self.end(&frame, stop.unwrap_or(Stop::Done)).await?;
                return Ok(Slice::Ended);
            };
            let Some(url) = Url::parse(&next.url).ok() else {
                self.skip(&frame, &next, "bad_url").await?;
                continue;
            };
            if frame.scope().excludes(&url) && next.kind == PAGE {
                self.skip(&frame, &next, "excluded").await?;
                continue;
            }
            if self.is_listed_as_it_was(&next) {
                self.keep(&frame, &next, Some("not_changed_since")).await?;
                continue;
            }
            let robots = match self.robots(&frame, fetcher, &url).await {
                Ok(robots) => robots,
                Err((code, detail)) => {
                    self.end(&frame, Stop::Wrong(code, detail)).await?;
                    return Ok(Slice::Ended);
                }
            };
            if !robots.allows(&scope::path_of(&url)) {
                if next.kind == START {
                    let detail = format!(
                        "{} asks crawlers to leave {} alone (robots.txt).",
                        host(&url),
                        url.path()
                    );
                    self.end(&frame, Stop::Wrong("robots", detail)).await?;
                    return Ok(Slice::Ended);
                }
                self.skip(&frame, &next, "robots").await?;
                continue;
            }
            let delay = Duration::from_millis(frame.crawl.bounds.delay_ms.into());
            let wait = self
                .wait(&frame, &url, delay.max(robots.delay.unwrap_or_default()))
                .await;
            if Instant::now() + wait > until {
                return Ok(Slice::Again(wait));
            }
            tokio::time::sleep(wait).await;
            self.asked
                .insert((frame.site, host(&url).to_owned()), Instant::now())
                .await;
            if let Some(slice) = self.visit(&frame, fetcher, &next, &url, &robots).await? {
                return Ok(slice);
            }
            if Instant::now() > until {
                return Ok(Slice::Again(Duration::ZERO));
            }
        }
    }

    /// What is left of the pause between two requests to a host. Another process may have made
    /// the one before; handing the run over has taken its time then.
    async fn wait(&self, frame: &Frame, url: &Url, delay: Duration) -> Duration {
        let asked = self.asked.get(&(frame.site, host(url).to_owned())).await;
        asked.map_or(Duration::ZERO, |at| delay.saturating_sub(at.elapsed()))
    }

    /// A bound of the run that is reached.
    fn bound(&self, crawl: &Crawl, counts: Counts) -> Option<Stop> {
        let now = self.clock.now();
        if counts.visited >= i64::from(crawl.bounds.max_pages) && counts.visited < counts.pages {
            Some(Stop::Bound("page_limit"))
        } else if crawl.bytes > MOST_BYTES {
            Some(Stop::Bound("byte_limit"))
        } else if crawl.started_at.is_some_and(|at| now - at > LONGEST) {
            Some(Stop::Bound("time_limit"))
        } else {
            None
        }
    }

    fn is_listed_as_it_was(&self, next: &Next) -> bool {
        next.document.is_some()
            && next.changed.is_some()
            && next.changed == next.read_changed
            && next.read_at.is_some_and(|at| self.clock.now() - at < TRUST_LISTS)
    }

    /// The rules of a page's server. RFC 9309: one that isn't there allows everything, one that
    /// can't be had allows nothing.
    async fn robots(
        &self,
        frame: &Frame,
        fetcher: &Fetcher,
        url: &Url,
    ) -> Result<Arc<Robots>, (&'static str, String)> {
        let origin = url.origin().ascii_serialization();
        let key = (
            frame.site,
            format!("{}:{}:{origin}", frame.crawl.id, frame.crawl.run),
        );
        if let Some(known) = self.robots.get(&key).await {
            return Ok(known);
        }
        let fetcher = fetcher.within(robots::MOST);
        let robots = match fetcher.get(&format!("{origin}/robots.txt"), &frame.allowed).await {
            Ok(fetched) => match fetched.body.read().await {
                Ok(bytes) => Robots::parse(&bytes),
                Err(_) => return Err(("no_room", FetchError::from(Reason::Disk).to_string())),
            },
            Err(error) => match error.reason {
                Reason::Status(429 | 500..) | Reason::Timeout(_) | Reason::CutOff => {
                    return Err((
                        "robots_unavailable",
                        format!("{}'s robots.txt can't be read now. {error}", host(url)),
                    ));
                }
                Reason::Status(_)
                | Reason::Redirect { .. }
                | Reason::Origin(_)
                | Reason::TooLarge(_)
                | Reason::Encoding => Robots::default(),
                _ => return Err((error.code(), error.to_string())),
            },
        };
        let robots = Arc::new(robots);
        self.robots.insert(key, Arc::clone(&robots)).await;
        Ok(robots)
    }

    /// One visit, and what it causes; gives how the slice ends, if it does.
    async fn visit(
        &self,
        frame: &Frame,
        fetcher: &Fetcher,
        next: &Next,
        url: &Url,
        robots: &Robots,
    ) -> Result<Option<Slice>, DbError> {
        let known = Validators {
            etag: next.etag.clone().filter(|_| next.document.is_some()),
            last_modified: next.last_modified.clone().filter(|_| next.document.is_some()),
        };
        let lists = (next.kind != PAGE, next.kind == SITEMAP);
        let seen = visit::visit(fetcher, &frame.allowed, url, &known, lists).await;
        match seen {
            Seen::Content(content) => self.content(frame, next, url, content, robots).await?,
            Seen::List(list) => self.list(frame, next, url, list).await?,
            Seen::Unchanged => {
                let mut tx = self.db.site(frame.site).await?;
                let landed = (next.kind == START).then_some(url.as_str());
                crawls::advance(&mut tx, frame.crawl.id, 0, landed, false).await?;
                tx.commit().await?;
                self.keep(frame, next, None).await?;
            }
            Seen::Moved(to) => {
                if let Some(detail) = self.moved(frame, next, to).await? {
                    self.end(frame, Stop::Wrong("moved_away", detail)).await?;
                    return Ok(Some(Slice::Ended));
                }
            }
            Seen::Skip(why) if next.kind == START => {
                let detail = "There is neither a page nor a sitemap at this address.".to_owned();
                self.end(frame, Stop::Wrong(why, detail)).await?;
                return Ok(Some(Slice::Ended));
            }
            Seen::Skip(why) => self.skip(frame, next, why).await?,
            Seen::Failed(error) => return self.failed(frame, next, error).await,
        }
        Ok(None)
    }

    /// Something to read: its links are queued, and it is taken in unless its own words, or
    /// another address of it, are against that.
    async fn content(
        &self,
        frame: &Frame,
        next: &Next,
        url: &Url,
        content: Content,
        robots: &Robots,
    ) -> Result<(), DbError> {
        let Content {
            bytes,
            name,
            page,
            validators,
        } = content;
        let (crawl, bounds) = (&frame.crawl, &frame.crawl.bounds);
        let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let landed = (next.kind == START).then_some(url);
        let scope = landed.map_or_else(|| frame.scope(), |url| Scope::of(url, &bounds.exclude));
        let new = |url: &Url, kind, depth, hops| NewPage {
            url: url.as_str().to_owned(),
            kind,
            depth,
            hops,
            changed: None,
        };
        let mut found = Vec::new();
        if next.depth < i32::try_from(bounds.max_depth).unwrap_or(i32::MAX) {
            let links = page.links.iter().filter(|l| scope.holds(l) && is_readable(l));
            found.extend(links.map(|l| new(l, PAGE, next.depth + 1, 0)));
            // A whole site is crawled: what it lists itself is found sooner that way.
            if landed.is_some_and(|u| u.path() == "/" && u.query().is_none()) {
                let listed = robots.sitemaps.iter().filter_map(|s| url.join(s).ok());
                let listed = listed.filter(|s| s.origin() == url.origin() && frame.allowed.allows(s));
                found.extend(
                    listed
                        .filter_map(scope::normalise)
                        .map(|s| new(&s, SITEMAP, 0, 0)),
                );
            }
        }
        let other = page.canonical.as_ref().filter(|c| {
            *c != url && frame.allowed.allows(c) && is_readable(c) && !scope.excludes(c) && next.hops < HOPS
        });
        let mut tx = self.db.site(frame.site).await?;
        let why = match visit::kept_out(&page) {
            Some(why) => Some(why),
            None if bytes.len() > MAX_UPLOAD_BYTES => Some("too_large"),
            None => match other {
                // Two pages that each name the other: the second one it is.
                Some(other)
                    if !crawl_pages::is_duplicate(&mut tx, crawl.id, other.as_str(), crawl.run).await? =>
                {
                    found.push(new(other, PAGE, next.depth, next.hops + 1));
                    Some("duplicate")
                }
                _ if crawl_pages::is_known_otherwise(&mut tx, url.as_str(), SOURCE).await? => {
                    Some("known_otherwise")
                }
                _ => None,
            },
        };
        let read_at = Some(self.clock.now());
        let (etag, last_modified) = (validators.etag.as_deref(), validators.last_modified.as_deref());
        let mut visit = Visit {
            state: "skipped",
            reason: why,
            etag,
            last_modified,
            read_at,
            document: None,
        };
        if why.is_some() {
            self.drop_document(&mut tx, next).await?;
        } else {
            let upload = NewUpload {
                source: SOURCE.to_owned(),
                external_id: url.as_str().to_owned(),
                name,
                bytes,
                url: Some(url.as_str().to_owned()),
                title: None,
            };
            let accepted = accept(&mut tx, upload, self.knowledge.limits).await?;
            visit.document = Some(accepted.document);
            visit.state = if accepted.unchanged() {
                "unchanged"
            } else {
                "taken"
            };
            if let Some(upload) = accepted.upload {
                let job = Job {
                    work: Work::IngestDocument {
                        upload,
                        document: accepted.document,
                    },
                    key: upload.to_string(),
                    priority: Priority::Batch,
                };
                jobs::enqueue(&mut tx, &job).await?;
            }
        }
        crawl_pages::visited(&mut tx, crawl.id, &next.url, &visit).await?;
        crawl_pages::queue(&mut tx, crawl.id, crawl.run, &found, bounds.max_pages).await?;
        crawls::advance(&mut tx, crawl.id, length, landed.map(Url::as_str), false).await?;
        tx.commit().await
    }

    async fn list(&self, frame: &Frame, next: &Next, url: &Url, list: Sitemap) -> Result<(), DbError> {
        let (crawl, bounds) = (&frame.crawl, &frame.crawl.bounds);
        let of = |text: &str| url.join(text).ok().and_then(scope::normalise);
        let mut found = Vec::new();
        // Lists of lists are one deep; a little more does no harm.
        if next.hops < 2 {
            let lists = list.sitemaps.iter().filter_map(|s| of(s));
            found.extend(lists.filter(|s| frame.allowed.allows(s)).map(|s| NewPage {
                url: s.into(),
                kind: SITEMAP,
                depth: 0,
                hops: next.hops + 1,
                changed: None,
            }));
        }
        let scope = frame.scope();
        for entry in list.pages {
            let Some(page) = of(&entry.url) else { continue };
            if frame.allowed.allows(&page) && is_readable(&page) && !scope.excludes(&page) {
                found.push(NewPage {
                    url: page.into(),
                    kind: PAGE,
                    // It names them all: their links needn't be followed.
                    depth: i32::try_from(bounds.max_depth).unwrap_or(i32::MAX),
                    hops: 0,
                    changed: entry.changed,
                });
            }
        }
        let mut tx = self.db.site(frame.site).await?;
        let visit = Visit {
            state: "listed",
            ..Visit::default()
        };
        crawl_pages::visited(&mut tx, crawl.id, &next.url, &visit).await?;
        crawl_pages::queue(&mut tx, crawl.id, crawl.run, &found, bounds.max_pages).await?;
        let landed = (next.kind == START).then_some(url.as_str());
        crawls::advance(&mut tx, crawl.id, 0, landed, false).await?;
        tx.commit().await
    }

    /// A page that is elsewhere; a sentence when the start has left what may be crawled.
    async fn moved(&self, frame: &Frame, next: &Next, to: Url) -> Result<Option<String>, DbError> {
        let crawl = &frame.crawl;
        let starts = next.kind == START;
        if starts && (next.hops >= HOPS || !frame.allowed.allows(&to)) {
            let origin = to.origin().ascii_serialization();
            return Ok(Some(if next.hops >= HOPS {
                "The address leads on to others again and again.".to_owned()
            } else {
                format!(
                    "The address leads on to {origin}, which isn't one of the site's origins. The operator can allow it with `deskhand site set SITE fetch_origins={origin}`."
                )
            }));
        }
        let scope = frame.scope();
        let wanted = frame.allowed.allows(&to)
            && !scope.excludes(&to)
            && (starts || next.kind == SITEMAP || next.changed.is_some() || scope.holds(&to));
        let mut tx = self.db.site(frame.site).await?;
        if wanted && next.hops < HOPS {
            let page = NewPage {
                url: to.into(),
                kind: next.kind,
                depth: next.depth,
                hops: next.hops + 1,
                changed: None,
            };
            crawl_pages::queue(&mut tx, crawl.id, crawl.run, &[page], crawl.bounds.max_pages).await?;
        }
        self.drop_document(&mut tx, next).await?;
        let visit = Visit {
            state: "moved",
            reason: (!wanted).then_some("out_of_scope"),
            read_at: Some(self.clock.now()),
            ..Visit::default()
        };
        crawl_pages::visited(&mut tx, crawl.id, &next.url, &visit).await?;
        crawls::advance(&mut tx, crawl.id, 0, None, false).await?;
        tx.commit().await?;
        Ok(None)
    }

    /// It couldn't be had. What was taken in before stays for now: see [`Crawler::settle`].
    async fn failed(&self, frame: &Frame, next: &Next, error: FetchError) -> Result<Option<Slice>, DbError> {
        let crawl = &frame.crawl;
        let state = match error.reason {
            Reason::Status(404 | 410) => "gone",
            Reason::Status(401 | 402 | 403 | 407) => "refused",
            _ => "failed",
        };
        let asks_for_peace = matches!(error.reason, Reason::Status(429 | 503));
        let mut tx = self.db.site(frame.site).await?;
        if asks_for_peace && next.tries < PUT_OFF {
            crawl_pages::put_off(&mut tx, crawl.id, &next.url).await?;
            tx.commit().await?;
            return Ok(Some(Slice::Again(error.retry_after.unwrap_or(PAUSE))));
        }
        if next.kind == START {
            drop(tx);
            let (code, detail) = (error.code(), error.to_string());
            self.end(frame, Stop::Wrong(code, detail)).await?;
            return Ok(Some(Slice::Ended));
        }
        let visit = Visit {
            state,
            reason: Some(error.code()),
            ..Visit::default()
        };
        crawl_pages::visited(&mut tx, crawl.id, &next.url, &visit).await?;
        let is_down = !error.is_permanent();
        crawls::advance(&mut tx, crawl.id, 0, None, is_down).await?;
        tx.commit().await?;
        if is_down && crawl.failures + 1 >= AWAY {
            let detail = format!(
                "The server failed {AWAY} times in a row, so it is left alone until the next run. {error}"
            );
            self.end(frame, Stop::Wrong("server_away", detail)).await?;
            return Ok(Some(Slice::Ended));
        }
        Ok(None)
    }

    /// Not to be taken in; what was before goes.
    async fn skip(&self, frame: &Frame, next: &Next, why: &'static str) -> Result<(), DbError> {
        let mut tx = self.db.site(frame.site).await?;
        self.drop_document(&mut tx, next).await?;
        let visit = Visit {
            state: "skipped",
            reason: Some(why),
            ..Visit::default()
        };
        crawl_pages::visited(&mut tx, frame.crawl.id, &next.url, &visit).await?;
        tx.commit().await
    }

    /// It is as it was.
    async fn keep(&self, frame: &Frame, next: &Next, why: Option<&'static str>) -> Result<(), DbError> {
        let mut tx = self.db.site(frame.site).await?;
        let visit = Visit {
            state: "unchanged",
            reason: why,
            document: next.document,
            ..Visit::default()
        };
        crawl_pages::visited(&mut tx, frame.crawl.id, &next.url, &visit).await?;
        tx.commit().await
    }

    async fn drop_document(&self, tx: &mut SiteTx, next: &Next) -> Result<(), DbError> {
        if let Some(document) = next.document {
            documents::delete(tx, self.clock.now(), document).await?;
        }
        Ok(())
    }

    /// Ends the run. Only one that went through tells which pages are gone.
    async fn end(&self, frame: &Frame, stop: Stop) -> Result<(), DbError> {
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
    async fn settle(&self, frame: &Frame) -> Result<&'static str, DbError> {
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
            crawl_pages::forget(&mut tx, crawl.id, &page.url).await?;
            tx.commit().await?;
        }
        let mut tx = self.db.site(frame.site).await?;
        crawl_pages::forget_gone(&mut tx, crawl.id, crawl.run).await?;
        tx.commit().await?;
        Ok(match (kept, crawl.limited) {
            (true, _) => "many_gone",
            (_, true) => "page_limit",
            _ => "done",
        })
    }

    /// Removes a crawl's documents, then the crawl.
    async fn remove(
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
                crawl_pages::forget(&mut tx, id, &url).await?;
            }
            tx.commit().await?;
            tell("remove", 0.5);
            if Instant::now() > until {
                return Ok(Slice::Again(Duration::ZERO));
            }
        }
    }
}

impl Frame {
    fn scope(&self) -> Scope {
        let landed = self.crawl.landed.as_deref().unwrap_or(&self.crawl.url);
        // Both have been parsed before.
        match Url::parse(landed) {
            Ok(url) => Scope::of(&url, &self.crawl.bounds.exclude),
            Err(_) => Scope::default(),
        }
    }
}

fn share(counts: Counts) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a share for a progress bar")]
    let share = counts.visited as f32 / counts.pages.max(1) as f32;
    share
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}
