//! The hands' and the staff's functions of `db/`, called under the wrong site with another's
//! real ids: they find nothing, change nothing, or are refused.

use chrono::TimeDelta;
use deskhand::db::identity::{self, NewProof};
use deskhand::db::proposals::{self, Approval, NewProposal};
use deskhand::db::{audit, demo_orders, desk, effects, handoffs, sites, threads, turns};
use deskhand::domain::clock::Clock;
use deskhand::domain::customer::Account;
use deskhand::domain::ids::{HandoffId, ProposalId, ThreadId, TurnId, VisitorId};
use deskhand::domain::site::Mode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::hands::shop::{BEN, stock};
use crate::support::app::{ORIGIN, TestApp, TestSite};

struct Theirs {
    visitor: VisitorId,
    thread: ThreadId,
    turn: TurnId,
    proposal: ProposalId,
    handoff: HandoffId,
}

/// A site with a proof, a proposal that waits for staff, and its handoff.
async fn lived_in(app: &TestApp) -> Theirs {
    stock(app).await;
    let visitor = VisitorId::new();
    let token = app.token(visitor);
    let answer = app
        .ask(&token, &format!("Refund order 1002 please, {BEN}"), None)
        .await;
    let id = |v: &Value| v.as_str().unwrap().parse::<Uuid>().unwrap();
    let thread = answer["thread_id"].as_str().unwrap();
    let yes = app.ask(&token, "yes", Some(thread)).await;
    assert_eq!(yes["outcome"], "asked", "{yes:#}");
    Theirs {
        visitor,
        thread: ThreadId(id(&answer["thread_id"])),
        turn: TurnId(id(&yes["turn_id"])),
        proposal: ProposalId(id(&answer["ask"]["proposal_id"])),
        handoff: HandoffId(id(&yes["handoff"]["handoff_id"])),
    }
}

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

/// Everything of theirs that could have changed.
async fn state(app: &TestApp) -> String {
    let id = app.site.id;
    app.text(&format!(
        "SELECT concat_ws('|',
            (SELECT string_agg(o::text, ',' ORDER BY number) FROM demo_orders o WHERE site_id = '{id}'),
            (SELECT count(*) FROM demo_acts WHERE site_id = '{id}'),
            (SELECT string_agg(p::text, ',') FROM identity_proofs p WHERE site_id = '{id}'),
            (SELECT string_agg(g::text, ',' ORDER BY key) FROM guesses g WHERE site_id = '{id}'),
            (SELECT string_agg(p::text, ',') FROM proposals p WHERE site_id = '{id}'),
            (SELECT string_agg(a::text, ',') FROM approvals a WHERE site_id = '{id}'),
            (SELECT string_agg(e::text, ',') FROM effects e WHERE site_id = '{id}'),
            (SELECT count(*) FROM audit WHERE site_id = '{id}'),
            (SELECT string_agg(h::text, ',') FROM handoffs h WHERE site_id = '{id}'),
            (SELECT string_agg(t::text, ',') FROM tickets t WHERE site_id = '{id}'),
            (SELECT string_agg(t::text, ',') FROM threads t WHERE site_id = '{id}'),
            (SELECT string_agg(t::text, ',' ORDER BY id) FROM turns t WHERE site_id = '{id}'),
            (SELECT count(*) FROM messages WHERE site_id = '{id}'),
            (SELECT s::text FROM sites s WHERE id = '{id}'))"
    ))
    .await
}

