//! Money moves once, with consent: by a button or an exact yes, above the limit with staff's
//! approval, and whatever the shop does meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use deskhand::db::sites;
use deskhand::domain::ids::{ProposalId, ThreadId, VisitorId};
use deskhand::domain::site::Mode;
use deskhand::hands::ToolContext;
use deskhand::hands::act::{self, Leave};
use deskhand::hands::adapters::demo_store::DemoStore;
use deskhand::inbox::decide;
use deskhand::inbox::desk::Desk;
use futures::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use super::shop::{ANNA, BEN, Manner, Moody, button, paid_back, proposed, stock};
use super::till::{Kind, Till};
use crate::support::app::{Setup, TestApp};

async fn send(app: &TestApp, token: &str, body: &Value) -> (u16, Value) {
    let response = app
        .post("/api/agent/messages", token)
        .json(body)
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn effects(app: &TestApp, state: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM effects WHERE state = '{state}'"))
        .await
}

#[rstest]
#[case::demo(Kind::Demo)]
#[case::woocommerce(Kind::Woo)]
#[tokio::test]
async fn a_yes_by_the_button_pays_back_once(#[case] kind: Kind) {
    let (app, till) = Till::open(kind, Setup::default()).await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = proposed(&app, &token).await;
    assert_eq!(
        till.paid_back(&app, "1004").await,
        0,
        "nothing moves before the yes"
    );
    let yes = button(&thread, &proposal, true);
    let (status, answer) = send(&app, &token, &yes).await;
    assert_eq!(
        (status, answer["outcome"].as_str()),
        (200, Some("answered")),
        "{answer:#}"
    );
    assert!(
        answer["text"].as_str().unwrap().contains("38.70 EUR"),
        "{answer:#}"
    );
    assert_eq!(till.paid_back(&app, "1004").await, 3_870);
    // The same message again gives the same turn; another yes is too late.
    let (_, again) = send(&app, &token, &yes).await;
    assert_eq!(again["turn_id"], answer["turn_id"]);
    let (status, problem) = send(&app, &token, &button(&thread, &proposal, true)).await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (409, Some("proposal_expired"))
    );
    assert_eq!(till.paid_back(&app, "1004").await, 3_870);
    assert_eq!(effects(&app, "done").await, 1);
    app.finish().await;
}

#[rstest]
#[case::demo(Kind::Demo)]
#[case::woocommerce(Kind::Woo)]
#[tokio::test]
async fn fifty_confirmations_at_once_pay_back_once(#[case] kind: Kind) {
    let (app, till) = Till::open(kind, Setup::default()).await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = proposed(&app, &token).await;
    let sent = join_all((0..50).map(|_| {
        let body = button(&thread, &proposal, true);
        let (app, token) = (&app, &token);
        async move { send(app, token, &body).await }
    }))
    .await;
    assert_eq!(
        sent.iter().filter(|(status, _)| *status == 200).count(),
        1,
        "{sent:#?}"
    );
    assert!(
        sent.iter().all(|(status, _)| matches!(status, 200 | 409)),
        "{sent:#?}"
    );
    assert_eq!(till.paid_back(&app, "1004").await, 3_870);
    app.finish().await;
}

