//! Every function of `db/` that takes a site's transaction, called under the wrong site
//! with another's real ids: it finds nothing, changes nothing, or is refused.

use chrono::Utc;
use deskhand::db::events::{self, Voice};
use deskhand::db::feedback::{self, Opinion};
use deskhand::db::pool::DbError;
use deskhand::db::postings::{self, Words};
use deskhand::db::turn_writes::{self, Call, Left, Opened, Opening, SiteFacts};
use deskhand::db::uploads::{self, Content, Labels, Upload};
use deskhand::db::versions::{self, Failure, NewVersion, Swapped};
use deskhand::db::{corpus, documents, eval_threads, handoffs, jobs, sites, threads, tool_calls, turns};
use deskhand::domain::clock::Clock;
use deskhand::domain::document::NewUpload;
use deskhand::domain::event::ThreadEvent;
use deskhand::domain::ids::{CallId, DocumentId, MessageId, ThreadId, TurnId, UploadId, VisitorId};
use deskhand::domain::job::{Job, Priority, Work};
use deskhand::domain::keys::Alg;
use deskhand::domain::site::Mode;
use deskhand::knowledge::accept::accept;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{ORIGIN, TestApp, TestSite, message};

struct Theirs {
    visitor: VisitorId,
    thread: ThreadId,
    turn: TurnId,
    message: MessageId,
    document: DocumentId,
    upload: UploadId,
}

/// A site with a conversation, a live document, and an upload that waits.
async fn lived_in(app: &TestApp) -> Theirs {
    app.know(&[(
        "returns.md",
        "# Returns\n\nYou can send goods back within 30 days of delivery.",
    )])
    .await;
    let visitor = VisitorId::new();
    let body = message("How long can I send goods back?", None);
    let sent = app
        .post("/api/agent/messages", &app.token(visitor))
        .json(&body)
        .send()
        .await
        .unwrap();
    let answer: Value = sent.json().await.unwrap();
    let id = |name: &str| answer[name].as_str().unwrap().parse::<Uuid>().unwrap();
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let new = NewUpload {
        source: "file".into(),
        external_id: "returns.md".into(),
        name: "returns.md".into(),
        bytes: b"# Returns\n\nSixty days.".to_vec(),
        url: Some("/kb/returns".into()),
        title: None,
    };
    let accepted = accept(&mut tx, new, app.knowledge.limits).await.unwrap();
    tx.commit().await.unwrap();
    Theirs {
        visitor,
        thread: ThreadId(id("thread_id")),
        turn: TurnId(id("turn_id")),
        message: MessageId(body["message_id"].as_str().unwrap().parse().unwrap()),
        document: accepted.document,
        upload: accepted.upload.unwrap(),
    }
}

/// A new transaction of the stranger's site, and what the call in it gave; committed, so
/// that a change would stay.
macro_rules! foreign {
    ($app:ident, $site:ident, |$tx:ident| $call:expr) => {{
        let mut transaction = $app.db.site($site.id).await.unwrap();
        let $tx = &mut transaction;
        let given = $call.await;
        if given.is_ok() {
            transaction.commit().await.unwrap();
        }
        given
    }};
}

