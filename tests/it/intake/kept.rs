//! What is kept of webhooks and told of them; and files that haven't changed, which aren't fetched
//! again.

use chrono::TimeDelta;
use deskhand::db::{freshness, sites};
use deskhand::domain::clock::Clock;
use serde_json::{Value, json};

use super::{found, shop};
use crate::support::app::{TestApp, TestSite};
use crate::support::wordpress::{post, sign, trashed};

fn media(app: &TestApp, id: u64, minute: i64, url: &str) -> Value {
    let at = app.clock.now() - TimeDelta::days(1) + TimeDelta::minutes(minute);
    json!({ "site_id": app.site.id, "timestamp": app.clock.now().timestamp(), "attachment_id": id,
            "event": "media.updated", "modified_at": at.to_rfc3339(), "file_url": url, "title": "Care" })
}

#[tokio::test]
async fn an_operator_sees_webhooks_and_has_one_taken_in_again() {
    let (wordpress, app) = shop().await;
    let url = wordpress.serve("/broken.pdf", 200, b"%PDF-1.7\n%%EOF not really");
    let bad = app.tell(&media(&app, 1, 0, &url)).await;
    app.tell(&post(&app, 2, 0, "Oak desks are heavy.")).await;
    app.work().await;
    let (status, all) = app.api("GET", "/api/webhooks/events", None).await;
    assert_eq!(status, 200, "{all:#}");
    let all = all["events"].as_array().unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(
        (&all[0]["kind"], &all[0]["state"]),
        (&json!("post.updated"), &json!("processed"))
    );
    let (_, failed) = app
        .api("GET", "/api/webhooks/events?state=failed&limit=1", None)
        .await;
    assert!(failed.get("next").is_none(), "{failed:#}");
    let event = &failed["events"][0];
    assert_eq!(
        (&event["remark"], &event["attempts"], &event["signature_valid"]),
        (&json!("corrupt"), &json!(1), &json!(true)),
        "{event:#}"
    );
    assert!(event["headers"]["source_address"].is_string() && event["body_bytes"].as_i64() > Some(50));
    assert_eq!(event["document_id"], bad["document_id"]);
    let path = format!("/api/webhooks/events/{}", event["id"].as_str().unwrap());
    assert_eq!(&app.api("GET", &path, None).await.1, event);

    // The file was mended where it is; the same webhook brings it, by a job of the same id.
    wordpress.serve(
        "/broken.pdf",
        200,
        b"# Care\n\nWipe the brass dry with microfibre.",
    );
    let (status, again) = app.api("POST", &format!("{path}/retry"), None).await;
    assert_eq!((status, &again["job_id"]), (202, &bad["job_id"]), "{again:#}");
    let (status, twice) = app.api("POST", &format!("{path}/retry"), None).await;
    assert_eq!((status, &twice), (202, &again));
    app.work().await;
    assert_eq!(found(&app, "microfibre").await.len(), 1);
    let (_, event) = app.api("GET", &path, None).await;
    assert_eq!(
        (&event["state"], &event["attempts"]),
        (&json!("processed"), &json!(2)),
        "{event:#}"
    );
    let (status, problem) = app.api("POST", &format!("{path}/retry"), None).await;
    assert_eq!(
        (status, &problem["code"]),
        (422, &json!("invalid_field")),
        "{problem:#}"
    );
    // What a document's end took with it is said to be gone.
    app.tell(&trashed(&app, 2, 5)).await;
    app.work().await;
    let (_, gone) = app
        .api("GET", "/api/webhooks/events?kind=post.updated", None)
        .await;
    assert!(gone["events"][0].get("body_bytes").is_none(), "{gone:#}");
    for (path, status) in [
        ("/api/webhooks/events/nothing", 404),
        ("/api/webhooks/events?state=lost", 422),
        ("/api/webhooks/events?limit=0", 422),
    ] {
        assert_eq!(app.api("GET", path, None).await.0, status, "{path}");
    }
    app.finish().await;
}

#[tokio::test]
async fn wrong_signatures_are_counted_by_sender_and_nothing_of_them_is_kept() {
    let (_wordpress, app) = shop().await;
    let stranger = TestSite::add(&app.db, &app.master, "stranger", &[], app.clock.now()).await;
    let raw = serde_json::to_vec(&post(&app, 1, 0, "Forged words.")).unwrap();
    let send = async |site: &str, signature: &str| {
        let request = app
            .client
            .post(format!("{}/webhook/wp-media", app.base))
            .header("x-site-id", site)
            .header("user-agent", "Forger/1.0")
            .header("x-wp-signature", signature)
            .body(raw.clone());
        assert_eq!(request.send().await.unwrap().status(), 401);
    };
    let id = app.site.id.to_string();
    for _ in 0..3 {
        send(&id, &sign(&stranger.root, app.site.id, &raw)).await;
    }
    // A site that there isn't: as the sender sees it the same, and nothing to count it for.
    send("0192f000-0000-7000-8000-000000000000", "00").await;
    app.until("SELECT coalesce(sum(n), 0)::bigint FROM refused_webhooks", 3)
        .await;
    let (status, told) = app.api("GET", "/api/webhooks/refused", None).await;
    assert_eq!(status, 200);
    let senders = told["senders"].as_array().unwrap();
    assert_eq!(senders.len(), 1, "{told:#}");
    assert_eq!(
        (
            &senders[0]["n"],
            &senders[0]["address"],
            &senders[0]["user_agent"]
        ),
        (&json!(3), &json!("127.0.0.1"), &json!("Forger/1.0"))
    );
    assert_eq!(app.count("SELECT count(*) FROM inbound_events").await, 0);
    send(&id, "not hex").await;
    app.until("SELECT coalesce(sum(n), 0)::bigint FROM refused_webhooks", 4)
        .await;
    assert_eq!(app.count("SELECT count(*) FROM refused_webhooks").await, 1);
    app.finish().await;
}

