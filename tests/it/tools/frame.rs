//! What holds for every tool: tries within a limit, results that keep their schema, a breaker
//! that all replicas share, and effects that nobody repeats.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use deskhand::domain::tool::{Power, ToolCode};
use deskhand::hands::registry::{CallError, Called, Registry};
use deskhand::hands::{Reply, Tool, ToolContext, ToolError};
use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::app::TestApp;

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

/// Promises at most five.
#[derive(Serialize)]
struct Few(u32);

impl JsonSchema for Few {
    fn schema_name() -> Cow<'static, str> {
        "Few".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "maximum": 5 })
    }
}

/// What the tool does at its calls, and how often it was called.
#[derive(Clone)]
struct Script {
    calls: Arc<AtomicUsize>,
    does: Arc<dyn Fn(usize) -> Does + Send + Sync>,
}

#[derive(Clone)]
enum Does {
    Gives(u32),
    Fails(ToolCode),
    Waits(Arc<Semaphore>),
    Hangs,
}

impl Script {
    fn of(does: impl Fn(usize) -> Does + Send + Sync + 'static) -> Self {
        Self {
            calls: Arc::default(),
            does: Arc::new(does),
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn run(&self) -> BoxFuture<'_, Result<Reply<Few>, ToolError>> {
        async move {
            let n = self.calls.fetch_add(1, Ordering::SeqCst);
            match (self.does)(n) {
                Does::Gives(n) => Ok(Reply::of(Few(n))),
                Does::Fails(code) => Err(ToolError::new(code, "scripted")),
                Does::Hangs => std::future::pending().await,
                Does::Waits(gate) => {
                    gate.acquire().await.unwrap().forget();
                    Ok(Reply::of(Few(1)))
                }
            }
        }
        .boxed()
    }
}

macro_rules! tool {
    ($type:ident, $name:literal, $power:expr) => {
        struct $type(Script);

        impl Tool for $type {
            type Input = Nothing;
            type Output = Few;
            const NAME: &'static str = $name;
            const DESCRIPTION: &'static str = "A test's.";
            const POWER: Power = $power;

            fn call<'a>(
                &'a self,
                _: &'a ToolContext,
                _: Nothing,
            ) -> BoxFuture<'a, Result<Reply<Few>, ToolError>> {
                self.0.run()
            }
        }
    };
}

tool!(Reader, "reader", Power::Reads);
tool!(Other, "other", Power::Reads);
tool!(Server, "server", Power::Serves);
tool!(Search, "kb_search", Power::Reads);

fn registry(script: &Script) -> Registry {
    let mut registry = Registry::default();
    registry.add(Reader(script.clone())).unwrap();
    registry.add(Other(Script::of(|_| Does::Gives(1)))).unwrap();
    registry.add(Server(script.clone())).unwrap();
    registry.add(Search(script.clone())).unwrap();
    registry
}

pub fn context(app: &TestApp) -> ToolContext {
    ToolContext {
        db: app.db.clone(),
        site: app.site.id,
        channel: "widget",
        conversation: None,
        client: None,
        account: None,
        locale: "en".to_owned(),
        off: Arc::default(),
        clock: app.clock.clone(),
        master: Arc::clone(&app.master),
    }
}

async fn call(registry: &Registry, app: &TestApp, name: &str) -> Result<Called, CallError> {
    registry.call(&context(app), name, &json!({})).await
}

