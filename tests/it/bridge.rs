//! The event bridge: an event is taken once, whoever sends it again; what isn't signed as it must
//! be, or isn't of its type's shape, isn't taken at all; and what came of it can be asked for.

mod handling;

use chrono::TimeDelta;
use deskhand::db::persons;
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::VisitorId;
use deskhand::domain::keys::{Purpose, RootSecret};
use deskhand::domain::signature::{BRIDGE, Signed};
use deskhand::events::handle;
use deskhand::privacy::subject::email_hash;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ai_jobs::sign as token;
use crate::support::app::{TestApp, TestSite};
use crate::support::wordpress::sign as webhook;

fn claims(app: &TestApp) -> Value {
    let now = app.clock.now().timestamp();
    json!({
        "iss": app.site.id, "sub": "site", "aud": "deskhand-events", "iat": now, "exp": now + 60, "jti": Uuid::now_v7(),
    })
}

fn event(app: &TestApp, event_type: &str, key: &str, data: Value) -> Value {
    json!({
        "event_type": event_type, "object_ref": "thing:1", "idempotency_key": key,
        "occurred_at": app.clock.now() - TimeDelta::hours(5), "data": data,
    })
}

fn form(app: &TestApp, key: &str) -> Value {
    let data = json!({
        "form_title": "Contact", "plugin": "contact-form-7", "email": "anna@example.com", "name": "Anna",
        "message": "The lamp flickers.", "page": "https://shop.example/contact",
        "fields": [{"name": "your-message", "value": "The lamp flickers."}],
    });
    event(app, "form.submitted", key, data)
}

/// As a plugin sends it, but for what is given.
struct Sending<'a> {
    app: &'a TestApp,
    claims: Value,
    raw: Vec<u8>,
    key: String,
    signature: Option<String>,
    root: RootSecret,
}

impl<'a> Sending<'a> {
    fn new(app: &'a TestApp, body: &Value) -> Self {
        Self {
            app,
            claims: claims(app),
            raw: serde_json::to_vec(body).unwrap(),
            key: body["idempotency_key"].as_str().unwrap_or("").to_owned(),
            signature: None,
            root: RootSecret::new(*app.site.root.expose()),
        }
    }

    async fn go(self) -> (u16, Value) {
        let key = self.app.site.root.derive(self.app.site.id, Purpose::Webhook);
        let signed = Signed {
            body: &self.raw,
            timestamp: "",
        };
        let signature = self
            .signature
            .unwrap_or_else(|| BRIDGE.sign(key.expose(), &signed));
        let sent = self
            .app
            .client
            .post(format!("{}/ingest", self.app.base))
            .bearer_auth(token(&self.root, &self.app.site.kid, &self.claims))
            .header("x-signature", signature)
            .header("x-idempotency-key", self.key)
            .header("content-type", "application/json")
            .body(self.raw)
            .send()
            .await
            .unwrap();
        (sent.status().as_u16(), sent.json().await.unwrap_or_default())
    }
}

async fn tell(app: &TestApp, body: &Value) -> (u16, Value) {
    Sending::new(app, body).go().await
}

/// Handles all that waits, as the worker does.
async fn work(app: &TestApp) {
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let rows = deskhand::db::bridge::newest(&mut tx, None, 1_000).await.unwrap();
    tx.commit().await.unwrap();
    for row in rows.iter().filter(|r| r.state == "queued") {
        handle::handle(&app.db, &app.master, app.site.id, row.id, app.clock.now())
            .await
            .unwrap();
    }
}

async fn results(app: &TestApp, since: &str) -> Value {
    app.clock.advance(TimeDelta::seconds(5));
    let path = format!("/results{since}");
    let sent = app.get(&path, &app.site.api_key()).send().await.unwrap();
    sent.json().await.unwrap()
}

