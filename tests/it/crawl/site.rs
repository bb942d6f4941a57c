//! A small web site and a deskhand that crawls it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use deskhand::db::{crawl_pages, crawls, sites, uploads};
use deskhand::domain::clock::Clock;
use deskhand::domain::crawl::{Bounds, Counts, Crawl};
use deskhand::domain::ids::{CrawlId, DocumentId, UploadId};
use deskhand::domain::keys::Purpose;
use deskhand::knowledge::base::Knowledge;
use deskhand::knowledge::chunk::ChunkLimits;
use deskhand::knowledge::crawl;
use deskhand::knowledge::crawl::run::{Crawler, Slice};
use deskhand::knowledge::fetch::allow::PrivateHosts;
use deskhand::knowledge::fetch::{FetchSettings, Fetcher};
use deskhand::knowledge::ingest::ingest;
use deskhand::models::embedders::Embedders;

use crate::support::app::{Setup, TestApp};
use crate::support::knowledge::{reading, settings};
use crate::support::web_server::{Asked, Page, WebServer};

type Pages = Arc<Mutex<HashMap<String, Page>>>;

/// The site, and what crawls it.
pub struct Bench {
    pub app: TestApp,
    pub server: WebServer,
    pub crawler: Arc<Crawler>,
    pages: Pages,
    _folder: tempfile::TempDir,
}

/// Pages that have an ETag each and are asked for by it; others are not found.
fn answer(pages: &Pages, asked: &Asked) -> Page {
    let Some(page) = pages.lock().unwrap().get(&asked.path).cloned() else {
        return Page::new(404, "<p>Nothing here");
    };
    let known = asked.headers.get("if-none-match");
    match page.header("etag") {
        Some(etag) if known == Some(&etag) => Page::new(304, "").with("etag", &etag),
        _ => page,
    }
}

/// A page with this text and these links.
pub fn linked(text: &str, links: &[&str]) -> Page {
    let links: String = links.iter().map(|l| format!("<a href='{l}'>{l}</a> ")).collect();
    html(&format!(
        "<h1>{text}</h1><p>About {text}, in a sentence or two.</p>{links}"
    ))
}

/// A page of HTML with an ETag of its own.
pub fn html(body: &str) -> Page {
    let etag = format!(
        "\"{:x}\"",
        body.bytes().fold(7_u64, |h, b| h.wrapping_mul(31) + u64::from(b))
    );
    Page::html(&format!("<html><body>{body}</body></html>")).with("etag", &etag)
}

impl Bench {
    pub async fn start() -> Self {
        let pages = Pages::default();
        let shared = Arc::clone(&pages);
        let server = WebServer::start(move |asked| answer(&shared, asked)).await;
        let folder = tempfile::tempdir().unwrap();
        let host = format!("127.0.0.1:{}", server.port);
        let fetcher = Fetcher::new(FetchSettings {
            private: PrivateHosts::parse([host.as_str()]).unwrap(),
            first_byte: Duration::from_secs(2),
            ..FetchSettings::new(folder.path().to_owned())
        });
        let embedders = Arc::new(Embedders::new(settings(None, "http://127.0.0.1:9")));
        let knowledge = Knowledge::new(embedders, ChunkLimits::default(), reading());
        let knowledge = Arc::new(knowledge.with_fetcher(fetcher.unwrap()));
        let app = TestApp::with(Setup {
            knowledge: Arc::clone(&knowledge),
            ..Setup::default()
        })
        .await;
        let mut tx = app.db.site(app.site.id).await.unwrap();
        sites::set_origins(&mut tx, &[format!("http://{host}")])
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let crawler = Arc::new(Crawler::new(app.db.clone(), app.clock.clone(), knowledge));
        Self {
            app,
            server,
            crawler,
            pages,
            _folder: folder,
        }
    }

