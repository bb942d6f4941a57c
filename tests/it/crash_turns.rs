//! A turn with a language model whose server is killed at every fail point, on one server
//! that restarts and on two replicas: it is carried on or closed honestly, once, and the client that
//! comes back misses nothing and sees nothing twice.

#![expect(clippy::print_stdout, reason = "what came of each kill is worth reading")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use deskhand::agent::brain::extractive::Extractive;
use deskhand::agent::turns;
use deskhand::domain::fail::FailPoint;
use deskhand::domain::ids::VisitorId;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::support::app::{Setup, TestApp, message};
use crate::support::fake_provider::{FakeProvider, Reply};
use crate::support::model_brain::{brain, honest};
use crate::support::process::{Home, PATIENT, Running};
use crate::support::sse::{self, Event, first};

const RETURNS: (&str, &str) = (
    "returns.md",
    "# Returns\n\nYou can send goods back within 30 days of delivery.\n\n## Label\n\nA return label costs €4.90. It is sent by e-mail.",
);
const QUESTION: &str = "What does a return label cost?";
const ANSWER: &str = "A return label costs €4.90. [1] It is sent by e-mail. [1]";
/// Of the answer: its first sentence, its mark, the next one's beginning.
const FIRST_TOKENS: usize = 8;
const MASTER: &str = "0707070707070707070707070707070707070707070707070707070707070707";
/// A turn that is carried on ends; when depends on what else the machine does.
const ENDS: Duration = Duration::from_secs(150);

/// A database, a provider, and the product's own binary on both.
struct Place {
    app: TestApp,
    fake: FakeProvider,
    home: Home,
    /// While it is set, a draft goes no further than its first sentence.
    holds: Arc<AtomicBool>,
}

impl Place {
    /// With a replica in this process that takes orphans over, or one that doesn't.
    async fn with(sweep: bool) -> Self {
        let fake = FakeProvider::start().await;
        let holds = Arc::new(AtomicBool::new(false));
        let (gate, held) = (Arc::new(Semaphore::new(0)), Arc::clone(&holds));
        fake.always(move |request| {
            let reply = honest(ANSWER)(request);
            if request.has_tools() || !held.load(Ordering::SeqCst) {
                return reply;
            }
            gate.forget_permits(usize::MAX >> 4);
            gate.add_permits(FIRST_TOKENS);
            Reply::text(ANSWER).gated(&gate)
        });
        let app = TestApp::with(Setup {
            brains: vec![brain("main", &fake), Arc::new(Extractive)],
            sweep,
            ..Setup::default()
        })
        .await;
        app.know(&[RETURNS]).await;
        Self {
            app,
            fake,
            home: Home::new("turns"),
            holds,
        }
    }

    /// The server process; it dies at the point, if there is one.
    fn serve(&self, dies_at: Option<FailPoint>) -> Running {
        let mut environment = vec![
            ("DATABASE_URL", self.app.urls.app.as_str()),
            ("DESKHAND_MASTER_KEY", MASTER),
            ("DESKHAND_PROVIDER_BASE_URL", self.fake.base_url.as_str()),
            ("DESKHAND_PROVIDER_PLAN_MODEL", "planner"),
            ("DESKHAND_PROVIDER_DRAFT_MODEL", "writer"),
            ("DESKHAND_PROVIDER_INPUT_PRICE", "1.00"),
            ("DESKHAND_PROVIDER_OUTPUT_PRICE", "4.00"),
        ];
        // A takeover takes its time; here it is the answer that counts.
        environment.extend(PATIENT);
        environment.extend(dies_at.map(|point| ("DESKHAND_FAIL_POINT", point.name())));
        self.home.serve(&environment)
    }

    async fn send(&self, base: &str, token: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
        let url = format!("{base}/api/agent/messages");
        let request = self.app.client.post(url).bearer_auth(token);
        request
            .header("accept", "text/event-stream")
            .json(body)
            .send()
            .await
    }

