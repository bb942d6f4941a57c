//! Guarded tools with a language model in front, over HTTP as a visitor meets them: it may propose
//! and nothing more, and what it says of orders must be what a tool returned in this very turn.

use deskhand::domain::ids::VisitorId;
use serde_json::{Value, json};

use super::shop::{ANNA, BEN, button, paid_back, stock};
use crate::support::app::{Setup, TestApp, message};
use crate::support::fake_provider::{FakeProvider, Reply};
use crate::support::model_brain::brain;
use crate::support::sse::first;

async fn with(fake: &FakeProvider) -> TestApp {
    // No other brain: what the model can't do is done by nobody.
    let app = TestApp::with(Setup {
        brains: vec![brain("model", fake)],
        ..Setup::default()
    })
    .await;
    stock(&app).await;
    app
}

fn call(tool: &str, args: Value) -> Reply {
    Reply::call(tool, args)
}

fn look(number: &str) -> Reply {
    call(
        "get_order_status",
        json!({ "order_id": number, "email": "[EMAIL_1]" }),
    )
}

fn refund(number: &str, amount: &str) -> Reply {
    call(
        "issue_refund",
        json!({ "order_id": number, "amount": amount, "reason": "not needed" }),
    )
}

fn done() -> Reply {
    call("write_answer", json!({}))
}

/// A refund of an order as the model proposes it; gives the answer.
async fn asks(
    app: &TestApp,
    fake: &FakeProvider,
    token: &str,
    number: &str,
    email: &str,
    amount: &str,
) -> Value {
    fake.reply(look(number)).reply(refund(number, amount));
    let text = format!("I want a refund for order {number}, {email}");
    app.ask(token, &text, None).await
}

#[tokio::test]
async fn a_model_proposes_and_the_visitor_decides() {
    let fake = FakeProvider::start().await;
    let app = with(&fake).await;
    // By the card's button.
    let token = app.token(VisitorId::new());
    let asked = asks(&app, &fake, &token, "1004", ANNA, "10.00").await;
    assert_eq!(
        (asked["outcome"].as_str(), asked["ask"]["kind"].as_str()),
        (Some("asked"), Some("confirm")),
        "{asked:#}"
    );
    assert_eq!(asked["ask"]["amount_minor"], 1_000);
    assert_eq!(paid_back(&app, "1004").await, 0);
    fake.reply(done())
        .reply(Reply::text("10.00 EUR of order 1004 was refunded."));
    let (thread, proposal) = (
        asked["thread_id"].as_str().unwrap(),
        asked["ask"]["proposal_id"].as_str().unwrap(),
    );
    let said = app
        .post("/api/agent/messages", &token)
        .json(&button(thread, proposal, true))
        .send()
        .await
        .unwrap();
    let said: Value = said.json().await.unwrap();
    assert_eq!(said["text"], "10.00 EUR of order 1004 was refunded.", "{said:#}");
    assert_eq!(paid_back(&app, "1004").await, 1_000);
    // By an exact yes; a no; something that is neither.
    for (word, replies, back) in [("no", 0, 1_000), ("yes, but wait", 2, 1_000), ("Yes!", 2, 2_000)] {
        let token = app.token(VisitorId::new());
        let asked = asks(&app, &fake, &token, "1004", ANNA, "10.00").await;
        if replies > 0 {
            fake.reply(done())
                .reply(Reply::text("Is there anything else you would like to know?"));
        }
        app.ask(&token, word, asked["thread_id"].as_str()).await;
        assert_eq!(paid_back(&app, "1004").await, back, "{word}");
    }
    // Above the limit staff have to agree too, and nothing moves.
    let token = app.token(VisitorId::new());
    let asked = asks(&app, &fake, &token, "1002", BEN, "429.00").await;
    let yes = app.ask(&token, "yes", asked["thread_id"].as_str()).await;
    assert_eq!(
        (yes["outcome"].as_str(), yes["handoff"]["reason"].as_str()),
        (Some("asked"), Some("needs_approval")),
        "{yes:#}"
    );
    assert_eq!(paid_back(&app, "1002").await, 0);
    app.finish().await;
    fake.finish().await;
}

/// Nothing of these reaches the visitor, and the thread goes to a person.
#[tokio::test]
async fn what_no_tool_of_this_turn_returned_is_never_said() {
    let fake = FakeProvider::start().await;
    let app = with(&fake).await;
    for (number, lies) in [
        // No call was made at all.
        (
            None,
            [
                "I have refunded 38.70 EUR to you.",
                "Your refund of 38.70 EUR is on its way.",
            ],
        ),
        (
            None,
            [
                "Your order 1005 is on its way.",
                "The tracking number is JJD0005.",
            ],
        ),
        // Another tool was called than what is claimed.
        (
            Some("1004"),
            [
                "38.70 EUR of order 1004 was refunded.",
                "Done: your money is on its way.",
            ],
        ),
        (
            Some("1004"),
            ["Your order 1004 was cancelled.", "I have cancelled order 1004."],
        ),
        // Amount, state, parcel and day aren't the result's.
        (
            Some("1004"),
            ["The total of order 1004 is 83.70 EUR.", "It was 37.80 EUR."],
        ),
        (
            Some("1005"),
            [
                "Your order 1005 was delivered.",
                "Your order 1005 hasn't been shipped.",
            ],
        ),
        (
            Some("1005"),
            [
                "The tracking number is JJD0006.",
                "The tracking number is JJD0005X.",
            ],
        ),
        (
            Some("1005"),
            [
                "Your order 1005 arrives on 3 March 2031.",
                "It arrives within 2 days.",
            ],
        ),
    ] {
        let token = app.token(VisitorId::new());
        let email = if number == Some("1005") {
            "dev.patel@example.com"
        } else {
            ANNA
        };
        if let Some(number) = number {
            fake.reply(look(number));
        }
        // The second draft follows the first without another plan.
        fake.reply(done())
            .reply(Reply::text(lies[0]))
            .reply(Reply::text(lies[1]));
        let text = format!("What about my order? My e-mail is {email}");
        let events = app.stream(&token, &message(&text, None)).await;
        let last = first(&events, "final");
        assert_eq!(last["outcome"], "handoff", "{lies:?}: {last:#}");
        let received: String = events.iter().map(|e| format!("{}\n", e.data)).collect();
        for lie in lies {
            assert!(!received.contains(lie), "{lie}: {received}");
        }
    }
    app.finish().await;
    fake.finish().await;
}
