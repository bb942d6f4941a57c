//! A run, slice by slice. One slice visits pages for a few seconds and then gives its place
//! to other work, so that a crawl of hours never holds up an upload. Each visit is stored in
//! one transaction together with what it causes.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use moka::future::Cache;
use reqwest::Url;
use tokio::time::Instant;

use super::robots::{self, Robots};
use super::scope::{self, Scope};
use super::visit::{self, Seen};
use crate::db::crawl_pages::{self, Next, PAGE, SITEMAP, START};
use crate::db::crawls;
use crate::db::pool::{Db, DbError};
use crate::domain::clock::SharedClock;
use crate::domain::crawl::{Counts, Crawl, CrawlState};
use crate::domain::ids::{CrawlId, SiteId};
use crate::knowledge::base::Knowledge;
use crate::knowledge::fetch::Fetcher;
use crate::knowledge::fetch::allow::AllowList;
use crate::knowledge::fetch::error::{FetchError, Reason};
use crate::knowledge::fetch::validators::Validators;

/// How long a slice goes on.
pub(super) const SLICE: Duration = Duration::from_secs(10);
/// How long a count of pages is good for.
const COUNTS: Duration = Duration::from_secs(1);
/// How long a run goes on.
const LONGEST: TimeDelta = TimeDelta::hours(6);
/// What a run reads.
const MOST_BYTES: i64 = 4 << 30;
/// A page that a sitemap says is unchanged is read again after that all the same.
const TRUST_LISTS: TimeDelta = TimeDelta::days(7);
/// Redirects one after the other.
pub(super) const HOPS: i16 = 5;

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
pub(super) enum Stop {
    /// All was visited.
    Done,
    /// A bound, by its code.
    Bound(&'static str),
    /// It went wrong: a code and a sentence.
    Wrong(&'static str, String),
}

/// What a slice knows of its run.
pub(super) struct Frame {
    pub site: SiteId,
    pub crawl: Crawl,
    pub allowed: AllowList,
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
        let (mut counts, mut counted) = (Counts::default(), None::<Instant>);
        while Instant::now() < until {
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
            // Counting goes over all pages; one more is one more meanwhile.
            counts.visited += 1;
            if counted.is_none_or(|at| at.elapsed() > COUNTS) {
                counts = crawl_pages::counts(&mut tx, frame.crawl.id, run).await?;
                counted = Some(Instant::now());
            }
            let next = crawl_pages::next(&mut tx, frame.crawl.id, run).await?;
            drop(tx);
            tell("crawl", share(counts));
            let stop = self.bound(&frame.crawl, counts).filter(|_| next.is_some());
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
        }
        Ok(Slice::Again(Duration::ZERO))
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
        if counts.visited >= i64::from(crawl.bounds.max_pages) {
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
            Seen::Unchanged => self.keep(frame, next, None).await?,
            Seen::Moved(to) => {
                if let Some(detail) = self.moved(frame, next, to).await? {
                    self.end(frame, Stop::Wrong("moved_away", detail)).await?;
                    return Ok(Some(Slice::Ended));
                }
            }
            Seen::Skip(why) if next.kind == START && why != "not_public" => {
                let detail = "There is neither a page nor a sitemap at this address.".to_owned();
                self.end(frame, Stop::Wrong(why, detail)).await?;
                return Ok(Some(Slice::Ended));
            }
            Seen::Skip(why) => self.skip(frame, next, why).await?,
            Seen::Failed(error) => return self.failed(frame, next, error).await,
        }
        Ok(None)
    }
}

impl Frame {
    /// Where links may lead.
    pub fn scope(&self) -> Scope {
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
