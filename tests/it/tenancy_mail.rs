//! The functions of `db/` for mail, notices and replies, called under the wrong site with
//! another's real ids: they find nothing, change nothing, or are refused.

use deskhand::db::{desk, events, identity, mails, notices, replies, sites};
use deskhand::domain::clock::Clock;
use deskhand::domain::event::{StaffKind, ThreadEvent};
use deskhand::domain::ids::{MailId, NoticeId, ThreadId, VisitorId};
use deskhand::domain::notice::{Notice, NoticeChannel, NoticeKind};
use serde_json::json;
use uuid::Uuid;

use crate::support::app::{ORIGIN, TestApp, TestSite};

macro_rules! under {
    ($app:ident, $site:expr, |$tx:ident| $call:expr) => {{
        let mut transaction = $app.db.site($site).await.unwrap();
        let $tx = &mut transaction;
        let given = $call.await;
        if given.is_ok() {
            transaction.commit().await.unwrap();
        }
        given
    }};
}

async fn state(app: &TestApp) -> String {
    let id = app.site.id;
    app.text(&format!(
        "SELECT concat_ws('|',
            (SELECT string_agg(m::text, ',' ORDER BY id) FROM mails m WHERE site_id = '{id}'),
            (SELECT string_agg(n::text, ',' ORDER BY id) FROM notices n WHERE site_id = '{id}'),
            (SELECT string_agg(r::text, ',' ORDER BY seq) FROM staff_replies r WHERE site_id = '{id}'),
            (SELECT string_agg(t::text, ',') FROM threads t WHERE site_id = '{id}'),
            (SELECT count(*) FROM identity_proofs WHERE site_id = '{id}'))"
    ))
    .await
}

#[tokio::test]
async fn mail_and_notices_of_one_site_are_nothing_to_another() {
    let app = TestApp::start().await;
    let own = app.site.id;
    let s = TestSite::add(&app.db, &app.master, "stranger", &[ORIGIN], app.clock.now()).await;
    let now = app.clock.now();
    let visitor = VisitorId::new();
    for site in [own, s.id] {
        under!(app, site, |tx| sites::set_setting(
            tx,
            "staff_emails",
            &json!(["mia@shop.example"])
        ))
        .unwrap();
    }
    let answer = app.ask(&app.token(visitor), "a person please", None).await;
    let thread = ThreadId(answer["thread_id"].as_str().unwrap().parse::<Uuid>().unwrap());
    let seq = under!(app, own, |tx| async {
        desk::take(tx, thread, now).await?;
        let said = ThreadEvent::Staff {
            kind: StaffKind::Message,
            name: Some("Mia".to_owned()),
            md: Some("Hello".to_owned()),
        };
        let seq = events::append(tx, thread, events::Voice::StaffHeld, &[said], now).await?;
        desk::write(tx, thread, visitor, "staff", "Hello", now, seq).await?;
        Ok::<_, deskhand::db::pool::DbError>(seq)
    })
    .unwrap();
    let mail = MailId::new();
    let new = |visitor| mails::NewMail {
        id: mail,
        kind: "code",
        visitor: Some(visitor),
        thread: Some(thread),
        letter: b"sealed",
        at: now,
        not_after: None,
    };
    under!(app, own, |tx| mails::add(tx, &new(visitor))).unwrap();
    let proof = identity::NewProof {
        visitor,
        method: "code",
        email_sealed: b"sealed",
        email_hash: &[1; 32],
        order_number: None,
        code_hash: Some(&[2; 32]),
        now,
        expires_at: now + chrono::TimeDelta::minutes(10),
    };
    under!(app, own, |tx| identity::add(tx, Uuid::now_v7(), &proof)).unwrap();
    let notice = NoticeId(app.text("SELECT id::text FROM notices").await.parse().unwrap());
    let before = state(&app).await;

    // Of mails.
    assert!(
        under!(app, s.id, |tx| mails::add(tx, &new(visitor))).is_err(),
        "another site's visitor"
    );
    assert_eq!(under!(app, s.id, |tx| mails::waiting(tx, mail)).unwrap(), None);
    assert_eq!(
        under!(app, s.id, |tx| mails::last(tx, visitor, "code")).unwrap(),
        None
    );
    under!(app, s.id, |tx| mails::note(tx, mail, "sent", None, now)).unwrap();
    assert!(under!(app, s.id, |tx| mails::list(tx, 10)).unwrap().is_empty());
    let since = now - chrono::TimeDelta::hours(1);
    assert_eq!(
        under!(app, s.id, |tx| mails::written(tx, visitor, "code", since)).unwrap(),
        0
    );
    // Of notices.
    assert_eq!(under!(app, s.id, |tx| notices::lock(tx, notice)).unwrap(), None);
    under!(app, s.id, |tx| notices::note(tx, notice, "sent", None, now)).unwrap();
    assert!(under!(app, s.id, |tx| notices::list(tx, 10)).unwrap().is_empty());
    let about = Notice {
        kind: NoticeKind::Handoff,
        key: "handoff/x".to_owned(),
        thread: Some(thread),
        subject: None,
        reason: "x",
        at: now,
    };
    assert!(under!(app, s.id, |tx| notices::enqueue(tx, &about)).is_err());
    let by_mail = NoticeChannel::Email;
    assert!(under!(app, s.id, |tx| notices::enqueue_by(tx, &about, by_mail)).is_err());
    // Of replies.
    assert!(under!(app, s.id, |tx| replies::add(tx, thread, 99, now)).is_err());
    assert_eq!(
        under!(app, s.id, |tx| replies::told(tx, thread, seq, now)).unwrap(),
        0
    );
    assert_eq!(
        under!(app, s.id, |tx| replies::read(tx, thread, seq, now)).unwrap(),
        0
    );
    under!(app, s.id, |tx| replies::mailed(tx, thread, seq, now)).unwrap();
    assert!(
        under!(app, s.id, |tx| replies::unread(tx, thread))
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        under!(app, s.id, |tx| replies::recipient(tx, thread)).unwrap(),
        None
    );
    under!(app, s.id, |tx| replies::set_page(
        tx,
        thread,
        Some("https://evil.example")
    ))
    .unwrap();
    // And of codes.
    assert_eq!(
        under!(app, s.id, |tx| identity::pending(tx, visitor, now)).unwrap(),
        None
    );

    assert_eq!(
        state(&app).await,
        before,
        "something of the other site has changed"
    );
    assert!(
        under!(app, own, |tx| identity::pending(tx, visitor, now))
            .unwrap()
            .is_some()
    );
    assert_eq!(
        under!(app, own, |tx| replies::unread(tx, thread)).unwrap().len(),
        1
    );
    app.finish().await;
}
