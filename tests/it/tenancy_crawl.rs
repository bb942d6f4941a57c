//! The functions of `db/` that serve crawls and freshness, called under the wrong site with
//! another's real ids: they find nothing and change nothing but the stranger's own.

use deskhand::db::crawl_pages::{self, NewPage, PAGE, Visit};
use deskhand::db::{crawls, freshness};
use deskhand::domain::clock::Clock;
use deskhand::domain::crawl::{Bounds, CrawlState};
use deskhand::domain::ids::JobId;
use deskhand::knowledge::crawl;

use crate::support::app::{ORIGIN, TestApp, TestSite};

/// What the site owns, as one number a table.
async fn everything(app: &TestApp) -> Vec<i64> {
    let mut sums = Vec::new();
    for table in [
        "crawls",
        "crawl_pages",
        "knowledge_checks",
        "tickets",
        "documents",
    ] {
        let sum = format!(
            "SELECT coalesce(sum(hashtext(x::text)), 0)::bigint FROM {table} x WHERE site_id = '{}'",
            app.site.id
        );
        sums.push(app.count(&sum).await);
    }
    sums
}

#[tokio::test]
async fn a_stranger_reaches_no_crawl() {
    let app = TestApp::start().await;
    app.know(&[("a.md", "# A\n\nWords of the first.")]).await;
    let now = app.clock.now();
    let mut own = app.db.site(app.site.id).await.unwrap();
    let added = crawl::add(&mut own, now, ORIGIN, Bounds::default(), None)
        .await
        .unwrap();
    crawl::begin(&mut own, now, added.id).await.unwrap();
    let url = added.url.clone();
    freshness::tell(&mut own, "stale", now).await.unwrap();
    own.commit().await.unwrap();
    let document = app.text("SELECT id::text FROM documents").await;
    app.bend(&format!(
        "UPDATE crawl_pages SET document_id = '{document}', visited = 1, state = 'gone'"
    ))
    .await;
    let before = everything(&app).await;

    let stranger = TestSite::add(&app.db, &app.master, "stranger", &[ORIGIN], now).await;
    let mut first = app.db.site(stranger.id).await.unwrap();
    let (tx, id, run) = (&mut first, added.id, 1);
    assert_eq!(crawls::list(tx).await.unwrap(), []);
    assert_eq!(crawls::lock(tx).await.unwrap(), []);
    assert_eq!(crawls::get(tx, id).await.unwrap(), None);
    crawls::begin(tx, id, now, JobId::new()).await.unwrap();
    crawls::set_state(tx, id, CrawlState::Idle, None).await.unwrap();
    assert!(!crawls::hold(tx, id, run).await.unwrap());
    crawls::advance(tx, id, 1, Some("https://x.example/"), true)
        .await
        .unwrap();
    let end = crawls::End {
        outcome: "done",
        detail: None,
        well: true,
        at: now,
        next: now,
    };
    assert!(!crawls::end(tx, id, end).await.unwrap());
    crawls::delete(tx, id).await.unwrap();
    assert_eq!(crawl::begin(tx, now, id).await.unwrap(), None);
    assert_eq!(crawl::remove(tx, id).await.unwrap(), None);

    crawl_pages::requeue(tx, id, 9).await.unwrap();
    assert_eq!(crawl_pages::next(tx, id, run).await.unwrap(), None);
    crawl_pages::visited(tx, id, &url, &Visit::default())
        .await
        .unwrap();
    crawl_pages::put_off(tx, id, &url).await.unwrap();
    assert!(!crawl_pages::is_duplicate(tx, id, &url, run).await.unwrap());
    assert!(
        !crawl_pages::is_known_otherwise(tx, "/kb/a", "crawl")
            .await
            .unwrap()
    );
    assert_eq!(crawl_pages::counts(tx, id, run).await.unwrap().pages, 0);
    assert_eq!(crawl_pages::with_document(tx, id).await.unwrap(), 0);
    assert_eq!(crawl_pages::lost(tx, id, run).await.unwrap(), []);
    assert_eq!(crawl_pages::shut_start(tx, id, run).await.unwrap(), None);
    crawl_pages::let_go(tx, id, &url).await.unwrap();
    crawl_pages::forget_gone(tx, id).await.unwrap();
    assert_eq!(crawl_pages::documents(tx, id, 10).await.unwrap(), []);
    assert_eq!(crawl_pages::problems(tx, id, run, 10).await.unwrap(), []);
    assert_eq!(crawl_pages::jobs(tx, id).await.unwrap(), []);

    let standing = freshness::look(tx).await.unwrap();
    assert!(!standing.any && standing.newest.is_none() && standing.told.is_none());
    freshness::synced(tx, now).await.unwrap();
    assert!(freshness::tell(tx, "empty", now).await.unwrap());
    freshness::mended(tx).await.unwrap();
    // A page of a crawl that this site doesn't have can't be stored at all.
    let page = NewPage {
        url,
        kind: PAGE,
        depth: 0,
        hops: 0,
        changed: None,
    };
    assert!(crawl_pages::queue(tx, id, run, &[page], 10).await.is_err());
    assert_eq!(everything(&app).await, before);

    // The same once more, and kept this time.
    drop(first);
    {
        // Under the owner's own id: refused, or the stranger's own.
        let mut again = app.db.site(stranger.id).await.unwrap();
        let tx = &mut again;
        if crawls::insert(tx, &added).await.is_ok() {
            crawls::delete(tx, id).await.unwrap();
        }
    }
    let mut tx = app.db.site(stranger.id).await.unwrap();
    crawls::delete(&mut tx, id).await.unwrap();
    crawl_pages::requeue(&mut tx, id, 9).await.unwrap();
    freshness::mended(&mut tx).await.unwrap();
    freshness::synced(&mut tx, now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(everything(&app).await, before);
    app.finish().await;
}
