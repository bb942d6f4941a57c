//! What staff wrote to a visitor who has gone comes by mail (INB-6): once, together, with the way
//! back; and not at all where it was read.

use chrono::TimeDelta;
use deskhand::domain::ids::{ThreadId, VisitorId};
use deskhand::inbox::desk::Desk;
use deskhand::inbox::followup::{FollowUp, Followed};
use serde_json::json;
use uuid::Uuid;

use super::{Post, WAIT};
use crate::support::app::{ORIGIN, Setup, message};

const EMAIL: &str = "anna.huber@example.com";

struct Chat {
    post: Post,
    visitor: VisitorId,
    thread: String,
}

impl Chat {
    /// A visitor who wants a person, and perhaps leaves an address.
    async fn open(email: Option<&str>) -> Self {
        let post = Post::open(Setup::default()).await;
        let visitor = VisitorId::new();
        let mut body = message("I want to talk to a person", None);
        body["page"] = json!(format!("{ORIGIN}/help"));
        if let Some(email) = email {
            body["contact"] = json!({ "email": email });
        }
        let sent = post
            .app
            .post("/api/agent/messages", &post.app.token(visitor))
            .json(&body)
            .send()
            .await
            .unwrap();
        let answer: serde_json::Value = sent.json().await.unwrap();
        assert_eq!(answer["outcome"], "handoff", "{answer:#}");
        let thread = answer["thread_id"].as_str().unwrap().to_owned();
        Self {
            post,
            visitor,
            thread,
        }
    }

    fn id(&self) -> ThreadId {
        ThreadId(self.thread.parse::<Uuid>().unwrap())
    }

    async fn reply(&self, text: &str) {
        let app = &self.post.app;
        let desk = Desk {
            db: &app.db,
            clock: app.clock.as_ref(),
            site: app.site.id,
            staff: "Mia",
        };
        desk.reply(self.id(), text).await.unwrap();
    }

    /// The last event's number.
    async fn last(&self) -> i64 {
        let query = format!("SELECT last_seq FROM threads WHERE id = '{}'", self.thread);
        self.post.app.count(&query).await
    }

    async fn look(&self, seq: i64) -> Followed {
        let app = &self.post.app;
        let follow = FollowUp {
            db: &app.db,
            master: &app.master,
            wait: WAIT,
        };
        let now = deskhand::domain::clock::Clock::now(app.clock.as_ref());
        follow.look(app.site.id, self.id(), seq, now).await.unwrap()
    }

    fn later(&self, minutes: i64) {
        self.post.app.clock.advance(TimeDelta::minutes(minutes));
    }

    /// The client of the visitor reads the conversation.
    async fn reads(&self) {
        let app = &self.post.app;
        let path = format!("/api/agent/thread/{}", self.thread);
        let read = app.get(&path, &app.token(self.visitor)).send().await.unwrap();
        assert_eq!(read.status(), 200);
    }
}

