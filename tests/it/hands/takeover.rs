//! Staff take a thread over while the agent answers, on another replica: after the claim the
//! agent never speaks.

use std::sync::Arc;
use std::time::Duration;

use deskhand::agent::brain::{Brain, Plan, Sentence, TurnView};
use deskhand::agent::machine::input::LinkFailure;
use deskhand::agent::meter::Meter;
use deskhand::db::events;
use deskhand::domain::event::{StaffKind, ThreadEvent};
use deskhand::domain::ids::{ThreadId, VisitorId};
use deskhand::inbox::InboxError;
use deskhand::inbox::desk::Desk;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::support::app::{Setup, TestApp, message};

/// A brain that never stops asking questions back, which need no source.
struct Talker;

impl Brain for Talker {
    fn name(&self) -> &str {
        "talker"
    }

    fn plan<'a>(&'a self, _: &'a TurnView, _: &'a Meter) -> BoxFuture<'a, Result<Plan, LinkFailure>> {
        Box::pin(async { Ok(Plan::Draft) })
    }

    fn draft<'a>(
        &'a self,
        _: &'a TurnView,
        _: &'a Meter,
        out: mpsc::Sender<Sentence>,
    ) -> BoxFuture<'a, Result<(), LinkFailure>> {
        Box::pin(async move {
            for _ in 0..400 {
                let sentence = Sentence {
                    fixed: true,
                    gap: None,
                    md: "What would you like to know?".to_owned(),
                    cites: Vec::new(),
                };
                out.send(sentence).await.map_err(|_| LinkFailure::Cut)?;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(())
        })
    }
}

fn desk<'a>(app: &'a TestApp, staff: &'a str) -> Desk<'a> {
    Desk {
        db: &app.db,
        clock: app.clock.as_ref(),
        site: app.site.id,
        staff,
    }
}

#[tokio::test]
async fn the_agent_never_speaks_after_a_claim() {
    let app = TestApp::with(Setup {
        brains: vec![Arc::new(Talker)],
        ..Setup::default()
    })
    .await;
    let other = app.replica(Setup::default()).await;
    for round in 0..6 {
        let token = app.token(VisitorId::new());
        let request = app
            .post("/api/agent/messages", &token)
            .header("prefer", "respond-async")
            .json(&message("hello", None));
        let taken: Value = request.send().await.unwrap().json().await.unwrap();
        let thread = ThreadId(taken["thread_id"].as_str().unwrap().parse::<Uuid>().unwrap());
        // Later each round: before the first sentence, and in the middle of the answer.
        let spoken = async || {
            let mut tx = app.db.site(app.site.id).await.unwrap();
            let all = events::after(&mut tx, thread, 0, 1_000).await.unwrap();
            all.iter()
                .filter(|e| matches!(e.event, ThreadEvent::Delta { .. }))
                .count()
        };
        while spoken().await < 2 * round {
            tokio::task::yield_now().await;
        }
        desk(&other, "Mia").claim(thread, false).await.unwrap();
        desk(&other, "Mia").reply(thread, "I am here.").await.unwrap();
        // The driver has noticed once it has gone.
        while app.agent.running() > 0 {
            tokio::task::yield_now().await;
        }
        let mut tx = app.db.site(app.site.id).await.unwrap();
        let all = events::after(&mut tx, thread, 0, 1_000).await.unwrap();
        let joined = all
            .iter()
            .position(|e| {
                matches!(
                    e.event,
                    ThreadEvent::Staff {
                        kind: StaffKind::Joined,
                        ..
                    }
                )
            })
            .unwrap();
        let after: Vec<&str> = all[joined + 1..].iter().map(|e| e.event.name()).collect();
        assert_eq!(after, ["done", "staff"], "round {round}");
        let tom = desk(&other, "Tom").reply(thread, "Me too.").await;
        assert!(matches!(tom, Err(InboxError::Claimed(name)) if name == "Mia"));
        desk(&other, "Mia").give_back(thread, false).await.unwrap();
    }
    other.stop().await;
    app.finish().await;
}
