//! What a site doesn't show any more, or shows something else in its place of, is not answered
//! from any more; and what was never meant for everybody never is.

use chrono::TimeDelta;
use deskhand::domain::clock::Clock;
use serde_json::{Value, json};

use super::{ORPHANS, found, shop};
use crate::support::app::TestApp;
use crate::support::wordpress::{WordPress, post};

const PAGE: &[u8] = b"# Care\n\nWipe the brass dry with microfibre.";
const SIGN_IN: &[u8] = b"<!doctype html><title>Log in</title><h1>Members</h1><form><input name=log>\
    <input type=password name=pwd><button>Log in</button></form><p>Microfibre is for members.</p>";

fn media(app: &TestApp, id: u64, minute: i64, url: &str) -> Value {
    let at = app.clock.now() - TimeDelta::days(1) + TimeDelta::minutes(minute);
    json!({ "site_id": app.site.id, "timestamp": app.clock.now().timestamp(), "attachment_id": id,
            "event": "media.updated", "modified_at": at.to_rfc3339(), "file_url": url, "title": "Care" })
}

async fn receipts(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM deletion_receipts WHERE (counts ->> 'chunks')::int > 0")
        .await
}

/// Has a file live, then lets something happen to it and tells of a change.
async fn change(wordpress: &WordPress, app: &TestApp, id: u64, status: u16, body: &[u8]) -> Value {
    let path = format!("/uploads/{id}.pdf");
    let url = wordpress.serve(&path, 200, PAGE);
    let answer = app.tell(&media(app, id, 0, &url)).await;
    app.work().await;
    assert_eq!(app.document(&answer).await["state"], "live", "{id}");
    assert_eq!(found(app, "microfibre").await.len(), 1, "{id}");
    wordpress.serve(&path, status, body);
    app.tell(&media(app, id, 1, &url)).await;
    app.work().await;
    app.document(&answer).await
}

