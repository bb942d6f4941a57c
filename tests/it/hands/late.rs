//! What ends after its turn has: the visitor hears of it once, live or by mail, and so do the
//! people who were asked to look, whoever dies meanwhile.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use deskhand::domain::fail::FailPoint;
use deskhand::domain::ids::{ThreadId, VisitorId};
use deskhand::hands::orders::Stores;
use deskhand::inbox::desk::Desk;
use deskhand::jobs::handler::Handlers;
use deskhand::jobs::runner::{Runner, Settings};
use deskhand::jobs::settle_effect::SettleEffect;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::shop::{button, proposed};
use super::till::{Kind, Till};
use crate::support::app::{Setup, TestApp};
use crate::support::process::Home;
use crate::support::woo_server::{Fault, WooServer};

const REFUNDS: &str = "/wp-json/wc/v3/orders/1004/refunds";
const PATIENCE: Duration = Duration::from_secs(60);

/// A site with a WooCommerce whose changes a turn doesn't wait for long.
async fn hurried() -> (TestApp, WooServer) {
    let setup = Setup {
        changes: Some(Duration::from_millis(1)),
        ..Setup::default()
    };
    match Till::open(Kind::Woo, setup).await {
        (app, Till::Woo(woo)) => (app, woo),
        (_, Till::Demo) => unreachable!("a WooCommerce was asked for"),
    }
}

async fn press(app: &TestApp, token: &str, body: &Value) -> Value {
    let sent = app
        .post("/api/agent/messages", token)
        .json(body)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
    sent.json().await.unwrap()
}

