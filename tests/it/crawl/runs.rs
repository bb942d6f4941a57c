//! Run after run: what is unchanged costs nothing, what is gone goes, what is broken off goes
//! on, and a server in trouble is left alone.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use deskhand::db::{crawls, jobs};
use deskhand::domain::clock::Clock;
use deskhand::domain::crawl::CrawlState;
use deskhand::domain::job::Priority;
use deskhand::knowledge::crawl;
use deskhand::knowledge::crawl::run::Slice;

use super::site::{Bench, html, linked};
use crate::support::web_server::Page;

async fn three(b: &Bench) {
    b.put("/", linked("Home", &["/a", "/b"]));
    b.put("/a", linked("A", &[]));
    b.put("/b", linked("B", &[]));
}

#[tokio::test]
async fn what_is_unchanged_costs_nothing_and_what_is_gone_goes() {
    let b = Bench::start().await;
    three(&b).await;
    let id = b.add("/", |_| {}).await;
    assert_eq!(b.run(id).await.1.taken, 3);
    let jobs = "SELECT count(*) FROM jobs WHERE kind = 'ingest_document'";
    let before = b.app.count(jobs).await;

    let (outcome, counts) = b.run(id).await;
    assert_eq!((outcome.as_str(), counts.unchanged, counts.taken), ("done", 3, 0));
    let asked = b.server.take_asked();
    let asked: Vec<_> = asked.iter().filter(|a| a.path != "/robots.txt").collect();
    assert!(asked.len() == 3 && asked.iter().all(|a| a.headers.contains_key("if-none-match")));
    assert_eq!(b.app.count(jobs).await, before, "nothing is ingested again");

    b.put("/a", linked("A anew", &[]));
    b.remove("/b");
    let (_, counts) = b.run(id).await;
    assert_eq!((counts.taken, counts.unchanged, counts.gone), (1, 1, 1));
    assert_eq!(b.known().await, ["/", "/a"]);
    // It is forgotten with the next run, and comes back when it is there again and linked.
    b.put("/b", linked("B", &[]));
    b.put("/", linked("Home anew", &["/a", "/b"]));
    b.run(id).await;
    assert_eq!(b.known().await, ["/", "/a", "/b"]);
    b.app.finish().await;
}

#[tokio::test]
async fn a_page_that_fails_has_two_runs_of_grace() {
    let b = Bench::start().await;
    three(&b).await;
    let id = b.add("/", |_| {}).await;
    b.run(id).await;
    b.put("/b", Page::new(500, "broken"));
    for _ in 0..2 {
        assert_eq!(b.run(id).await.1.failed, 1);
        assert_eq!(b.known().await, ["/", "/a", "/b"]);
    }
    b.run(id).await;
    assert_eq!(b.known().await, ["/", "/a"]);

    // A run in between that works counts from nothing.
    b.put("/a", Page::new(502, "broken"));
    b.run(id).await;
    b.put("/a", linked("A", &[]));
    b.run(id).await;
    b.put("/a", Page::new(502, "broken"));
    b.run(id).await;
    b.run(id).await;
    assert_eq!(b.known().await, ["/", "/a"]);
    b.app.finish().await;
}

#[tokio::test]
async fn many_pages_that_go_at_once_are_believed_the_second_time() {
    let b = Bench::start().await;
    let links: Vec<String> = (0..12).map(|n| format!("/{n:02}")).collect();
    b.put(
        "/",
        linked("Home", &links.iter().map(String::as_str).collect::<Vec<_>>()),
    );
    for link in &links {
        b.put(link, linked(link, &[]));
    }
    let id = b.add("/", |_| {}).await;
    b.run(id).await;
    links.iter().for_each(|l| b.remove(l));
    assert_eq!(b.run(id).await.0, "many_gone");
    assert_eq!(b.known().await.len(), 13);
    assert_eq!(b.run(id).await.0, "done");
    assert_eq!(b.known().await, ["/"]);
    b.app.finish().await;
}

/// An owner who puts the pages behind a login means all of them, the start too.
#[tokio::test]
async fn a_start_that_is_not_shown_any_more_takes_its_pages_along() {
    let b = Bench::start().await;
    b.put("/", linked("Home", &["/a", "/b", "/c"]));
    for path in ["/a", "/b", "/c"] {
        b.put(path, linked(path, &[]));
    }
    let id = b.add("/", |_| {}).await;
    b.run(id).await;
    assert_eq!(b.known().await, ["/", "/a", "/b", "/c"]);
    for (start, outcome) in [(404, "gone"), (403, "not_public")] {
        b.put("/", Page::new(start, "no"));
        b.put("/a", Page::new(401, "no"));
        assert_eq!(b.run(id).await.0, outcome);
        assert!(b.crawl(id).await.detail.unwrap().ends_with('.'));
        assert_eq!(b.known().await, ["/b", "/c"], "those that are still shown stay");
    }
    let form = "<form><input name=log><input type=password name=pwd><button>Log in</button></form>";
    b.put("/b", html(form));
    b.put("/", html(form));
    assert_eq!(b.run(id).await.0, "not_public");
    assert_eq!(b.known().await, ["/c"]);
    // Out of order, it tells nothing.
    b.put("/", Page::new(500, ""));
    b.put("/c", Page::new(404, ""));
    assert_eq!(b.run(id).await.0, "server_refused");
    assert_eq!(b.known().await, ["/c"]);
    b.app.finish().await;
}

