//! How far the agent may go, as a site's own server reads and sets it.

use deskhand::domain::clock::Clock;
use deskhand::domain::ids::VisitorId;
use serde_json::{Value, json};

use crate::support::app::{ORIGIN, TestApp, TestSite};

async fn mode(app: &TestApp, key: &str) -> Value {
    let answer = app.get("/api/site", key).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json::<Value>().await.unwrap()["mode"].take()
}

async fn set(app: &TestApp, key: &str, body: Value) -> (u16, Value) {
    let answer = app
        .client
        .patch(format!("{}/api/site", app.base))
        .bearer_auth(key)
        .json(&body)
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_sites_server_sets_how_far_the_agent_may_go() {
    let app = TestApp::start().await;
    let other = TestSite::add(&app.db, &app.master, "other", &[ORIGIN], app.clock.now()).await;
    let key = app.site.api_key();
    assert_eq!(mode(&app, &key).await, "assist");

    let (status, told) = set(&app, &key, json!({"mode": "shadow"})).await;
    assert_eq!((status, &told["mode"]), (200, &json!("shadow")));
    assert_eq!(mode(&app, &key).await, "shadow");
    assert_eq!(mode(&app, &other.api_key()).await, "assist");
    // From the next message on.
    let answer = app.ask(&app.token(VisitorId::new()), "hello", None).await;
    assert_eq!(answer["outcome"], "withheld", "{answer:#}");

    // Once for each change, and never for the same again.
    set(&app, &key, json!({"mode": "shadow"})).await;
    let entries = format!(
        "SELECT count(*)::text FROM audit WHERE site_id = '{}' AND act = 'mode' AND subject = 'shadow'",
        app.site.id
    );
    assert_eq!(app.text(&entries).await, "1");

    for bad in [
        json!({"mode": "everything"}),
        json!({"mode": 1}),
        json!({}),
        json!({"mode": "full", "name": "x"}),
    ] {
        let (status, told) = set(&app, &key, bad).await;
        assert_eq!(
            (status, &told["code"]),
            (422, &json!("invalid_field")),
            "{told:#}"
        );
    }
    let visitor = app.token(VisitorId::new());
    assert_eq!(set(&app, &visitor, json!({"mode": "full"})).await.0, 401);
    assert_eq!(app.get("/api/site", &visitor).send().await.unwrap().status(), 401);
    assert_eq!(mode(&app, &key).await, "shadow");
    app.finish().await;
}
