//! What staff are told of (INB-4): by a real webhook and a real mail server; at least once, each
//! thing once, nothing personal, and never in the way of a turn.

use deskhand::db::pool::SiteTx;
use deskhand::db::{connections, notices, sites};
use deskhand::domain::clock::Clock;
use deskhand::domain::connection::seal;
use deskhand::domain::ids::VisitorId;
use deskhand::domain::notice::{Notice, NoticeKind};
use serde_json::json;

use super::Post;
use crate::support::app::{Setup, TestApp};
use crate::support::site_server::SiteServer;
use crate::support::smtp_server::Manner;

async fn set(app: &TestApp, key: &str, value: serde_json::Value) {
    let mut tx = app.db.site(app.site.id).await.unwrap();
    sites::set_setting(&mut tx, key, &value).await.unwrap();
    tx.commit().await.unwrap();
}

async fn connect(app: &TestApp, url: &str) {
    let sealed = seal(&app.master, app.site.id, "slack", "", url).unwrap();
    let new = connections::NewConnection {
        kind: "slack",
        name: "",
        config: &json!({}),
        secret_sealed: Some(&sealed),
        at: app.clock.now(),
    };
    let mut tx = app.db.site(app.site.id).await.unwrap();
    connections::put(&mut tx, &new).await.unwrap();
    tx.commit().await.unwrap();
}

fn state(what: &str) -> String {
    format!("SELECT count(*) FROM notices WHERE {what}")
}

#[tokio::test]
async fn a_handoff_is_told_by_slack_and_mail_once_and_masked() {
    let post = Post::open(Setup::default()).await;
    let app = &post.app;
    let slack = SiteServer::start().await;
    set(
        app,
        "staff_emails",
        json!(["mia@shop.example", "tom@shop.example"]),
    )
    .await;
    connect(app, &format!("{}/services/T0/B0/x", slack.origin())).await;
    let token = app.token(VisitorId::new());
    let text = "I want to talk to a person! I'm anna.huber@example.com, <!channel>";
    let answer = app.ask(&token, text, None).await;
    assert_eq!(answer["outcome"], "handoff", "{answer:#}");
    // It was enqueued with the handoff; nobody has waited for it.
    assert_eq!(
        app.count(&state("state = 'waiting' AND kind = 'handoff'")).await,
        2
    );
    post.work(&[&slack.host]);
    let told = slack.wait(1).await.remove(0);
    assert_eq!(told.path, "/services/T0/B0/x");
    let body = told.json().to_string();
    assert!(
        body.contains("[EMAIL_1]") && !body.contains("anna.huber"),
        "{body}"
    );
    assert!(!body.contains("<!channel>"), "{body}");
    let thread = answer["thread_id"].as_str().unwrap();
    assert!(
        body.contains(&format!("deskhand inbox --site shop show {thread}")),
        "{body}"
    );
    let mails = post.smtp.wait(2).await;
    let to: std::collections::BTreeSet<_> = mails.iter().flat_map(|m| m.to.clone()).collect();
    assert_eq!(
        to.into_iter().collect::<Vec<_>>(),
        ["mia@shop.example", "tom@shop.example"]
    );
    let (words, html) = mails[0].bodies();
    assert!(
        words.contains("the visitor asked for a person") && words.contains(thread),
        "{words}"
    );
    assert!(
        !words.contains("anna.huber") && !html.contains("<!channel>"),
        "{words}"
    );
    assert_eq!(
        mails[0].header("List-Id").as_deref(),
        Some("<staff.deskhand.example>")
    );
    post.until(&state("state = 'sent'"), 2).await;
    // Asked for again in the same conversation: the handoff is the same, and was told.
    app.ask(&token, "a person please", Some(thread)).await;
    assert_eq!(app.count(&state("true")).await, 2);
    post.close().await;
}