    pub fn put(&self, path: &str, page: Page) {
        self.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    pub fn remove(&self, path: &str) {
        self.pages.lock().unwrap().remove(path);
    }

    /// Adds a crawl without pauses.
    pub async fn add(&self, path: &str, change: impl FnOnce(&mut Bounds)) -> CrawlId {
        let mut bounds = Bounds {
            delay_ms: 0,
            ..Bounds::default()
        };
        change(&mut bounds);
        let mut tx = self.app.db.site(self.app.site.id).await.unwrap();
        let now = self.app.clock.now();
        let added = crawl::add(&mut tx, now, &self.server.url(path), bounds, None).await;
        tx.commit().await.unwrap();
        added.unwrap().id
    }

    pub async fn begin(&self, id: CrawlId) -> bool {
        let mut tx = self.app.db.site(self.app.site.id).await.unwrap();
        let job = crawl::begin(&mut tx, self.app.clock.now(), id).await.unwrap();
        tx.commit().await.unwrap();
        job.is_some()
    }

    pub async fn slice(&self, id: CrawlId) -> Slice {
        self.crawler
            .slice(self.app.site.id, id, &|_, _| {})
            .await
            .unwrap()
    }

    /// Runs a crawl to its end, a day after the run before, and takes in what it found.
    pub async fn run(&self, id: CrawlId) -> (String, Counts) {
        self.app.clock.advance(TimeDelta::days(1));
        self.server.take_asked();
        assert!(self.begin(id).await, "another crawl runs");
        while let Slice::Again(_) = self.slice(id).await {}
        self.take_in().await;
        self.stand(id).await
    }

    /// How the last run ended.
    pub async fn stand(&self, id: CrawlId) -> (String, Counts) {
        let crawl = self.crawl(id).await;
        let mut tx = self.app.db.site(self.app.site.id).await.unwrap();
        let counts = crawl_pages::counts(&mut tx, id, crawl.run).await.unwrap();
        (crawl.outcome.unwrap_or_default(), counts)
    }

    pub async fn crawl(&self, id: CrawlId) -> Crawl {
        let mut tx = self.app.db.site(self.app.site.id).await.unwrap();
        crawls::get(&mut tx, id).await.unwrap().unwrap()
    }

    /// Why pages weren't taken in: path and reason.
    pub async fn problems(&self, id: CrawlId) -> Vec<(String, String)> {
        let run = self.crawl(id).await.run;
        let mut tx = self.app.db.site(self.app.site.id).await.unwrap();
        let found = crawl_pages::problems(&mut tx, id, run, 100).await.unwrap();
        let mut found: Vec<_> = found
            .into_iter()
            .map(|p| (self.path(&p.url), p.reason.unwrap_or(p.state)))
            .collect();
        found.sort();
        found
    }

    fn path(&self, url: &str) -> String {
        url.replace(self.server.url("").as_str(), "")
    }

    /// Does what the jobs would do.
    async fn take_in(&self) {
        let waiting = "SELECT coalesce(string_agg(id || ' ' || document_id, ','), '') FROM uploads";
        let waiting = self.app.text(waiting).await;
        for pair in waiting.split(',').filter(|p| !p.is_empty()) {
            let (upload, document) = pair.split_once(' ').unwrap();
            let (upload, document): (UploadId, DocumentId) =
                (upload.parse().unwrap(), document.parse().unwrap());
            let (db, site) = (&self.app.db, self.app.site.id);
            let clock = self.app.clock.as_ref();
            let done = ingest(db, clock, &self.app.knowledge, site, upload, document, &|_, _| {}).await;
            if done.is_err() {
                // As its job would, once it has given up.
                let mut tx = db.site(site).await.unwrap();
                uploads::forget(&mut tx, document).await.unwrap();
                tx.commit().await.unwrap();
            }
        }
    }

    /// The paths of what is known and can be searched.
    pub async fn known(&self) -> Vec<String> {
        let names = "SELECT coalesce(string_agg(external_id, ' ' ORDER BY external_id), '') FROM documents
                      WHERE source = 'crawl' AND deleted_at IS NULL AND version > 0";
        let names = self.app.text(names).await;
        names.split_whitespace().map(|n| self.path(n)).collect()
    }

    /// Paths that were asked for since the run began, robots.txt left out, in order.
    pub fn asked(&self) -> Vec<String> {
        let mut asked = self.server.take_paths();
        asked.retain(|p| p != "/robots.txt");
        asked.sort();
        asked
    }

    pub fn api_key(&self) -> String {
        let site = &self.app.site;
        format!(
            "{}.{}",
            site.kid,
            hex::encode(site.root.derive(site.id, Purpose::Api).expose())
        )
    }
}