#[tokio::test]
async fn reads_find_nothing() {
    let app = TestApp::start().await;
    let t = lived_in(&app).await;
    let s = TestSite::add(&app.db, &app.master, "stranger", &[ORIGIN], app.clock.now()).await;
    let words = [Words {
        text: "returns goods days",
        weight: 1.0,
        lang: None,
    }];
    let mut own = app.db.site(app.site.id).await.unwrap();
    let terms = postings::terms(&mut own, &words).await.unwrap();
    let lexemes: Vec<String> = terms.iter().map(|t| t.term.clone()).collect();
    let lang = terms[0].lang.clone();
    assert!(
        !postings::known(&mut own, &lang, &lexemes)
            .await
            .unwrap()
            .is_empty()
    );
    own.commit().await.unwrap();

    assert!(
        foreign!(app, s, |tx| threads::find(tx, t.thread, t.visitor))
            .unwrap()
            .is_none()
    );
    assert!(
        foreign!(app, s, |tx| threads::lock(tx, t.thread, t.visitor))
            .unwrap()
            .is_none()
    );
    assert!(
        foreign!(app, s, |tx| threads::of_visitor(tx, t.visitor))
            .unwrap()
            .is_empty()
    );
    assert!(!foreign!(app, s, |tx| threads::has_email(tx, t.visitor)).unwrap());
    assert!(
        foreign!(app, s, |tx| threads::sent_before(tx, t.visitor, t.message))
            .unwrap()
            .is_none()
    );
    assert!(
        foreign!(app, s, |tx| threads::messages(tx, t.thread, i64::MAX, 10))
            .unwrap()
            .is_empty()
    );
    assert!(
        foreign!(app, s, |tx| events::after(tx, t.thread, 0, 10))
            .unwrap()
            .is_empty()
    );
    assert!(
        foreign!(app, s, |tx| events::of_turn(tx, t.turn))
            .unwrap()
            .is_empty()
    );
    assert!(foreign!(app, s, |tx| turns::find(tx, t.turn)).unwrap().is_none());
    assert!(
        foreign!(app, s, |tx| turns::steps(tx, t.turn))
            .unwrap()
            .is_empty()
    );
    assert!(
        foreign!(app, s, |tx| turns::first_seq(tx, t.turn))
            .unwrap()
            .is_none()
    );
    assert!(
        foreign!(app, s, |tx| tool_calls::of_turn(tx, t.turn))
            .unwrap()
            .is_empty()
    );
    assert!(foreign!(app, s, |tx| handoffs::waiting(tx)).unwrap().is_empty());
    assert!(
        foreign!(app, s, |tx| documents::list(tx, 10, 0))
            .unwrap()
            .is_empty()
    );
    assert!(
        foreign!(app, s, |tx| documents::article(tx, "/kb/returns"))
            .unwrap()
            .is_none()
    );
    assert_eq!(foreign!(app, s, |tx| documents::count_live(tx)).unwrap(), 0);
    assert!(!foreign!(app, s, |tx| documents::lock(tx, t.document)).unwrap());
    assert!(
        foreign!(app, s, |tx| uploads::read(tx, t.upload, t.document))
            .unwrap()
            .is_none()
    );
    assert!(
        foreign!(app, s, |tx| postings::terms(tx, &words))
            .unwrap()
            .is_empty()
    );
    assert!(
        foreign!(app, s, |tx| postings::known(tx, &lang, &lexemes))
            .unwrap()
            .is_empty()
    );
    assert!(foreign!(app, s, |tx| corpus::languages(tx)).unwrap().is_empty());
    let (mine, theirs) = (
        corpus_revision(&app, app.site.id).await,
        foreign!(app, s, |tx| corpus::revision(tx)).unwrap(),
    );
    assert_ne!(mine, theirs);
    let site = foreign!(app, s, |tx| sites::own(tx)).unwrap().unwrap();
    assert_eq!(site.id, s.id);
    let keys = foreign!(app, s, |tx| sites::keys(tx)).unwrap();
    assert!(keys.iter().all(|k| k.kid == s.kid), "{keys:?}");
    let root = foreign!(app, s, |tx| sites::current_root(tx, app.clock.now()))
        .unwrap()
        .unwrap();
    assert_eq!(root.0, s.kid);
    app.finish().await;
}