/// The code and the number of tries of a call that failed.
fn failed(result: Result<Called, CallError>) -> (ToolCode, i32, String) {
    match result {
        Err(CallError::Failed { error, attempts }) => (error.code, attempts, error.cause),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_read_is_tried_three_times_and_a_write_once() {
    let app = TestApp::start().await;
    let script = Script::of(|n| match n {
        0 | 1 => Does::Fails(ToolCode::Upstream5xx),
        _ => Does::Gives(4),
    });
    let called = call(&registry(&script), &app, "reader").await.unwrap();
    assert_eq!((called.attempts, called.reply.output), (3, json!(4)));

    let script = Script::of(|_| Does::Fails(ToolCode::Timeout));
    let (code, attempts, _) = failed(call(&registry(&script), &app, "reader").await);
    assert_eq!((code, attempts, script.calls()), (ToolCode::Timeout, 3, 3));

    let script = Script::of(|_| Does::Fails(ToolCode::Upstream5xx));
    let (_, attempts, _) = failed(call(&registry(&script), &app, "server").await);
    assert_eq!((attempts, script.calls()), (1, 1));

    // What won't pass isn't tried again.
    for code in [ToolCode::NotFound, ToolCode::InvalidInput, ToolCode::Unauthorized] {
        let script = Script::of(move |_| Does::Fails(code));
        let (given, attempts, _) = failed(call(&registry(&script), &app, "reader").await);
        assert_eq!((given, attempts), (code, 1));
    }
    app.finish().await;
}

#[tokio::test]
async fn a_result_that_breaks_its_promise_is_none() {
    let app = TestApp::start().await;
    let script = Script::of(|_| Does::Gives(9));
    let (code, attempts, cause) = failed(call(&registry(&script), &app, "reader").await);
    assert_eq!((code, attempts), (ToolCode::Upstream5xx, 1));
    assert!(cause.contains("maximum"), "{cause}");
    assert!(matches!(
        registry(&script).call(&context(&app), "reader", &json!([])).await,
        Err(CallError::Schema(_))
    ));
    assert!(matches!(
        call(&registry(&script), &app, "rm -rf").await,
        Err(CallError::Unknown)
    ));
    app.finish().await;
}

#[tokio::test]
async fn all_tries_end_within_the_limit() {
    let app = TestApp::start().await;
    let script = Script::of(|_| Does::Hangs);
    let mut registry = registry(&script);
    registry.within(Duration::from_millis(300));
    let (code, attempts, _) = failed(call(&registry, &app, "reader").await);
    assert_eq!((code, attempts, script.calls()), (ToolCode::Timeout, 1, 1));
    app.finish().await;
}

#[tokio::test]
async fn five_failures_open_the_breaker_on_all_replicas_and_one_call_tries_it() {
    let app = TestApp::start().await;
    let script = Script::of(|n| match n {
        0..5 => Does::Fails(ToolCode::Upstream5xx),
        _ => Does::Gives(1),
    });
    let (here, there) = (registry(&script), registry(&script));
    for n in 1..=5 {
        failed(call(&here, &app, "server").await);
        assert_eq!(script.calls(), n);
    }
    for registry in [&here, &there] {
        let (code, attempts, cause) = failed(call(registry, &app, "server").await);
        assert_eq!((code, attempts), (ToolCode::Upstream5xx, 0), "{cause}");
        assert!(cause.contains("left alone"), "{cause}");
        call(registry, &app, "other").await.unwrap();
    }
    assert_eq!(script.calls(), 5);

    // Another site's calls are none of this one's.
    app.clock.advance(TimeDelta::seconds(61));
    call(&there, &app, "server").await.unwrap();
    assert_eq!(script.calls(), 6);
    assert_eq!(
        app.count("SELECT count(*) FROM tool_breakers").await,
        0,
        "forgotten"
    );
    call(&here, &app, "server").await.unwrap();
    app.finish().await;
}

#[tokio::test]
async fn of_several_calls_at_once_one_is_the_trial() {
    let app = TestApp::start().await;
    let gate = Arc::new(Semaphore::new(0));
    let waits = Arc::clone(&gate);
    let script = Script::of(move |n| match n {
        0..5 => Does::Fails(ToolCode::Timeout),
        5 => Does::Waits(Arc::clone(&waits)),
        _ => Does::Gives(2),
    });
    let registry = Arc::new(registry(&script));
    for _ in 0..5 {
        failed(call(&registry, &app, "server").await);
    }
    app.clock.advance(TimeDelta::seconds(61));
    let trial = {
        let (registry, ctx) = (Arc::clone(&registry), context(&app));
        tokio_util::task::TaskTracker::new()
            .spawn(async move { registry.call(&ctx, "server", &json!({})).await })
    };
    while script.calls() < 6 {
        tokio::task::yield_now().await;
    }
    let (_, attempts, _) = failed(call(&registry, &app, "server").await);
    assert_eq!(attempts, 0, "one trial at a time");
    gate.add_permits(1);
    trial.await.unwrap().unwrap();
    call(&registry, &app, "server").await.unwrap();
    assert_eq!(script.calls(), 7);
    app.finish().await;
}

#[tokio::test]
async fn a_search_that_fails_has_a_breaker_too() {
    let app = TestApp::start().await;
    let script = Script::of(|_| Does::Fails(ToolCode::Upstream5xx));
    let mut registry = registry(&script);
    // One try each.
    registry.within(Duration::from_millis(200));
    for _ in 0..5 {
        failed(call(&registry, &app, "kb_search").await);
    }
    let before = script.calls();
    let (_, attempts, cause) = failed(call(&registry, &app, "kb_search").await);
    assert_eq!((attempts, script.calls()), (0, before), "{cause}");
    app.finish().await;
}
