//! A tool that is still at work while staff take its conversation over, on another replica: what
//! it does late changes nothing, and a call that runs twice acts once.

use std::sync::Arc;

use deskhand::db::handoffs::{self, NewHandoff};
use deskhand::db::pool::DbError;
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::{CallId, ThreadId, TurnId, VisitorId};
use deskhand::domain::tool::ToolCode;
use deskhand::hands::create_ticket::{self, CreateTicket};
use deskhand::hands::handoff_human::{self, HandoffHuman};
use deskhand::hands::notify_human::{self, NotifyHuman};
use deskhand::hands::update_ticket::{self, UpdateTicket};
use deskhand::hands::{Conversation, Tool, ToolContext};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{all, desk};
use crate::support::app::{Setup, TestApp, message};
use crate::support::brains::Scripted;

fn ticket(body: &str) -> create_ticket::Input {
    serde_json::from_value(json!({ "subject": "Broken", "body": body, "email": "anna@example.com" })).unwrap()
}

fn handoff() -> handoff_human::Input {
    serde_json::from_value(json!({ "reason": "policy" })).unwrap()
}

#[tokio::test]
async fn what_a_tool_does_after_a_claim_changes_nothing() {
    let (brain, permits) = Scripted::held(&["What would you like to know?"]);
    let app = TestApp::with(Setup {
        brains: vec![Arc::new(brain)],
        ..Setup::default()
    })
    .await;
    // Without an answer in it the turn would go to people at once.
    app.know(&[("returns.md", "# Returns\n\nA return label costs €4.90.")])
        .await;
    let other = app.replica(Setup::default()).await;
    let visitor = VisitorId::new();
    let token = app.token(visitor);
    let request = app
        .post("/api/agent/messages", &token)
        .header("prefer", "respond-async")
        .json(&message(
            "What does a return label cost? I am anna@example.com",
            None,
        ));
    let taken: Value = request.send().await.unwrap().json().await.unwrap();
    let id = |name: &str| taken[name].as_str().unwrap().parse::<Uuid>().unwrap();
    let (thread, turn) = (ThreadId(id("thread_id")), TurnId(id("turn_id")));
    let ctx = |call| ToolContext {
        db: app.db.clone(),
        site: app.site.id,
        channel: "widget",
        conversation: Some(Conversation {
            thread,
            visitor,
            turn,
            call,
        }),
        client: None,
        account: None,
        locale: "en".into(),
        off: Arc::default(),
        clock: app.clock.clone(),
        master: Arc::clone(&app.master),
    };

    // One call, run twice as after a crash: one ticket, one note.
    let (call, note) = (CallId::new(), CallId::new());
    for _ in 0..2 {
        let opened = CreateTicket
            .call(&ctx(call), ticket("It came broken."))
            .await
            .unwrap();
        assert_eq!(opened.output.ticket_id, "T-1");
        let add: update_ticket::Input = serde_json::from_value(json!({ "message": "And late." })).unwrap();
        UpdateTicket.call(&ctx(note), add).await.unwrap();
    }
    assert_eq!(all(&app).await.len(), 1);
    assert_eq!(app.count("SELECT count(*) FROM ticket_notes").await, 1);

    // Staff take it over and are done with it, before the tools come to their end.
    let mia = desk(&other, "Mia");
    mia.claim(thread, false).await.unwrap();
    let late = CreateTicket
        .call(&ctx(CallId::new()), ticket("Too late."))
        .await
        .unwrap_err();
    assert_eq!(late.code, ToolCode::Unauthorized);
    mia.reply(thread, "I am here.").await.unwrap();
    mia.resolve(thread, false).await.unwrap();
    let before = app
        .text("SELECT concat_ws(' ', status, fence) FROM threads")
        .await;
    let late = HandoffHuman
        .call(&ctx(CallId::new()), handoff())
        .await
        .unwrap_err();
    assert_eq!(late.code, ToolCode::Unauthorized);
    let tell: notify_human::Input = serde_json::from_value(json!({ "message": "m" })).unwrap();
    assert!(NotifyHuman.call(&ctx(CallId::new()), tell).await.is_err());
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let new = NewHandoff {
        thread,
        turn,
        reason: "low_confidence",
        excerpt: None,
        now: app.clock.now(),
    };
    assert!(matches!(
        handoffs::open(&mut tx, &new).await,
        Err(DbError::Fenced)
    ));
    drop(tx);
    assert_eq!(
        app.count("SELECT count(*) FROM handoffs WHERE state <> 'resolved'")
            .await,
        0
    );
    assert_eq!(
        app.count("SELECT count(*) FROM tickets WHERE state <> 'resolved'")
            .await,
        0
    );
    assert_eq!(
        app.text("SELECT concat_ws(' ', status, fence) FROM threads")
            .await,
        before
    );

    permits.add_permits(10);
    while app.agent.running() > 0 {
        tokio::task::yield_now().await;
    }
    other.stop().await;
    app.finish().await;
}