/// Waits until a query gives this number.
async fn until(app: &TestApp, query: &str, n: i64) {
    let found = async {
        while app.count(query).await != n {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, found).await;
    assert!(waited.is_ok(), "{query}: never {n}");
}

/// Works on what looks after effects, at once whatever it waits for, until nothing is left of it.
pub async fn settle(app: &TestApp) {
    let handlers = Handlers::new().with(SettleEffect {
        stores: Arc::clone(&app.shops) as Arc<dyn Stores>,
        clock: app.clock.clone(),
        master: Arc::clone(&app.master),
    });
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let settings = Settings {
        poll: Duration::from_millis(50),
        ..Settings::default()
    };
    let runner = Runner::new(
        app.db.clone(),
        handlers,
        Vec::new(),
        settings,
        tasks.clone(),
        stop.clone(),
    );
    let running = tasks.spawn(runner.run());
    let left = async {
        loop {
            app.bend("UPDATE jobs SET run_at = now() WHERE kind = 'settle_effect' AND state = 'waiting'")
                .await;
            let open =
                "SELECT count(*) FROM jobs WHERE kind = 'settle_effect' AND state IN ('waiting', 'running')";
            if app.count(open).await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, left).await;
    stop.cancel();
    running.await.unwrap();
    let jobs = app
        .text(
            "SELECT coalesce(string_agg(concat_ws(' ', kind, key, state, error_detail), '; '), '') FROM jobs",
        )
        .await;
    assert!(waited.is_ok(), "{jobs}");
}

/// What the system has said in a conversation.
async fn told(app: &TestApp, token: &str, thread: &str) -> Vec<String> {
    let shown = app
        .get(&format!("/api/agent/thread/{thread}"), token)
        .send()
        .await
        .unwrap();
    let shown: Value = shown.json().await.unwrap();
    let messages = shown["messages"].as_array().unwrap().iter();
    messages
        .filter(|m| m["author"] == "system")
        .map(|m| m["text"].as_str().unwrap().to_owned())
        .collect()
}

/// The shop answers when the turn has long given up.
async fn answers_late(fault: Option<Fault>) -> (TestApp, WooServer, String, String) {
    let (app, woo) = hurried().await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = proposed(&app, &token).await;
    if let Some(fault) = fault {
        woo.fault("POST", fault);
    }
    let (asked, go) = woo.web.hold(REFUNDS);
    let answer = press(&app, &token, &button(&thread, &proposal, true)).await;
    assert_eq!(answer["handoff"]["reason"], "unknown_effect", "{answer:#}");
    asked.await.unwrap();
    go.send(()).unwrap();
    until(
        &app,
        "SELECT count(*) FROM effects WHERE state IN ('done', 'failed')",
        1,
    )
    .await;
    settle(&app).await;
    (app, woo, token, thread)
}

#[tokio::test]
async fn a_success_after_the_turn_is_told_once_to_visitor_and_staff() {
    let (app, woo, token, thread) = answers_late(None).await;
    assert_eq!(woo.paid(1004), [3_870]);
    let words = "We have checked: the refund of 38.70 EUR for order 1004 has gone through.";
    assert_eq!(told(&app, &token, &thread).await, [words]);
    // Who has gone by then gets it by mail, as staff's replies.
    until(&app, "SELECT count(*) FROM jobs WHERE kind = 'mail_reply'", 1).await;
    let handoffs = "SELECT string_agg(concat_ws(' ', reason, state), ';') FROM handoffs";
    assert_eq!(app.text(handoffs).await, "effect_done open");
    let noted = "SELECT count(*) FROM handoffs WHERE excerpt_sealed IS NOT NULL";
    assert_eq!(app.count(noted).await, 1);
    // Whoever looks once more finds that it was told.
    app.bend(
        "UPDATE jobs SET state = 'waiting', run_at = now(), finished_at = NULL WHERE kind = 'settle_effect'",
    )
    .await;
    settle(&app).await;
    assert_eq!(told(&app, &token, &thread).await.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_refusal_after_the_turn_is_told_once_too() {
    let (app, woo, token, thread) =
        answers_late(Some(Fault::Error(400, "woocommerce_rest_invalid_order_refund"))).await;
    assert!(woo.refunds(1004).is_empty());
    let told = told(&app, &token, &thread).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("was not made"), "{told:?}");
    let handoffs = "SELECT string_agg(concat_ws(' ', reason, state), ';') FROM handoffs";
    assert_eq!(app.text(handoffs).await, "effect_failed open");
    app.finish().await;
}

#[tokio::test]
async fn what_the_turn_has_told_is_not_told_again() {
    let (app, till) = Till::open(Kind::Woo, Setup::default()).await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = proposed(&app, &token).await;
    let answer = press(&app, &token, &button(&thread, &proposal, true)).await;
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    app.clock.advance(TimeDelta::seconds(91));
    settle(&app).await;
    assert!(told(&app, &token, &thread).await.is_empty());
    assert_eq!(till.paid_back(&app, "1004").await, 3_870);
    let jobs = "SELECT count(*) FROM jobs WHERE kind = 'settle_effect'";
    assert_eq!(app.count(jobs).await, 1, "one job an effect");
    app.finish().await;
}

/// Staff take the conversation over while the shop works: the agent is silent, and yet the visitor
/// hears what became of their money.
#[tokio::test]
async fn a_takeover_in_the_middle_doesnt_swallow_the_end() {
    let (app, till) = Till::open(Kind::Woo, Setup::default()).await;
    let Till::Woo(woo) = &till else { unreachable!() };
    let token = app.token(VisitorId::new());
    let (thread, proposal) = proposed(&app, &token).await;
    let (asked, go) = woo.web.hold(REFUNDS);
    let sent = app
        .post("/api/agent/messages", &token)
        .header("prefer", "respond-async")
        .json(&button(&thread, &proposal, true))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 202);
    asked.await.unwrap();
    let desk = Desk {
        db: &app.db,
        clock: app.clock.as_ref(),
        site: app.site.id,
        staff: "Mia",
    };
    desk.claim(ThreadId(thread.parse::<Uuid>().unwrap()), false)
        .await
        .unwrap();
    go.send(()).unwrap();
    until(&app, "SELECT count(*) FROM effects WHERE state = 'done'", 1).await;
    settle(&app).await;
    let told = told(&app, &token, &thread).await;
    assert!(
        told.len() == 1 && told[0].contains("has gone through"),
        "{told:?}"
    );
    app.finish().await;
}

/// The server is killed while it tells, and right after it has: once started again it has told once.
#[tokio::test]
async fn a_late_end_survives_a_kill_and_is_told_once() {
    for point in FailPoint::OF_A_LATE_END {
        let (app, woo) = hurried().await;
        let token = app.token(VisitorId::new());
        let (thread, proposal) = proposed(&app, &token).await;
        let (asked, go) = woo.web.hold(REFUNDS);
        let answer = press(&app, &token, &button(&thread, &proposal, true)).await;
        assert_eq!(answer["outcome"], "handoff", "{answer:#}");
        asked.await.unwrap();
        go.send(()).unwrap();
        until(&app, "SELECT count(*) FROM effects WHERE state = 'done'", 1).await;
        let home = Home::new("late");
        let (host, master) = (woo.host(), "07".repeat(32));
        let environment = [
            ("DATABASE_URL", app.urls.app.as_str()),
            ("DESKHAND_MASTER_KEY", master.as_str()),
            ("DESKHAND_FETCH_ALLOW_PRIVATE", host.as_str()),
        ];
        let dying = home.serve(&[&environment[..], &[("DESKHAND_FAIL_POINT", point.name())]].concat());
        dying.wait();
        // Its lease ends by itself; the test doesn't wait for that.
        app.bend("UPDATE jobs SET lease_until = now() WHERE state = 'running'")
            .await;
        let server = home.serve(&environment);
        let open = "SELECT count(*) FROM jobs WHERE kind = 'settle_effect' AND state <> 'done'";
        until(&app, open, 0).await;
        let told = told(&app, &token, &thread).await;
        assert_eq!(told.len(), 1, "{point:?}: {told:?}");
        assert!(told[0].contains("has gone through"), "{point:?}: {told:?}");
        assert!(server.stop().success());
        app.finish().await;
    }
}

/// A button that is pressed after staff have taken over does nothing, and nobody is left guessing.
#[tokio::test]
async fn a_button_in_a_claimed_chat_is_shown_to_staff_and_answered() {
    let (app, till) = Till::open(Kind::Demo, Setup::default()).await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = proposed(&app, &token).await;
    let desk = |staff| Desk {
        db: &app.db,
        clock: app.clock.as_ref(),
        site: app.site.id,
        staff,
    };
    let id = ThreadId(thread.parse::<Uuid>().unwrap());
    desk("Mia").claim(id, false).await.unwrap();
    let sent = app
        .post("/api/agent/messages", &token)
        .json(&button(&thread, &proposal, true))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 202, "{}", sent.text().await.unwrap());
    let said = told(&app, &token, &thread).await;
    assert!(
        said.len() == 1 && said[0].contains("sees your answer"),
        "{said:?}"
    );
    let last = "SELECT text FROM messages WHERE author = 'visitor' ORDER BY seq DESC LIMIT 1";
    assert_eq!(
        app.text(last).await,
        "Yes, go ahead — Refund 38.70 EUR for order 1004?"
    );
    // With words of their own, both are shown: the words alone wouldn't say what was pressed.
    let mut body = button(&thread, &proposal, false);
    body["user_msg"] = json!("I'd rather have a new one");
    let sent = app
        .post("/api/agent/messages", &token)
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 202, "{}", sent.text().await.unwrap());
    assert_eq!(
        app.text(last).await,
        "No, thanks — Refund 38.70 EUR for order 1004?\n\nI'd rather have a new one"
    );
    assert_eq!(till.paid_back(&app, "1004").await, 0);
    // Only who has claimed it gives it back, or somebody who takes it from them, and the audit says so.
    let refused = desk("Tom").give_back(id, false).await;
    assert!(
        matches!(&refused, Err(deskhand::inbox::InboxError::Claimed(name)) if name == "Mia"),
        "{refused:?}"
    );
    assert!(desk("Tom").resolve(id, false).await.is_err());
    desk("Tom").give_back(id, true).await.unwrap();
    let line = app
        .text("SELECT concat_ws(' ', who, detail ->> 'taken_from') FROM audit WHERE act = 'give_back'")
        .await;
    assert_eq!(line, "staff:Tom Mia");
    // Once the agent has it again the old button is over.
    let sent = app
        .post("/api/agent/messages", &token)
        .json(&button(&thread, &proposal, true))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 409);
    assert_eq!(json!(till.paid_back(&app, "1004").await), 0);
    app.finish().await;
}