#[tokio::test]
async fn a_file_that_hasnt_changed_isnt_fetched_again() {
    let (wordpress, app) = shop().await;
    let path = "/uploads/care.md";
    let url = wordpress.serve_as(path, "one", b"# Care\n\nWipe the brass dry with microfibre.");
    let answer = app.tell(&media(&app, 7, 0, &url)).await;
    app.work().await;
    assert_eq!(app.document(&answer).await["version"], 1);
    assert_eq!((wordpress.asked(path), wordpress.unchanged(path)), (1, 0));

    app.tell(&media(&app, 7, 1, &url)).await;
    app.work().await;
    assert_eq!((wordpress.asked(path), wordpress.unchanged(path)), (1, 1));
    let document = app.document(&answer).await;
    assert_eq!(
        (&document["version"], &document["state"]),
        (&json!(1), &json!("live"))
    );
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let standing = freshness::look(&mut tx).await.unwrap();
    assert!(
        standing.newest.unwrap() > app.clock.now() - TimeDelta::minutes(1),
        "{standing:?}"
    );
    drop(tx);

    // Another title makes another version of it, and another file too.
    let mut renamed = media(&app, 7, 2, &url);
    renamed["title"] = json!("Care of lamps");
    app.tell(&renamed).await;
    app.work().await;
    assert_eq!((wordpress.asked(path), wordpress.unchanged(path)), (2, 1));
    wordpress.serve_as(path, "two", b"# Care\n\nUse a soft brush.");
    let mut changed = media(&app, 7, 3, &url);
    changed["title"] = json!("Care of lamps");
    app.tell(&changed).await;
    app.work().await;
    assert_eq!((wordpress.asked(path), wordpress.unchanged(path)), (3, 1));
    assert_eq!(app.document(&answer).await["version"], 3);
    assert_eq!(found(&app, "brush").await.len(), 1);
    // What an operator wants made anew is fetched, whatever the server says.
    let reindex = format!(
        "/api/documents/{}/reindex",
        answer["document_id"].as_str().unwrap()
    );
    assert_eq!(app.api("POST", &reindex, None).await.0, 202);
    app.work().await;
    assert_eq!((wordpress.asked(path), wordpress.unchanged(path)), (4, 1));
    app.finish().await;
}

#[tokio::test]
async fn pictures_of_the_media_library_are_read_where_the_site_asks_for_it() {
    let (wordpress, app) = shop().await;
    let url = wordpress.serve("/sign.png", 200, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let mut picture = media(&app, 9, 0, &url);
    picture["mime_type"] = json!("image/png");
    let answer = app.tell(&picture).await;
    app.work().await;
    let failure = app.document(&answer).await["failure"].clone();
    assert!(
        failure["detail"].as_str().unwrap().contains("read_pictures"),
        "{failure}"
    );
    assert_eq!(wordpress.asked("/sign.png"), 0);

    let mut tx = app.db.site(app.site.id).await.unwrap();
    sites::set_setting(&mut tx, "read_pictures", &json!(true))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut picture = media(&app, 9, 1, &url);
    picture["mime_type"] = json!("image/png");
    let answer = app.tell(&picture).await;
    app.work().await;
    // It is fetched now, and this server has nothing to read it with.
    assert_eq!(wordpress.asked("/sign.png"), 1);
    let failure = app.document(&answer).await["failure"].clone();
    assert!(
        failure["detail"].as_str().unwrap().contains("tesseract"),
        "{failure}"
    );
    app.finish().await;
}

/// A draft comes with its content, and so does a post that had been deleted before it came.
#[tokio::test]
async fn what_must_not_be_taken_in_is_not_kept() {
    let (_wordpress, app) = shop().await;
    let mut draft = post(&app, 1, 1, "Nobody may read this yet.");
    draft["status"] = json!("draft");
    app.tell(&draft).await;
    app.tell(&trashed(&app, 2, 5)).await;
    app.work().await;
    app.tell(&post(&app, 2, 1, "Deleted before it came.")).await;
    app.work().await;
    let kept = "SELECT count(*) FROM inbound_events WHERE raw IS NOT NULL";
    assert_eq!(app.count(kept).await, 0);
    assert_eq!(app.count("SELECT count(*) FROM inbound_events").await, 3);
    app.finish().await;
}

/// Of a field that is there twice the last one counts, whoever reads it.
#[tokio::test]
async fn a_field_that_is_there_twice_is_read_alike_twice() {
    let (_wordpress, app) = shop().await;
    let answer = app.tell(&post(&app, 1, 1, "Oak desks are heavy.")).await;
    app.work().await;
    let body = serde_json::to_string(&trashed(&app, 1, 5)).unwrap();
    let body = body.replacen('{', "{\"event\":\"post.updated\",", 1).into_bytes();
    let sent = app
        .client
        .post(format!("{}/webhook/wp-media", app.base))
        .header("x-site-id", app.site.id.to_string())
        .header("x-wp-signature", sign(&app.site.root, app.site.id, &body))
        .body(body);
    assert_eq!(sent.send().await.unwrap().status(), 202);
    app.work().await;
    assert_eq!(app.document(&answer).await["state"], "removed");
    app.finish().await;
}
