//! `POST /webhook/wp-media`: what is taken, what is refused, and what a repeat is answered.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use deskhand::db::sites;
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::SiteId;
use deskhand::domain::keys::{Purpose, RootSecret, owner_of};
use deskhand::domain::signature::{Signed, WORDPRESS};
use serde_json::{Value, json};

use super::{found, shop};
use crate::support::app::{TestApp, TestSite};
use crate::support::wordpress::{new_key, post, sign, trashed};

/// Status and code of a problem.
async fn refused(request: reqwest::RequestBuilder) -> (u16, String, Option<String>) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: Value = response.json().await.unwrap();
    (
        status,
        body["code"].as_str().unwrap().to_owned(),
        body["pointer"].as_str().map(str::to_owned),
    )
}

fn raw(app: &TestApp, site: &str, signature: &str, body: &[u8]) -> reqwest::RequestBuilder {
    app.client
        .post(format!("{}/webhook/wp-media", app.base))
        .header("x-site-id", site)
        .header("x-wp-signature", signature)
        .body(body.to_vec())
}

#[tokio::test]
async fn an_uploaded_file_is_fetched_and_found() {
    let (wordpress, app) = shop().await;
    let url = wordpress.serve(
        "/uploads/care.md",
        200,
        b"# Lamp care\n\nWipe the brass dry with microfibre.",
    );
    let event = json!({ "site_id": app.site.id, "timestamp": app.clock.now().timestamp(), "attachment_id": 12,
                        "file_url": url, "title": "Care of lamps", "tags": ["lamps"] });
    let answer = app.tell(&event).await;
    let status_url = answer["status_url"].as_str().unwrap().to_owned();
    let (status, job) = app.api("GET", &status_url, None).await;
    assert_eq!((status, &job["state"]), (200, &json!("waiting")), "{job:#}");
    assert_eq!(job["document_id"], answer["document_id"]);
    let document = app.document(&answer).await;
    assert_eq!(
        (&document["state"], &document["title"]),
        (&json!("waiting"), &json!("Care of lamps"))
    );

    app.work().await;
    let (_, job) = app.api("GET", &status_url, None).await;
    assert_eq!(job["state"], "done", "{job:#}");
    let document = app.document(&answer).await;
    assert_eq!(document["state"], "live", "{document:#}");
    assert_eq!(
        (&document["source"], &document["external_id"]),
        (&json!("wp_media"), &json!("12"))
    );
    assert_eq!(
        (&document["version"], &document["chunks"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(found(&app, "microfibre").await.len(), 1);
    assert_eq!(
        found(&app, "lamps").await.len(),
        1,
        "its tag is a word that finds it"
    );
    assert_eq!(wordpress.asked("/uploads/care.md"), 1);
    let kept = "SELECT count(*) FROM inbound_events WHERE state = 'processed' AND signature_valid AND raw IS NOT NULL
                AND attempts = 1 AND headers ? 'source_address'";
    assert_eq!(app.count(kept).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer() {
    let (_wordpress, app) = shop().await;
    let first = post(&app, 5, 1, "Once.");
    let key = new_key();
    let send = async |body: &Value, key: &str| {
        let request = app.webhook(body).header("idempotency-key", key);
        let response = request.send().await.unwrap();
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap(),
        )
    };
    let (status, answer) = send(&first, &key).await;
    assert_eq!(status, 202, "{answer:#}");
    // The same body, under the same key or another, and signed anew later under the same.
    assert_eq!(send(&first, &key).await, (200, answer.clone()));
    assert_eq!(send(&first, &new_key()).await, (200, answer.clone()));
    let mut later = first.clone();
    later["timestamp"] = json!(app.clock.now().timestamp() + 20);
    assert_eq!(send(&later, &key).await, (200, answer.clone()));
    // After it was done, too.
    app.work().await;
    assert_eq!(send(&later, &key).await, (200, answer.clone()));
    assert_eq!(app.count("SELECT count(*) FROM inbound_events").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM jobs").await, 1);
    // A key that is used for something else would lose it in silence.
    let other = post(&app, 6, 1, "Another.");
    let (status, code, _) = refused(app.webhook(&other).header("idempotency-key", &key)).await;
    assert_eq!((status, code.as_str()), (422, "idempotency_reused"));
    // The same document at the same time, too, if it says something else; before and after it was done.
    let other = post(&app, 5, 1, "Twice.");
    let (status, code, _) = refused(app.webhook(&other).header("idempotency-key", &key)).await;
    assert_eq!((status, code.as_str()), (422, "idempotency_reused"));
    assert_eq!(send(&later, &key).await, (200, answer.clone()));
    let long = "k".repeat(201);
    let (status, ..) = refused(app.webhook(&other).header("idempotency-key", &long)).await;
    assert_eq!(status, 422);
    app.finish().await;
}

#[tokio::test]
async fn only_the_sites_own_key_signs() {
    let (_wordpress, app) = shop().await;
    let other = TestSite::add(
        &app.db,
        &app.master,
        "other",
        &["https://other.example"],
        app.clock.now(),
    )
    .await;
    let body = serde_json::to_vec(&post(&app, 5, 1, "Once.")).unwrap();
    let own = app.site.id.to_string();
    let right = sign(&app.site.root, app.site.id, &body);
    let by = |root: &RootSecret, site: SiteId, purpose: Purpose| {
        let key = root.derive(site, purpose);
        WORDPRESS.sign(
            key.expose(),
            &Signed {
                body: &body,
                timestamp: "",
            },
        )
    };
    let mut changed = body.clone();
    changed.push(b' ');
    let unknown = SiteId::new();
    for (site, signature, body) in [
        (own.as_str(), "", &body),
        (own.as_str(), "sha256=", &body),
        (own.as_str(), right.as_str(), &changed),
        (&own, &by(&other.root, app.site.id, Purpose::Webhook), &body),
        (&own, &by(&app.site.root, app.site.id, Purpose::Token), &body),
        (
            &other.id.to_string(),
            &by(&app.site.root, other.id, Purpose::Webhook),
            &body,
        ),
        (
            &unknown.to_string(),
            &by(&app.site.root, unknown, Purpose::Webhook),
            &body,
        ),
        ("no-id", &right, &body),
    ] {
        let (status, code, _) = refused(raw(&app, site, signature, body)).await;
        assert_eq!(
            (status, code.as_str()),
            (401, "bad_signature"),
            "{site} {signature}"
        );
    }
    // Another site's event under one's own name says nothing of it.
    let (status, code, pointer) = refused(raw(
        &app,
        &other.id.to_string(),
        &by(&other.root, other.id, Purpose::Webhook),
        &body,
    ))
    .await;
    assert_eq!(
        (status, code.as_str(), pointer.as_deref()),
        (422, "invalid_field", Some("/site_id"))
    );
    assert_eq!(app.count("SELECT count(*) FROM inbound_events").await, 0);
    // Without the prefix it is as good.
    let bare = right.trim_start_matches("sha256=");
    assert_eq!(raw(&app, &own, bare, &body).send().await.unwrap().status(), 202);
    app.finish().await;
}

#[tokio::test]
async fn both_secrets_sign_while_rotating() {
    let (_wordpress, app) = shop().await;
    let new = RootSecret::new([9; 32]);
    let kid = "dk_newnewnew";
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let sealed = app
        .master
        .seal(&owner_of(app.site.id, kid), new.expose())
        .unwrap();
    sites::add_root_key(&mut tx, kid, &sealed).await.unwrap();
    sites::retire_root_keys(&mut tx, kid, app.clock.now() + TimeDelta::hours(24))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let site = app.site.id.to_string();
    for (n, root, named, status) in [
        (1, &app.site.root, None, 202),
        (2, &new, None, 202),
        (3, &new, Some(kid), 202),
        (4, &app.site.root, Some(app.site.kid.as_str()), 202),
        (5, &app.site.root, Some(kid), 401),
        (6, &new, Some("dk_unknown"), 401),
    ] {
        let body = serde_json::to_vec(&post(&app, n, 1, "Once.")).unwrap();
        let mut request = raw(&app, &site, &sign(root, app.site.id, &body), &body);
        if let Some(named) = named {
            request = request.header("x-key-id", named);
        }
        assert_eq!(request.send().await.unwrap().status(), status, "{n}");
    }
    let kids = app
        .text("SELECT string_agg(kid, ' ' ORDER BY document_id, kid) FROM inbound_events")
        .await;
    assert_eq!(kids.matches(kid).count(), 2, "{kids}");
    // When the old one has ended it signs no more; a key is remembered for seconds.
    app.bend("UPDATE site_keys SET not_after = now() - interval '1 minute' WHERE not_after IS NOT NULL")
        .await;
    let replica = app.replica(crate::support::app::Setup::default()).await;
    let body = serde_json::to_vec(&post(&app, 9, 1, "Once.")).unwrap();
    let late = raw(&replica, &site, &sign(&app.site.root, app.site.id, &body), &body);
    assert_eq!(late.send().await.unwrap().status(), 401);
    replica.finish().await;
    app.finish().await;
}

#[tokio::test]
async fn mistakes_are_named() {
    let (_wordpress, app) = shop().await;
    let site = app.site.id.to_string();
    let signed = |body: &[u8]| raw(&app, &site, &sign(&app.site.root, app.site.id, body), body);
    for (body, status, code) in [
        (b"".to_vec(), 400, "bad_json"),
        (b"{".to_vec(), 400, "bad_json"),
        (b"\xff\xfe".to_vec(), 400, "bad_json"),
        (b"[]".to_vec(), 422, "invalid_field"),
        (b"{}".to_vec(), 422, "invalid_field"),
        (vec![b' '; 2 * 1024 * 1024 + 1], 413, "too_large"),
    ] {
        let (got, name, _) = refused(signed(&body)).await;
        assert_eq!((got, name.as_str()), (status, code), "{} bytes", body.len());
    }
    for seconds in [-301, 301] {
        let mut body = post(&app, 1, 1, "x");
        body["timestamp"] = json!(app.clock.now().timestamp() + seconds);
        let (status, code, _) = refused(app.webhook(&body)).await;
        assert_eq!((status, code.as_str()), (401, "stale_timestamp"), "{seconds}");
    }
    for (field, value, pointer) in [
        ("post_id", json!("seven"), "/post_id"),
        ("post_id", Value::Null, "/post_id"),
        ("event", json!("post.eaten"), "/event"),
        ("modified_at", json!("yesterday"), "/modified_at"),
        ("url", json!("javascript:alert(1)"), "/url"),
        ("tags", json!([1]), "/tags/0"),
        ("post_type", json!("shop_order"), "/post_type"),
    ] {
        let mut body = post(&app, 1, 1, "x");
        body[field] = value;
        let (status, code, at) = refused(app.webhook(&body)).await;
        assert_eq!(
            (status, code.as_str(), at.as_deref()),
            (422, "invalid_field", Some(pointer))
        );
    }
    // The largest one that is allowed is taken.
    let mut body = post(&app, 1, 1, "");
    let rest = 2 * 1024 * 1024 - serde_json::to_vec(&body).unwrap().len();
    body["content"] = json!("x".repeat(rest + 7));
    let raw = serde_json::to_vec(&body).unwrap();
    assert_eq!(raw.len(), 2 * 1024 * 1024);
    assert_eq!(signed(&raw).send().await.unwrap().status(), 202);
    assert_eq!(app.count("SELECT count(*) FROM inbound_events").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_are_each_there_once() {
    let (_wordpress, app) = shop().await;
    let replica = app.replica(crate::support::app::Setup::default()).await;
    let send = |n: u64, to: &TestApp| {
        let mut body = post(&app, n % 50 + 1, i64::try_from(n).unwrap(), "Text.");
        if n % 10 == 9 {
            body = trashed(&app, n % 50 + 1, i64::try_from(n).unwrap());
        }
        let request = to.webhook(&body).header("idempotency-key", format!("key-{n}"));
        async move {
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let answer: Value = response.json().await.unwrap();
            assert!(status == 202 || status == 200, "{status} {answer:#}");
            (n, status, answer["job_id"].as_str().unwrap().to_owned())
        }
    };
    // Everyone is sent twice, to one replica and the other, at the same moment.
    let all = (0..200).flat_map(|n| [send(n, &app), send(n, &replica)]);
    let mut answers = futures::future::join_all(all).await;
    answers.sort();
    for pair in answers.chunks(2) {
        assert_eq!(pair[0].2, pair[1].2, "one answer for both");
        assert_eq!([pair[0].1, pair[1].1], [200, 202], "new once");
    }
    let jobs: BTreeSet<_> = answers.iter().map(|a| &a.2).collect();
    assert_eq!(jobs.len(), 200);
    assert_eq!(app.count("SELECT count(*) FROM inbound_events").await, 200);
    assert_eq!(app.count("SELECT count(*) FROM jobs").await, 200);
    app.work().await;
    assert_eq!(
        app.count("SELECT count(*) FROM inbound_events WHERE state NOT IN ('processed', 'discarded')")
            .await,
        0
    );
    replica.finish().await;
    app.finish().await;
}
