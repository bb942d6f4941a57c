//! Where a site asks for it, documents are searched only once somebody has approved them.

use chrono::TimeDelta;
use deskhand::db::documents;
use deskhand::db::sites;
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::DocumentId;
use serde_json::{Value, json};

use super::{found, shop};
use crate::support::app::TestApp;
use crate::support::wordpress::post;

async fn require(app: &TestApp, value: Value) {
    let mut tx = app.db.site(app.site.id).await.unwrap();
    sites::set_setting(&mut tx, "require_review", &value)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn nothing_is_searched_before_it_is_approved() {
    let (_wordpress, app) = shop().await;
    let before = app.tell(&post(&app, 1, 1, "Lamps from before.")).await;
    app.work().await;
    require(&app, json!(true)).await;
    assert_eq!(found(&app, "lamps").await.len(), 1, "what was live stays so");
    let answer = app.tell(&post(&app, 2, 1, "Lamps to be reviewed.")).await;
    app.work().await;
    assert_eq!(app.document(&answer).await["state"], "pending_review");
    assert_eq!(found(&app, "lamps").await.len(), 1);
    let path = format!("/api/documents/{}", answer["document_id"].as_str().unwrap());
    // It can be read before it is approved.
    let (_, chunks) = app.api("GET", &format!("{path}/chunks"), None).await;
    assert!(
        chunks["chunks"][0]["text"].as_str().unwrap().contains("reviewed"),
        "{chunks:#}"
    );
    let seen = json!({ "content_hash": chunks["content_hash"] });
    let (status, approved) = app.api("POST", &format!("{path}/approve"), Some(seen)).await;
    assert_eq!(
        (status, &approved["state"]),
        (200, &json!("live")),
        "{approved:#}"
    );
    assert_eq!(
        found(&app, "lamps").await.len(),
        2,
        "at once, whatever was remembered"
    );

    // Only the title is new: it has been read already. Another text hasn't.
    let mut renamed = post(&app, 2, 2, "Lamps to be reviewed.");
    renamed["tags"] = json!(["light"]);
    app.tell(&renamed).await;
    app.work().await;
    assert_eq!(app.document(&answer).await["state"], "live");
    app.tell(&post(&app, 2, 3, "Lamps that are different.")).await;
    app.work().await;
    let document = app.document(&answer).await;
    assert_eq!(
        (&document["state"], &document["version"]),
        (&json!("pending_review"), &json!(3))
    );
    assert_eq!(found(&app, "lamps").await.len(), 1, "neither the old nor the new");

    let (_, list) = app.api("GET", "/api/documents?state=pending_review", None).await;
    assert_eq!(list["documents"].as_array().unwrap().len(), 1, "{list:#}");
    // Nothing of it is there to approve.
    require(&app, Value::Null).await;
    app.tell(&post(&app, 2, 4, "Lamps without review.")).await;
    app.work().await;
    assert_eq!(app.document(&answer).await["state"], "live");
    assert_eq!(app.document(&before).await["state"], "live");
    app.finish().await;
}

#[tokio::test]
async fn an_approval_is_for_what_was_seen() {
    let (_wordpress, app) = shop().await;
    require(&app, json!(true)).await;
    let answer = app.tell(&post(&app, 2, 1, "Lamps that somebody reads.")).await;
    app.work().await;
    let seen = app.document(&answer).await["content_hash"].clone();
    assert_eq!(seen.as_str().unwrap().len(), 64);
    let path = format!(
        "/api/documents/{}/approve",
        answer["document_id"].as_str().unwrap()
    );
    let approve = async |hash: &Value| {
        let (status, answer) = app
            .api("POST", &path, Some(json!({ "content_hash": hash })))
            .await;
        (status, answer["code"].as_str().unwrap_or_default().to_owned())
    };
    // While they read, the page is changed.
    app.tell(&post(&app, 2, 2, "Lamps that nobody has seen.")).await;
    app.work().await;
    assert_eq!(approve(&seen).await, (409, "content_changed".to_owned()));
    assert_eq!(app.document(&answer).await["state"], "pending_review");
    assert_eq!(found(&app, "lamps").await.len(), 0);
    // Whoever doesn't say what they have seen approves nothing.
    for (body, pointer) in [
        (json!({}), "/content_hash"),
        (json!({ "content_hash": "abc" }), "/content_hash"),
    ] {
        let (status, problem) = app.api("POST", &path, Some(body)).await;
        assert_eq!(
            (status, problem["pointer"].as_str()),
            (422, Some(pointer)),
            "{problem:#}"
        );
    }
    let now = app.document(&answer).await["content_hash"].clone();
    assert_ne!(now, seen);
    assert_eq!(approve(&now).await.0, 200);
    assert_eq!(found(&app, "lamps").await, ["Lamps that nobody has seen."]);
    app.finish().await;
}

/// Approves what is live of a document.
async fn approve(app: &TestApp, answer: &Value) {
    let seen = json!({ "content_hash": app.document(answer).await["content_hash"] });
    let path = format!(
        "/api/documents/{}/approve",
        answer["document_id"].as_str().unwrap()
    );
    let (status, approved) = app.api("POST", &path, Some(seen)).await;
    assert_eq!((status, &approved["state"]), (200, &json!("live")));
}

/// A site that refuses its own file for a moment takes the document away, not its approval.
#[tokio::test]
async fn the_same_content_needs_no_second_approval() {
    let (wordpress, app) = shop().await;
    require(&app, json!(true)).await;
    let url = wordpress.serve("/uploads/care.md", 200, b"# Care\n\nWipe the brass dry.");
    let told = |minute: i64| {
        let at = app.clock.now() - TimeDelta::days(1) + TimeDelta::minutes(minute);
        json!({ "site_id": app.site.id, "timestamp": app.clock.now().timestamp(), "attachment_id": 7,
                "event": "media.updated", "modified_at": at.to_rfc3339(), "file_url": url, "title": "Care" })
    };
    let answer = app.tell(&told(0)).await;
    app.work().await;
    let state = async || app.document(&answer).await["state"].clone();
    assert_eq!(state().await, "pending_review");
    approve(&app, &answer).await;
    wordpress.serve("/uploads/care.md", 401, b"no");
    app.tell(&told(1)).await;
    app.work().await;
    assert_eq!(state().await, "failed");
    assert!(found(&app, "brass").await.is_empty());
    wordpress.serve("/uploads/care.md", 200, b"# Care\n\nWipe the brass dry.");
    app.tell(&told(2)).await;
    app.work().await;
    assert_eq!(state().await, "live", "somebody has read it");
    assert_eq!(found(&app, "brass").await.len(), 1);

    // The same text in other bytes, as pages with times and numbers in them are each night.
    wordpress.serve(
        "/uploads/care.md",
        200,
        b"<!-- 17:04 -->\n# Care\n\nWipe the brass dry.\n",
    );
    let before = app.document(&answer).await;
    app.tell(&told(3)).await;
    app.work().await;
    let after = app.document(&answer).await;
    assert_eq!(
        (after["state"].as_str(), after["chunks"].as_u64()),
        (Some("live"), Some(1))
    );
    assert_ne!(before["content_hash"], after["content_hash"]);

    // Nobody has read this; and then the one that was approved is back once more.
    wordpress.serve("/uploads/care.md", 200, b"# Care\n\nPolish the brass.");
    app.tell(&told(4)).await;
    app.work().await;
    assert_eq!(state().await, "pending_review");
    wordpress.serve("/uploads/care.md", 200, b"# Care\n\nWipe the brass dry.");
    app.tell(&told(5)).await;
    app.work().await;
    assert_eq!(state().await, "live");

    // What was removed was forgotten, and its approval with it.
    wordpress.serve("/uploads/care.md", 404, b"no");
    app.tell(&told(6)).await;
    app.work().await;
    assert_eq!(state().await, "removed");
    wordpress.serve("/uploads/care.md", 200, b"# Care\n\nWipe the brass dry.");
    app.tell(&told(7)).await;
    app.work().await;
    assert_eq!(state().await, "pending_review");
    app.finish().await;
}

/// Who reads passages waits for nobody that works on their document.
#[tokio::test]
async fn reading_passages_locks_nothing() {
    let (_wordpress, app) = shop().await;
    let answer = app.tell(&post(&app, 1, 1, "Lamps that somebody reads.")).await;
    app.work().await;
    let id = answer["document_id"].as_str().unwrap();
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let document = DocumentId(id.parse().unwrap());
    assert!(documents::lock(&mut tx, document).await.unwrap());
    let (status, chunks) = app.api("GET", &format!("/api/documents/{id}/chunks"), None).await;
    assert_eq!(
        (status, chunks["chunks"].as_array().map(Vec::len)),
        (200, Some(1))
    );
    drop(tx);
    app.finish().await;
}