#[rstest]
#[case::demo(Kind::Demo)]
#[case::woocommerce(Kind::Woo)]
#[tokio::test]
async fn only_an_exact_yes_to_the_last_word_counts(#[case] kind: Kind) {
    let (app, till) = Till::open(kind, Setup::default()).await;
    let token = app.token(VisitorId::new());
    for (word, moved) in [("yes but wait", 0), ("no", 0), ("Yes, please!", 3_870)] {
        let (thread, _) = proposed(&app, &token).await;
        app.ask(&token, word, Some(&thread)).await;
        assert_eq!(till.paid_back(&app, "1004").await, moved, "{word}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_yes_after_something_else_was_said_is_no_yes() {
    let app = TestApp::start().await;
    stock(&app).await;
    let token = app.token(VisitorId::new());
    let (thread, _) = proposed(&app, &token).await;
    app.ask(&token, "How long does shipping take?", Some(&thread))
        .await;
    app.ask(&token, "yes", Some(&thread)).await;
    assert_eq!(paid_back(&app, "1004").await, 0);
    app.finish().await;
}

#[rstest]
#[case::demo(Kind::Demo)]
#[case::woocommerce(Kind::Woo)]
#[tokio::test]
async fn another_visitor_or_thread_or_hour_cant_say_yes(#[case] kind: Kind) {
    let (app, till) = Till::open(kind, Setup::default()).await;
    let visitor = VisitorId::new();
    let token = app.token(visitor);
    let (thread, proposal) = proposed(&app, &token).await;
    let (status, _) = send(
        &app,
        &app.token(VisitorId::new()),
        &button(&thread, &proposal, true),
    )
    .await;
    assert_eq!(status, 404);
    let other = app.ask(&token, "hello", None).await;
    let elsewhere = button(other["thread_id"].as_str().unwrap(), &proposal, true);
    assert_eq!(send(&app, &token, &elsewhere).await.0, 409);
    app.clock.advance(TimeDelta::minutes(16));
    let late = send(&app, &app.token(visitor), &button(&thread, &proposal, true)).await;
    assert_eq!(late.0, 409, "{late:?}");
    assert_eq!(till.paid_back(&app, "1004").await, 0);
    app.finish().await;
}

#[rstest]
#[case::demo(Kind::Demo)]
#[case::woocommerce(Kind::Woo)]
#[tokio::test]
async fn a_policy_that_changed_meanwhile_voids_the_proposal(#[case] kind: Kind) {
    let (app, till) = Till::open(kind, Setup::default()).await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = proposed(&app, &token).await;
    let mut tx = app.db.site(app.site.id).await.unwrap();
    sites::merge_settings(&mut tx, &json!({ "refund_soft_limit": "60.00" }))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let (_, answer) = send(&app, &token, &button(&thread, &proposal, true)).await;
    assert!(
        answer["text"].as_str().unwrap().contains("can't be made"),
        "{answer:#}"
    );
    assert_eq!(till.paid_back(&app, "1004").await, 0);
    assert_eq!(app.text("SELECT state FROM proposals").await, "void");
    app.finish().await;
}

#[tokio::test]
async fn assist_and_a_switch_keep_the_agent_from_refunds() {
    let app = TestApp::start().await;
    stock(&app).await;
    let token = app.token(VisitorId::new());
    let refund = format!("I want a refund for order 1004, {ANNA}");
    for (mode, settings) in [
        (Mode::Assist, json!({})),
        (Mode::Full, json!({ "tools_off": ["issue_refund"] })),
    ] {
        let mut tx = app.db.site(app.site.id).await.unwrap();
        sites::set_mode(&mut tx, mode).await.unwrap();
        sites::merge_settings(&mut tx, &settings).await.unwrap();
        tx.commit().await.unwrap();
        let answer = app.ask(&token, &refund, None).await;
        assert_eq!(answer["outcome"], "answered", "{answer:#}");
        assert!(
            answer["text"].as_str().unwrap().contains("can't do that myself"),
            "{answer:#}"
        );
    }
    assert_eq!(app.count("SELECT count(*) FROM proposals").await, 0);
    app.finish().await;
}

#[tokio::test]
async fn a_shop_that_is_cut_after_it_acted_is_found_out() {
    for (manner, state, back) in [
        (Manner::ActsAndIsCut, "done", 3_870),
        (Manner::IsSilent, "unknown", 0),
        (Manner::Refuses, "failed", 0),
    ] {
        let app = moody(manner).await;
        let token = app.0.token(VisitorId::new());
        let (thread, proposal) = proposed(&app.0, &token).await;
        let (status, answer) = send(&app.0, &token, &button(&thread, &proposal, true)).await;
        assert_eq!(status, 200, "{manner:?} {answer:#}");
        assert_eq!(effects(&app.0, state).await, 1, "{manner:?} {answer:#}");
        assert_eq!(paid_back(&app.0, "1004").await, back, "{manner:?}");
        assert_eq!(app.1.asked.load(Ordering::SeqCst), 1, "{manner:?}");
        let outcome = if state == "unknown" { "handoff" } else { "answered" };
        assert_eq!(answer["outcome"], outcome, "{manner:?} {answer:#}");
        app.0.finish().await;
    }
}

/// It acts when the turn has long given up: nobody asks again, and a person is told.
#[tokio::test]
async fn a_shop_that_acts_too_late_is_never_asked_twice() {
    let (app, mood) = moody(Manner::ActsTooLate).await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = proposed(&app, &token).await;
    let (_, answer) = send(&app, &token, &button(&thread, &proposal, true)).await;
    assert_eq!(answer["outcome"], "handoff", "{answer:#}");
    assert_eq!(answer["handoff"]["reason"], "unknown_effect");
    let (status, _) = send(&app, &token, &button(&thread, &proposal, true)).await;
    assert_eq!(status, 409);
    assert_eq!(mood.asked.load(Ordering::SeqCst), 1);
    // Nor does a second proposal, of whomever, while nobody knows what became of the first.
    let token = app.token(VisitorId::new());
    let (thread, proposal) = proposed(&app, &token).await;
    let (_, answer) = send(&app, &token, &button(&thread, &proposal, true)).await;
    assert!(
        answer["text"].as_str().unwrap().contains("still with our team"),
        "{answer:#}"
    );
    assert_eq!(mood.asked.load(Ordering::SeqCst), 1);
    app.finish().await;
}

/// Whatever staff asked is not what the agent asked before them.
#[tokio::test]
async fn a_yes_to_staff_is_no_yes_to_the_agent() {
    let app = TestApp::start().await;
    stock(&app).await;
    let token = app.token(VisitorId::new());
    let (thread, _) = proposed(&app, &token).await;
    let (mia, id) = (desk(&app, "Mia"), thread.parse().map(ThreadId).unwrap());
    mia.reply(id, "Shall we send you a new bulb instead?")
        .await
        .unwrap();
    mia.give_back(id, false).await.unwrap();
    app.ask(&token, "yes", Some(&thread)).await;
    assert_eq!(paid_back(&app, "1004").await, 0);
    assert_eq!(
        app.count("SELECT count(*) FROM proposals WHERE state = 'void'")
            .await,
        1
    );
    app.finish().await;
}

async fn moody(manner: Manner) -> (TestApp, Moody) {
    // The shop needs the app's database, which is there only once the app is: so it is opened again.
    let plain = TestApp::start().await;
    stock(&plain).await;
    let mood = Moody::new(DemoStore::new(plain.db.clone(), plain.clock.clone()), manner);
    let app = plain
        .replica(Setup {
            stores: Some(Arc::new(mood.clone())),
            changes: Some(Duration::from_secs(2)),
            ..Setup::default()
        })
        .await;
    // The first one stays: the database is its.
    std::mem::forget(plain);
    (app, mood)
}

pub(super) async fn awaiting(app: &TestApp, till: &Till, token: &str) -> (String, ProposalId) {
    let answer = app
        .ask(token, &format!("Refund order 1002 please, {BEN}"), None)
        .await;
    assert!(
        answer["ask"]["summary"].as_str().unwrap().contains("approves"),
        "{answer:#}"
    );
    let thread = answer["thread_id"].as_str().unwrap().to_owned();
    let yes = app.ask(token, "yes", Some(&thread)).await;
    assert_eq!(yes["outcome"], "asked", "{yes:#}");
    let id = answer["ask"]["proposal_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(till.paid_back(app, "1002").await, 0, "staff decide first");
    (thread, id)
}

fn context(app: &TestApp) -> ToolContext {
    ToolContext {
        db: app.db.clone(),
        site: app.site.id,
        channel: "widget",
        conversation: None,
        client: None,
        account: None,
        locale: "en".into(),
        off: Arc::default(),
        clock: app.clock.clone(),
        master: Arc::clone(&app.master),
    }
}

pub(super) fn desk<'a>(app: &'a TestApp, staff: &'a str) -> Desk<'a> {
    Desk {
        db: &app.db,
        clock: app.clock.as_ref(),
        site: app.site.id,
        staff,
    }
}

#[rstest]
#[case::demo(Kind::Demo)]
#[case::woocommerce(Kind::Woo)]
#[tokio::test]
async fn an_approval_is_used_once_and_for_what_was_approved(#[case] kind: Kind) {
    let (app, till) = Till::open(kind, Setup::default()).await;
    let (_, id) = awaiting(&app, &till, &app.token(VisitorId::new())).await;
    let (ctx, store) = (context(&app), app.shops.as_ref());
    // Without an approval nothing runs.
    let early = act::run(&ctx, store, id, &Leave::Staff).await.unwrap_err();
    assert_eq!(early.code.as_str(), "NEEDS_APPROVAL");
    decide::approve(&desk(&app, "Mia"), &app.master, id)
        .await
        .unwrap();
    assert!(
        decide::approve(&desk(&app, "Tom"), &app.master, id)
            .await
            .is_err(),
        "once"
    );
    // Somebody bends the row: the approval isn't for that.
    app.bend("UPDATE proposals SET amount_minor = amount_minor - 100")
        .await;
    let bent = act::run(&ctx, store, id, &Leave::Staff).await.unwrap_err();
    assert_eq!(bent.code.as_str(), "INVALID_INPUT");
    assert_eq!(till.paid_back(&app, "1002").await, 0);
    assert_eq!(app.text("SELECT state FROM proposals").await, "void");
    app.finish().await;
}

/// What was said yes to is what was sealed, whatever the row says.
#[tokio::test]
async fn a_bent_amount_isnt_what_was_said_yes_to() {
    let app = TestApp::start().await;
    stock(&app).await;
    let token = app.token(VisitorId::new());
    let (thread, proposal) = proposed(&app, &token).await;
    app.bend("UPDATE proposals SET amount_minor = 3000").await;
    let (_, answer) = send(&app, &token, &button(&thread, &proposal, true)).await;
    assert!(
        answer["text"].as_str().unwrap().contains("can't be made"),
        "{answer:#}"
    );
    assert_eq!(paid_back(&app, "1004").await, 0);
    assert_eq!(app.text("SELECT state FROM proposals").await, "void");
    app.finish().await;
}

#[rstest]
#[case::demo(Kind::Demo)]
#[case::woocommerce(Kind::Woo)]
#[tokio::test]
async fn an_approved_refund_runs_once_however_often_its_job_does(#[case] kind: Kind) {
    let (app, till) = Till::open(kind, Setup::default()).await;
    let (_, id) = awaiting(&app, &till, &app.token(VisitorId::new())).await;
    decide::approve(&desk(&app, "Mia"), &app.master, id)
        .await
        .unwrap();
    let (ctx, store) = (context(&app), app.shops.as_ref());
    let runs = join_all((0..20).map(|_| act::run(&ctx, store, id, &Leave::Staff))).await;
    assert!(runs.iter().any(Result::is_ok), "{runs:?}");
    assert_eq!(till.paid_back(&app, "1002").await, 42_900);
    assert_eq!(till.acts(&app, "1002").await, 1);
    app.finish().await;
}

#[tokio::test]
async fn a_refusal_is_told_to_the_visitor() {
    let app = TestApp::start().await;
    stock(&app).await;
    let token = app.token(VisitorId::new());
    let (thread, id) = awaiting(&app, &Till::Demo, &token).await;
    decide::refuse(&desk(&app, "Mia"), id).await.unwrap();
    let snapshot: Value = app
        .get(&format!("/api/agent/thread/{thread}"), &token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let last = snapshot["messages"].as_array().unwrap().last().unwrap();
    assert_eq!(last["author"], "system");
    assert!(last["text"].as_str().unwrap().contains("not approved"), "{last}");
    assert_eq!(paid_back(&app, "1002").await, 0);
    app.finish().await;
}

/// The card says where an order is to go; at rest nothing does, beside the sealed arguments.
#[tokio::test]
async fn what_a_card_asks_is_sealed_at_rest() {
    let app = TestApp::start().await;
    stock(&app).await;
    let token = app.token(VisitorId::new());
    let wish = format!("Change the delivery address of order 1001, {ANNA}");
    let first = app.ask(&token, &wish, None).await;
    let thread = first["thread_id"].as_str();
    let asked = app
        .ask(&token, "Anna Huber, Neuer Weg 7, 4020 Linz, Austria", thread)
        .await;
    let card = asked["ask"]["summary"].as_str().unwrap();
    assert!(card.contains("Neuer Weg 7"), "{asked:#}");
    let rows = app.text("SELECT string_agg(p::text, ' ') FROM proposals p").await;
    let (plain, bytes) = ("Neuer Weg", hex::encode("Neuer Weg"));
    assert!(!rows.contains(plain) && !rows.contains(&bytes), "{rows}");
    app.finish().await;
}
