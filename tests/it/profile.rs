//! A logged-in visitor: their site is asked who they are, once in fifteen minutes; what it
//! says is kept sealed, used by the turn, and shown to no model.

use std::sync::Arc;

use chrono::TimeDelta;
use deskhand::agent::brain::extractive::Extractive;
use deskhand::db::sites;
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::VisitorId;
use deskhand::http::auth::token::Claims;
use serde_json::{Value, json};

use crate::support::app::{ORIGIN, Setup, TestApp, message};
use crate::support::fake_provider::FakeProvider;
use crate::support::model_brain::{brain, honest};
use crate::support::site_server::SiteServer;

const ANNA: &str = r#"{"name": "Anna Huber", "email": "anna@example.com", "orders": []}"#;

async fn shop(site: &SiteServer, setup: Setup) -> TestApp {
    let app = TestApp::with(Setup {
        callbacks: vec![site.host.clone()],
        ..setup
    })
    .await;
    let mut tx = app.db.site(app.site.id).await.unwrap();
    sites::set_origins(&mut tx, &[ORIGIN.to_owned(), site.origin()])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    app.know(&[("returns.md", "# Returns\n\nA return label costs €4.90.")])
        .await;
    app
}

/// Sends as a page of the site does, with the user's number in the token.
async fn ask(app: &TestApp, site: &SiteServer, visitor: VisitorId, text: &str) -> Value {
    let until = app.clock.now() + TimeDelta::minutes(4);
    let claims = Claims {
        wp_user: Some(7),
        ..Claims::new(app.site.id, visitor, &site.origin(), until)
    };
    let sent = app
        .post("/api/agent/messages", &app.site.signed(&claims))
        .header("origin", site.origin())
        .json(&message(text, None))
        .send()
        .await
        .unwrap();
    let status = sent.status();
    let body: Value = sent.json().await.unwrap();
    assert_eq!(status, 200, "{body:#}");
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_known_and_no_model_learns_who() {
    let site = SiteServer::start().await;
    let fake = FakeProvider::start().await;
    fake.always(honest("A return label costs €4.90. [1]"));
    let setup = Setup {
        brains: vec![brain("a", &fake), Arc::new(Extractive)],
        ..Setup::default()
    };
    let app = shop(&site, setup).await;
    site.answer(200, ANNA);
    let visitor = VisitorId::new();
    let first = ask(&app, &site, visitor, "What does a return label cost?").await;
    assert!(first["text"].as_str().unwrap().contains("4.90"), "{first:#}");
    let asked = &site.received()[0];
    assert_eq!(asked.path, "/wp-json/deskhand/v1/profile");
    assert!(asked.is_signed(&app.site.root, app.site.id));
    assert_eq!(asked.json(), json!({ "visitor_id": visitor, "wp_user_id": 7 }));
    let requests = fake.requests();
    assert!(!requests.is_empty());
    for request in &requests {
        let body = request.body.to_string();
        assert!(body.contains("[NAME_1]"), "{body}");
        assert!(!body.contains("Anna") && !body.contains("anna@"), "{body}");
    }
    // A handoff needn't ask for an address.
    let person = ask(&app, &site, visitor, "I want to talk to a person.").await;
    assert_eq!(person["handoff"]["needs_contact"], false, "{person:#}");
    assert_eq!(site.received().len(), 1, "asked once in fifteen minutes");
    // Sealed, and found by the address.
    let rows = app.text("SELECT string_agg(v::text, ' ') FROM visitors v").await;
    assert!(!rows.contains(&hex::encode("Anna")), "{rows}");
    let export: Value = app
        .post("/api/privacy/export", &app.site.api_key())
        .json(&json!({ "email": "anna@example.com" }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        export["visitors"][0]["profile"]["name"], "Anna Huber",
        "{export:#}"
    );
    assert_eq!(export["visitors"][0]["wp_user_id"], 7);

    site.answer(200, ANNA);
    app.clock.advance(TimeDelta::minutes(16));
    ask(&app, &site, visitor, "What does a return label cost?").await;
    assert_eq!(site.received().len(), 2, "and again after it");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wordpress_in_a_folder_is_asked_where_it_is_and_no_stranger_ever() {
    let site = SiteServer::start().await;
    let stranger = SiteServer::start().await;
    let app = shop(&site, Setup::default()).await;
    let until = app.clock.now() + TimeDelta::minutes(4);
    let ask = async |profile: &str| {
        site.answer(200, ANNA);
        let claims = Claims {
            wp_user: Some(7),
            profile: Some(profile.to_owned()),
            ..Claims::new(app.site.id, VisitorId::new(), &site.origin(), until)
        };
        let sent = app
            .post("/api/agent/messages", &app.site.signed(&claims))
            .header("origin", site.origin())
            .json(&message("What does a return label cost?", None))
            .send()
            .await
            .unwrap();
        assert_eq!(sent.status(), 200);
        site.received().last().unwrap().path.clone()
    };
    let own = site.origin();
    for (given, asked) in [
        (
            format!("{own}/blog/wp-json/deskhand/v1/profile"),
            "/blog/wp-json/deskhand/v1/profile",
        ),
        (
            format!("{own}/blog/?rest_route=/deskhand/v1/profile"),
            "/blog/?rest_route=/deskhand/v1/profile",
        ),
        (
            format!("{}/profile", stranger.origin()),
            "/wp-json/deskhand/v1/profile",
        ),
        ("nonsense".to_owned(), "/wp-json/deskhand/v1/profile"),
    ] {
        assert_eq!(ask(&given).await, asked, "{given}");
    }
    assert!(stranger.received().is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_doesnt_say_keeps_nobody_waiting() {
    let site = SiteServer::start().await;
    let app = shop(&site, Setup::default()).await;
    site.answer(500, "")
        .answer(200, "<html>")
        .answer(404, "")
        .answer(200, r#"{"name": 5}"#);
    for _ in 0..4 {
        let answer = ask(&app, &site, VisitorId::new(), "What does a return label cost?").await;
        assert!(answer["text"].as_str().unwrap().contains("4.90"), "{answer:#}");
    }
    // Who isn't logged in isn't asked about.
    let before = site.received().len();
    app.ask(
        &app.token(VisitorId::new()),
        "What does a return label cost?",
        None,
    )
    .await;
    assert_eq!(site.received().len(), before);
    app.finish().await;
}