#[tokio::test]
async fn an_event_is_taken_once_and_its_result_is_told() {
    let app = TestApp::start().await;
    let body = event(
        &app,
        "booking.moved",
        "k-1",
        json!({ "to": "Friday", "who": "ben@example.com" }),
    );
    let (status, first) = tell(&app, &body).await;
    assert_eq!(status, 202, "{first:#}");
    let (status, again) = tell(&app, &body).await;
    assert_eq!((status, &again), (200, &first));
    // Another event under its key is a mistake of the sender's.
    let mut other = body.clone();
    other["data"] = json!({ "to": "Monday" });
    let (status, problem) = tell(&app, &other).await;
    assert_eq!((status, &problem["code"]), (422, &json!("idempotency_reused")));
    assert_eq!(app.count("SELECT count(*) FROM bridge_events").await, 1);
    assert_eq!(
        app.count("SELECT count(*) FROM jobs WHERE kind = 'bridge_event'")
            .await,
        1
    );
    // Nothing of it lies open.
    let rows = app
        .text("SELECT string_agg(b::text, ' ') FROM bridge_events b")
        .await;
    assert!(
        !rows.contains("Friday") && !rows.contains(&hex::encode("Friday")),
        "{rows}"
    );

    assert_eq!(
        results(&app, "").await["results"],
        json!([]),
        "nothing was handled yet"
    );
    work(&app).await;
    let told = results(&app, "").await;
    assert_eq!(told["results"][0]["request_id"], first["request_id"]);
    assert_eq!(
        (&told["results"][0]["status"], &told["results"][0]["result"]),
        (&json!("processed"), &json!({ "kept": true }))
    );
    assert_eq!(told["results"][0]["idempotency_key"], "k-1");
    // From there on, only what is new.
    let next = format!("?since={}", told["next"].as_str().unwrap());
    assert_eq!(results(&app, &next).await["results"], json!([]));
    tell(&app, &event(&app, "booking.moved", "k-2", json!({}))).await;
    work(&app).await;
    let more = results(&app, &next).await;
    assert_eq!(more["results"].as_array().unwrap().len(), 1, "{more:#}");
    assert_eq!(more["results"][0]["idempotency_key"], "k-2");
    let odd = app
        .get("/results?since=yesterday", &app.site.api_key())
        .send()
        .await
        .unwrap();
    assert_eq!(odd.status(), 422);
    let stranger = app
        .get("/results", &app.token(VisitorId::new()))
        .send()
        .await
        .unwrap();
    assert_eq!(stranger.status(), 401);
    app.finish().await;
}

#[tokio::test]
async fn a_token_is_good_once_and_for_its_site_and_moment() {
    let app = TestApp::start().await;
    let used = claims(&app);
    let with = |changed: Value, key: &str| {
        let mut sending = Sending::new(&app, &event(&app, "a.b", key, json!({})));
        for (name, value) in changed.as_object().unwrap() {
            sending.claims[name] = value.clone();
        }
        sending.go()
    };
    assert_eq!(with(json!({ "jti": used["jti"] }), "one").await.0, 202);
    // The very same request, and another event under the same token.
    for key in ["one", "two"] {
        let (status, problem) = with(json!({ "jti": used["jti"] }), key).await;
        assert_eq!(
            (status, &problem["code"]),
            (401, &json!("token_invalid")),
            "{key}: {problem:#}"
        );
    }
    let now = app.clock.now().timestamp();
    for (what, changed, code) in [
        (
            "another audience",
            json!({ "aud": "deskhand-jobs" }),
            "token_invalid",
        ),
        ("a visitor's", json!({ "aud": "deskhand" }), "token_invalid"),
        ("six minutes long", json!({ "exp": now + 360 }), "token_invalid"),
        (
            "an end before its beginning",
            json!({ "exp": now - 1 }),
            "token_invalid",
        ),
        (
            "over",
            json!({ "iat": now - 120, "exp": now - 60 }),
            "token_expired",
        ),
        (
            "too old",
            json!({ "iat": now - 330, "exp": now - 31 }),
            "stale_timestamp",
        ),
        (
            "of the future",
            json!({ "iat": now + 330, "exp": now + 390 }),
            "stale_timestamp",
        ),
        ("no id", json!({ "jti": "" }), "token_invalid"),
        ("a long id", json!({ "jti": "x".repeat(181) }), "token_invalid"),
        (
            "another site's",
            json!({ "iss": VisitorId::new() }),
            "token_invalid",
        ),
    ] {
        let (status, problem) = with(changed, "three").await;
        assert_eq!(
            (status, &problem["code"]),
            (401, &json!(code)),
            "{what}: {problem:#}"
        );
    }
    let foreign = TestSite::add(&app.db, &app.master, "stranger", &[], app.clock.now()).await;
    let mut sending = Sending::new(&app, &event(&app, "a.b", "three", json!({})));
    sending.root = RootSecret::new(*foreign.root.expose());
    assert_eq!(sending.go().await.0, 401, "signed by another site");
    assert_eq!(app.count("SELECT count(*) FROM bridge_events").await, 1);
    app.finish().await;
}

