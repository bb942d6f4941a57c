//! The newest event wins, whatever the order in which events come, how often, and what is
//! under way meanwhile.

use deskhand::jobs::runner::Settings;
use serde_json::{Value, json};
use std::time::Duration;

use super::{ORPHANS, found, shop};
use crate::support::fake_embedder::{FakeEmbedder, Fault};
use crate::support::knowledge::settings;
use crate::support::wordpress::{WordPress, new_key, post, trashed};

/// All orders of these numbers.
fn orders(of: &[usize]) -> Vec<Vec<usize>> {
    if of.len() < 2 {
        return vec![of.to_vec()];
    }
    let mut all = Vec::new();
    for (i, first) in of.iter().enumerate() {
        let mut rest = of.to_vec();
        rest.remove(i);
        for mut order in orders(&rest) {
            order.insert(0, *first);
            all.push(order);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_wins_in_every_order() {
    let (_wordpress, app) = shop().await;
    // Each order of four events is a document's; the newest is once an update, once an end.
    let mut wanted = Vec::new();
    let mut id = 0;
    for ends in [false, true] {
        for order in orders(&[1, 2, 3, 4]) {
            id += 1;
            for n in &order {
                let minute = i64::try_from(*n).unwrap();
                let is_end = if ends { *n == 4 } else { *n == 2 };
                let event = if is_end {
                    trashed(&app, id, minute)
                } else {
                    post(&app, id, minute, &format!("edition{n} of number{id}"))
                };
                app.tell(&event).await;
                if id % 3 == 0 {
                    // Some are worked on between the events, others all at once.
                    app.work().await;
                }
            }
            wanted.push((id, order, ends));
        }
    }
    app.work().await;
    for (id, order, ends) in wanted {
        let texts = found(&app, &format!("number{id}")).await;
        if ends {
            assert!(texts.is_empty(), "{order:?}: {texts:?}");
        } else {
            assert_eq!(texts.len(), 1, "{order:?}: {texts:?}");
            assert!(texts[0].contains("edition4"), "{order:?}: {texts:?}");
        }
    }
    assert_eq!(app.count(ORPHANS).await, 0);
    app.finish().await;
}

#[tokio::test]
async fn the_same_again_is_nothing_to_do_and_an_end_holds() {
    let (_wordpress, app) = shop().await;
    let answer = app.tell(&post(&app, 1, 1, "Brass lamps.")).await;
    app.work().await;
    // Told anew with nothing changed: no new version.
    app.tell(&post(&app, 1, 2, "Brass lamps.")).await;
    app.work().await;
    let document = app.document(&answer).await;
    assert_eq!(
        (&document["version"], &document["state"]),
        (&json!(1), &json!("live"))
    );
    app.tell(&trashed(&app, 1, 3)).await;
    app.work().await;
    assert_eq!(app.document(&answer).await["state"], "removed");
    // What was sent before the end, or at the same time, comes late.
    app.tell(&post(&app, 1, 2, "Brass lamps, late.")).await;
    app.tell(&post(&app, 1, 3, "Brass lamps, at once.")).await;
    app.work().await;
    assert!(found(&app, "brass").await.is_empty());
    assert_eq!(app.document(&answer).await["state"], "removed");
    // What comes after it is new.
    app.tell(&post(&app, 1, 4, "Brass lamps again.")).await;
    app.work().await;
    assert_eq!(found(&app, "brass").await.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn an_end_is_at_once_even_if_nobody_works() {
    let (_wordpress, app) = shop().await;
    let answer = app.tell(&post(&app, 1, 1, "A secret lamp.")).await;
    app.work().await;
    assert_eq!(found(&app, "secret").await.len(), 1);
    app.tell(&trashed(&app, 1, 2)).await;
    assert!(
        found(&app, "secret").await.is_empty(),
        "no worker has seen it yet"
    );
    assert_eq!(app.document(&answer).await["state"], "removed");
    let kept = "SELECT count(*) FROM chunks";
    assert_eq!(app.count(kept).await, 1);
    // A newer content before the end was worked off: the old one is never seen again.
    app.tell(&post(&app, 1, 3, "An open lamp.")).await;
    app.work().await;
    assert!(found(&app, "secret").await.is_empty());
    assert_eq!(found(&app, "lamp").await.len(), 1);
    assert_eq!(app.count(kept).await, 1);
    for (key, value) in [
        ("status", json!("private")),
        ("password_protected", json!(true)),
        ("members_only", json!(true)),
        ("excluded", json!(true)),
    ] {
        let (_wordpress, app) = shop().await;
        app.tell(&post(&app, 1, 1, "A secret lamp.")).await;
        app.work().await;
        let mut hidden = post(&app, 1, 2, "A secret lamp.");
        hidden[key] = value;
        app.tell(&hidden).await;
        assert!(found(&app, "secret").await.is_empty(), "{key}");
        app.work().await;
        assert_eq!(app.count(kept).await, 0, "{key}");
        app.finish().await;
    }
    app.finish().await;
}

/// A site whose embeddings come from a provider that can be made to wait.
async fn slow_shop() -> (WordPress, FakeEmbedder, crate::support::app::TestApp) {
    let wordpress = WordPress::start().await;
    let embedder = FakeEmbedder::start().await;
    let mut settings = settings(Some("openai:fake".parse().unwrap()), &embedder.base_url);
    settings.openai.passages = Duration::from_secs(60);
    let app = wordpress.app(settings).await;
    (wordpress, embedder, app)
}

const EMBEDDING: &str =
    "SELECT count(*) FROM jobs WHERE state = 'running' AND progress ->> 'stage' = 'embed'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_during_processing_wins() {
    let (_wordpress, embedder, app) = slow_shop().await;
    app.tell(&post(&app, 9, 1, "Another page, so that the model is known."))
        .await;
    app.work().await;
    embedder.then(Fault::Silence(Duration::from_secs(3)));
    let answer = app.tell(&post(&app, 1, 1, "The old edition of lamps.")).await;
    let worker = app.worker();
    app.until(EMBEDDING, 1).await;
    let document = app.document(&answer).await;
    assert_eq!(
        (&document["state"], &document["stage"]),
        (&json!("processing"), &json!("embed")),
        "{document:#}"
    );
    app.tell(&post(&app, 1, 2, "The new edition of lamps.")).await;
    app.until("SELECT count(*) FROM inbound_events WHERE state = 'queued'", 0)
        .await;
    worker.stop().await;
    let texts = found(&app, "lamps").await;
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].contains("new"), "{texts:?}");
    assert_eq!(
        app.document(&answer).await["version"],
        1,
        "the old one never was live"
    );
    assert_eq!(app.count(ORPHANS).await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_during_processing_stops_it() {
    let (_wordpress, embedder, app) = slow_shop().await;
    app.tell(&post(&app, 9, 1, "Another page, so that the model is known."))
        .await;
    app.work().await;
    // Far longer than the test: only a stopped job lets it end.
    embedder.then(Fault::Silence(Duration::from_secs(600)));
    let answer = app.tell(&post(&app, 1, 1, "A page that goes.")).await;
    let worker = app.worker_with(Settings {
        lease: Duration::from_secs(3),
        poll: Duration::from_millis(50),
        ..Settings::default()
    });
    app.until(EMBEDDING, 1).await;
    app.tell(&trashed(&app, 1, 2)).await;
    app.until(
        "SELECT count(*) FROM jobs WHERE state IN ('waiting', 'running')",
        0,
    )
    .await;
    worker.stop().await;
    assert_eq!(app.document(&answer).await["state"], "removed");
    let (_, job) = app.api("GET", answer["status_url"].as_str().unwrap(), None).await;
    assert_eq!(job["state"], "cancelled", "{job:#}");
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 0);
    assert_eq!(app.count(ORPHANS).await, 0);
    app.finish().await;
}

#[tokio::test]
async fn a_removal_is_counted_and_leaves_nothing() {
    let wordpress = WordPress::start().await;
    let embedder = FakeEmbedder::start().await;
    let model = settings(Some("openai:fake".parse().unwrap()), &embedder.base_url);
    let app = wordpress.app(model).await;
    let answer = app.tell(&post(&app, 1, 1, "Brass lamps and oak desks.")).await;
    app.tell(&post(&app, 2, 1, "Reed lamps stay.")).await;
    app.work().await;
    // Something newer waits, and something failed meanwhile.
    app.tell(&post(&app, 1, 2, "Brass lamps, new.")).await;
    let path = format!("/api/documents/{}", answer["document_id"].as_str().unwrap());
    let (status, receipt) = app.api("DELETE", &path, None).await;
    assert_eq!(status, 200, "{receipt:#}");
    let counts = &receipt["counts"];
    assert_eq!(
        (&counts["chunks"], &counts["vectors"], &counts["versions"]),
        (&json!(1), &json!(1), &json!(1)),
        "{receipt:#}"
    );
    // page, brass, lamp, oak, desk: the stop word is none.
    assert_eq!(counts["postings"], 5, "{receipt:#}");
    assert_eq!((&counts["jobs"], &counts["events"]), (&json!(1), &json!(2)));
    let stored = app.text("SELECT counts::text FROM deletion_receipts").await;
    assert_eq!(serde_json::from_str::<Value>(&stored).unwrap(), *counts);
    app.work().await;
    assert!(found(&app, "brass").await.is_empty());
    assert_eq!(found(&app, "reed").await.len(), 1);
    assert_eq!(
        app.count("SELECT count(*) FROM inbound_events WHERE raw IS NOT NULL")
            .await,
        1
    );
    assert_eq!(app.count(ORPHANS).await, 0);
    assert_eq!(app.api("DELETE", &path, None).await.0, 404);
    // Its events come again, under new keys: they are older than its end.
    let again = app
        .webhook(&post(&app, 1, 2, "Brass lamps, new, again."))
        .header("idempotency-key", new_key());
    assert_eq!(again.send().await.unwrap().status(), 202);
    app.work().await;
    assert!(found(&app, "brass").await.is_empty());
    app.finish().await;
}
