//! What staff have decided too late, and what they haven't decided about: it ends, the visitor hears of
//! it, and the order is free for another refund.

use std::sync::Arc;

use chrono::TimeDelta;
use deskhand::db::sites;
use deskhand::domain::ids::VisitorId;
use deskhand::domain::site::Mode;
use deskhand::hands::orders::Stores;
use deskhand::inbox::decide;
use deskhand::jobs::execute_proposal::ExecuteProposal;
use deskhand::jobs::mark_breaches::MarkBreaches;
use rstest::rstest;
use serde_json::{Value, json};

use super::money::{awaiting, desk};
use super::shop::{ANNA, button, paid_back, stock};
use super::till::Till;
use crate::support::app::TestApp;

/// What staff have approved and can't be carried out any more is over: it neither waits on nor keeps its
/// order from another refund.
#[rstest]
#[case::mode(json!({ "assist": true }))]
#[case::switch(json!({ "tools_off": ["issue_refund"] }))]
#[tokio::test]
async fn an_approval_that_comes_too_late_ends_the_proposal(#[case] change: Value) {
    let app = TestApp::start().await;
    stock(&app).await;
    let token = app.token(VisitorId::new());
    let (thread, id) = awaiting(&app, &Till::Demo, &token).await;
    let set = async |mode: Mode, settings: &Value| {
        let mut tx = app.db.site(app.site.id).await.unwrap();
        sites::set_mode(&mut tx, mode).await.unwrap();
        sites::merge_settings(&mut tx, settings).await.unwrap();
        tx.commit().await.unwrap();
    };
    if change["assist"] == true {
        set(Mode::Assist, &json!({})).await;
    } else {
        set(Mode::Full, &change).await;
    }
    decide::approve(&desk(&app, "Mia"), &app.master, id)
        .await
        .unwrap();
    let work = ExecuteProposal {
        stores: Arc::clone(&app.shops) as Arc<dyn Stores>,
        clock: app.clock.clone(),
        master: Arc::clone(&app.master),
    };
    work.carry_out(&app.db, app.site.id, id, true).await.unwrap();
    assert_eq!(app.text("SELECT state FROM proposals").await, "void");
    assert_eq!(app.text("SELECT reason FROM tickets").await, "void_approval");
    let shown: Value = app
        .get(&format!("/api/agent/thread/{thread}"), &token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let last = shown["messages"].as_array().unwrap().last().unwrap();
    assert!(
        last["text"]
            .as_str()
            .unwrap()
            .contains("can't be carried out any more"),
        "{last}"
    );
    assert_eq!(paid_back(&app, "1002").await, 0);
    // Another one of this order isn't refused for it.
    set(Mode::Full, &json!({ "tools_off": [] })).await;
    awaiting(&app, &Till::Demo, &app.token(VisitorId::new())).await;
    app.bend("DELETE FROM jobs").await;
    app.finish().await;
}

#[tokio::test]
async fn what_nobody_decides_about_ends_after_two_weeks() {
    let app = TestApp::start().await;
    stock(&app).await;
    let visitor = VisitorId::new();
    let (thread, id) = awaiting(&app, &Till::Demo, &app.token(visitor)).await;
    let look = async || {
        let job = MarkBreaches {
            clock: app.clock.clone(),
        };
        job.lapse(&app.db).await.unwrap();
    };
    app.clock.advance(TimeDelta::days(13));
    look().await;
    assert_eq!(app.text("SELECT state FROM proposals").await, "waiting");
    app.clock.advance(TimeDelta::days(1));
    look().await;
    assert_eq!(app.text("SELECT state FROM proposals").await, "void");
    assert_eq!(app.text("SELECT state FROM handoffs").await, "resolved");
    let token = app.token(visitor);
    let shown: Value = app
        .get(&format!("/api/agent/thread/{thread}"), &token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let said = shown["messages"].to_string();
    assert_eq!(
        said.matches("hasn't decided about the refund of 429.00 EUR")
            .count(),
        1,
        "{said}"
    );
    look().await;
    assert!(
        decide::approve(&desk(&app, "Mia"), &app.master, id)
            .await
            .is_err()
    );
    assert_eq!(paid_back(&app, "1002").await, 0);
    app.finish().await;
}

/// A yes by word answers the last word; after the news of another refund it answers that.
#[tokio::test]
async fn an_ok_to_other_news_refunds_nothing() {
    let app = TestApp::start().await;
    stock(&app).await;
    let token = app.token(VisitorId::new());
    let (thread, id) = awaiting(&app, &Till::Demo, &token).await;
    let card = app
        .ask(
            &token,
            &format!("Refund order 1004 please, {ANNA}"),
            Some(&thread),
        )
        .await;
    assert_eq!(card["ask"]["kind"], "confirm", "{card:#}");
    decide::refuse(&desk(&app, "Mia"), id).await.unwrap();
    let ok = app.ask(&token, "ok", Some(&thread)).await;
    assert_eq!(paid_back(&app, "1004").await, 0, "{ok:#}");
    // The button says what it is for.
    let proposal = card["ask"]["proposal_id"].as_str().unwrap();
    let sent = app
        .post("/api/agent/messages", &token)
        .json(&button(&thread, proposal, true))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
    assert_eq!(paid_back(&app, "1004").await, 3_870);
    app.finish().await;
}
