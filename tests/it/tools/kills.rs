//! The server is killed at each fail point of a connected tool's write: after its restart it happened
//! once or a person knows, and it was never asked for twice where that could do it twice.

use deskhand::domain::fail::FailPoint;
use deskhand::domain::ids::{ThreadId, VisitorId};
use deskhand::inbox::desk::Desk;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::server::{Manner, McpServer, connect, hotel, settings, site_with};
use super::writes::{asked, cancels, ledger};
use crate::hands::late::settle;
use crate::hands::shop::button;
use crate::support::app::{Setup, TestApp};
use crate::support::fake_provider::FakeProvider;
use crate::support::process::{Home, Running};
use crate::support::web_server::{Page, WebServer};

/// A hotel by MCP, or its booking system by HTTP.
enum Other {
    Mcp(McpServer),
    Http(WebServer),
}

/// How the tool is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mcp,
    Http,
}

impl Other {
    async fn open(kind: Kind) -> Self {
        match kind {
            Kind::Mcp => {
                let server = McpServer::start(hotel()).await;
                server.manner(Manner::Gives(json!({ "cancelled": 17 })));
                Self::Mcp(server)
            }
            Kind::Http => {
                let done =
                    |_: &_| Page::new(200, "{\"cancelled\": 17}").with("content-type", "application/json");
                Self::Http(WebServer::start(done).await)
            }
        }
    }

    fn host(&self) -> String {
        match self {
            Self::Mcp(server) => server.host.clone(),
            Self::Http(server) => format!("127.0.0.1:{}", server.port),
        }
    }

    async fn connect(&self, app: &TestApp, idempotent: bool) {
        match self {
            Self::Mcp(server) => {
                let mut config = settings(&server.url);
                if idempotent {
                    config["idempotent"] = json!(["cancel_booking"]);
                }
                connect(app, config, None).await;
            }
            Self::Http(server) => {
                let config = json!({ "file": {
                    "name": "hotel_cancel_booking", "description": "Cancels a booking.", "method": "POST",
                    "url": server.url("/bookings/{number}/cancel"),
                    "input": { "type": "object", "properties": { "number": { "type": "integer" } },
                        "required": ["number"], "additionalProperties": false },
                    "power": "guarded", "idempotent": idempotent,
                } });
                super::server::put(app, "http_tool", "hotel", config, None).await;
            }
        }
    }

    /// Under which keys it was asked to act, so far.
    fn asked(&self, seen: &mut Vec<String>) -> Vec<String> {
        match self {
            Self::Mcp(server) => {
                let key = |c: super::server::Called| {
                    c.meta["deskhand/idempotency-key"].as_str().unwrap().to_owned()
                };
                server.calls().into_iter().map(key).collect()
            }
            Self::Http(server) => {
                let new = server.take_asked().into_iter();
                seen.extend(new.map(|a| a.headers["idempotency-key"].clone()));
                seen.clone()
            }
        }
    }
}

struct Kill {
    app: TestApp,
    fake: FakeProvider,
    other: Other,
    home: Home,
    token: String,
    thread: String,
    proposal: String,
}

impl Kill {
    async fn open(kind: Kind, idempotent: bool) -> Self {
        let other = Other::open(kind).await;
        // No replica takes over: the server that is started again must.
        let setup = Setup {
            sweep: false,
            callbacks: vec![other.host()],
            ..Setup::default()
        };
        let (app, fake) = site_with(setup, cancels).await;
        other.connect(&app, idempotent).await;
        let token = app.token(VisitorId::new());
        let (thread, proposal) = asked(&app, &token).await;
        let home = Home::new("tools");
        Self {
            app,
            fake,
            other,
            home,
            token,
            thread,
            proposal,
        }
    }

    fn serve(&self, point: Option<FailPoint>) -> Running {
        let (master, host) = ("07".repeat(32), self.other.host());
        let mut environment = vec![
            ("DATABASE_URL", self.app.urls.app.as_str()),
            ("DESKHAND_MASTER_KEY", master.as_str()),
            ("DESKHAND_FETCH_ALLOW_PRIVATE", host.as_str()),
        ];
        environment.extend(point.map(|p| ("DESKHAND_FAIL_POINT", p.name())));
        self.home.serve(&environment)
    }