#[tokio::test]
async fn a_server_in_trouble_is_left_alone_and_loses_nothing() {
    let b = Bench::start().await;
    let links: Vec<String> = (0..9).map(|n| format!("/{n}")).collect();
    b.put(
        "/",
        linked("Home", &links.iter().map(String::as_str).collect::<Vec<_>>()),
    );
    for link in &links {
        b.put(link, linked(link, &[]));
    }
    let id = b.add("/", |_| {}).await;
    b.run(id).await;
    let good = b.crawl(id).await.succeeded_at;
    links.iter().for_each(|l| b.put(l, Page::new(500, "")));
    for _ in 0..4 {
        assert_eq!(b.run(id).await.0, "server_away");
        assert_eq!(b.asked().len(), 6, "the start and five failures");
    }
    assert_eq!(b.known().await.len(), 10);
    b.put("/", Page::new(500, ""));
    assert_eq!(b.run(id).await.0, "server_refused");
    b.put("/robots.txt", Page::new(503, ""));
    assert_eq!(b.run(id).await.0, "robots_unavailable");
    assert_eq!(b.asked(), Vec::<String>::new(), "no rules, no visits");
    b.put("/robots.txt", Page::new(200, "User-agent: deskhand\nDisallow: /"));
    assert_eq!(b.run(id).await.0, "robots");
    let crawl = b.crawl(id).await;
    assert!(crawl.detail.unwrap().contains("robots.txt"));
    assert_eq!(crawl.succeeded_at, good);
    assert_eq!(b.known().await.len(), 10);
    b.app.finish().await;
}

#[tokio::test]
async fn a_server_that_asks_for_peace_gets_it() {
    let b = Bench::start().await;
    three(&b).await;
    b.put("/a", Page::new(429, "").with("retry-after", "90"));
    let id = b.add("/", |_| {}).await;
    assert!(b.begin(id).await);
    let Slice::Again(after) = b.slice(id).await else {
        panic!("it goes on at once")
    };
    assert_eq!(after, Duration::from_secs(90));
    b.put("/a", linked("A", &[]));
    assert!(matches!(b.slice(id).await, Slice::Ended));
    let (outcome, counts) = b.stand(id).await;
    assert_eq!((outcome.as_str(), counts.taken), ("done", 3));

    // For ever, and the page is given up for this time.
    b.put("/b", Page::new(503, ""));
    assert_eq!(b.run(id).await.1.failed, 1);
    b.app.finish().await;
}

#[tokio::test]
async fn a_slow_pace_gives_way_between_two_pages() {
    let b = Bench::start().await;
    three(&b).await;
    b.put("/robots.txt", Page::new(200, "User-agent: *\nCrawl-delay: 25"));
    let id = b.add("/", |_| {}).await;
    assert!(b.begin(id).await);
    let Slice::Again(after) = b.slice(id).await else {
        panic!("no pause")
    };
    assert!(
        after > Duration::from_secs(20) && after <= Duration::from_secs(25),
        "{after:?}"
    );
    assert_eq!(b.asked(), ["/"]);
    b.app.stop().await;
}

#[tokio::test]
async fn a_run_that_is_broken_off_goes_on_where_it_was() {
    let b = Bench::start().await;
    let links: Vec<String> = (0..6).map(|n| format!("/{n}")).collect();
    b.put(
        "/",
        linked("Home", &links.iter().map(String::as_str).collect::<Vec<_>>()),
    );
    for link in &links {
        b.put(link, linked(link, &[]));
    }
    // There the worker dies.
    b.put("/3", Page::silence());
    let id = b.add("/", |_| {}).await;
    assert!(b.begin(id).await);
    let crawler = std::sync::Arc::clone(&b.crawler);
    let site = b.app.site.id;
    let tasks = tokio_util::task::TaskTracker::new();
    let slice = tasks.spawn(async move { crawler.slice(site, id, &|_, _| {}).await });
    b.server.until_asked("/3").await;
    slice.abort();
    assert!(slice.await.unwrap_err().is_cancelled());
    b.put("/3", linked("Three", &[]));
    while let Slice::Again(_) = b.slice(id).await {}
    assert_eq!(b.stand(id).await.1.taken, 7);
    let asked = b.asked();
    let each: BTreeSet<_> = asked.iter().collect();
    assert_eq!(
        (asked.len(), each.len()),
        (8, 7),
        "only the broken one is asked for twice: {asked:?}"
    );
    b.app.finish().await;
}