#[tokio::test]
async fn a_webhook_that_is_busy_away_or_gone_is_treated_so() {
    let post = Post::open(Setup::default()).await;
    let app = &post.app;
    let slack = SiteServer::start().await;
    connect(app, &format!("{}/hook", slack.origin())).await;
    slack.answer(503, "").answer(200, "ok").answer(404, "no_service");
    let enqueue = async |key: &str| {
        let mut tx: SiteTx = app.db.site(app.site.id).await.unwrap();
        let notice = Notice {
            kind: NoticeKind::Sla,
            key: key.to_owned(),
            thread: None,
            subject: None,
            reason: "sla",
            at: app.clock.now(),
        };
        let n = notices::enqueue(&mut tx, &notice).await.unwrap();
        tx.commit().await.unwrap();
        n
    };
    assert_eq!(enqueue("sla/1").await, 1);
    assert_eq!(enqueue("sla/1").await, 0, "told once");
    post.work(&[&slack.host]);
    // 503 first, and once more.
    post.until(&state("key = 'sla/1' AND state = 'sent' AND tries = 2"), 1)
        .await;
    enqueue("sla/2").await;
    post.until(
        &state("key = 'sla/2' AND state = 'refused' AND code = 'webhook_404'"),
        1,
    )
    .await;
    post.until(
        "SELECT count(*) FROM jobs WHERE kind = 'send_notice' AND state = 'dead'",
        1,
    )
    .await;
    // Who doesn't want to hear of it isn't told.
    set(app, "notices_off", json!(["sla"])).await;
    assert_eq!(enqueue("sla/3").await, 0);
    assert_eq!(slack.received().len(), 3);
    post.close().await;
}

#[tokio::test]
async fn a_mail_that_is_put_off_comes_later_and_one_that_is_refused_is_told() {
    let post = Post::open(Setup::default()).await;
    let app = &post.app;
    let slack = SiteServer::start().await;
    set(app, "staff_emails", json!(["mia@shop.example"])).await;
    post.smtp.then(&[Manner::Greylists]);
    app.ask(&app.token(VisitorId::new()), "a person please", None)
        .await;
    post.work(&[&slack.host]);
    post.until(
        "SELECT count(*) FROM mails WHERE state = 'waiting' AND code = 'mail_451'",
        1,
    )
    .await;
    app.bend("UPDATE jobs SET run_at = now() WHERE kind = 'send_mail'")
        .await;
    post.until("SELECT count(*) FROM mails WHERE state = 'sent' AND tries = 2", 1)
        .await;
    // An address that isn't one is a dead letter, which is told by the other channel.
    connect(app, &format!("{}/hook", slack.origin())).await;
    post.smtp.then(&[Manner::Refuses]);
    app.ask(&app.token(VisitorId::new()), "a person please", None)
        .await;
    post.until(
        "SELECT count(*) FROM jobs WHERE kind = 'send_mail' AND state = 'dead'",
        1,
    )
    .await;
    post.until(
        "SELECT count(*) FROM mails WHERE state = 'refused' AND letter IS NULL",
        1,
    )
    .await;
    let job = deskhand::domain::job::Job {
        work: deskhand::domain::job::Work::TellOfDeadJobs,
        key: "now".to_owned(),
        priority: deskhand::domain::job::Priority::High,
    };
    for _ in 0..2 {
        let mut tx = app.db.site(app.site.id).await.unwrap();
        deskhand::db::jobs::enqueue(&mut tx, &job).await.unwrap();
        tx.commit().await.unwrap();
        post.until(
            "SELECT count(*) FROM jobs WHERE kind = 'tell_of_dead_jobs' AND state <> 'done'",
            0,
        )
        .await;
    }
    // Once an hour and kind, however many there are.
    post.until(
        &state("kind = 'dead_jobs' AND subject = 'send_mail' AND channel = 'slack'"),
        1,
    )
    .await;
    post.until(&state("state = 'waiting'"), 0).await;
    let all: String = slack.received().iter().map(|r| r.json().to_string()).collect();
    assert!(all.contains("send_mail") && all.contains("--state dead"), "{all}");
    assert!(!all.contains("mia@"), "{all}");
    post.close().await;
}

#[tokio::test]
async fn without_a_channel_nothing_is_kept() {
    let app = TestApp::start().await;
    app.ask(&app.token(VisitorId::new()), "a person please", None)
        .await;
    assert_eq!(app.count("SELECT count(*) FROM handoffs").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM notices").await, 0);
    assert_eq!(
        app.count("SELECT count(*) FROM jobs WHERE kind = 'send_notice'")
            .await,
        0
    );
    app.finish().await;
}
