//! What a visit causes: stored in one transaction each, so that a run can be broken off
//! between any two of them.

use std::time::Duration;

use reqwest::Url;

use super::robots::Robots;
use super::run::{Crawler, Frame, HOPS, Slice, Stop};
use super::scope::{self, Scope, is_readable};
use super::sitemap::Sitemap;
use super::visit::{self, Content};
use crate::db::crawl_pages::{self, NewPage, Next, PAGE, SITEMAP, START, Visit};
use crate::db::pool::{DbError, SiteTx};
use crate::db::{crawls, documents, jobs};
use crate::domain::crawl::SOURCE;
use crate::domain::document::{MAX_UPLOAD_BYTES, NewUpload};
use crate::domain::job::{Job, Priority, Work};
use crate::knowledge::accept::accept;
use crate::knowledge::fetch::error::{FetchError, Reason};

/// Failures in a row after which a server is left alone until the next night.
const AWAY: i32 = 5;
/// Times that a server may put one page off, and how long it is left alone if it doesn't say.
const PUT_OFF: i16 = 3;
const PAUSE: Duration = Duration::from_secs(30);

impl Crawler {
    /// Begins the transaction of a visit; none when the run was ended meanwhile, or the crawl is
    /// being removed: then nothing of it counts any more.
    async fn open(&self, frame: &Frame) -> Result<Option<SiteTx>, DbError> {
        let mut tx = self.db.site(frame.site).await?;
        let holds = crawls::hold(&mut tx, frame.crawl.id, frame.crawl.run).await?;
        Ok(holds.then_some(tx))
    }

    /// Something to read: its links are queued, and it is taken in unless its own words, or
    /// another address of it, are against that.
    pub(super) async fn content(
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
        let Some(mut tx) = self.open(frame).await? else {
            return Ok(());
        };
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

    pub(super) async fn list(
        &self,
        frame: &Frame,
        next: &Next,
        url: &Url,
        list: Sitemap,
    ) -> Result<(), DbError> {
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
        let Some(mut tx) = self.open(frame).await? else {
            return Ok(());
        };
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
    pub(super) async fn moved(&self, frame: &Frame, next: &Next, to: Url) -> Result<Option<String>, DbError> {
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
        let Some(mut tx) = self.open(frame).await? else {
            return Ok(None);
        };
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
    pub(super) async fn failed(
        &self,
        frame: &Frame,
        next: &Next,
        error: FetchError,
    ) -> Result<Option<Slice>, DbError> {
        let crawl = &frame.crawl;
        let state = match error.code() {
            "gone" => "gone",
            "not_public" => "refused",
            _ => "failed",
        };
        let asks_for_peace = matches!(error.reason, Reason::Status(429 | 503));
        let Some(mut tx) = self.open(frame).await? else {
            return Ok(None);
        };
        if asks_for_peace && next.tries < PUT_OFF {
            crawl_pages::put_off(&mut tx, crawl.id, &next.url).await?;
            tx.commit().await?;
            return Ok(Some(Slice::Again(error.retry_after.unwrap_or(PAUSE))));
        }
        // What the server says of the start counts as it does of any page, and the known ones are
        // visited all the same: they may have gone with it.
        if next.kind == START && state == "failed" {
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
    pub(super) async fn skip(&self, frame: &Frame, next: &Next, why: &'static str) -> Result<(), DbError> {
        let Some(mut tx) = self.open(frame).await? else {
            return Ok(());
        };
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
    pub(super) async fn keep(
        &self,
        frame: &Frame,
        next: &Next,
        why: Option<&'static str>,
    ) -> Result<(), DbError> {
        let Some(mut tx) = self.open(frame).await? else {
            return Ok(());
        };
        let visit = Visit {
            state: "unchanged",
            reason: why,
            document: next.document,
            ..Visit::default()
        };
        let landed = (next.kind == START).then_some(next.url.as_str());
        crawls::advance(&mut tx, frame.crawl.id, 0, landed, false).await?;
        crawl_pages::visited(&mut tx, frame.crawl.id, &next.url, &visit).await?;
        tx.commit().await
    }

    pub(super) async fn drop_document(&self, tx: &mut SiteTx, next: &Next) -> Result<(), DbError> {
        if let Some(document) = next.document {
            documents::delete(tx, self.clock.now(), document).await?;
        }
        Ok(())
    }
}