#[tokio::test]
async fn the_hands_of_one_site_reach_nothing_of_another() {
    let app = TestApp::start().await;
    let t = lived_in(&app).await;
    let s = TestSite::add(&app.db, &app.master, "stranger", &[ORIGIN], app.clock.now()).await;
    let now = app.clock.now();
    let key = [9_u8; 32];
    {
        let mut own = app.db.site(app.site.id).await.unwrap();
        identity::guess(&mut own, &key, TimeDelta::hours(1), now)
            .await
            .unwrap();
        let effect = effects::NewEffect {
            key: "theirs",
            tool: "issue_refund",
            order_number: "1002",
            amount: None,
            seen: 0,
            now,
        };
        effects::begin(&mut own, &effect).await.unwrap();
        own.commit().await.unwrap();
    }
    let before = state(&app).await;

    assert_eq!(foreign!(app, s, |tx| demo_orders::count(tx)).unwrap(), 0);
    assert_eq!(foreign!(app, s, |tx| demo_orders::all(tx)).unwrap(), []);
    assert!(
        foreign!(app, s, |tx| demo_orders::find(tx, "1002"))
            .unwrap()
            .is_none()
    );
    let order = {
        let mut own = app.db.site(app.site.id).await.unwrap();
        demo_orders::find(&mut own, "1002").await.unwrap().unwrap()
    };
    assert!(
        foreign!(app, s, |tx| demo_orders::lock(tx, "1002"))
            .unwrap()
            .is_none()
    );
    assert!(
        foreign!(app, s, |tx| demo_orders::of_email(tx, BEN, 10))
            .unwrap()
            .is_empty()
    );
    assert!(
        foreign!(app, s, |tx| demo_orders::act(tx, "theirs"))
            .unwrap()
            .is_none()
    );
    assert!(
        foreign!(app, s, |tx| demo_orders::acts(tx, "1002"))
            .unwrap()
            .is_empty()
    );
    let act = demo_orders::Act {
        number: "1002".into(),
        act: "refund".into(),
        amount_minor: Some(1),
    };
    assert!(
        foreign!(app, s, |tx| demo_orders::note_act(tx, "k", &act, now)).is_err(),
        "another site's order"
    );
    // One of the same number is the stranger's own.
    foreign!(app, s, |tx| demo_orders::put(tx, &order)).unwrap();

    assert!(
        foreign!(app, s, |tx| identity::valid(tx, t.visitor, now))
            .unwrap()
            .is_empty()
    );
    let proof = NewProof {
        visitor: t.visitor,
        method: "session",
        email_sealed: b"x",
        email_hash: &key,
        order_number: None,
        code_hash: None,
        now,
        expires_at: now,
    };
    assert!(foreign!(app, s, |tx| identity::add(tx, Uuid::now_v7(), &proof)).is_err());
    let entered = foreign!(app, s, |tx| identity::enter_code(
        tx, t.visitor, &key, &key, 5, now, now
    ));
    assert!(!entered.unwrap());
    foreign!(app, s, |tx| identity::forgive(tx, &key)).unwrap();
    foreign!(app, s, |tx| identity::prune(tx, now + TimeDelta::days(9))).unwrap();
    assert_eq!(
        foreign!(app, s, |tx| identity::guess(tx, &key, TimeDelta::hours(1), now)).unwrap(),
        1
    );

    let new = NewProposal {
        id: ProposalId::new(),
        thread: t.thread,
        turn: t.turn,
        tool: "issue_refund",
        order_number: "1002",
        args_sealed: b"x",
        args_hash: &key,
        policy: "p",
        amount: None,
        summary_sealed: b"s",
        needs_approval: false,
        now,
        expires_at: now,
    };
    assert!(foreign!(app, s, |tx| proposals::add(tx, &new)).is_err());
    assert!(
        foreign!(app, s, |tx| proposals::lock(tx, t.proposal))
            .unwrap()
            .is_none()
    );
    assert!(
        foreign!(app, s, |tx| proposals::pending(tx, t.thread, now))
            .unwrap()
            .is_none()
    );
    assert!(
        !foreign!(app, s, |tx| proposals::advance(
            tx,
            t.proposal,
            &["waiting"],
            "done",
            now
        ))
        .unwrap()
    );
    assert!(!foreign!(app, s, |tx| proposals::tell_once(tx, t.proposal, true, now)).unwrap());
    assert_eq!(
        foreign!(app, s, |tx| proposals::telling(tx, t.proposal)).unwrap(),
        None
    );
    assert!(!foreign!(app, s, |tx| handoffs::settled(tx, t.thread, "effect_done", b"x")).unwrap());
    let approval = Approval {
        proposal: t.proposal,
        staff: "Eve",
        token: Some(b"x"),
        now,
        expires_at: now,
    };
    assert!(foreign!(app, s, |tx| proposals::decide(tx, &approval)).is_err());
    assert!(
        foreign!(app, s, |tx| proposals::take_token(tx, t.proposal, now))
            .unwrap()
            .is_none()
    );
    assert!(foreign!(app, s, |tx| proposals::waiting(tx)).unwrap().is_empty());

    assert!(
        foreign!(app, s, |tx| effects::find(tx, "theirs"))
            .unwrap()
            .is_none()
    );
    let done = foreign!(app, s, |tx| effects::done(tx, "issue_refund", "1002"));
    assert_eq!(done.unwrap(), 0);
    assert!(!foreign!(app, s, |tx| effects::end(tx, "theirs", "done", None, None, now)).unwrap());
    let effect = effects::NewEffect {
        key: "theirs",
        tool: "issue_refund",
        order_number: "1002",
        amount: None,
        seen: 0,
        now,
    };
    assert!(
        foreign!(app, s, |tx| effects::begin(tx, &effect)).unwrap(),
        "the key is the site's own"
    );
    let entry = audit::Entry {
        who: "staff:Eve",
        act: "read",
        thread: Some(t.thread),
        subject: None,
        detail: json!({}),
        at: now,
    };
    foreign!(app, s, |tx| audit::append(tx, &entry)).unwrap();
    let theirs = foreign!(app, s, |tx| audit::of_thread(tx, t.thread)).unwrap();
    assert_eq!(theirs.len(), 1, "only the stranger's own line");

    assert!(foreign!(app, s, |tx| desk::lock(tx, t.thread)).unwrap().is_none());
    assert!(
        foreign!(app, s, |tx| desk::take(tx, t.thread, now))
            .unwrap()
            .is_none()
    );
    assert!(foreign!(app, s, |tx| desk::claim(tx, t.thread, "Eve", now)).is_err());
    foreign!(app, s, |tx| desk::release(tx, t.thread, "resolved", now)).unwrap();
    assert!(
        foreign!(app, s, |tx| desk::write(
            tx, t.thread, t.visitor, "staff", "x", now, 1
        ))
        .is_err()
    );
    foreign!(app, s, |tx| handoffs::attach_proposal(tx, t.handoff, t.proposal)).unwrap();
    // A visitor of the same id is the stranger's own.
    foreign!(app, s, |tx| threads::ensure_visitor(tx, t.visitor)).unwrap();
    foreign!(app, s, |tx| turns::note_answer(tx, t.turn, t.proposal, true)).unwrap();
    let late = now + TimeDelta::days(30);
    assert!(
        foreign!(app, s, |tx| proposals::undecided(tx, late))
            .unwrap()
            .is_empty()
    );
    let account = Account {
        user: 7,
        profile: String::new(),
    };
    foreign!(app, s, |tx| turns::note_account(tx, t.turn, &account)).unwrap();
    foreign!(app, s, |tx| sites::set_mode(tx, Mode::Shadow)).unwrap();
    foreign!(app, s, |tx| sites::merge_settings(tx, &json!({ "x": 1 }))).unwrap();

    assert_eq!(
        state(&app).await,
        before,
        "something of the other site has changed"
    );
    app.finish().await;
}