#[tokio::test]
async fn a_file_that_is_not_shown_any_more_is_not_answered_from() {
    let (wordpress, app) = shop().await;
    for (n, (status, body, state, code)) in [
        (403, &b"no"[..], "failed", "not_public"),
        (401, b"no", "failed", "not_public"),
        (404, b"no", "removed", "gone"),
        (410, b"no", "removed", "gone"),
        (200, SIGN_IN, "failed", "not_public"),
        (
            200,
            b"<!doctype html><title>Oops</title><p>Microfibre wasn't found.",
            "failed",
            "mistyped",
        ),
        (
            200,
            b"ID3\x03\x00\x00\x00\x00\x00\x21TSSE\x00\x00\x00\x00microfibre",
            "failed",
            "unsupported_type",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let n = i64::try_from(n).unwrap();
        let document = change(&wordpress, &app, n.unsigned_abs() + 1, status, body).await;
        assert_eq!(
            (&document["state"], &document["failure"]["code"]),
            (&json!(state), &json!(code)),
            "{document:#}"
        );
        assert!(
            document["failure"]["detail"].as_str().unwrap().ends_with('.'),
            "{document:#}"
        );
        assert_eq!(document["chunks"], 0, "{document:#}");
        assert!(found(&app, "microfibre").await.is_empty(), "{code}");
        assert_eq!(receipts(&app).await, n + 1, "{code}");
    }
    assert_eq!(app.count(ORPHANS).await, 0);
    app.finish().await;
}

#[tokio::test]
async fn what_failed_only_for_now_stays_as_it_was() {
    let (wordpress, app) = shop().await;
    for (id, status, body) in [(1, 503, &b"later"[..]), (2, 200, b"%PDF-1.7\n%%EOF not really")] {
        let path = format!("/uploads/{id}.md");
        let url = wordpress.serve(&path, 200, PAGE);
        let answer = app.tell(&media(&app, id, 0, &url)).await;
        app.work().await;
        wordpress.serve(&path, status, body);
        app.tell(&media(&app, id, 1, &url)).await;
        app.bend("UPDATE jobs SET attempts = max_attempts - 1 WHERE state = 'waiting'")
            .await;
        app.work().await;
        let document = app.document(&answer).await;
        assert_eq!(
            (&document["state"], &document["chunks"]),
            (&json!("failed"), &json!(1)),
            "{document:#}"
        );
        assert_eq!(
            found(&app, "microfibre").await.len(),
            usize::try_from(id).unwrap()
        );
    }
    assert_eq!(receipts(&app).await, 0);
    app.finish().await;
}

#[tokio::test]
async fn what_comes_back_is_answered_from_again() {
    let (wordpress, app) = shop().await;
    let hidden = change(&wordpress, &app, 1, 403, b"").await;
    // Its owner mends it and has it made anew.
    wordpress.serve("/uploads/1.pdf", 200, PAGE);
    let path = format!("/api/documents/{}", hidden["id"].as_str().unwrap());
    let (status, job) = app.api("POST", &format!("{path}/reindex"), None).await;
    assert_eq!(status, 202, "{job:#}");
    app.work().await;
    let (_, document) = app.api("GET", &path, None).await;
    assert_eq!(
        (&document["state"], document.get("failure")),
        (&json!("live"), None),
        "{document:#}"
    );
    assert_eq!(found(&app, "microfibre").await.len(), 1);
    wordpress.serve("/uploads/1.pdf", 410, b"");
    app.api("POST", &format!("{path}/reindex"), None).await;
    app.work().await;
    assert_eq!(app.api("GET", &path, None).await.1["state"], "removed");
    // Uploaded anew it is another event's, even if that is older than the moment of the removal.
    let url = wordpress.serve("/uploads/1.pdf", 200, PAGE);
    app.tell(&media(&app, 1, 5, &url)).await;
    app.work().await;
    let (_, document) = app.api("GET", &path, None).await;
    assert_eq!(document["state"], "live", "{document:#}");
    assert_eq!(found(&app, "microfibre").await.len(), 1);
    assert_eq!(app.count(ORPHANS).await, 0);
    app.finish().await;
}

#[tokio::test]
async fn a_media_file_that_became_a_sound_ends_what_was_read_of_it() {
    let (wordpress, app) = shop().await;
    let url = wordpress.serve("/uploads/care.md", 200, PAGE);
    let answer = app.tell(&media(&app, 1, 0, &url)).await;
    app.work().await;
    assert_eq!(found(&app, "microfibre").await.len(), 1);
    let mut sound = media(&app, 1, 1, &url);
    sound["mime_type"] = json!("audio/mpeg");
    app.tell(&sound).await;
    app.work().await;
    let document = app.document(&answer).await;
    assert_eq!(
        (&document["state"], &document["failure"]["code"]),
        (&json!("failed"), &json!("unsupported_type")),
        "{document:#}"
    );
    assert!(found(&app, "microfibre").await.is_empty());
    assert_eq!(receipts(&app).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn what_is_not_for_everybody_is_never_taken_in() {
    let (wordpress, app) = shop().await;
    wordpress.serve("/login/", 200, b"<!doctype html><p>Microfibre awaits you here.");
    wordpress.lead("/uploads/members.pdf", "/login/?next=members");
    let served = [
        ("/uploads/signin.pdf", SIGN_IN),
        (
            "/uploads/locked.html",
            b"<form class='post-password-form'><p>Microfibre</p></form>",
        ),
        (
            "/uploads/cloaked.docx",
            b"<html><body><p>Microfibre is what this page is about.</p></body></html>",
        ),
    ];
    let mut answers = Vec::new();
    for (n, (path, body)) in (1..).zip(served) {
        let url = wordpress.serve(path, 200, body);
        answers.push(app.tell(&media(&app, n, 0, &url)).await);
    }
    let led = format!("{}/uploads/members.pdf", wordpress.origin);
    answers.push(app.tell(&media(&app, 9, 0, &led)).await);
    // A post whose content isn't in the webhook is read from its page.
    let mut page = post(&app, 7, 1, "");
    page["content"] = json!("");
    page["url"] = json!(wordpress.serve("/account/", 200, SIGN_IN));
    answers.push(app.tell(&page).await);
    app.work().await;
    let mut codes = Vec::new();
    for answer in &answers {
        let document = app.document(answer).await;
        assert_eq!(document["state"], "failed", "{document:#}");
        codes.push(document["failure"]["code"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        codes,
        ["not_public", "not_public", "mistyped", "not_public", "not_public"]
    );
    assert!(found(&app, "microfibre").await.is_empty());
    app.finish().await;
}
