//! The functions of `db/` for the bridge and for what waits, called under the wrong site with
//! another's real ids: they find nothing and change nothing.

use chrono::{DateTime, TimeDelta, Utc};
use deskhand::db::bridge::{After, NewEvent};
use deskhand::db::persons::Person;
use deskhand::db::{bridge, erasure, handoffs, persons};
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::{EventId, VisitorId};
use deskhand::privacy::subject::email_hash;
use serde_json::json;
use uuid::Uuid;

use crate::support::app::{ORIGIN, TestApp, TestSite};

fn new(id: EventId, hash: [u8; 32], now: DateTime<Utc>) -> NewEvent<'static> {
    NewEvent {
        id,
        key: "k",
        body_hash: &[1; 32],
        kid: "x",
        event_type: "a.b",
        object_ref: "x",
        body: b"sealed",
        addresses: vec![hash.to_vec()],
        occurred_at: now,
        received_at: now,
    }
}

#[tokio::test]
async fn events_and_what_waits_are_their_sites_own() {
    let app = TestApp::start().await;
    let now = app.clock.now();
    let visitor = VisitorId::new();
    app.ask(&app.token(visitor), "I want to talk to a person.", None)
        .await;
    let hash = email_hash(&app.master, app.site.id, "anna@example.com");
    let id = EventId::new();
    let mut tx = app.db.site(app.site.id).await.unwrap();
    assert!(bridge::insert(&mut tx, &new(id, hash, now)).await.unwrap());
    persons::set_profile(&mut tx, visitor, 7, Some((b"x", Some(&hash))), now)
        .await
        .unwrap();
    assert_eq!(handoffs::open_counts(&mut tx).await.unwrap().len(), 1);
    tx.commit().await.unwrap();
    let site = app.site.id;
    let sums = async || {
        let mut sums = Vec::new();
        for table in ["bridge_events", "visitors", "handoffs"] {
            let sum = format!(
                "SELECT coalesce(sum(hashtext(x::text)), 0)::bigint FROM {table} x WHERE site_id = '{site}'"
            );
            sums.push(app.count(&sum).await);
        }
        sums
    };
    let before = sums().await;

    let s = TestSite::add(&app.db, &app.master, "stranger", &[ORIGIN], now).await;
    let mut transaction = app.db.site(s.id).await.unwrap();
    let tx = &mut transaction;
    let long_ago = now - TimeDelta::days(1);
    assert_eq!(bridge::by_key(tx, "k").await.unwrap(), None);
    assert_eq!(bridge::recent(tx, long_ago).await.unwrap(), 0);
    assert_eq!(bridge::begin(tx, id).await.unwrap(), None);
    bridge::finish(tx, id, Ok(&json!({})), now).await.unwrap();
    let after = After {
        at: long_ago,
        id: Uuid::nil(),
    };
    let tomorrow = now + TimeDelta::days(1);
    assert!(bridge::results(tx, after, tomorrow, 9).await.unwrap().is_empty());
    assert!(bridge::newest(tx, None, 9).await.unwrap().is_empty());
    assert_eq!(bridge::body(tx, id).await.unwrap(), None);
    assert!(bridge::of_address(tx, &hash, 9).await.unwrap().is_empty());
    assert_eq!(
        persons::expire_profiles(tx, Some(7), Some(&hash)).await.unwrap(),
        0
    );
    assert!(handoffs::open_counts(tx).await.unwrap().is_empty());
    let theirs = Person {
        bridge_events: vec![id.0],
        ..Person::default()
    };
    let counts = erasure::count(tx, &theirs, &[], &[], None).await.unwrap();
    assert!(counts.values().all(|n| *n == 0), "{counts:?}");
    erasure::erase(tx, &theirs, &[], &[], None).await.unwrap();
    // The same key is another site's own.
    assert!(bridge::insert(tx, &new(EventId::new(), hash, now)).await.unwrap());
    transaction.commit().await.unwrap();
    assert_eq!(sums().await, before);
    app.finish().await;
}