#[tokio::test]
async fn a_sites_crawls_run_one_after_the_other() {
    let b = Bench::start().await;
    three(&b).await;
    let (first, second) = (b.add("/", |_| {}).await, b.add("/a", |_| {}).await);
    assert!(b.begin(first).await);
    assert!(!b.begin(second).await);
    assert!(b.begin(first).await, "it runs already");
    assert_eq!(b.crawl(second).await.state, CrawlState::Queued);
    while let Slice::Again(_) = b.slice(first).await {}
    assert_eq!(b.crawl(second).await.state, CrawlState::Running);
    let job = jobs::get(&b.app.db, b.crawl(second).await.job.unwrap())
        .await
        .unwrap();
    assert_eq!(job.priority, Priority::Batch, "a single upload overtakes it");
    while let Slice::Again(_) = b.slice(second).await {}
    assert_eq!(b.crawl(second).await.state, CrawlState::Idle);
    b.app.finish().await;
}

#[tokio::test]
async fn the_clock_starts_a_crawl_each_night() {
    let b = Bench::start().await;
    three(&b).await;
    let id = b.add("/", |_| {}).await;
    let wake = async || {
        let now = b.app.clock.now();
        let due = crawls::due(&b.app.db, now).await.unwrap();
        for (site, id) in &due {
            let mut tx = b.app.db.site(*site).await.unwrap();
            crawl::wake(&mut tx, now, *id).await.unwrap();
            tx.commit().await.unwrap();
        }
        due.len()
    };
    assert_eq!(wake().await, 0);
    b.app.clock.advance(TimeDelta::days(1));
    assert_eq!(wake().await, 1);
    assert_eq!(wake().await, 0, "it runs");
    while let Slice::Again(_) = b.slice(id).await {}
    let crawl = b.crawl(id).await;
    let away = crawl.next_run_at - b.app.clock.now();
    assert!(away > TimeDelta::zero() && away <= TimeDelta::days(1));

    // A run whose job has died for good is ended, and tried again the next night.
    assert!(b.begin(id).await);
    b.app
        .bend("UPDATE jobs SET state = 'dead', error_code = 'x', finished_at = now() WHERE kind = 'crawl'")
        .await;
    assert_eq!(wake().await, 1);
    assert_eq!(b.stand(id).await.0, "broken_off");
    assert_eq!(b.crawl(id).await.state, CrawlState::Idle);
    b.app.finish().await;
}

#[tokio::test]
async fn a_start_that_leads_away_says_what_to_allow() {
    let b = Bench::start().await;
    b.put("/", Page::moved("https://www.shop.example/"));
    let id = b.add("/", |_| {}).await;
    assert_eq!(b.run(id).await.0, "moved_away");
    let detail = b.crawl(id).await.detail.unwrap();
    assert!(
        detail.contains("fetch_origins=https://www.shop.example"),
        "{detail}"
    );
    b.put("/", Page::moved("/en/"));
    b.put("/en/", linked("Home", &["/en/a", "/de/b"]));
    b.put("/en/a", linked("A", &[]));
    b.run(id).await;
    assert_eq!(b.known().await, ["/en/", "/en/a"]);
    // It leads nowhere any more: all of the site is below it then.
    b.put("/", linked("Home", &["/en/", "/de/b"]));
    b.put("/de/b", linked("B", &[]));
    b.run(id).await;
    assert_eq!(b.known().await, ["/", "/de/b", "/en/", "/en/a"]);
    b.app.finish().await;
}

#[tokio::test]
async fn a_crawl_that_is_removed_meanwhile_takes_nothing_in_any_more() {
    let b = Bench::start().await;
    three(&b).await;
    let id = b.add("/", |_| {}).await;
    assert!(b.begin(id).await);
    let (asked, go) = b.server.hold("/a");
    let crawler = std::sync::Arc::clone(&b.crawler);
    let site = b.app.site.id;
    let tasks = tokio_util::task::TaskTracker::new();
    let slice = tasks.spawn(async move { crawler.slice(site, id, &|_, _| {}).await });
    asked.await.unwrap();
    let mut tx = b.app.db.site(site).await.unwrap();
    crawl::remove(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    go.send(()).unwrap();
    assert!(matches!(slice.await.unwrap().unwrap(), Slice::Ended));
    assert!(matches!(b.slice(id).await, Slice::Ended));
    let left = "SELECT count(*) FROM documents WHERE deleted_at IS NULL";
    assert_eq!(b.app.count(left).await, 0);
    assert_eq!(b.app.count("SELECT count(*) FROM crawls").await, 0);
    b.app.finish().await;
}
