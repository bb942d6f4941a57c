//! A site without knowledge, or with one that is too old: search is off, questions go to
//! people, and staff are told once.

use chrono::TimeDelta;
use deskhand::db::{freshness, sites};
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::VisitorId;
use deskhand::domain::settings::parse;
use serde_json::Value;

use crate::support::app::TestApp;

const ARTICLE: (&str, &str) = (
    "returns.md",
    "# Returns\n\nYou can send goods back within 30 days of delivery.",
);
const QUESTION: &str = "Within how many days can I send goods back?";

async fn ask(app: &TestApp, text: &str) -> Value {
    // A visitor each: a thread that was handed over stays with people.
    app.ask(&app.token(VisitorId::new()), text, None).await
}

async fn set(app: &TestApp, setting: &str) {
    let (key, value) = parse(setting).unwrap();
    let mut tx = app.db.site(app.site.id).await.unwrap();
    sites::set_setting(&mut tx, key, &value).await.unwrap();
    tx.commit().await.unwrap();
}

async fn told(app: &TestApp, reason: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM tickets WHERE reason = '{reason}'"))
        .await
}

async fn ready(app: &TestApp) -> Value {
    let answer = app
        .client
        .get(format!("{}/readyz", app.base))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_site_without_knowledge_leaves_questions_to_people() {
    let app = TestApp::start().await;
    for _ in 0..2 {
        let answer = ask(&app, QUESTION).await;
        assert_eq!(answer["outcome"], "handoff", "{answer:#}");
        assert_eq!(answer["handoff"]["reason"], "knowledge_off", "{answer:#}");
    }
    assert_eq!(told(&app, "knowledge_empty").await, 1, "staff are told once");
    let refused = "SELECT count(*) FROM tool_calls WHERE code = 'DISABLED'";
    assert_eq!(app.count(refused).await, 2);
    assert_eq!(ready(&app).await["empty_sites"], 1);
    // Who only says hello needs no knowledge.
    assert_eq!(ask(&app, "Hello!").await["outcome"], "answered");

    app.know(&[ARTICLE]).await;
    let answer = ask(&app, QUESTION).await;
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    assert!(answer["text"].as_str().unwrap().contains("30 days"));
    app.finish().await;
}

#[tokio::test]
async fn what_is_too_old_is_not_answered_from() {
    let app = TestApp::start().await;
    app.know(&[ARTICLE]).await;
    app.clock.advance(TimeDelta::days(400));
    assert_eq!(ask(&app, QUESTION).await["outcome"], "answered", "off by default");
    assert_eq!(ready(&app).await["stale_sites"], 0);

    // A process believes for a moment that all is well: a second one doesn't yet.
    set(&app, "max_age_hours=48").await;
    let other = app.replica(Default::default()).await;
    let answer = ask(&other, QUESTION).await;
    assert_eq!(answer["handoff"]["reason"], "knowledge_off", "{answer:#}");
    assert_eq!(ask(&other, QUESTION).await["outcome"], "handoff");
    assert_eq!(told(&app, "knowledge_stale").await, 1);
    assert_eq!(ready(&other).await["stale_sites"], 1);

    // Compared with its source, and nothing was new.
    let mut tx = app.db.site(app.site.id).await.unwrap();
    freshness::synced(&mut tx, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ask(&other, QUESTION).await["outcome"], "answered");
    let mended = "SELECT count(*) FROM knowledge_checks WHERE told IS NULL";
    assert_eq!(app.count(mended).await, 1);
    other.stop().await;
    app.finish().await;
}
