//! Jobs that aren't taken: tokens that aren't for this, foreign sites, callbacks that lead
//! elsewhere, fields that are wrong.

use chrono::TimeDelta;
use deskhand::domain::clock::Clock;
use deskhand::domain::keys::{Purpose, RootSecret};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{Shop, anybody, sign};
use crate::support::app::{ORIGIN, Setup, TestSite};

#[tokio::test]
async fn only_a_fresh_token_for_jobs_of_the_sites_own_key_is_taken() {
    let shop = Shop::open(Setup::default()).await;
    let body = shop.infer("Write.");
    let site = &shop.app.site;
    let now = shop.app.clock.now().timestamp();
    let bent = |field: &str, value: Value| {
        let mut claims = shop.claims("site", "x");
        claims[field] = value;
        sign(&site.root, &site.kid, &claims)
    };
    let other = TestSite::add(
        &shop.app.db,
        &shop.app.master,
        "other",
        &[ORIGIN],
        shop.app.clock.now(),
    )
    .await;
    let by_other = sign(&other.root, &other.kid, &shop.claims("site", "x"));
    let wrong_key = sign(&RootSecret::new([9; 32]), &site.kid, &shop.claims("site", "x"));
    let webhook_key = {
        let header = Header {
            kid: Some(site.kid.clone()),
            ..Header::new(Algorithm::HS256)
        };
        let key = site.root.derive(site.id, Purpose::Webhook);
        let key = EncodingKey::from_secret(key.expose());
        jsonwebtoken::encode(&header, &shop.claims("site", "x"), &key).unwrap()
    };
    let unsigned = {
        let token = shop.token("site", "x");
        let parts: Vec<&str> = token.split('.').collect();
        format!("{}.{}.", parts[0], parts[1])
    };
    for (what, token, code) in [
        (
            "another audience",
            bent("aud", json!("deskhand")),
            "token_invalid",
        ),
        ("too long a life", bent("exp", json!(now + 61)), "token_invalid"),
        (
            "issued long ago",
            bent("iat", json!(now - 3_600)),
            "token_invalid",
        ),
        (
            "issued in the future",
            bent("iat", json!(now + 61)),
            "token_invalid",
        ),
        ("ended", bent("exp", json!(now - 1)), "token_expired"),
        ("no subject", bent("sub", json!("somebody")), "token_invalid"),
        ("no id", bent("jti", json!("")), "token_invalid"),
        ("another site", bent("iss", json!(other.id)), "token_invalid"),
        ("another site's key", by_other, "token_invalid"),
        ("a wrong key", wrong_key, "token_invalid"),
        ("the webhooks' key", webhook_key, "token_invalid"),
        ("no signature", unsigned, "token_invalid"),
        (
            "a visitor's token",
            shop.app.token(anybody().parse().unwrap()),
            "token_invalid",
        ),
        ("the API key", site.api_key(), "token_invalid"),
    ] {
        let (status, problem) = shop.post(&token, &body).await;
        assert_eq!(
            (status, problem["code"].as_str().unwrap()),
            (401, code),
            "{what}: {problem:#}"
        );
    }
    // A token for jobs is none for conversations.
    let mixed = shop
        .app
        .post("/api/agent/messages", &shop.token(&anybody(), "x"))
        .json(&crate::support::app::message("hi", None))
        .send()
        .await
        .unwrap();
    assert_eq!(mixed.status(), 401);
    assert_eq!(shop.app.count("SELECT count(*) FROM ai_jobs").await, 0);

    // Another site looks for nothing.
    let (_, taken) = shop.post(&shop.token("site", "mine"), &body).await;
    assert_eq!(shop.look(&taken["job_id"], &other.api_key()).await.0, 404);
    assert_eq!(shop.look(&json!("nothing"), &site.api_key()).await.0, 404);
    // A minute later the token is of no use.
    let token = shop.token("site", "old");
    shop.app.clock.advance(TimeDelta::seconds(61));
    assert_eq!(shop.post(&token, &body).await.1["code"], "token_expired");
    shop.site.wait(1).await;
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 1)
        .await;
    shop.close().await;
}

