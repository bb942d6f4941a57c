//! Shadow mode: what the agent drafts is staff's to send, and not a word of it reaches the visitor
//! before.

use deskhand::db::{drafts, sites};
use deskhand::domain::ids::{TurnId, VisitorId};
use deskhand::domain::site::Mode;
use deskhand::inbox::InboxError;
use serde_json::Value;
use uuid::Uuid;

use super::{desk, text};
use crate::support::app::{TestApp, message};

async fn shadow() -> TestApp {
    let app = TestApp::start().await;
    app.know(&[(
        "returns.md",
        "# Returns\n\nYou can send goods back within 30 days of delivery. A return label costs €4.90.",
    )])
    .await;
    let mut tx = app.db.site(app.site.id).await.unwrap();
    sites::set_mode(&mut tx, Mode::Shadow).await.unwrap();
    tx.commit().await.unwrap();
    app
}

async fn events(app: &TestApp, token: &str, thread: &str) -> Vec<Value> {
    let answer: Value = app
        .get(&format!("/api/agent/thread/{thread}"), token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    answer["messages"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_draft_is_kept_from_the_visitor_and_sent_by_staff() {
    let app = shadow().await;
    let token = app.token(VisitorId::new());
    let stream = app
        .stream(&token, &message("What does a return label cost?", None))
        .await;
    let said = serde_json::to_string(&stream.iter().map(|e| &e.data).collect::<Vec<_>>()).unwrap();
    assert!(!said.contains("4.90"), "{said}");
    assert!(
        said.contains("withheld") && said.contains("leave your e-mail address"),
        "{said}"
    );
    let thread = stream[0].data["thread_id"].as_str().unwrap().to_owned();

    let mut tx = app.db.site(app.site.id).await.unwrap();
    let waiting = drafts::waiting(&mut tx).await.unwrap();
    drop(tx);
    let [draft] = waiting.as_slice() else {
        panic!("{waiting:#?}")
    };
    assert!(draft.text.contains("€4.90. [1]"), "{draft:#?}");
    assert_eq!(draft.question.as_deref(), Some("What does a return label cost?"));
    assert_eq!(draft.citations[0]["title"], "Returns");

    let mia = desk(&app, "Mia");
    mia.send_draft(draft.turn, None).await.unwrap();
    let messages = events(&app, &token, &thread).await;
    let last = messages.last().unwrap();
    assert_eq!(
        (
            last["by"].as_str().or(last["author"].as_str()),
            last["text"].as_str().unwrap().contains('[')
        ),
        (Some("staff"), false)
    );
    assert!(last["text"].as_str().unwrap().contains("€4.90"), "{last:#}");
    let twice = mia.send_draft(draft.turn, Some("again")).await;
    assert!(matches!(twice, Err(InboxError::Decided(state)) if state == "sent"));
    // The conversation is the agent's still: the next question gets the next draft.
    let next = app
        .ask(&token, "How long can I send goods back?", Some(&thread))
        .await;
    assert_eq!(next["outcome"], "withheld", "{next:#}");
    let turn = TurnId(next["turn_id"].as_str().unwrap().parse::<Uuid>().unwrap());
    mia.send_draft(turn, Some("Thirty days, gladly.")).await.unwrap();
    assert_eq!(
        app.text("SELECT string_agg(state, ' ' ORDER BY at) FROM drafts")
            .await,
        "sent edited"
    );
    let messages = events(&app, &token, &thread).await;
    assert_eq!(messages.last().unwrap()["text"], "Thirty days, gladly.");
    app.finish().await;
}

#[tokio::test]
async fn a_question_of_the_agents_own_is_staffs_to_put() {
    let app = shadow().await;
    let token = app.token(VisitorId::new());
    let answer = app.ask(&token, "Where is my order?", None).await;
    assert_eq!(
        (answer["outcome"].as_str(), answer["ask"].is_null()),
        (Some("withheld"), false),
        "{answer:#}"
    );
    // What is asked for is where to reach them, not the agent's own question.
    assert_eq!(answer["ask"]["kind"], "contact");
    assert!(!text(&answer).contains("order number"), "{answer:#}");
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let waiting = drafts::waiting(&mut tx).await.unwrap();
    drop(tx);
    assert!(waiting[0].text.contains("order number"), "{waiting:#?}");
    desk(&app, "Mia").drop_draft(waiting[0].turn).await.unwrap();
    let thread = answer["thread_id"].as_str().unwrap();
    let messages = events(&app, &token, thread).await;
    assert!(
        messages
            .iter()
            .all(|m| !m["text"].as_str().unwrap().contains("order number")),
        "{messages:#?}"
    );
    app.finish().await;
}

#[tokio::test]
async fn staff_who_write_themselves_drop_what_was_drafted() {
    let app = shadow().await;
    let token = app.token(VisitorId::new());
    let answer = app.ask(&token, "What does a return label cost?", None).await;
    let thread = answer["thread_id"].as_str().unwrap().parse().unwrap();
    desk(&app, "Mia").reply(thread, "It is 4.90.").await.unwrap();
    assert_eq!(app.text("SELECT state FROM drafts").await, "dropped");
    app.finish().await;
}
