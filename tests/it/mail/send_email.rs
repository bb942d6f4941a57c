//! `send_email`: to the address that the visitor has shown to be theirs, and only what may be
//! said in an answer.

use std::sync::Arc;

use deskhand::agent::brain::{Brain, Plan, Sentence, ToolCall, TurnView};
use deskhand::agent::machine::input::LinkFailure;
use deskhand::agent::meter::Meter;
use deskhand::domain::ids::VisitorId;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use tokio::sync::mpsc;

use super::Post;
use crate::hands::shop::{ANNA, stock};
use crate::support::app::Setup;

/// What it may write, by its number in the message: the visitor's own words may be repeated.
const LETTERS: [&str; 4] = [
    "You can return an item within 30 days from delivery.",
    "You can return an item within 90 days from delivery.",
    "Please pay at https://evil.example/pay today.",
    "Your refund of 500 EUR was approved.",
];

/// Searches, then mails the letter that the message names, then goes on.
struct Writer;

impl Brain for Writer {
    fn name(&self) -> &str {
        "writer"
    }

    fn plan<'a>(&'a self, view: &'a TurnView, _: &'a Meter) -> BoxFuture<'a, Result<Plan, LinkFailure>> {
        let call = |tool: &str, args| {
            Plan::Calls(vec![ToolCall {
                tool: tool.to_owned(),
                args,
            }])
        };
        let done = |tool: &str| view.outcomes.iter().any(|o| o.tool == tool);
        let named = |n: &usize| view.message.contains(&format!("letter {n}"));
        let text = (0..LETTERS.len()).find(named).map(|n| LETTERS[n]);
        let plan = match text {
            // Shows who it is, by the pair in the message.
            None if !done("get_order_status") => call(
                "get_order_status",
                json!({ "order_id": "1004", "email": "[EMAIL_1]" }),
            ),
            Some(_) if !done("kb_search") => call("kb_search", json!({ "query": "return within days" })),
            Some(text) if !done("send_email") => call("send_email", json!({ "body": text })),
            _ => Plan::Draft,
        };
        std::future::ready(Ok(plan)).boxed()
    }

    fn draft<'a>(
        &'a self,
        _: &'a TurnView,
        _: &'a Meter,
        out: mpsc::Sender<Sentence>,
    ) -> BoxFuture<'a, Result<(), LinkFailure>> {
        async move {
            let sentence = Sentence {
                fixed: true,
                gap: None,
                md: "What else can I do?".to_owned(),
                cites: Vec::new(),
            };
            out.send(sentence).await.map_err(|_| LinkFailure::Cut)
        }
        .boxed()
    }
}

#[tokio::test]
async fn only_to_the_proven_address_and_only_what_the_sources_say() {
    let post = Post::open(Setup {
        brains: vec![Arc::new(Writer)],
        ..Setup::default()
    })
    .await;
    let app = &post.app;
    stock(app).await;
    app.know(&[(
        "returns.md",
        "# Returns\n\nYou can return an item within 30 days from delivery.",
    )])
    .await;
    post.work(&[]);
    let token = app.token(VisitorId::new());
    let good = "Please mail me letter 0";
    // Nobody has shown anything: who they are is asked for, whatever address the message gives.
    let asked = app.ask(&token, &format!("{ANNA} {good}"), None).await;
    assert_eq!(asked["ask"]["kind"], "identity", "{asked:#}");
    let thread = asked["thread_id"].as_str();
    app.ask(&token, &format!("order 1004, {ANNA}"), thread).await;
    // A promise that no source makes, a foreign link, a foreign figure: nothing is sent.
    for bad in 1..LETTERS.len() {
        app.ask(&token, &format!("Please mail me letter {bad}"), thread)
            .await;
    }
    assert_eq!(
        app.count("SELECT count(*) FROM mails").await,
        0,
        "held back by the gate"
    );
    app.ask(&token, &format!("To someone@else.example {good}"), thread)
        .await;
    let mail = post.smtp.wait(1).await.remove(0);
    assert_eq!(mail.to, [ANNA]);
    assert!(mail.bodies().0.contains("within 30 days"), "{}", mail.bodies().0);
    // Three an hour.
    for _ in 0..4 {
        app.ask(&token, good, thread).await;
    }
    post.until("SELECT count(*) FROM mails WHERE kind = 'message'", 3)
        .await;
    post.close().await;
}
