//! Tickets by the API of the site's own server.

use chrono::TimeDelta;
use deskhand::domain::ids::VisitorId;
use serde_json::{Value, json};

use crate::support::app::TestApp;

async fn call(app: &TestApp, method: reqwest::Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut request = app
        .client
        .request(method, format!("{}{path}", app.base))
        .bearer_auth(app.site.api_key());
    if let Some(body) = body {
        request = request.json(&body);
    }
    let sent = request.send().await.unwrap();
    (sent.status().as_u16(), sent.json().await.unwrap())
}

async fn get(app: &TestApp, path: &str) -> (u16, Value) {
    call(app, reqwest::Method::GET, path, None).await
}

async fn patch(app: &TestApp, path: &str, body: Value) -> (u16, Value) {
    call(app, reqwest::Method::PATCH, path, Some(body)).await
}

#[tokio::test]
async fn tickets_are_listed_shown_and_changed() {
    let app = TestApp::start().await;
    for name in ["anna", "ben"] {
        let wish = format!("Please open a ticket: the lamp flickers at night. {name}@example.com");
        app.ask(&app.token(VisitorId::new()), &wish, None).await;
    }
    let (status, page) = get(&app, "/api/tickets?limit=1").await;
    assert_eq!((status, page["next"].as_i64()), (200, Some(1)), "{page:#}");
    assert_eq!(page["tickets"][0]["customer_email"], "anna@example.com");
    let (_, rest) = get(&app, "/api/tickets?after=1").await;
    assert_eq!(rest["tickets"][0]["ticket"], "T-2", "{rest:#}");

    let due = page["tickets"][0]["due_at"].clone();
    let (status, whole) = patch(
        &app,
        "/api/tickets/T-1",
        json!({ "by": "Mia", "priority": "urgent", "category": "billing", "assignee": "Tom", "company": "Huber KG",
                "fields": { "floor": 3 }, "note": "Rang her up.", "url": "https://desk.example/7" }),
    )
    .await;
    assert_eq!(status, 200, "{whole:#}");
    assert_eq!(
        (whole["state"].as_str(), whole["assignee"].as_str()),
        (Some("open"), Some("Tom"))
    );
    assert_eq!(
        (whole["fields"]["floor"].as_i64(), whole["company"].as_str()),
        (Some(3), Some("Huber KG"))
    );
    assert_eq!(
        (
            whole["notes"][0]["author"].as_str(),
            whole["notes"][0]["text"].as_str()
        ),
        (Some("staff:Mia"), Some("Rang her up."))
    );
    assert_ne!(
        whole["due_at"], due,
        "another category has another time to answer"
    );
    let (_, gone) = patch(
        &app,
        "/api/tickets/T-1",
        json!({ "company": "", "fields": { "floor": null }, "state": "resolved" }),
    )
    .await;
    assert!(
        gone["company"].is_null() && gone["fields"].as_object().unwrap().is_empty(),
        "{gone:#}"
    );
    assert!(!gone["resolved_at"].is_null() && !gone["answered_at"].is_null());
    let (_, open) = get(&app, "/api/tickets").await;
    assert_eq!(open["tickets"].as_array().unwrap().len(), 1);
    let (_, resolved) = get(&app, "/api/tickets?state=resolved").await;
    assert_eq!(resolved["tickets"][0]["ticket"], "T-1");

    app.clock.advance(TimeDelta::days(2));
    let now = deskhand::domain::clock::Clock::now(app.clock.as_ref());
    let mut tx = app.db.site(app.site.id).await.unwrap();
    assert_eq!(deskhand::db::overdue::mark(&mut tx, now).await.unwrap().len(), 1);
    tx.commit().await.unwrap();
    let (_, late) = get(&app, "/api/tickets?overdue=true").await;
    assert_eq!(late["tickets"][0]["ticket"], "T-2", "{late:#}");

    for (path, body, code) in [
        ("/api/tickets/T-9", json!({ "state": "open" }), 404),
        ("/api/tickets/nonsense", json!({ "state": "open" }), 404),
        ("/api/tickets/T-2", json!({ "state": "gone" }), 422),
        ("/api/tickets/T-2", json!({ "category": "Big One" }), 422),
        ("/api/tickets/T-2", json!({ "customer_email": "x" }), 422),
        ("/api/tickets/T-2", json!({ "url": "javascript:alert(1)" }), 422),
        ("/api/tickets/T-2", json!({ "confidence": 2 }), 422),
        ("/api/tickets/T-2", json!({ "note": "" }), 422),
        ("/api/tickets/T-2", json!({ "by": "" , "state": "open" }), 422),
        ("/api/tickets/T-2", json!({ "unknown": 1 }), 422),
    ] {
        let (status, problem) = patch(&app, path, body.clone()).await;
        assert_eq!(status, code, "{path} {body}: {problem:#}");
    }
    assert_eq!(get(&app, "/api/tickets?limit=0").await.0, 422);
    assert_eq!(get(&app, "/api/tickets?state=x").await.0, 422);
    let visitor = app
        .get("/api/tickets", &app.token(VisitorId::new()))
        .send()
        .await
        .unwrap();
    assert_eq!(visitor.status(), 401);
    app.finish().await;
}
