//! The functions of `db/` that serve intake, called under the wrong site with another's
//! real ids: they find nothing, change nothing, or make the stranger's own.

use chrono::TimeDelta;
use deskhand::db::document_states::{self, Which};
use deskhand::db::documents::{self, Approval};
use deskhand::db::inbound::{self, Ended, NewEvent};
use deskhand::db::versions::{self, Failure};
use deskhand::db::{corpus, jobs, receipts, removal, sites, unchanged, uploads, withdrawal};
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::{DocumentId, EventId, JobId, UploadId};
use deskhand::domain::job::{Job, Priority, Work};
use serde_json::json;

use crate::support::app::{ORIGIN, TestApp, TestSite};

fn event(app: &TestApp, document: DocumentId, name: &str) -> NewEvent {
    NewEvent {
        id: EventId::new(),
        source: "wordpress",
        external_id: name.to_owned(),
        kind: "media.added",
        body_sha256: [1; 32],
        raw: b"{}".to_vec(),
        headers: json!({}),
        kid: "kid".to_owned(),
        event_at: app.clock.now(),
        dated: true,
        received_at: app.clock.now(),
        document,
        document_source: "wp_media",
        document_name: "7".to_owned(),
        title: "Theirs".to_owned(),
        removes: false,
        job: JobId::new(),
    }
}

/// What the site owns, as one number a table.
async fn everything(app: &TestApp) -> Vec<i64> {
    let mut sums = Vec::new();
    for table in [
        "documents",
        "uploads",
        "versions",
        "chunks",
        "inbound_events",
        "deletion_receipts",
        "jobs",
        "knowledge_state",
    ] {
        let sum = format!(
            "SELECT coalesce(sum(hashtext(x::text)), 0)::bigint FROM {table} x WHERE site_id = '{}'",
            app.site.id
        );
        sums.push(app.count(&sum).await);
    }
    sums
}

#[tokio::test]
async fn a_stranger_reaches_no_document_event_or_receipt() {
    let app = TestApp::start().await;
    app.know(&[("returns.md", "# Returns\n\nThirty days.")]).await;
    let s = TestSite::add(&app.db, &app.master, "stranger", &[ORIGIN], app.clock.now()).await;
    let now = app.clock.now();
    let live = DocumentId::named(app.site.id, "file", "returns.md");
    let waiting = DocumentId::named(app.site.id, "wp_media", "7");
    let theirs = event(&app, waiting, "key");
    let mut own = app.db.site(app.site.id).await.unwrap();
    inbound::store(&mut own, std::slice::from_ref(&theirs))
        .await
        .unwrap();
    let receipt = receipts::insert(&mut own, "document", &[0; 32], &json!({}), now)
        .await
        .unwrap();
    let own_content = document_states::get(&mut own, live)
        .await
        .unwrap()
        .unwrap()
        .content_hash;
    assert_eq!(
        document_states::chunks(&mut own, live, -1, 9)
            .await
            .unwrap()
            .len(),
        1
    );
    own.commit().await.unwrap();
    let before = everything(&app).await;

    let mut transaction = app.db.site(s.id).await.unwrap();
    let tx = &mut transaction;
    assert!(
        document_states::list(tx, &Which::default(), 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(document_states::get(tx, live).await.unwrap().is_none());
    assert!(document_states::chunks(tx, live, -1, 9).await.unwrap().is_empty());
    assert!(documents::live(tx, live).await.unwrap().is_none());
    assert_eq!(documents::fetched_from(tx, live).await.unwrap(), None);
    let names = ["returns.md".to_owned()];
    assert_eq!(unchanged::known(tx, "file", &names).await.unwrap(), []);
    unchanged::settle(tx, &[live, waiting]).await.unwrap();
    let content = own_content.as_deref().unwrap();
    let approved = documents::approve(tx, live, content).await.unwrap();
    assert_eq!(approved, Approval::Nothing);
    documents::outdate(tx, live).await.unwrap();
    documents::hide(tx, live, now + TimeDelta::days(1)).await.unwrap();
    documents::ended(tx, live, now).await.unwrap();
    documents::unlink(tx, live).await.unwrap();
    documents::renew(tx, live, now, "stolen", None).await.unwrap();
    assert_eq!(removal::remove(tx, now, live, None, None).await.unwrap(), None);
    let failure = Failure {
        code: "gone",
        detail: "It isn't there.",
        sha256: None,
        recipe: "",
    };
    withdrawal::withdraw(tx, now, live, None, &failure).await.unwrap();
    withdrawal::end(tx, now, live, None, &failure).await.unwrap();
    assert_eq!(uploads::waiting(tx, live).await.unwrap(), None);
    versions::forget_failure(tx, live).await.unwrap();
    assert_eq!(inbound::begin(tx, theirs.id).await.unwrap(), None);
    inbound::made(tx, theirs.id, UploadId::new()).await.unwrap();
    inbound::forget_content(tx, theirs.id).await.unwrap();
    inbound::supersede_failed(tx, waiting, None).await.unwrap();
    inbound::end(tx, theirs.id, Ended::Failed, Some("x"))
        .await
        .unwrap();
    assert_eq!(inbound::of_job(tx, theirs.job).await.unwrap(), None);
    assert_eq!(inbound::newest_content(tx, waiting).await.unwrap(), None);
    assert_eq!(receipts::find(tx, receipt).await.unwrap(), None);
    assert!(
        sites::roots(tx, now)
            .await
            .unwrap()
            .iter()
            .all(|r| r.kid == s.kid)
    );

    // What makes rows makes the stranger's own.
    corpus::touch(tx).await.unwrap();
    sites::set_setting(tx, "require_review", &json!(true))
        .await
        .unwrap();
    assert!(sites::settings(tx).await.unwrap().require_review());
    let met = documents::meet(tx, now, "wp_media", "7").await.unwrap();
    assert_ne!(met.id, waiting);
    // The same key and body are another event on another site.
    let own_event = event(&app, DocumentId::named(s.id, "wp_media", "7"), "key");
    let stored = inbound::store(tx, &[own_event]).await.unwrap();
    assert!(stored[0].new);
    receipts::insert(tx, "document", &[0; 32], &json!({}), now)
        .await
        .unwrap();
    let work = Work::TakeEvent {
        event: theirs.id,
        document: waiting,
    };
    let job = Job {
        key: theirs.id.to_string(),
        work,
        priority: Priority::Standard,
    };
    assert!(jobs::enqueue_again(tx, JobId::new(), &job).await.unwrap());
    transaction.commit().await.unwrap();

    assert_eq!(before, everything(&app).await, "a stranger changed something");
    let mut own = app.db.site(app.site.id).await.unwrap();
    assert!(!sites::settings(&mut own).await.unwrap().require_review());
    drop(own);
    app.finish().await;
}
