//! How far the agent may go and when somebody is in, as a site's own server reads and sets it.

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

#[tokio::test]
async fn a_sites_server_sets_when_somebody_is_in() {
    let app = TestApp::start().await;
    let other = TestSite::add(&app.db, &app.master, "other", &[ORIGIN], app.clock.now()).await;
    let key = app.site.api_key();
    let read = async |key: &str| {
        app.get("/api/site", key)
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap()
    };
    let told = read(&key).await;
    assert_eq!(
        (&told["hours"], &told["away"]),
        (&Value::Null, &Value::Null),
        "{told:#}"
    );

    let line = "Europe/Vienna; Mon-Fri 9:00-12:00,13:00-17:00; closed 2020-01-01..2020-01-02";
    let (status, told) = set(&app, &key, json!({"hours": line, "away": "We are back {opens}."})).await;
    let kept = "Europe/Vienna; Mon 9:00-12:00,13:00-17:00; Tue 9:00-12:00,13:00-17:00; \
                Wed 9:00-12:00,13:00-17:00; Thu 9:00-12:00,13:00-17:00; Fri 9:00-12:00,13:00-17:00; \
                closed 2020-01-01..2020-01-02";
    assert_eq!((status, &told["hours"]), (200, &json!(kept)), "{told:#}");
    assert_eq!(told["mode"], "assist", "what isn't named stays");
    assert_eq!(read(&key).await, told);
    assert_eq!(read(&other.api_key()).await["hours"], Value::Null);
    let entries = format!(
        "SELECT string_agg(subject, ',' ORDER BY id) FROM audit WHERE site_id = '{}' AND act = 'setting'",
        app.site.id
    );
    assert_eq!(app.text(&entries).await, "hours,away");

    // Visitors hear of it.
    let today = app.clock.now().format("%Y-%m-%d").to_string();
    let line = format!("UTC; Mon-Sun 0:00-24:00; closed {today}");
    let (status, told) = set(&app, &key, json!({"hours": line})).await;
    assert_eq!(
        (status, &told["away"]),
        (200, &json!("We are back {opens}.")),
        "{told:#}"
    );
    let answer = app
        .ask(&app.token(VisitorId::new()), "I want to talk to a person", None)
        .await;
    assert!(
        answer.to_string().contains("We are back tomorrow at 0:00."),
        "{answer:#}"
    );

    for (bad, says) in [
        (json!({"hours": "Mon-Fri 9:00-17:00"}), "time zone"),
        (json!({"hours": "Europe/Vienna; Mon 17:00-9:00"}), "doesn't end"),
        (
            json!({"hours": "Europe/Atlantis; Mon 9:00-17:00"}),
            "Europe/Atlantis",
        ),
        (json!({"away": "x".repeat(301)}), "300"),
        // All or nothing.
        (json!({"mode": "full", "hours": "whenever"}), "no day"),
    ] {
        let (status, told) = set(&app, &key, bad).await;
        assert_eq!(
            (status, &told["code"]),
            (422, &json!("invalid_field")),
            "{told:#}"
        );
        assert!(told["detail"].as_str().unwrap().contains(says), "{told:#}");
    }
    let told = read(&key).await;
    assert_eq!(
        (&told["mode"], &told["away"]),
        (&json!("assist"), &json!("We are back {opens}."))
    );

    let (status, told) = set(&app, &key, json!({"hours": "", "away": ""})).await;
    assert_eq!(
        (status, &told["hours"], &told["away"]),
        (200, &Value::Null, &Value::Null)
    );
    app.finish().await;
}
