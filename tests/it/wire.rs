//! The wire, as snapshots: what changes here changes for every client. Ids and times are
//! left out. A wanted change is taken over with `INSTA_UPDATE=always cargo test wire`.

use std::sync::Arc;

use deskhand::domain::ids::VisitorId;
use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp, message};
use crate::support::brains::Scripted;

/// Ids, times and chunk numbers differ each time.
fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let changes = name.ends_with("_id") || name == "at" || name == "url" && field.is_null();
                if changes && !field.is_null() {
                    *field = json!(format!("[{name}]"));
                } else {
                    redact(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

async fn app() -> TestApp {
    let says = &[
        "You can send goods back within 30 days.",
        "The goods must be unused.",
    ];
    let app = TestApp::with(Setup {
        brains: vec![Arc::new(Scripted::saying(says))],
        ..Setup::default()
    })
    .await;
    app.know(&[(
        "returns.md",
        "# Returns\n\nYou can send goods back within 30 days. The goods must be unused.",
    )])
    .await;
    app
}

#[tokio::test]
async fn a_turns_events() {
    let app = app().await;
    let events = app
        .stream(
            &app.token(VisitorId::new()),
            &message("How long can I send goods back?", None),
        )
        .await;
    let mut all: Vec<Value> = events
        .iter()
        .map(|e| json!({ "id": e.id, "event": e.name, "data": e.data }))
        .collect();
    all.iter_mut().for_each(redact);
    insta::assert_json_snapshot!(all);
    app.finish().await;
}

#[tokio::test]
async fn an_answer_and_its_thread() {
    let app = app().await;
    let token = app.token(VisitorId::new());
    let mut answer = app.ask(&token, "How long can I send goods back?", None).await;
    let path = format!("/api/agent/thread/{}", answer["thread_id"].as_str().unwrap());
    let mut thread: Value = app.get(&path, &token).send().await.unwrap().json().await.unwrap();
    redact(&mut answer);
    redact(&mut thread);
    insta::assert_json_snapshot!("answer", answer);
    insta::assert_json_snapshot!("thread", thread);
    app.finish().await;
}

#[tokio::test]
async fn a_problem() {
    let app = app().await;
    let response = app
        .client
        .get(format!("{}/api/nothing", app.base))
        .send()
        .await
        .unwrap();
    let mut problem: Value = response.json().await.unwrap();
    redact(&mut problem);
    insta::assert_json_snapshot!(problem);
    app.finish().await;
}

#[test]
fn the_apis_description() {
    let mut description = serde_json::to_value(deskhand::http::router::openapi()).unwrap();
    description["info"]["version"] = json!("[version]");
    insta::assert_json_snapshot!(description);
}