    async fn press(&self, server: &Running, body: &Value) -> Option<Value> {
        let url = format!("{}/api/agent/messages", server.base);
        let request = self.app.client.post(&url).bearer_auth(&self.token).json(body);
        let sent = request.send().await.ok().filter(|r| r.status().is_success())?;
        sent.json().await.ok()
    }

    async fn dies(&self, point: FailPoint, body: &Value) {
        let dying = self.serve(Some(point));
        assert!(
            self.press(&dying, body).await.is_none(),
            "{point:?}: it should have died"
        );
        dying.wait();
    }

    async fn finish(self) {
        self.app
            .bend("DELETE FROM jobs WHERE kind = 'settle_effect'")
            .await;
        self.app.finish().await;
        self.fake.finish().await;
        if let Other::Mcp(server) = self.other {
            server.finish().await;
        }
    }
}

#[rstest]
#[case::mcp(Kind::Mcp, false)]
#[case::mcp_that_does_nothing_twice(Kind::Mcp, true)]
#[case::http(Kind::Http, false)]
#[case::http_that_does_nothing_twice(Kind::Http, true)]
#[tokio::test]
async fn a_write_survives_a_kill_at_every_point(#[case] kind: Kind, #[case] idempotent: bool) {
    for point in FailPoint::OF_AN_EFFECT {
        let kill = Kill::open(kind, idempotent).await;
        let body = button(&kill.thread, &kill.proposal, true);
        kill.dies(point, &body).await;
        let mut seen = Vec::new();
        let before = kill.other.asked(&mut seen).len();
        assert_eq!(before, usize::from(point != FailPoint::EffectBegun), "{point:?}");
        let server = kill.serve(None);
        let answer = kill.press(&server, &body).await.unwrap();
        let keys = kill.other.asked(&mut seen);
        let ended = point == FailPoint::EffectEnded;
        // Asked again only where that does nothing twice, and under the same key.
        assert_eq!(
            keys.len(),
            before + usize::from(idempotent && !ended),
            "{point:?} {keys:?}"
        );
        assert!(keys.iter().all(|k| *k == kill.proposal), "{point:?} {keys:?}");
        let known = ended || idempotent;
        let (outcome, state) = if known {
            ("answered", "done")
        } else {
            ("handoff", "unknown")
        };
        assert_eq!(answer["outcome"], outcome, "{point:?} {answer:#}");
        assert_eq!(ledger(&kill.app).await, state, "{point:?}");
        if !known {
            assert_eq!(answer["handoff"]["reason"], "unknown_effect", "{answer:#}");
        }
        assert!(server.stop().success());
        kill.finish().await;
    }
}

/// Staff take the conversation over while nobody drives its turn: what the dead server has begun is
/// not forgotten with it.
#[tokio::test]
async fn what_was_begun_and_taken_over_reaches_a_person() {
    let kill = Kill::open(Kind::Mcp, false).await;
    kill.dies(
        FailPoint::EffectAsked,
        &button(&kill.thread, &kill.proposal, true),
    )
    .await;
    let desk = Desk {
        db: &kill.app.db,
        clock: kill.app.clock.as_ref(),
        site: kill.app.site.id,
        staff: "Mia",
    };
    desk.claim(ThreadId(kill.thread.parse::<Uuid>().unwrap()), false)
        .await
        .unwrap();
    assert_eq!(ledger(&kill.app).await, "started");
    kill.app.clock.advance(chrono::TimeDelta::minutes(61));
    kill.app
        .bend("UPDATE jobs SET state = 'waiting', owner = NULL, lease_until = NULL WHERE kind = 'settle_effect' AND state = 'running'")
        .await;
    settle(&kill.app).await;
    assert_eq!(ledger(&kill.app).await, "unknown");
    let ticket = "SELECT string_agg(concat_ws(' ', reason, priority), ';') FROM tickets";
    assert_eq!(kill.app.text(ticket).await, "unknown_effect high");
    kill.finish().await;
}
