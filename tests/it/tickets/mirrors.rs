//! Tickets in other systems, by real servers: made once whatever breaks, masked, in order.

use std::sync::Arc;
use std::time::Duration;

use deskhand::db::connections::{self, NewConnection};
use deskhand::domain::clock::Clock;
use deskhand::domain::connection::seal;
use deskhand::domain::ids::{TicketId, VisitorId};
use deskhand::domain::signature;
use deskhand::domain::ticket::TicketState;
use deskhand::inbox::mirror::{MirrorError, Mirrors};
use deskhand::inbox::tickets::{Edit, Which};
use deskhand::knowledge::fetch::allow::PrivateHosts;
use deskhand::knowledge::fetch::{FetchSettings, Fetcher};
use rstest::rstest;
use serde_json::{Value, json};

use super::github_server::{Fault, GitHubServer, TOKEN};
use super::{all, desk};
use crate::support::app::TestApp;
use crate::support::site_server::SiteServer;

const ANNA: &str = "anna.huber@example.com";
const SECRET: &str = "a secret of the test's own";

async fn connect(app: &TestApp, kind: &str, config: &Value, secret: &str) {
    let sealed = seal(&app.master, app.site.id, kind, "one", secret).unwrap();
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let new = NewConnection {
        kind,
        name: "one",
        config,
        secret_sealed: Some(&sealed),
        at: app.clock.now(),
    };
    connections::put(&mut tx, &new).await.unwrap();
    tx.commit().await.unwrap();
}

fn mirrors(app: &TestApp, host: &str) -> Mirrors {
    let settings = FetchSettings {
        private: PrivateHosts::parse([host]).unwrap(),
        ..FetchSettings::new(std::env::temp_dir())
    };
    Mirrors {
        db: app.db.clone(),
        clock: app.clock.clone(),
        master: Arc::clone(&app.master),
        fetcher: Fetcher::new(settings).unwrap(),
    }
}

/// A ticket that a visitor opened; gives its token and id.
async fn opened(app: &TestApp) -> (String, TicketId) {
    let token = app.token(VisitorId::new());
    let wish = format!("Please open a ticket: the lamp flickers, write to {ANNA} or ring +43 7612 555 010");
    app.ask(&token, &wish, None).await;
    (token, all(app).await[0].id)
}

async fn edit(app: &TestApp, state: TicketState) {
    let edit = Edit {
        state: Some(state),
        ..Edit::default()
    };
    desk(app, "Mia")
        .edit_ticket(&app.master, Which::Number(1), &edit)
        .await
        .unwrap();
}

async fn jobs(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM jobs WHERE kind = 'mirror_ticket'")
        .await
}

async fn github(app: &TestApp) -> (GitHubServer, Mirrors) {
    let server = GitHubServer::start().await;
    let config = json!({ "repo": "acme/support", "labels": "customer", "api": server.url() });
    connect(app, "github", &config, TOKEN).await;
    let mirrors = mirrors(app, &server.host);
    (server, mirrors)
}

#[tokio::test]
async fn an_issue_is_made_told_of_changes_closed_and_opened_again() {
    let app = TestApp::start().await;
    let (server, mirrors) = github(&app).await;
    let (token, ticket) = opened(&app).await;
    assert_eq!(jobs(&app).await, 1, "its delivery is enqueued with it");
    for _ in 0..2 {
        mirrors.deliver(app.site.id, ticket).await.unwrap();
    }
    let issues = server.issues();
    assert_eq!(issues.len(), 1, "a delivery that ran twice: {issues:#?}");
    let text = issues[0].to_string();
    assert!(
        text.contains("[T-1] the lamp flickers") && text.contains("[EMAIL_1]"),
        "{text}"
    );
    assert!(!text.contains(ANNA) && !text.contains("7612"), "{text}");
    assert!(
        text.contains("\"deskhand\"") && text.contains("\"customer\""),
        "{text}"
    );

    edit(&app, TicketState::Resolved).await;
    assert_eq!(jobs(&app).await, 2);
    desk(&app, "Mia")
        .note_ticket(&app.master, Which::Number(1), "internal only")
        .await
        .unwrap();
    mirrors.deliver(app.site.id, ticket).await.unwrap();
    assert_eq!(server.issues()[0]["state"], "closed");
    assert!(
        server.comments()[0].contains("T-1: resolved"),
        "{:?}",
        server.comments()
    );

    app.clock.advance(chrono::TimeDelta::minutes(1));
    app.ask(&token, "Please add to T-1 that it smells burnt", None)
        .await;
    mirrors.deliver(app.site.id, ticket).await.unwrap();
    assert_eq!(server.issues()[0]["state"], "open");
    let comments = server.comments();
    assert!(
        comments[1].contains("> Please add to T-1 that it smells burnt"),
        "{comments:?}"
    );
    assert!(
        comments.iter().all(|c| !c.contains("internal only")),
        "{comments:?}"
    );
    app.finish().await;
}

