//! What keeps, shows and ends what came in, called under the wrong site with another's real ids.

use chrono::TimeDelta;
use deskhand::db::fetched::{self, Fetched};
use deskhand::db::inbound::{self, NewEvent};
use deskhand::db::inbound_views::{self, Which};
use deskhand::db::refused::{self, Refused};
use deskhand::db::{jobs, persons, retention};
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::{DocumentId, EventId, JobId, VisitorId};
use deskhand::domain::job::{Job, Priority, Work};
use serde_json::json;
use uuid::Uuid;

use crate::support::app::{ORIGIN, TestApp, TestSite};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_ends_nothing_and_sees_nothing_of_what_came() {
    let app = TestApp::start().await;
    app.know(&[(
        "returns.md",
        "# Returns\n\nYou can send goods back within 30 days.",
    )])
    .await;
    let visitor = VisitorId::new();
    app.ask(&app.token(visitor), "I want to talk to a person.", None)
        .await;
    let s = TestSite::add(&app.db, &app.master, "stranger", &[ORIGIN], app.clock.now()).await;
    let now = app.clock.now();
    let document = DocumentId::named(app.site.id, "file", "returns.md");
    let event = NewEvent {
        id: EventId::new(),
        source: "wordpress",
        external_id: "key".to_owned(),
        kind: "media.added",
        body_sha256: [1; 32],
        raw: b"{}".to_vec(),
        headers: json!({}),
        kid: "kid".to_owned(),
        event_at: now,
        dated: true,
        received_at: now,
        document,
        document_source: "file",
        document_name: "returns.md".to_owned(),
        title: "Theirs".to_owned(),
        removes: false,
        job: JobId::new(),
    };
    let sender = Refused {
        day: now.date_naive(),
        source: "wordpress".to_owned(),
        address: "192.0.2.1".to_owned(),
        n: 1,
        first_at: now,
        last_at: now,
        user_agent: None,
    };
    let mut own = app.db.site(app.site.id).await.unwrap();
    inbound::store(&mut own, std::slice::from_ref(&event))
        .await
        .unwrap();
    refused::add(&mut own, &sender).await.unwrap();
    let told = Fetched {
        url: "https://shop.example/a".to_owned(),
        etag: Some("\"1\"".to_owned()),
        last_modified: None,
        sha256: "00".to_owned(),
    };
    fetched::set(&mut own, document, Some(&told)).await.unwrap();
    assert_eq!(fetched::get(&mut own, document).await.unwrap(), Some(told));
    own.commit().await.unwrap();
    app.bend(&format!(
        "INSERT INTO gaps (site_id, id, question, locale, at) VALUES ('{}', gen_random_uuid(), 'zeppelins', 'en', now());
         INSERT INTO audit (site_id, at, who, act) VALUES ('{0}', now(), 'system', 'tested');
         INSERT INTO tickets (site_id, id, thread_id, reason, at) SELECT '{0}', gen_random_uuid(), id, 'test', now() FROM threads",
        app.site.id
    ))
    .await;
    let threads = app.text("SELECT string_agg(id::text, ' ') FROM threads").await;
    let threads: Vec<Uuid> = threads.split(' ').map(|id| id.parse().unwrap()).collect();
    let everything = "SELECT sum(hashtext(x))::bigint FROM (
        SELECT t::text AS x FROM threads t UNION ALL SELECT t::text FROM tickets t UNION ALL SELECT t::text FROM gaps t
        UNION ALL SELECT t::text FROM audit t UNION ALL SELECT t::text FROM inbound_events t
        UNION ALL SELECT t::text FROM refused_webhooks t UNION ALL SELECT t::text FROM visitors t
        UNION ALL SELECT t::text FROM documents t UNION ALL SELECT t::text FROM jobs t) all_of_it";
    let before = app.count(everything).await;

    let mut transaction = app.db.site(s.id).await.unwrap();
    let tx = &mut transaction;
    let later = now + TimeDelta::days(1000);
    assert!(retention::idle_threads(tx, later).await.unwrap().is_empty());
    retention::detach_tickets(tx, &threads).await.unwrap();
    assert_eq!(retention::visitors(tx, later).await.unwrap(), 0);
    assert_eq!(retention::gaps(tx, later).await.unwrap(), 0);
    assert_eq!(retention::events(tx, later).await.unwrap(), 0);
    assert_eq!(retention::bridge_events(tx, later).await.unwrap(), 0);
    assert_eq!(retention::refused(tx, later).await.unwrap(), 0);
    assert_eq!(retention::tickets(tx, later).await.unwrap(), 0);
    assert_eq!(retention::audit(tx, later).await.unwrap(), 0);
    assert!(
        persons::visitor_ids(tx, VisitorId(Uuid::nil()), 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        inbound_views::list(tx, &Which::default(), 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(inbound_views::get(tx, event.id).await.unwrap(), None);
    assert_eq!(inbound_views::again(tx, event.id).await.unwrap(), None);
    assert!(refused::since(tx, now.date_naive()).await.unwrap().is_empty());
    assert_eq!(fetched::get(tx, document).await.unwrap(), None);
    fetched::set(tx, document, None).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(
        before,
        app.count(everything).await,
        "a stranger changed something"
    );

    // What makes rows makes the stranger's own; a job's id is never taken over.
    let mut transaction = app.db.site(s.id).await.unwrap();
    let tx = &mut transaction;
    refused::add(tx, &sender).await.unwrap();
    let job = Job {
        work: Work::TakeEvent {
            event: event.id,
            document,
        },
        key: event.id.to_string(),
        priority: Priority::Standard,
    };
    assert!(jobs::enqueue_again(tx, event.job, &job).await.is_err());
    drop(transaction);
    let mut transaction = app.db.site(s.id).await.unwrap();
    let tx = &mut transaction;
    assert!(jobs::enqueue_again(tx, JobId::new(), &job).await.unwrap());
    drop(transaction);
    assert_eq!(before, app.count(everything).await);
    app.finish().await;
}
