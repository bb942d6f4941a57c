//! One-time codes (TOOL-6): sent by mail, entered in the chat, good for all orders of the address;
//! and nowhere else than in that mail.

use chrono::TimeDelta;
use deskhand::domain::ids::VisitorId;
use serde_json::Value;

use super::Post;
use crate::hands::shop::{ANNA, stock};
use crate::support::app::Setup;

/// The code of the last mail.
fn code(mail: &crate::support::smtp_server::Taken) -> String {
    let (text, _) = mail.bodies();
    let line = text.lines().find_map(|l| l.strip_prefix("    ")).unwrap();
    assert_eq!(line.len(), 6, "{text}");
    line.to_owned()
}

fn text(answer: &Value) -> &str {
    answer["text"].as_str().unwrap()
}

#[tokio::test]
async fn who_does_not_know_the_number_gets_in_by_a_code() {
    let post = Post::open(Setup::default()).await;
    stock(&post.app).await;
    post.work(&[]);
    let app = &post.app;
    let token = app.token(VisitorId::new());
    let first = app.ask(&token, "Where is my order?", None).await;
    assert_eq!(first["ask"]["kind"], "identity", "{first:#}");
    let thread = first["thread_id"].as_str();
    let sent = app
        .ask(&token, &format!("I don't know the number. {ANNA}"), thread)
        .await;
    assert!(text(&sent).contains("sent a code"), "{sent:#}");
    let mail = post.smtp.wait(1).await.remove(0);
    assert_eq!(mail.to, [ANNA]);
    let code = code(&mail);
    // A wrong one first.
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let answer = app.ask(&token, wrong, thread).await;
    assert!(text(&answer).contains("isn't right"), "{answer:#}");
    let spaced = format!("it's {} {}", &code[..3], &code[3..]);
    let list = app.ask(&token, &spaced, thread).await;
    assert!(
        text(&list).contains("1004") && text(&list).contains("1001"),
        "{list:#}"
    );
    // Good for all orders of the address, without another word.
    let status = app.ask(&token, "Where is my order 1001?", thread).await;
    assert!(
        text(&status).contains("1001") && text(&status).contains("prepared"),
        "{status:#}"
    );
    // And for no other address's.
    let foreign = app.ask(&token, "Where is my order 1002?", thread).await;
    assert!(!text(&foreign).contains("429"), "{foreign:#}");

    // The code stands nowhere but in the mail: not in messages, steps, calls, events or the
    // queue, and what was mailed is gone from the table.
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    for table in [
        "messages",
        "thread_events",
        "steps",
        "tool_calls",
        "jobs",
        "audit",
        "turns",
        "mails",
    ] {
        for shape in [&code, &spaced] {
            let query = format!("SELECT count(*) FROM {table} t WHERE t::text LIKE '%{shape}%'");
            assert_eq!(app.count(&query).await, 0, "{table}");
        }
    }
    assert_eq!(
        app.count("SELECT count(*) FROM mails WHERE letter IS NOT NULL")
            .await,
        0
    );
    post.close().await;
}

#[tokio::test]
async fn an_unknown_address_looks_the_same_and_asking_is_limited() {
    let post = Post::open(Setup::default()).await;
    stock(&post.app).await;
    post.work(&[]);
    let app = &post.app;
    let bare = |mut answer: Value| {
        answer["thread_id"] = Value::Null;
        answer["turn_id"] = Value::Null;
        answer
    };
    let ask = async |email: &str| {
        let token = app.token(VisitorId::new());
        bare(app.ask(&token, &format!("Send me a code to {email}"), None).await)
    };
    let (known, unknown) = (ask(ANNA).await, ask("nobody@example.com").await);
    assert_eq!(known, unknown);
    assert!(text(&known).contains("sent a code"), "{known:#}");
    // Three within a quarter of an hour for one address, whoever asks.
    for _ in 0..2 {
        ask(ANNA).await;
    }
    let more = ask(ANNA).await;
    assert!(text(&more).contains("Too many codes"), "{more:#}");
    app.clock.advance(TimeDelta::minutes(16));
    assert_eq!(ask(ANNA).await, known);
    // And ten a day.
    for _ in 0..2 {
        app.clock.advance(TimeDelta::minutes(16));
        for _ in 0..3 {
            ask(ANNA).await;
        }
    }
    app.clock.advance(TimeDelta::minutes(16));
    assert!(text(&ask(ANNA).await).contains("Too many codes"));
    post.close().await;
}

#[tokio::test]
async fn a_code_has_five_tries_and_ten_minutes_and_one_visitor() {
    let post = Post::open(Setup::default()).await;
    stock(&post.app).await;
    post.work(&[]);
    let app = &post.app;
    let visitor = VisitorId::new();
    let token = app.token(visitor);
    let ask = async |text: &str| app.ask(&app.token(visitor), text, None).await;
    let first = app.ask(&token, &format!("Send me a code to {ANNA}"), None).await;
    let thread = first["thread_id"].as_str().unwrap().to_owned();
    let good = code(&post.smtp.wait(1).await[0]);
    // Another visitor with the right code shows nothing by it.
    let other = app.token(VisitorId::new());
    let stolen = app
        .ask(&other, &format!("Show me my orders, {ANNA}, code {good}"), None)
        .await;
    assert!(!text(&stolen).contains("1004"), "{stolen:#}");
    let wrong = if good == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        app.ask(&token, wrong, Some(&thread)).await;
    }
    let late = app.ask(&token, &good, Some(&thread)).await;
    assert!(text(&late).contains("isn't right"), "after five tries: {late:#}");
    // A new one; it ends after ten minutes.
    app.clock.advance(TimeDelta::minutes(16));
    ask(&format!("Send me a code to {ANNA}")).await;
    let mails = post.smtp.wait(3).await;
    let good = code(mails.last().unwrap());
    app.clock.advance(TimeDelta::minutes(11));
    let late = app
        .ask(&app.token(visitor), &format!("{ANNA} {good}"), Some(&thread))
        .await;
    assert!(!text(&late).contains("that is your address"), "{late:#}");
    post.close().await;
}

#[tokio::test]
async fn without_mail_the_number_is_asked_for() {
    let app = crate::support::app::TestApp::start().await;
    stock(&app).await;
    let token = app.token(VisitorId::new());
    let first = app.ask(&token, "Where is my order?", None).await;
    let thread = first["thread_id"].as_str();
    let answer = app.ask(&token, &format!("It is {ANNA}"), thread).await;
    assert_eq!(answer["ask"]["kind"], "identity", "{answer:#}");
    let asked = app.ask(&token, &format!("Send me a code to {ANNA}"), None).await;
    assert!(text(&asked).contains("can't send codes"), "{asked:#}");
    app.finish().await;
}
