//! The functions of `db/` for tickets, drafts, handoffs and opening hours, called under the wrong
//! site with another's real ids: they find nothing, change nothing, or are refused.

use deskhand::db::handoffs::{self, NewHandoff};
use deskhand::db::tickets::{self, Change, Filter, NewTicket, NoteRow};
use deskhand::db::{drafts, hours, mirrors, overdue, threads, turns};
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::{ThreadId, TicketId, TurnId, VisitorId};
use deskhand::domain::ticket::{Priority, TicketState};
use serde_json::json;
use uuid::Uuid;

use crate::support::app::{ORIGIN, TestApp, TestSite};

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

async fn state(app: &TestApp) -> String {
    let id = app.site.id;
    app.text(&format!(
        "SELECT concat_ws('|',
            (SELECT string_agg(t::text, ',' ORDER BY id) FROM tickets t WHERE site_id = '{id}'),
            (SELECT string_agg(n::text, ',' ORDER BY id) FROM ticket_notes n WHERE site_id = '{id}'),
            (SELECT string_agg(h::text, ',' ORDER BY id) FROM handoffs h WHERE site_id = '{id}'),
            (SELECT string_agg(d::text, ',' ORDER BY turn_id) FROM drafts d WHERE site_id = '{id}'),
            (SELECT string_agg(m::text, ',') FROM ticket_mirrors m WHERE site_id = '{id}'),
            (SELECT string_agg(n::text, ',') FROM ticket_numbers n WHERE site_id = '{id}'),
            (SELECT string_agg(t::text, ',' ORDER BY id) FROM threads t WHERE site_id = '{id}'))"
    ))
    .await
}

