//! What the API makes of garbage: each mistake has its own code, and nothing internal is
//! told.

use deskhand::domain::ids::VisitorId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{TestApp, message};

async fn problem(response: reqwest::Response) -> Value {
    let status = response.status().as_u16();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status, "{body}");
    assert_eq!(body["request_id"], json!(id));
    assert_eq!(body["type"], "about:blank");
    body
}

#[tokio::test]
async fn bodies_that_are_not_as_they_should_be() {
    let app = TestApp::start().await;
    let token = app.token(VisitorId::new());
    let id = Uuid::now_v7();
    type Case = (
        &'static str,
        String,
        &'static str,
        u16,
        &'static str,
        Option<&'static str>,
    );
    let cases: Vec<Case> = vec![
        ("no JSON", "{".into(), "application/json", 400, "bad_json", None),
        (
            "not UTF-8",
            "\u{0}".into(),
            "application/json",
            400,
            "bad_json",
            None,
        ),
        (
            "a form",
            "a=b".into(),
            "application/x-www-form-urlencoded",
            415,
            "unsupported_media",
            None,
        ),
        (
            "a list",
            "[]".into(),
            "application/json",
            422,
            "invalid_field",
            None,
        ),
        (
            "no message_id",
            json!({ "user_msg": "x" }).to_string(),
            "application/json",
            422,
            "invalid_field",
            None,
        ),
        (
            "a message_id that is none",
            json!({ "message_id": "1", "user_msg": "x" }).to_string(),
            "application/json",
            422,
            "invalid_field",
            Some("/message_id"),
        ),
        (
            "an unknown field",
            json!({ "message_id": id, "user_msg": "x", "admin": true }).to_string(),
            "application/json",
            422,
            "invalid_field",
            Some("/admin"),
        ),
        (
            "empty",
            json!({ "message_id": id, "user_msg": "  \n " }).to_string(),
            "application/json",
            422,
            "invalid_field",
            Some("/user_msg"),
        ),
        (
            "too long",
            json!({ "message_id": id, "user_msg": "ä".repeat(4_001) }).to_string(),
            "application/json",
            422,
            "invalid_field",
            Some("/user_msg"),
        ),
        (
            "U+0000",
            json!({ "message_id": id, "user_msg": "a\u{0}b" }).to_string(),
            "application/json",
            422,
            "invalid_field",
            Some("/user_msg"),
        ),
        (
            "no address",
            json!({ "message_id": id, "user_msg": "", "contact": { "email": "nobody" } }).to_string(),
            "application/json",
            422,
            "invalid_field",
            Some("/contact/email"),
        ),
        (
            "a locale that is none",
            json!({ "message_id": id, "user_msg": "x", "locale": "'; --" }).to_string(),
            "application/json",
            422,
            "invalid_field",
            Some("/locale"),
        ),
        (
            "too large",
            format!("\"{}\"", "x".repeat(70_000)),
            "application/json",
            413,
            "too_large",
            None,
        ),
    ];
    for (what, body, media, status, code, pointer) in cases {
        let request = app
            .post("/api/agent/messages", &token)
            .header("content-type", media)
            .body(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{what}");
        let body = problem(response).await;
        assert_eq!(body["code"], code, "{what}");
        if let Some(pointer) = pointer {
            assert_eq!(body["pointer"], pointer, "{what}: {body}");
        }
    }
    let longest = json!({ "message_id": id, "user_msg": "ä".repeat(4_000) });
    assert_eq!(
        app.post("/api/agent/messages", &token)
            .json(&longest)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let image = app
        .post("/api/agent/messages", &token)
        .header("accept", "image/png")
        .json(&message("x", None));
    let image = image.send().await.unwrap();
    assert_eq!(image.status(), 406);
    assert_eq!(problem(image).await["code"], "not_acceptable");
    app.finish().await;
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there() {
    let app = TestApp::start().await;
    let token = app.token(VisitorId::new());
    for (path, status, code) in [
        ("/api/agent/thread/not-an-id", 404, "thread_not_found"),
        (
            "/api/agent/thread/00000000-0000-0000-0000-000000000000",
            404,
            "thread_not_found",
        ),
        (
            "/api/agent/thread/00000000-0000-0000-0000-000000000000/events?after=x",
            422,
            "invalid_field",
        ),
        (
            "/api/agent/thread/00000000-0000-0000-0000-000000000000/events?after=-1",
            422,
            "invalid_field",
        ),
        ("/api/nothing", 404, "not_found"),
        ("/api/agent/messages", 405, "method_not_allowed"),
        ("/assets/../Cargo.toml", 404, "not_found"),
        ("/assets/nothing.js", 404, "not_found"),
    ] {
        let response = app.get(path, &token).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(problem(response).await["code"], code, "{path}");
    }
    app.finish().await;
}

#[tokio::test]
async fn feedback_is_bounded() {
    let app = TestApp::start().await;
    let token = app.token(VisitorId::new());
    let turn = app.ask(&token, "hello", None).await["turn_id"].clone();
    for (body, status) in [
        (json!({ "turn_id": turn, "value": "up" }), 204),
        (
            json!({ "turn_id": turn, "value": "down", "tags": ["wrong"], "comment": "No." }),
            204,
        ),
        // What stands for personal data may be longer than it.
        (
            json!({ "turn_id": turn, "value": "down", "comment": "a@b.de ".repeat(280) }),
            204,
        ),
        (json!({ "turn_id": turn, "value": "sideways" }), 422),
        (
            json!({ "turn_id": turn, "value": "up", "tags": vec!["x"; 11] }),
            422,
        ),
        (
            json!({ "turn_id": turn, "value": "up", "comment": "x".repeat(2_001) }),
            422,
        ),
        (json!({ "turn_id": Uuid::now_v7(), "value": "up" }), 404),
    ] {
        let response = app
            .post("/api/agent/feedback", &token)
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{body}");
    }
    assert_eq!(
        app.count("SELECT count(*) FROM feedback WHERE value = 'down'")
            .await,
        1
    );
    app.finish().await;
}

#[tokio::test]
async fn a_callers_own_request_id_is_kept_if_it_is_one() {
    let app = TestApp::start().await;
    let url = format!("{}/healthz", app.base);
    let given = app
        .client
        .get(&url)
        .header("x-request-id", "trace-12345678")
        .send()
        .await
        .unwrap();
    assert_eq!(given.headers()["x-request-id"], "trace-12345678");
    let bad = app
        .client
        .get(&url)
        .header("x-request-id", "a b<script>")
        .send()
        .await
        .unwrap();
    assert_ne!(bad.headers()["x-request-id"], "a b<script>");
    app.finish().await;
}

#[tokio::test]
async fn when_the_database_is_away_the_service_says_so_and_comes_back() {
    let app = TestApp::start().await;
    let token = app.token(VisitorId::new());
    app.ask(&token, "hello", None).await;
    // Nobody may connect, and who is connected is thrown out.
    let admin = app.urls.superuser.replace(&app.urls.name, "postgres");
    let name = &app.urls.name;
    crate::support::postgres::admin(&admin, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    let throw_out =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    crate::support::postgres::admin(&admin, &throw_out).await;
    let away = app
        .post("/api/agent/messages", &token)
        .json(&message("hello", None))
        .send()
        .await
        .unwrap();
    assert_eq!(away.status(), 503);
    assert!(away.headers().contains_key("retry-after"));
    let body = problem(away).await;
    assert_eq!(body["code"], "not_ready");
    assert!(!body.to_string().contains("postgres"), "nothing internal: {body}");
    let ready = app
        .client
        .get(format!("{}/readyz", app.base))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), 503);
    crate::support::postgres::admin(&admin, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    let back = app.ask(&token, "hello", None).await;
    assert_eq!(back["outcome"], "answered");
    app.finish().await;
}