    /// Comes back: after the last event that was seen, or with the same message again.
    async fn resume(&self, base: &str, token: &str, body: &Value, seen: &[Event]) -> Vec<Event> {
        let stream = match seen.last() {
            None => self.send(base, token, body).await.unwrap(),
            Some(last) => {
                let thread = first(seen, "turn")["thread_id"].as_str().unwrap();
                let url = format!("{base}/api/agent/thread/{thread}/events");
                let request = self.app.client.get(url).bearer_auth(token);
                request
                    .header("last-event-id", last.id.to_string())
                    .send()
                    .await
                    .unwrap()
            }
        };
        assert_eq!(stream.status(), 200);
        sse::read_until(stream, |e| e.name == "done").await
    }

    /// All events of the thread, as another who comes late reads them.
    async fn all(&self, base: &str, token: &str, thread: &str) -> Vec<Event> {
        let url = format!("{base}/api/agent/thread/{thread}/events?after=0");
        let stream = self.app.client.get(url).bearer_auth(token).send().await.unwrap();
        sse::read_until(stream, |e| e.name == "done").await
    }

    /// Kills a server in the middle of a turn; gives what the client saw before and after,
    /// on the server that carries on; `late` is how much later that does, beyond what it takes.
    async fn killed_at(&self, point: FailPoint, restarts: bool, late: Option<TimeDelta>) -> Vec<Event> {
        self.holds
            .store(point == FailPoint::TurnReleased, Ordering::SeqCst);
        let token = self.app.token(VisitorId::new());
        let body = message(QUESTION, None);
        let server = self.serve(Some(point));
        let mut seen = match self.send(&server.base, &token, &body).await {
            Ok(stream) => sse::read_all(stream).await,
            Err(_) => Vec::new(),
        };
        assert!(!server.wait().success(), "{point:?} must kill the process");
        self.holds.store(false, Ordering::SeqCst);
        if let Some(late) = late {
            self.app.clock.advance(late);
            let taken = async {
                while turns::sweep_once(&self.app.agent).await.unwrap() == 0 {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            let taken = tokio::time::timeout(ENDS, taken).await;
            assert!(taken.is_ok(), "{point:?}: nobody has taken it over");
        }
        let again = restarts.then(|| self.serve(None));
        let base = again.as_ref().map_or(&self.app.base, |s| &s.base);
        // A client that has seen the end doesn't come back.
        if !seen.iter().any(|e| e.name == "done") {
            let rest = tokio::time::timeout(ENDS, self.resume(base, &token, &body, &seen)).await;
            seen.extend(rest.unwrap_or_else(|_| panic!("{point:?}: it never ended")));
        }
        let thread = first(&seen, "turn")["thread_id"].as_str().unwrap().to_owned();
        let all = self.all(base, &token, &thread).await;
        assert_eq!(seen, all, "{point:?}: missed, or seen twice");
        let rising = all.windows(2).all(|w| w[0].id + 1 == w[1].id);
        assert!(rising, "{point:?}: {all:#?}");
        for once in ["turn", "final", "done"] {
            let n = all.iter().filter(|e| e.name == once).count();
            assert_eq!(n, 1, "{point:?}: {once}: {all:#?}");
        }
        assert_eq!(
            standing(&all),
            first(&all, "final")["text"],
            "{point:?}: {all:#?}"
        );
        if let Some(server) = again {
            assert!(server.stop().success());
        }
        seen
    }

    async fn finish(self) {
        // The dead left their background work; that isn't what is looked at here.
        self.app.bend("DELETE FROM jobs").await;
        self.app.finish().await;
        self.fake.finish().await;
    }
}

/// What the deltas come to, with what was taken back.
fn standing(events: &[Event]) -> String {
    let mut said: Vec<&str> = Vec::new();
    for event in events {
        match event.name.as_str() {
            "delta" => {
                assert_eq!(event.data["i"], said.len(), "{events:#?}");
                said.push(event.data["md"].as_str().unwrap());
            }
            "replace" => said.truncate(usize::try_from(event.data["from"].as_u64().unwrap()).unwrap()),
            _ => {}
        }
    }
    said.concat()
}

fn points() -> impl Iterator<Item = FailPoint> {
    FailPoint::OF_A_TURN.into_iter().chain(FailPoint::OF_A_MODEL)
}

async fn every_point(restarts: bool) {
    let place = Place::with(!restarts).await;
    for point in points() {
        let open = "SELECT coalesce((SELECT sum(spent_micro) FROM spend_daily), 0)::bigint
                         - coalesce((SELECT sum(cost_micro) FROM model_calls), 0)::bigint";
        let before = place.app.count(open).await;
        let events = place.killed_at(point, restarts, None).await;
        let last = first(&events, "final");
        assert_eq!(
            (&last["outcome"], &last["brain"]),
            (&"answered".into(), &"main".into()),
            "{point:?}: {last}"
        );
        assert_eq!(last["text"], ANSWER, "{point:?}");
        let deltas = events.iter().filter(|e| e.name == "delta").count();
        let replaced = events.iter().filter(|e| e.name == "replace").count();
        println!("{point:?}: {deltas} deltas, {replaced} taken back");
        // What a dead server had set aside stays counted; nothing is counted too little.
        let open = place.app.count(open).await - before;
        assert!(open >= 0, "{point:?}: {open}");
        if matches!(point, FailPoint::TurnReserved | FailPoint::TurnReleased) {
            assert!(open > 0, "{point:?}: a call whose end nobody saw counts in full");
        }
        if point == FailPoint::TurnReleased {
            assert_eq!(
                (deltas, replaced),
                (3, 1),
                "the first sentence was out: {events:#?}"
            );
        }
    }
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_at_every_point_carries_its_turn_on_when_it_restarts() {
    every_point(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_replica_carries_on_for_one_killed_at_every_point() {
    every_point(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_is_out_of_time_when_it_is_taken_over_is_closed_honestly() {
    // Nobody sweeps by themselves: the time is over before it is taken over.
    let place = Place::with(false).await;
    let too_late = Some(TimeDelta::seconds(121));
    let events = place.killed_at(FailPoint::TurnPlanned, false, too_late).await;
    let last = first(&events, "final");
    assert_eq!(last["outcome"], "degraded", "{last}");
    assert!(!last["text"].as_str().unwrap().is_empty());
    assert_eq!(place.app.count("SELECT count(*) FROM tickets").await, 1);
    place.finish().await;
}

#[tokio::test]
async fn a_client_that_comes_back_on_another_replica_misses_nothing() {
    let place = Place::with(true).await;
    let other = place.app.replica(Setup::default()).await;
    let token = place.app.token(VisitorId::new());
    let body = message(QUESTION, None);
    place.holds.store(true, Ordering::SeqCst);
    // It leaves with the first sentence, while the model writes the second.
    let stream = place.send(&place.app.base, &token, &body).await.unwrap();
    let mut seen = sse::read_until(stream, |e| e.name == "delta").await;
    let stream = async { place.resume(&other.base, &token, &body, &seen).await };
    let thread = first(&seen, "turn")["thread_id"].as_str().unwrap().to_owned();
    let cancel = async {
        let url = format!("/api/agent/thread/{thread}/cancel");
        assert_eq!(place.app.post(&url, &token).send().await.unwrap().status(), 204);
    };
    let (rest, ()) = futures::join!(stream, cancel);
    seen.extend(rest);
    assert_eq!(seen, place.all(&place.app.base, &token, &thread).await);
    assert_eq!(seen, place.all(&other.base, &token, &thread).await);
    assert_eq!(first(&seen, "final")["outcome"], "cancelled");
    other.stop().await;
    place.finish().await;
}
