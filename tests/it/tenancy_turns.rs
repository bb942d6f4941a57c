//! The functions of `db/` that a turn with a language model needs, called under the wrong
//! site with another's real ids: they find nothing and change nothing.

use deskhand::db::model_calls::{Held, ModelCall};
use deskhand::db::{model_calls, spend, usage, vault};
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::{ThreadId, TurnId, VisitorId};
use uuid::Uuid;

use crate::support::app::{ORIGIN, TestApp, TestSite};

const TABLES: [&str; 4] = ["pii_vault", "model_calls", "held_sentences", "spend_daily"];

#[tokio::test]
async fn what_a_turn_leaves_is_its_sites_own() {
    let app = TestApp::start().await;
    let answer = app
        .ask(&app.token(VisitorId::new()), "hello, I am anna@example.com", None)
        .await;
    let thread: ThreadId = answer["thread_id"].as_str().unwrap().parse().unwrap();
    let turn: TurnId = answer["turn_id"].as_str().unwrap().parse().unwrap();
    let now = app.clock.now();
    let day = now.date_naive();
    let call = ModelCall {
        id: Uuid::now_v7(),
        at: now,
        phase: "plan".into(),
        provider: "p".into(),
        model: "m".into(),
        prompt: "plan@1:0".into(),
        tokens_in: 1,
        tokens_out: 1,
        cost_micro: 1,
        first_ms: None,
        ms: 1,
        outcome: "ok".into(),
    };
    let held = Held {
        round: 1,
        i: 0,
        text: "It costs nothing.".into(),
        cites: vec![1],
        reason: "uncited".into(),
        at: now,
    };
    let mut tx = app.db.site(app.site.id).await.unwrap();
    vault::add(&mut tx, thread, &[("[EMAIL_9]".into(), vec![1])])
        .await
        .unwrap();
    model_calls::insert(&mut tx, Some(turn), std::slice::from_ref(&call))
        .await
        .unwrap();
    model_calls::hold(&mut tx, turn, std::slice::from_ref(&held))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(spend::reserve(&app.db, app.site.id, day, 10, 10).await.unwrap());

    let s = TestSite::add(&app.db, &app.master, "stranger", &[ORIGIN], now).await;
    let site = app.site.id;
    let sums = async || {
        let mut sums = Vec::new();
        for table in TABLES {
            let sum = format!(
                "SELECT coalesce(sum(hashtext(x::text)), 0)::bigint FROM {table} x WHERE site_id = '{site}'"
            );
            sums.push(app.count(&sum).await);
        }
        sums
    };
    let before = sums().await;

    {
        let mut tx = app.db.site(s.id).await.unwrap();
        let tx = &mut tx;
        assert!(vault::of_thread(tx, thread).await.unwrap().is_empty());
        assert!(model_calls::of_turn(tx, turn).await.unwrap().is_empty());
        assert!(model_calls::held_of_turn(tx, turn).await.unwrap().is_empty());
        assert_eq!(spend::spent(tx, day).await.unwrap(), 0);
        assert!(spend::by_day(tx, day).await.unwrap().is_empty());
        assert!(usage::calls(tx, day, day).await.unwrap().is_empty());
        assert!(usage::turns(tx, day, day).await.unwrap().is_empty());
        spend::settle(tx, day, 10, 0).await.unwrap();
        assert!(spend::tell_once(tx, day, now).await.unwrap().is_some());
        assert!(spend::tell_once(tx, day, now).await.unwrap().is_none());
    }
    // Its own cap is its own.
    assert!(spend::reserve(&app.db, s.id, day, 10, 10).await.unwrap());
    {
        let mut tx = app.db.site(s.id).await.unwrap();
        let tx = &mut tx;
        let other = ModelCall {
            id: Uuid::now_v7(),
            ..call
        };
        assert!(model_calls::insert(tx, Some(turn), &[other]).await.is_err());
    }
    {
        let mut tx = app.db.site(s.id).await.unwrap();
        let tx = &mut tx;
        assert!(model_calls::hold(tx, turn, &[held]).await.is_err());
    }
    {
        let mut tx = app.db.site(s.id).await.unwrap();
        let tx = &mut tx;
        let entry = ("[EMAIL_8]".to_owned(), vec![1]);
        assert!(vault::add(tx, thread, &[entry]).await.is_err());
    }

    assert_eq!(before, sums().await, "a stranger changed something");
    app.finish().await;
}
