//! What a site keeps no longer goes, each kind by its own setting, and nothing else does.

use chrono::TimeDelta;
use deskhand::db::sites;
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::VisitorId;
use deskhand::domain::settings::parse;
use deskhand::privacy::retention;

use crate::support::app::{ORIGIN, TestApp, TestSite};

async fn set(app: &TestApp, setting: &str) {
    let (key, value) = parse(setting).unwrap();
    let mut tx = app.db.site(app.site.id).await.unwrap();
    sites::set_setting(&mut tx, key, &value).await.unwrap();
    tx.commit().await.unwrap();
}

async fn rows(app: &TestApp, table: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM {table}")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_goes_when_its_time_is_over() {
    let app = TestApp::start().await;
    app.know(&[(
        "returns.md",
        "# Returns\n\nYou can send goods back within 30 days of delivery.",
    )])
    .await;
    let (old, new) = (VisitorId::new(), VisitorId::new());
    // A conversation with a ticket of its own, and a question that found nothing.
    app.ask(
        &app.token(old),
        "Within how many days can I send goods back?",
        None,
    )
    .await;
    app.ask(&app.token(old), "I want to talk to a person.", None)
        .await;
    let site = app.site.id;
    app.bend(&format!(
        "INSERT INTO tickets (site_id, id, thread_id, turn_id, reason, at)
         SELECT '{site}', gen_random_uuid(), thread_id, id, 'test', now() FROM turns
         WHERE id NOT IN (SELECT turn_id FROM tickets WHERE turn_id IS NOT NULL) LIMIT 1"
    ))
    .await;
    app.bend(&format!("INSERT INTO gaps (site_id, id, question, locale, at) VALUES ('{site}', gen_random_uuid(), 'zeppelins', 'en', now())"))
        .await;
    app.bend(&format!(
        "INSERT INTO audit (site_id, at, who, act) VALUES ('{site}', now(), 'system', 'tested')"
    ))
    .await;
    app.bend(&format!(
        "INSERT INTO inbound_events (site_id, id, source, external_id, kind, body_sha256, raw, headers, signature_valid,
                                     event_at, received_at)
         VALUES ('{site}', gen_random_uuid(), 'wordpress', 'k', 'media.added', sha256('x'), 'x', '{{}}', true, now(), now())"
    ))
    .await;
    app.bend(&format!(
        "INSERT INTO bridge_events (site_id, id, idempotency_key, body_hash, kid, event_type, object_ref, body, occurred_at, received_at)
         VALUES ('{site}', gen_random_uuid(), 'k', sha256('x'), 'kid', 'a.b', 'x', 'x', now(), now())"
    ))
    .await;
    app.bend(&format!("INSERT INTO refused_webhooks VALUES ('{site}', current_date, 'wordpress', '192.0.2.1', 1, now(), now())"))
        .await;
    let turns = rows(&app, "turns").await;
    assert_eq!(turns, 2);
    let tickets = rows(&app, "tickets").await;
    let audit = rows(&app, "audit").await;
    let after = |days: i64| app.clock.now() + TimeDelta::days(days);

    // Nothing is old yet.
    let gone = retention::enforce(&app.db, app.clock.now()).await.unwrap();
    assert_eq!(gone, retention::Gone::default());

    let gone = retention::enforce(&app.db, after(31)).await.unwrap();
    assert_eq!((gone.events, gone.threads, gone.tickets), (3, 0, 0), "{gone:?}");
    assert_eq!(
        (
            rows(&app, "inbound_events").await,
            rows(&app, "bridge_events").await,
            rows(&app, "refused_webhooks").await
        ),
        (0, 0, 0)
    );

    // A conversation in which something was said since is kept whole, with its visitor.
    app.ask(
        &app.token(new),
        "Within how many days can I send goods back?",
        None,
    )
    .await;
    app.bend("UPDATE messages SET at = now() + interval '60 days' WHERE thread_id = (SELECT max(id::text)::uuid FROM threads)")
        .await;
    let gone = retention::enforce(&app.db, after(91)).await.unwrap();
    assert_eq!((gone.threads, gone.visitors, gone.gaps), (2, 1, 1), "{gone:?}");
    for (table, left) in [
        ("threads", 1),
        ("visitors", 1),
        ("turns", 1),
        ("gaps", 0),
        ("tickets", tickets),
        ("audit", audit),
    ] {
        assert_eq!(rows(&app, table).await, left, "{table}");
    }
    assert_eq!(
        app.count("SELECT count(*) FROM tickets WHERE thread_id IS NOT NULL")
            .await,
        0
    );
    // What they counted for stays.
    assert_eq!(
        app.count("SELECT sum(turns)::bigint FROM usage_erased").await,
        turns
    );

    // A site may say otherwise; another site's tickets and audit aren't touched by that.
    let other = TestSite::add(&app.db, &app.master, "other", &[ORIGIN], app.clock.now()).await;
    let other = other.id;
    app.bend(&format!(
        "INSERT INTO audit (site_id, at, who, act) VALUES ('{other}', now(), 'system', 'tested')"
    ))
    .await;
    set(&app, "keep_audit_days=1000").await;
    set(&app, "keep_tickets_days=1").await;
    let gone = retention::enforce(&app.db, after(5)).await.unwrap();
    assert_eq!((gone.tickets, gone.audit), (tickets, 0), "{gone:?}");
    let gone = retention::enforce(&app.db, after(400)).await.unwrap();
    assert_eq!(gone.audit, 1, "{gone:?}");
    assert_eq!(
        rows(&app, "audit").await,
        audit,
        "the site's own audit is kept for a thousand days"
    );
    app.finish().await;
}