#[tokio::test]
async fn a_visitor_may_not_ask_without_end() {
    let shop = Shop::open(Setup::default()).await;
    let visitor = anybody();
    let site = shop.app.site.id;
    // Fifty-nine that have ended.
    shop.app
        .bend(&format!(
            "WITH v AS (INSERT INTO visitors (site_id, id) VALUES ('{site}', '{visitor}') RETURNING id)
             INSERT INTO ai_jobs (site_id, id, jti, kid, body_hash, visitor_id, route, priority, request, callback_url,
                                  state, error_code, callback, created_at, finished_at)
             SELECT '{site}', gen_random_uuid(), 'old-' || n, 'k', sha256('x'), v.id, 'chat', 1, 'x', 'x', 'failed', 'x',
                    'delivered', now(), now() FROM v, generate_series(1, 59) n"
        ))
        .await;
    let post = async |sub: &str, jti: &str| {
        let body = if sub == "site" {
            shop.infer("Write.")
        } else {
            shop.chat("Hello?")
        };
        shop.post(&shop.token(sub, jti), &body).await
    };
    assert_eq!(post(&visitor, "sixty").await.0, 202);
    let (status, problem) = post(&visitor, "more").await;
    assert_eq!((status, &problem["code"]), (429, &json!("rate_limited")));
    assert!(problem["retry_after"].as_i64().unwrap() > 0);
    // Others are not held up.
    assert_eq!(post(&anybody(), "other").await.0, 202);
    assert_eq!(post("site", "own").await.0, 202);
    shop.site.wait(3).await;
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 62)
        .await;
    shop.close().await;
}

#[tokio::test]
async fn fields_are_checked_and_a_key_stands_for_one_request() {
    let shop = Shop::open(Setup::default()).await;
    let infer = shop.infer("Write.");
    let chat = shop.chat("Hello?");
    let with = |base: &Value, field: &str, value: Value| {
        let mut body = base.clone();
        body[field] = value;
        body
    };
    let without = |base: &Value, field: &str| {
        let mut body = base.clone();
        body.as_object_mut().unwrap().remove(field);
        body
    };
    for (body, pointer) in [
        (
            with(&infer, "callback_url", json!("https://evil.example/")),
            "/callback_url",
        ),
        (with(&infer, "callback_url", json!("")), "/callback_url"),
        (
            with(&infer, "callback_url", json!("http://169.254.169.254/latest")),
            "/callback_url",
        ),
        (with(&infer, "prompt", json!("")), "/prompt"),
        (with(&infer, "prompt", json!("x".repeat(8_001))), "/prompt"),
        (with(&infer, "prompt", json!("a\u{0}b")), "/prompt"),
        (with(&infer, "max_tokens", json!(49)), "/max_tokens"),
        (with(&infer, "max_tokens", json!(801)), "/max_tokens"),
        (with(&infer, "temperature", json!(1.5)), "/temperature"),
        (with(&infer, "temperature", json!(-0.1)), "/temperature"),
        (with(&infer, "user_msg", json!("x")), "/user_msg"),
        (with(&infer, "route", json!("other")), "/route"),
        (with(&infer, "unknown", json!(1)), "/unknown"),
        (with(&infer, "priority", json!("urgent")), "/priority"),
        (without(&chat, "message_id"), "/message_id"),
        (with(&chat, "user_msg", json!(" ")), "/user_msg"),
        (with(&chat, "user_msg", json!("x".repeat(4_001))), "/user_msg"),
        (with(&chat, "locale", json!("!")), "/locale"),
        (with(&chat, "prompt", json!("x")), "/prompt"),
        (with(&chat, "thread_id", json!("x")), "/thread_id"),
    ] {
        let (status, problem) = shop.post(&shop.token(&anybody(), "f"), &body).await;
        assert_eq!(status, 422, "{pointer}: {problem:#}");
        let said = problem["pointer"].as_str().unwrap_or_default();
        // serde names an unknown field in words.
        assert!(
            said == pointer || problem["detail"].as_str().unwrap().contains(&pointer[1..]),
            "{pointer}: {problem:#}"
        );
    }
    let (status, problem) = shop
        .post(&shop.token("site", "m"), &with(&infer, "model", json!("gpt-9")))
        .await;
    assert_eq!((status, &problem["code"]), (400, &json!("model_not_allowed")));
    // A chat needs a visitor.
    let (status, _) = shop.post(&shop.token("site", "c"), &chat).await;
    assert_eq!(status, 422);
    let broken = shop
        .app
        .post("/jobs", &shop.token("site", "b"))
        .header("content-type", "application/json")
        .body("{")
        .send()
        .await
        .unwrap();
    assert_eq!(broken.status(), 400);
    assert_eq!(shop.app.count("SELECT count(*) FROM ai_jobs").await, 0);

    let (status, _) = shop.post(&shop.token("site", "once"), &infer).await;
    assert_eq!(status, 202);
    let (status, problem) = shop
        .post(&shop.token("site", "once"), &shop.infer("Another."))
        .await;
    assert_eq!((status, &problem["code"]), (422, &json!("idempotency_reused")));
    let (status, problem) = shop.post(&shop.token(&anybody(), "once"), &infer).await;
    assert_eq!(status, 422, "another's, too: {problem:#}");
    shop.site.wait(1).await;
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 1)
        .await;
    shop.close().await;
}