#[tokio::test]
async fn several_replies_come_in_one_mail_with_the_way_back() {
    let chat = Chat::open(Some(EMAIL)).await;
    chat.reply("Hello, I had a look.").await;
    let first = chat.last().await;
    assert!(matches!(chat.look(first).await, Followed::Wait(_)));
    chat.later(2);
    chat.reply("It left *today*.").await;
    let second = chat.last().await;
    chat.later(1);
    assert!(second > first);
    assert_eq!(chat.look(first).await, Followed::Mailed(2));
    // Once, whoever looks again.
    assert_eq!(chat.look(second).await, Followed::Settled);
    assert_eq!(chat.look(first).await, Followed::Settled);
    chat.post.work(&[]);
    let mail = chat.post.smtp.wait(1).await.remove(0);
    assert_eq!(mail.to, [EMAIL]);
    let (text, html) = mail.bodies();
    for part in [
        "Mia:",
        "> Hello, I had a look.",
        "> It left *today*.",
        "https://shop.example/help",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(html.contains("<a href=\"https://shop.example/help\">"), "{html}");
    assert_eq!(mail.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    chat.post
        .until("SELECT count(*) FROM mails WHERE state = 'sent'", 1)
        .await;
    assert_eq!(chat.post.smtp.taken().len(), 1);
    chat.post.close().await;
}

#[tokio::test]
async fn what_was_read_is_not_mailed() {
    let chat = Chat::open(Some(EMAIL)).await;
    chat.reply("Hello.").await;
    let seq = chat.last().await;
    chat.reads().await;
    chat.later(30);
    assert_eq!(chat.look(seq).await, Followed::Settled);
    // Only what came after is unread.
    chat.reply("And another thing.").await;
    chat.later(5);
    assert_eq!(chat.look(chat.last().await).await, Followed::Mailed(1));
    chat.post.work(&[]);
    let (text, _) = chat.post.smtp.wait(1).await[0].bodies();
    assert!(
        text.contains("another thing") && !text.contains("> Hello."),
        "{text}"
    );
    chat.post.close().await;
}

#[tokio::test]
async fn an_open_stream_is_believed_until_the_next_token() {
    let chat = Chat::open(Some(EMAIL)).await;
    let app = &chat.post.app;
    let path = format!("/api/agent/thread/{}/events?after=1", chat.thread);
    let stream = app.get(&path, &app.token(chat.visitor)).send().await.unwrap();
    let mut events = eventsource_stream::Eventsource::eventsource(stream.bytes_stream());
    chat.reply("Are you there?").await;
    let seq = chat.last().await;
    loop {
        let event = futures::StreamExt::next(&mut events).await.unwrap().unwrap();
        if event.data.contains("Are you there?") {
            break;
        }
    }
    chat.post
        .until("SELECT count(*) FROM staff_replies WHERE told_at IS NOT NULL", 1)
        .await;
    drop(events);
    chat.later(4);
    assert!(
        matches!(chat.look(seq).await, Followed::Wait(_)),
        "it may be on the screen"
    );
    // The client comes back with a new token and shows what it has.
    let path = format!("/api/agent/thread/{}/events?after={seq}", chat.thread);
    let again = app.get(&path, &app.token(chat.visitor)).send().await.unwrap();
    assert_eq!(again.status(), 200);
    drop(again);
    assert_eq!(chat.look(seq).await, Followed::Settled);
    // A connection that died while it was written to: nobody came back.
    chat.reply("Still there?").await;
    let lost = chat.last().await;
    app.bend("UPDATE staff_replies SET told_at = now() WHERE told_at IS NULL")
        .await;
    chat.later(4);
    assert!(matches!(chat.look(lost).await, Followed::Wait(_)));
    chat.later(6);
    assert_eq!(chat.look(lost).await, Followed::Mailed(1));
    chat.post.close().await;
}

#[tokio::test]
async fn without_an_address_nothing_goes_out_and_one_that_comes_later_counts() {
    let chat = Chat::open(None).await;
    chat.reply("Hello.").await;
    chat.later(5);
    assert_eq!(chat.look(chat.last().await).await, Followed::NoAddress);
    // The visitor comes back and leaves one, as the form does; then goes again.
    let app = &chat.post.app;
    let mut body = message("", Some(&chat.thread));
    body["contact"] = json!({ "email": EMAIL });
    let sent = app
        .post("/api/agent/messages", &app.token(chat.visitor))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 202, "staff hold it");
    chat.reads().await;
    chat.reply("Thank you, it is on its way.").await;
    chat.later(5);
    assert_eq!(chat.look(chat.last().await).await, Followed::Mailed(1));
    assert_eq!(app.count("SELECT count(*) FROM mails").await, 1);
    chat.post.close().await;
}

#[tokio::test]
async fn a_page_of_another_site_is_no_way_back() {
    let chat = Chat::open(Some(EMAIL)).await;
    chat.post
        .app
        .bend("UPDATE threads SET page = 'https://evil.example/shop'")
        .await;
    chat.reply("Hello.").await;
    chat.later(5);
    assert_eq!(chat.look(chat.last().await).await, Followed::Mailed(1));
    chat.post.work(&[]);
    let (text, _) = chat.post.smtp.wait(1).await[0].bodies();
    assert!(!text.contains("evil") && text.contains(ORIGIN), "{text}");
    chat.post.close().await;
}
