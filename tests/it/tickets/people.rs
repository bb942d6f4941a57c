//! A wish for a person: what is said when nobody is in, that a second wish opens nothing anew, how
//! an address is left, and that the agent goes on after staff have answered.

use chrono::{Datelike, TimeDelta};
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::{ThreadId, VisitorId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{desk, set, text};
use crate::support::app::{TestApp, message};

const RETURNS: (&str, &str) = (
    "returns.md",
    "# Returns\n\nYou can send goods back within 30 days of delivery. A return label costs €4.90.",
);

fn thread_of(answer: &Value) -> ThreadId {
    ThreadId(answer["thread_id"].as_str().unwrap().parse::<Uuid>().unwrap())
}

#[tokio::test]
async fn nobody_is_in_and_the_visitor_hears_when_somebody_is() {
    let app = TestApp::start().await;
    // Closed today and tomorrow, wherever today ends.
    let day = app.clock.now() + TimeDelta::days(3);
    let name = format!("{:?}", day.weekday());
    set(&app, &json!({ "hours": format!("UTC; {name} 9:00-17:00") })).await;
    let token = app.token(VisitorId::new());
    let answer = app.ask(&token, "I want to talk to a person", None).await;
    assert_eq!(answer["outcome"], "handoff", "{answer:#}");
    let english = format!("on {} at 9:00", day.format("%A"));
    assert!(text(&answer).contains(&english), "{answer:#}");
    assert!(
        answer["handoff"]["next"].as_str().unwrap().contains(&english),
        "{answer:#}"
    );
    let mut body = message("Ich möchte mit einem Menschen sprechen", None);
    body["locale"] = json!("de-AT");
    let german = app
        .post("/api/agent/messages", &token)
        .json(&body)
        .send()
        .await
        .unwrap();
    let german: Value = german.json().await.unwrap();
    assert!(
        text(&german).contains("ist niemand da; am ") && text(&german).contains("um 9:00 Uhr"),
        "{german:#}"
    );
    // The time to answer runs while somebody is in.
    let due = app
        .text("SELECT to_char(max(due_at AT TIME ZONE 'UTC'), 'YYYY-MM-DD HH24:MI') FROM handoffs")
        .await;
    assert_eq!(due, day.format("%Y-%m-%d 10:00").to_string());

    set(
        &app,
        &json!({ "hours": format!("UTC; {name} 9:00-17:00"), "away": "Wir melden uns {opens}." }),
    )
    .await;
    let own = app.ask(&token, "I want to talk to a person", None).await;
    assert!(
        text(&own).contains(&format!("Wir melden uns {english}.")),
        "{own:#}"
    );

    set(&app, &json!({ "hours": "UTC; Mon-Sun 0:00-24:00" })).await;
    let open = app.ask(&token, "I want to talk to a person", None).await;
    assert!(
        !text(&open).contains("Wir melden uns") && !text(&open).contains("Nobody"),
        "{open:#}"
    );
    app.finish().await;
}

#[tokio::test]
async fn a_second_wish_opens_nothing_and_an_address_is_noted() {
    let app = TestApp::start().await;
    app.know(&[RETURNS]).await;
    let visitor = VisitorId::new();
    let token = app.token(visitor);
    let first = app.ask(&token, "I want to talk to a person", None).await;
    let thread = first["thread_id"].as_str();
    assert_eq!(first["handoff"]["needs_contact"], true, "{first:#}");
    let second = app.ask(&token, "I want to talk to a human!", thread).await;
    assert!(
        text(&second).contains("has your conversation already"),
        "{second:#}"
    );
    assert_eq!(second["handoff"]["handoff_id"], first["handoff"]["handoff_id"]);
    assert_eq!(app.count("SELECT count(*) FROM handoffs").await, 1);
    // The agent goes on answering meanwhile.
    let answer = app.ask(&token, "What does a return label cost?", thread).await;
    assert!(text(&answer).contains("€4.90"), "{answer:#}");
    // An address that nobody has asked for last is a message like others.
    let again = app.ask(&token, "I want to talk to a person", thread).await;
    assert!(text(&again).contains("leave your e-mail address"), "{again:#}");
    let noted = app.ask(&token, "Sure, it's anna.huber@example.com", thread).await;
    assert_eq!(
        (noted["outcome"].as_str(), text(&noted)),
        (Some("answered"), "Thank you, your address is noted.")
    );
    assert_eq!(
        app.count("SELECT count(*) FROM visitors WHERE email_sealed IS NOT NULL")
            .await,
        1
    );
    let last = app.ask(&token, "I want to talk to a person", thread).await;
    assert_eq!(last["handoff"]["needs_contact"], false, "{last:#}");
    app.finish().await;
}

#[tokio::test]
async fn after_staff_have_answered_the_agent_goes_on_and_nothing_is_handed_over_again() {
    let app = TestApp::start().await;
    app.know(&[RETURNS]).await;
    let token = app.token(VisitorId::new());
    // A wish that waits for a number would go on with the next number.
    let asked = app.ask(&token, "I want a refund", None).await;
    assert_eq!(asked["ask"]["kind"], "identity", "{asked:#}");
    let thread = asked["thread_id"].as_str();
    app.ask(&token, "I want to talk to a person", thread).await;
    let mia = desk(&app, "Mia");
    mia.claim(thread_of(&asked), false).await.unwrap();
    mia.reply(thread_of(&asked), "I have done that for you.")
        .await
        .unwrap();
    assert_eq!(
        app.count("SELECT count(*) FROM handoffs WHERE answered_at IS NOT NULL")
            .await,
        1
    );
    mia.give_back(thread_of(&asked), false).await.unwrap();
    let answer = app.ask(&token, "What does a return label cost?", thread).await;
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    assert!(text(&answer).contains("€4.90"), "{answer:#}");
    let number = app.ask(&token, "1004", thread).await;
    assert_ne!(number["outcome"], "handoff", "{number:#}");
    assert!(
        number["ask"].is_null(),
        "the old refund isn't gone on with: {number:#}"
    );
    assert_eq!(
        app.count("SELECT count(*) FROM handoffs WHERE state <> 'resolved'")
            .await,
        0
    );
    let again = app.ask(&token, "I want to talk to a person", thread).await;
    assert!(
        text(&again).contains("passed your message on"),
        "a new wish is a new handoff: {again:#}"
    );
    assert_eq!(app.count("SELECT count(*) FROM handoffs").await, 2);
    app.finish().await;
}
