//! What a site's own server is told of conversations that wait for its people.

use deskhand::domain::ids::VisitorId;
use deskhand::inbox::desk::Desk;
use serde_json::{Value, json};

use crate::support::app::TestApp;

async fn open(app: &TestApp) -> Value {
    let sent = app
        .get("/api/handoffs", &app.site.api_key())
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
    sent.json().await.unwrap()
}

#[tokio::test]
async fn handoffs_that_nobody_has_taken_are_counted_by_reason() {
    let app = TestApp::start().await;
    assert_eq!(open(&app).await["count"], 0);
    let token = app.token(VisitorId::new());
    let first = app.ask(&token, "I want to talk to a person.", None).await;
    app.ask(&app.token(VisitorId::new()), "I want to talk to a person.", None)
        .await;
    let told = open(&app).await;
    assert_eq!(
        (&told["count"], &told["reasons"]),
        (&json!(2), &json!({ "visitor_asked": 2 }))
    );
    assert!(chrono::DateTime::parse_from_rfc3339(told["oldest"].as_str().unwrap()).is_ok());
    // Whom somebody has taken on waits no more.
    let desk = Desk {
        db: &app.db,
        clock: app.clock.as_ref(),
        site: app.site.id,
        staff: "Mia",
    };
    desk.claim(first["thread_id"].as_str().unwrap().parse().unwrap(), false)
        .await
        .unwrap();
    assert_eq!(open(&app).await["count"], 1);
    assert_eq!(
        app.get("/api/handoffs", &token).send().await.unwrap().status(),
        401
    );
    app.finish().await;
}