#[rstest]
#[case::cut(Fault::CutAfterActing)]
#[case::failed(Fault::FailsAfterActing)]
#[tokio::test]
async fn an_issue_whose_answer_was_lost_is_found_again(#[case] fault: Fault) {
    let app = TestApp::start().await;
    let (server, mirrors) = github(&app).await;
    let (_, ticket) = opened(&app).await;
    server.fails(&[fault]);
    let lost: MirrorError = mirrors.deliver(app.site.id, ticket).await.unwrap_err();
    assert!(!lost.permanent && lost.in_doubt, "{lost:?}");
    mirrors.deliver(app.site.id, ticket).await.unwrap();
    assert_eq!(server.issues().len(), 1);
    assert_eq!(app.text("SELECT remote_ref FROM ticket_mirrors").await, "1");

    // The same with a comment.
    edit(&app, TicketState::Pending).await;
    server.fails(&[fault]);
    mirrors.deliver(app.site.id, ticket).await.unwrap_err();
    mirrors.deliver(app.site.id, ticket).await.unwrap();
    assert_eq!(server.comments().len(), 1, "{:?}", server.comments());
    app.finish().await;
}

#[tokio::test]
async fn limits_are_heeded_and_what_cant_succeed_ends() {
    let app = TestApp::start().await;
    let (server, mirrors) = github(&app).await;
    let (_, ticket) = opened(&app).await;
    server.fails(&[Fault::Limited(7), Fault::Refused(404)]);
    let limited = mirrors.deliver(app.site.id, ticket).await.unwrap_err();
    assert_eq!(limited.wait, Some(Duration::from_secs(7)), "{limited:?}");
    let gone = mirrors.deliver(app.site.id, ticket).await.unwrap_err();
    assert!(gone.permanent, "{gone:?}");
    let config = json!({ "repo": "acme/support", "api": server.url() });
    connect(&app, "github", &config, "another token").await;
    let refused = mirrors.deliver(app.site.id, ticket).await.unwrap_err();
    assert!(refused.permanent && refused.detail.contains("401"), "{refused:?}");
    assert!(app.text("SELECT error FROM ticket_mirrors").await.contains("401"));
    assert!(server.issues().is_empty());
    connect(&app, "github", &config, TOKEN).await;
    mirrors.deliver(app.site.id, ticket).await.unwrap();
    assert_eq!(server.issues().len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_webhook_is_signed_and_keeps_its_id_at_each_try() {
    let app = TestApp::start().await;
    let server = SiteServer::start().await;
    let config = json!({ "url": server.url(), "personal": true });
    connect(&app, "ticket_webhook", &config, SECRET).await;
    let mirrors = mirrors(&app, &server.host);
    let (_, ticket) = opened(&app).await;
    server.answer(500, "").answer(204, "");
    assert!(!mirrors.deliver(app.site.id, ticket).await.unwrap_err().permanent);
    mirrors.deliver(app.site.id, ticket).await.unwrap();
    mirrors.deliver(app.site.id, ticket).await.unwrap();
    let sent = server.received();
    assert_eq!(sent.len(), 2, "what was taken isn't sent again");
    assert_eq!(sent[0].headers["webhook-id"], sent[1].headers["webhook-id"]);
    for one in &sent {
        let (id, at) = (&one.headers["webhook-id"], &one.headers["webhook-timestamp"]);
        assert_eq!(
            one.headers["webhook-signature"],
            signature::standard(SECRET, id, at, &one.raw)
        );
    }
    let event = sent[1].json();
    assert_eq!(
        (event["type"].as_str(), event["data"]["ticket"].as_str()),
        (Some("ticket.created"), Some("T-1"))
    );
    assert_eq!(event["data"]["customer_email"], ANNA);

    // Without leave, personal data stays here.
    connect(&app, "ticket_webhook", &json!({ "url": server.url() }), SECRET).await;
    edit(&app, TicketState::Resolved).await;
    mirrors.deliver(app.site.id, ticket).await.unwrap();
    let last = server.received().pop().unwrap();
    let text = String::from_utf8(last.raw.clone()).unwrap();
    assert!(!text.contains(ANNA) && !text.contains("7612"), "{text}");
    assert_eq!(
        (
            last.json()["type"].as_str(),
            last.json()["data"]["state"].as_str()
        ),
        (Some("ticket.updated"), Some("resolved"))
    );
    assert_ne!(last.headers["webhook-id"], sent[1].headers["webhook-id"]);
    app.finish().await;
}

#[tokio::test]
async fn without_a_mirror_nothing_is_enqueued() {
    let app = TestApp::start().await;
    opened(&app).await;
    assert_eq!(jobs(&app).await, 0);
    app.finish().await;
}