async fn corpus_revision(app: &TestApp, site: deskhand::domain::ids::SiteId) -> i64 {
    let mut tx = app.db.site(site).await.unwrap();
    let revision = corpus::revision(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    revision
}

/// A fingerprint of everything that the site owns.
async fn everything(app: &TestApp) -> Vec<i64> {
    let site = app.site.id;
    let tables = [
        "visitors",
        "threads",
        "turns",
        "messages",
        "steps",
        "thread_events",
        "tool_calls",
        "handoffs",
        "tickets",
        "feedback",
        "documents",
        "uploads",
        "versions",
        "chunks",
        "postings",
        "term_stats",
        "corpus_stats",
        "site_keys",
    ];
    let mut sums = Vec::new();
    for table in tables {
        let sum = format!(
            "SELECT coalesce(sum(hashtext(x::text)), 0)::bigint FROM {table} x WHERE site_id = '{site}'"
        );
        sums.push(app.count(&sum).await);
    }
    for sum in [
        format!("SELECT hashtext(x::text)::bigint FROM sites x WHERE id = '{site}'"),
        format!("SELECT count(*) FROM jobs WHERE site_id = '{site}'"),
    ] {
        sums.push(app.count(&sum).await);
    }
    sums
}

#[tokio::test]
async fn writes_change_nothing() {
    let app = TestApp::start().await;
    let t = lived_in(&app).await;
    let s = TestSite::add(&app.db, &app.master, "stranger", &[ORIGIN], app.clock.now()).await;
    let now = app.clock.now();
    let before = everything(&app).await;
    let event = [ThreadEvent::Done { turn_id: t.turn }];
    let refused =
        |result: Result<(), deskhand::db::pool::DbError>, what: &str| assert!(result.is_err(), "{what}");

    // What names another's row is refused: by the fence, or by a key that carries the site.
    let voice = Voice::Agent(t.turn, 1);
    refused(
        foreign!(app, s, |tx| events::append(tx, t.thread, voice, &event, now)).map(drop),
        "events::append",
    );
    let facts = SiteFacts {
        name: "Shop stranger".into(),
        mode: Mode::Assist,
        locale: "en".into(),
    };
    let start = json!({});
    let opening = Opening {
        site: &facts,
        visitor: t.visitor,
        email: None,
        thread: t.thread,
        opens: None,
        lang: "en",
        turn: TurnId::new(),
        start: &start,
        owner: Uuid::now_v7(),
        at: now,
        message: (MessageId::new(), b"x"),
        text: "x",
        event: &event[0],
        vault: &[],
        tell: true,
        late: false,
    };
    assert!(matches!(
        foreign!(app, s, |tx| turn_writes::open(tx, &opening)),
        Err(DbError::Fenced)
    ));
    // What the caller thinks of the site has to be so.
    let wrong = SiteFacts {
        mode: Mode::Full,
        ..facts.clone()
    };
    let mistaken = Opening {
        site: &wrong,
        ..opening
    };
    let told = foreign!(app, s, |tx| turn_writes::open(tx, &mistaken)).unwrap();
    assert_eq!(told, Opened::Other(Some(facts)));
    let call = Call {
        id: CallId::new(),
        begun: Some(("x".into(), "{}".into())),
        ended: None,
    };
    let left = |events| Left {
        thread: t.thread,
        visitor: t.visitor,
        turn: (t.turn, 1),
        at: now,
        renew: None,
        tell: true,
        events,
        steps: &[],
        after: None,
        calls: std::slice::from_ref(&call),
        models: &[],
        settled: &[],
        vault: &[],
        end: None,
    };
    for events in [&event[..], &[]] {
        assert!(matches!(
            foreign!(app, s, |tx| turn_writes::store(tx, &left(events))),
            Err(DbError::Fenced)
        ));
        assert!(matches!(
            turn_writes::store_alone(&app.db, s.id, &left(events)).await,
            Err(DbError::Fenced)
        ));
    }
    refused(
        foreign!(app, s, |tx| turns::renew(tx, t.turn, 1)).map(drop),
        "turns::renew",
    );
    refused(
        foreign!(app, s, |tx| turns::finish(tx, t.turn, 1, "answered", "x", now)),
        "turns::finish",
    );
    let m = threads::NewMessage {
        thread: t.thread,
        visitor: t.visitor,
        turn: None,
        sent: None,
        author: "staff",
        text: "x",
        citations: json!([]),
        at: now,
        seq: 1,
    };
    refused(
        foreign!(app, s, |tx| threads::insert_message(tx, &m)),
        "threads::insert_message",
    );
    let upload = Upload {
        name: "x".into(),
        title: None,
        url: None,
        content: Content::Bytes {
            bytes: b"x".to_vec(),
            sha256: vec![0; 32],
        },
        labels: Labels::default(),
    };
    refused(
        foreign!(app, s, |tx| uploads::put(tx, t.document, &upload)).map(drop),
        "uploads::put",
    );
    let site = deskhand::domain::site::Site {
        id: app.site.id,
        slug: "taken".into(),
        name: "x".into(),
        origins: vec![],
        mode: Mode::Full,
        locale: "en".into(),
        rules: deskhand::domain::rules::Rules::default(),
        created_at: now,
    };
    refused(foreign!(app, s, |tx| sites::insert(tx, &site)), "sites::insert");
    let kid = app.site.kid.clone();
    refused(
        foreign!(app, s, |tx| sites::add_root_key(tx, &kid, b"x")),
        "sites::add_root_key",
    );
    refused(
        foreign!(app, s, |tx| sites::add_token_key(tx, &kid, Alg::ES256, "x")),
        "sites::add_token_key",
    );

    // What looks for another's row finds none.
    foreign!(app, s, |tx| turns::release(tx, t.turn, 1)).unwrap();
    assert!(
        foreign!(app, s, |tx| turns::take_over(tx, t.turn, Uuid::now_v7(), now))
            .unwrap()
            .is_none()
    );
    assert!(
        foreign!(app, s, |tx| turns::ask_cancel(tx, t.thread))
            .unwrap()
            .is_none()
    );
    foreign!(app, s, |tx| threads::set_email(tx, t.visitor, b"x")).unwrap();
    assert!(
        !foreign!(app, s, |tx| feedback::set(
            tx,
            &Opinion {
                visitor: t.visitor,
                turn: t.turn,
                value: "up",
                tags: &[],
                comment: None,
                sealed: None,
                addresses: &[],
                at: now,
            }
        ))
        .unwrap()
    );
    assert!(!foreign!(app, s, |tx| documents::delete(tx, now, t.document)).unwrap());
    foreign!(app, s, |tx| corpus::retire(tx, t.document)).unwrap();
    foreign!(app, s, |tx| uploads::forget(tx, t.document)).unwrap();
    assert!(!foreign!(app, s, |tx| uploads::take(tx, t.upload, t.document)).unwrap());
    let failure = Failure {
        sha256: Some(&[0; 32]),
        recipe: "x",
        code: "x",
        detail: "x",
    };
    foreign!(app, s, |tx| versions::fail(
        tx,
        now,
        t.document,
        Some(t.upload),
        &failure
    ))
    .unwrap();
    let version = NewVersion {
        document: t.document,
        upload: t.upload,
        sha256: vec![0; 32],
        recipe: "x".into(),
        title: "Stolen".into(),
        url: None,
        tags: vec![],
        given_tags: vec![],
        channels: None,
        lang: "english".into(),
        markdown: "x".into(),
        chunks: vec![],
        models: vec![],
        fetched: None,
    };
    assert_eq!(
        foreign!(app, s, |tx| versions::swap(tx, now, &version)).unwrap(),
        Swapped::Gone
    );
    assert!(!foreign!(app, s, |tx| sites::revoke_key(tx, &kid, now)).unwrap());
    assert_eq!(
        foreign!(app, s, |tx| sites::retire_root_keys(
            tx,
            "none_of_them",
            chrono::DateTime::<Utc>::MAX_UTC
        ))
        .unwrap(),
        1
    );

    let questions = ["x".to_owned()];
    let gone = foreign!(app, s, |tx| eval_threads::delete(tx, &[t.visitor], &questions)).unwrap();
    assert_eq!((gone.visitors, gone.gaps), (0, 0));
    assert_eq!(foreign!(app, s, |tx| eval_threads::traces(tx)).unwrap(), []);

    // What makes rows makes the stranger's own.
    foreign!(app, s, |tx| sites::set_origins(
        tx,
        &["https://stolen.example".to_owned()]
    ))
    .unwrap();
    foreign!(app, s, |tx| sites::bind_nonce(tx, &kid, "n", b"x", now)).unwrap();
    let claimed = foreign!(app, s, |tx| documents::claim(tx, "file", "returns.md", "x")).unwrap();
    assert_ne!(claimed.id, t.document);
    let job = Job {
        work: Work::IngestDocument {
            upload: t.upload,
            document: t.document,
        },
        key: t.upload.to_string(),
        priority: Priority::High,
    };
    foreign!(app, s, |tx| jobs::enqueue(tx, &job)).unwrap();

    assert_eq!(before, everything(&app).await, "a stranger changed something");
    app.finish().await;
}