#[tokio::test]
async fn tickets_of_one_site_are_out_of_anothers_reach() {
    let app = TestApp::start().await;
    let visitor = VisitorId::new();
    let answer = app
        .ask(&app.token(visitor), "I want to talk to a person", None)
        .await;
    let id = |v: &serde_json::Value| v.as_str().unwrap().parse::<Uuid>().unwrap();
    let thread = ThreadId(id(&answer["thread_id"]));
    let turn = TurnId(id(&answer["turn_id"]));
    let now = app.clock.now();
    let ticket = {
        let mut own = app.db.site(app.site.id).await.unwrap();
        let new = NewTicket {
            key: Some("theirs"),
            ..NewTicket::of_turn(thread, turn, "test", now - chrono::TimeDelta::days(9))
        };
        let opened = tickets::open(&mut own, &new).await.unwrap();
        assert!(opened.first && opened.number == 1);
        assert!(!tickets::open(&mut own, &new).await.unwrap().first);
        drafts::keep(&mut own, thread, turn, "a draft", &json!([]), now)
            .await
            .unwrap();
        mirrors::begin(&mut own, opened.id, "github", "own", 1, now)
            .await
            .unwrap();
        own.commit().await.unwrap();
        opened.id
    };
    let s = TestSite::add(&app.db, &app.master, "stranger", &[ORIGIN], app.clock.now()).await;
    let before = state(&app).await;

    let theirs = NewTicket {
        id: TicketId::new(),
        key: Some("mine"),
        ..NewTicket::of_turn(thread, turn, "x", now)
    };
    assert!(
        foreign!(app, s, |tx| tickets::open(tx, &theirs)).is_err(),
        "another site's thread"
    );
    for filter in [
        Filter {
            most: 9,
            ..Filter::default()
        },
        Filter {
            id: Some(ticket),
            most: 9,
            ..Filter::default()
        },
        Filter {
            thread: Some(thread),
            most: 9,
            ..Filter::default()
        },
    ] {
        assert!(
            foreign!(app, s, |tx| tickets::list(tx, &filter))
                .unwrap()
                .is_empty()
        );
    }
    assert!(!foreign!(app, s, |tx| tickets::lock(tx, ticket)).unwrap());
    assert!(
        foreign!(app, s, |tx| tickets::own(tx, visitor, None))
            .unwrap()
            .is_none()
    );
    let change = Change {
        state: TicketState::Resolved,
        priority: Priority::Low,
        category: "x",
        assignee: Some("Eve"),
        contact: None,
        content: None,
        confidence: None,
        url: None,
        due_at: None,
    };
    foreign!(app, s, |tx| tickets::change(tx, ticket, &change, now)).unwrap();
    let note = NoteRow {
        id: Uuid::now_v7(),
        author: "staff:Eve".into(),
        text: vec![1],
        at: now,
    };
    assert!(foreign!(app, s, |tx| tickets::note(tx, ticket, None, &note)).is_err());
    assert!(
        foreign!(app, s, |tx| tickets::notes(tx, ticket))
            .unwrap()
            .is_empty()
    );
    foreign!(app, s, |tx| tickets::answered(tx, thread, now)).unwrap();
    assert!(
        foreign!(app, s, |tx| tickets::resolve_of(tx, thread, now))
            .unwrap()
            .is_empty()
    );

    let new = NewHandoff {
        thread,
        turn,
        reason: "x",
        excerpt: None,
        now,
    };
    assert!(foreign!(app, s, |tx| handoffs::open(tx, &new)).is_err());
    assert!(
        foreign!(app, s, |tx| handoffs::of_thread(tx, thread))
            .unwrap()
            .is_empty()
    );
    assert!(!foreign!(app, s, |tx| handoffs::approval_decided(tx, thread, now)).unwrap());
    assert!(foreign!(app, s, |tx| turns::speaks(tx, thread, turn)).is_err());
    assert!(!foreign!(app, s, |tx| threads::visitor_wrote(tx, thread, "person")).unwrap());

    assert!(foreign!(app, s, |tx| drafts::keep(tx, thread, turn, "x", &json!([]), now)).is_err());
    assert!(foreign!(app, s, |tx| drafts::waiting(tx)).unwrap().is_empty());
    assert!(foreign!(app, s, |tx| drafts::lock(tx, turn)).unwrap().is_none());
    assert!(!foreign!(app, s, |tx| drafts::decide(tx, turn, "sent", "Eve", now)).unwrap());
    assert_eq!(
        foreign!(app, s, |tx| drafts::drop_of(tx, thread, "Eve", now)).unwrap(),
        0
    );

    foreign!(app, s, |tx| mirrors::changed(tx, &[ticket.0])).unwrap();
    assert!(foreign!(app, s, |tx| mirrors::begin(tx, ticket, "github", "", 1, now)).is_err());
    let sent = mirrors::Sent::default();
    foreign!(app, s, |tx| mirrors::sent(
        tx,
        ticket,
        ("github", "own"),
        9,
        &sent,
        now
    ))
    .unwrap();
    foreign!(app, s, |tx| mirrors::found(tx, ticket, ("github", "own"), &sent)).unwrap();
    foreign!(app, s, |tx| mirrors::failed(
        tx,
        ticket,
        ("github", "own"),
        "x",
        false,
        true
    ))
    .unwrap();
    assert!(
        foreign!(app, s, |tx| mirrors::of_ticket(tx, ticket))
            .unwrap()
            .is_empty()
    );

    assert!(foreign!(app, s, |tx| hours::away(tx, now)).unwrap().is_none());
    assert!(
        foreign!(app, s, |tx| hours::due(tx, "support", Priority::Low, now))
            .unwrap()
            .is_some()
    );
    assert!(foreign!(app, s, |tx| hours::knows_zone(tx, "Europe/Vienna")).unwrap());
    assert!(foreign!(app, s, |tx| overdue::mark(tx, now)).unwrap().is_empty());
    assert_eq!(
        state(&app).await,
        before,
        "something of the other site has changed"
    );

    // What looks over all sites names the site and nothing else of it.
    assert_eq!(overdue::sites(&app.db, now).await.unwrap(), [app.site.id]);
    let mut own = app.db.site(app.site.id).await.unwrap();
    let marked = overdue::mark(&mut own, now).await.unwrap();
    assert_eq!(
        marked.iter().map(|b| b.kind.as_str()).collect::<Vec<_>>(),
        ["ticket"]
    );
    assert!(
        overdue::mark(&mut own, now).await.unwrap().is_empty(),
        "marked once"
    );
    own.commit().await.unwrap();
    assert!(overdue::sites(&app.db, now).await.unwrap().is_empty());
    app.finish().await;
}
