//! The functions of `db/` that find, export and erase persons, and those of AI jobs, called
//! under the wrong site with another's real ids: they find nothing and change nothing.

use deskhand::db::ai_jobs::{Attempt, Ending};
use deskhand::db::persons::{Person, Wanted};
use deskhand::db::{ai_jobs, erasure, feedback, persons, sites};
use deskhand::domain::ai_job::{NewAiJob, Request, Usage};
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::{MessageId, ThreadId, VisitorId};
use deskhand::domain::job::Priority;
use deskhand::gateway::accept::{Asked, accept};
use deskhand::privacy::subject::{Subject, email_hash, find};
use serde_json::json;

use crate::support::app::{ORIGIN, TestApp, TestSite, message};

const TABLES: [&str; 12] = [
    "visitors",
    "threads",
    "messages",
    "turns",
    "pii_vault",
    "feedback",
    "gaps",
    "ai_jobs",
    "ai_job_callbacks",
    "deletion_receipts",
    "erased_threads",
    "usage_erased",
];

#[tokio::test]
async fn a_person_is_their_sites_own() {
    let app = TestApp::start().await;
    let visitor = VisitorId::new();
    let token = app.token(visitor);
    let answer = app.ask(&token, "hello, I am anna@example.com", None).await;
    let thread: ThreadId = answer["thread_id"].as_str().unwrap().parse().unwrap();
    let mut contact = message("", Some(&thread.to_string()));
    contact["contact"] = json!({ "email": "anna@example.com" });
    app.post("/api/agent/messages", &token)
        .json(&contact)
        .send()
        .await
        .unwrap();
    let asked = Asked {
        visitor: Some(visitor),
        jti: "x".into(),
        kid: app.site.kid.clone(),
        request: Request::Chat {
            message_id: MessageId::new(),
            thread_id: None,
            user_msg: "Hello?".into(),
            locale: None,
            page: None,
            confirm: None,
            email: None,
            login: None,
        },
        callback_url: format!("{ORIGIN}/"),
        priority: Priority::Standard,
    };
    let job = accept(&app.gateway, app.site.id, &asked).await.unwrap().job.id;
    let now = app.clock.now();
    let attempt = Attempt {
        n: 0,
        at: now,
        ms: 1,
        status: Some(500),
        code: None,
    };
    let subject = Subject::new(Some("anna@example.com"), &[]).unwrap();
    let hash = email_hash(&app.master, app.site.id, "anna@example.com");
    let mut tx = app.db.site(app.site.id).await.unwrap();
    ai_jobs::note(&mut tx, job, &attempt, "waiting").await.unwrap();
    // With the hashes in place a stranger could find them, if row security let it.
    let own = find(&mut tx, &app.master, &subject).await.unwrap();
    assert_eq!(own.visitors, [visitor.0]);
    tx.commit().await.unwrap();

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

    let mut transaction = app.db.site(s.id).await.unwrap();
    let tx = &mut transaction;
    let wanted = Wanted {
        email: Some(&hash),
        visitors: &[visitor],
    };
    let nobody = Person {
        email_hash: Some(hash.to_vec()),
        ..Person::default()
    };
    assert_eq!(persons::find(tx, &wanted).await.unwrap(), nobody);
    assert!(persons::with_address(tx, &hash).await.unwrap().is_empty());
    assert!(persons::unhashed_visitors(tx, 9).await.unwrap().is_empty());
    assert!(persons::unhashed_vault(tx, 9).await.unwrap().is_empty());
    persons::hash_visitors(tx, &[(visitor, [1; 32])]).await.unwrap();
    persons::hash_vault(tx, &[(thread, "[EMAIL_1]".into(), [1; 32])])
        .await
        .unwrap();
    assert!(persons::visitors(tx, &[visitor.0]).await.unwrap().is_empty());
    assert!(persons::threads(tx, &[visitor.0], 9).await.unwrap().is_empty());
    assert!(persons::handoffs(tx, &[visitor.0], 9).await.unwrap().is_empty());
    assert!(
        feedback::of_visitors(tx, &[visitor.0], 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        persons::tickets(tx, &[visitor.0], Some(&[1; 32]), 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(persons::profile(tx, visitor).await.unwrap().is_none());
    persons::set_profile(tx, visitor, 7, Some((b"x", Some(&[1; 32]))), now)
        .await
        .unwrap();
    assert_eq!(sites::roots(tx, now).await.unwrap().len(), 1);

    let theirs = Person {
        visitors: vec![visitor.0],
        mentions: vec![thread.0],
        ai_jobs: vec![job.0],
        bridge_events: Vec::new(),
        email_hash: Some(vec![1; 32]),
    };
    // The stranger's own visitor of the same id, from above.
    assert!(erasure::lock(tx, &theirs).await.unwrap().is_empty());
    assert!(erasure::questions(tx, &[thread.0]).await.unwrap().is_empty());
    let gaps = ["hello".to_owned()];
    let counts = erasure::count(tx, &theirs, &[thread.0], &gaps, Some("anna@example.com"))
        .await
        .unwrap();
    let own = counts.iter().filter(|(_, n)| **n > 0).collect::<Vec<_>>();
    assert_eq!(own, [(&"visitors".to_owned(), &1)], "{counts:?}");
    erasure::erase(tx, &theirs, &[thread.0], &gaps, Some("anna@example.com"))
        .await
        .unwrap();
    erasure::mark(tx, &[[7; 32]], now).await.unwrap();
    assert!(erasure::is_marked(tx, &[7; 32]).await.unwrap());

    assert!(ai_jobs::find(tx, job).await.unwrap().is_none());
    assert!(ai_jobs::by_jti(tx, "x").await.unwrap().is_none());
    assert_eq!(ai_jobs::open(tx).await.unwrap(), 0);
    let long_ago = now - chrono::TimeDelta::days(1);
    assert_eq!(ai_jobs::recent(tx, visitor, long_ago).await.unwrap(), 0);
    assert!(ai_jobs::begin(tx, job, now).await.unwrap().is_none());
    assert!(
        ai_jobs::of_visitors(tx, &[visitor.0], 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(ai_jobs::attempts(tx, job).await.unwrap().is_empty());
    let usage = Usage::default();
    let ending = Ending {
        outcome: Err(("x", "x")),
        usage: &usage,
        at: now,
    };
    assert!(!ai_jobs::finish(tx, job, &ending).await.unwrap());
    // The same key is another site's own.
    let new = NewAiJob {
        id: deskhand::domain::ids::AiJobId::new(),
        jti: "x",
        body_hash: [0; 32],
        kid: "x",
        visitor: None,
        route: "infer",
        priority: Priority::Standard,
        request: b"x",
        addresses: Vec::new(),
        callback_url: "https://stranger.example/",
        at: now,
    };
    assert!(ai_jobs::insert(tx, &new).await.unwrap());
    transaction.commit().await.unwrap();
    {
        let mut tx = app.db.site(s.id).await.unwrap();
        let tx = &mut tx;
        assert!(
            ai_jobs::note(tx, job, &attempt, "dead").await.is_err(),
            "a foreign key must stop it"
        );
    }
    assert_eq!(before, sums().await, "a stranger changed something");
    app.finish().await;
}