#[tokio::test]
async fn the_signature_is_over_these_very_bytes() {
    let app = TestApp::start().await;
    let body = form(&app, "k");
    let raw = serde_json::to_vec(&body).unwrap();
    let right = webhook(&app.site.root, app.site.id, &raw);
    for (what, signature) in [
        ("none", String::new()),
        ("hex alone", right.trim_start_matches("sha256=").to_owned()),
        ("of another body", webhook(&app.site.root, app.site.id, b"{}")),
        (
            "by another key",
            webhook(&RootSecret::new([9; 32]), app.site.id, &raw),
        ),
    ] {
        let sending = Sending {
            signature: Some(signature),
            ..Sending::new(&app, &body)
        };
        let (status, problem) = sending.go().await;
        assert_eq!(
            (status, &problem["code"]),
            (401, &json!("bad_signature")),
            "{what}"
        );
    }
    let sending = Sending {
        key: "another".to_owned(),
        ..Sending::new(&app, &body)
    };
    assert_eq!(sending.go().await.1["pointer"], "/idempotency_key");
    let mut large = body.clone();
    large["data"]["more"] = json!("x".repeat(256 * 1024));
    assert_eq!(tell(&app, &large).await.0, 413);
    let sending = Sending {
        raw: b"{".to_vec(),
        ..Sending::new(&app, &body)
    };
    assert_eq!(sending.go().await.1["code"], "bad_json");
    assert_eq!(app.count("SELECT count(*) FROM bridge_events").await, 0);
    app.finish().await;
}

#[tokio::test]
async fn each_type_has_its_shape() {
    let app = TestApp::start().await;
    for (what, event_type, data, pointer) in [
        ("an empty form", "form.submitted", json!({}), "/data"),
        (
            "a field without a value",
            "form.submitted",
            json!({ "fields": [{ "name": "a" }] }),
            "/data/fields/0/value",
        ),
        (
            "a number for a text",
            "form.submitted",
            json!({ "message": 5 }),
            "/data/message",
        ),
        (
            "an order without a number",
            "order.paid",
            json!({ "status": "paid" }),
            "/data/order_id",
        ),
        (
            "an order of nobody",
            "order.paid",
            json!({ "order_id": 1, "wp_user_id": -1 }),
            "/data/wp_user_id",
        ),
        ("no type", "paid", json!({}), "/event_type"),
        ("a list", "a.b", json!([]), "/data"),
    ] {
        let (status, problem) = tell(&app, &event(&app, event_type, "k", data)).await;
        assert_eq!(
            (status, &problem["pointer"]),
            (422, &json!(pointer)),
            "{what}: {problem:#}"
        );
    }
    let mut odd = event(&app, "a.b", "k", json!({}));
    odd["admin"] = json!(true);
    assert_eq!(tell(&app, &odd).await.0, 422, "a field that isn't there");
    assert_eq!(app.count("SELECT count(*) FROM bridge_events").await, 0);
    // Its key is free still.
    assert_eq!(tell(&app, &event(&app, "a.b", "k", json!({}))).await.0, 202);
    app.finish().await;
}

#[tokio::test]
async fn sixty_a_minute_and_repeats_dont_count() {
    let app = TestApp::start().await;
    for n in 0..60 {
        let body = event(&app, "a.b", &format!("k{n}"), json!({}));
        assert_eq!(tell(&app, &body).await.0, 202, "{n}");
    }
    let late = event(&app, "a.b", "late", json!({}));
    let (status, problem) = tell(&app, &late).await;
    assert_eq!((status, &problem["code"]), (429, &json!("rate_limited")));
    assert!(problem["retry_after"].as_i64().unwrap() > 0);
    assert_eq!(
        tell(&app, &event(&app, "a.b", "k0", json!({}))).await.0,
        422,
        "known, with another time"
    );
    app.clock.advance(TimeDelta::seconds(61));
    assert_eq!(tell(&app, &late).await.0, 202);
    app.finish().await;
}
