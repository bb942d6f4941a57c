//! Money: what a site may spend in a day is never passed, by however many turns on however
//! many replicas; whoever comes after is answered from the documents; and what is counted
//! is what was spent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use deskhand::agent::brain::extractive::Extractive;
use deskhand::agent::machine::ctx::Limits;
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::VisitorId;
use deskhand::models::price::Price;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::support::app::{Setup, TestApp, message, patient};
use crate::support::fake_provider::{FakeProvider, Reply};
use crate::support::model_brain::{brain, brain_on, honest, provider, wants_search};
use crate::support::process::Home;
use crate::support::sse::{self, first};

const RETURNS: (&str, &str) = (
    "returns.md",
    "# Returns\n\nYou can send goods back within 30 days of delivery.\n\n## Label\n\nA return label costs €4.90. It is sent by e-mail.",
);
const QUESTION: &str = "What does a return label cost?";
const ANSWER: &str = "A return label costs €4.90. [1]";
const SPENT: &str = "SELECT coalesce(sum(spent_micro), 0)::bigint FROM spend_daily";
const COST: &str = "SELECT coalesce(sum(cost_micro), 0)::bigint FROM model_calls";
const TOLD: &str = "SELECT count(*) FROM tickets WHERE reason = 'budget_spent'";
const MASTER: &str = "0707070707070707070707070707070707070707070707070707070707070707";

fn capped(fake: &FakeProvider, cap: i64) -> Setup {
    Setup {
        brains: vec![brain("a", fake), Arc::new(Extractive)],
        turns_at_once: 200,
        streams_at_once: 300,
        day_cap_micro: cap,
        ..Setup::default()
    }
}

async fn last_brain(app: &TestApp) -> String {
    app.text("SELECT brain FROM turns ORDER BY started_at DESC LIMIT 1")
        .await
}

/// Has the database keep the most that was ever spent on a day, as every transaction left
/// it: no sampling, no gaps.
async fn watch_peak(app: &TestApp) {
    for statement in [
        "CREATE TABLE peak (micro bigint NOT NULL)",
        "INSERT INTO peak VALUES (0)",
        "CREATE FUNCTION note_peak() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
         'BEGIN UPDATE public.peak SET micro = NEW.spent_micro WHERE micro < NEW.spent_micro; RETURN NULL; END'",
        "CREATE TRIGGER note_peak AFTER INSERT OR UPDATE ON spend_daily FOR EACH ROW EXECUTE FUNCTION note_peak()",
    ] {
        app.bend(statement).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_turns_on_two_replicas_never_pass_the_cap() {
    const CAP: i64 = 120_000;
    let fake = FakeProvider::start().await;
    fake.always(honest(ANSWER));
    let app = TestApp::with(capped(&fake, CAP)).await;
    let other = app.replica(capped(&fake, CAP)).await;
    app.know(&[RETURNS]).await;
    watch_peak(&app).await;
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(120))
        .build()
        .unwrap();
    let turns = (0..200).map(|n| {
        let (client, replica) = (client.clone(), if n % 2 == 0 { &app } else { &other });
        let request = client
            .post(format!("{}/api/agent/messages", replica.base))
            .bearer_auth(app.token(VisitorId::new()))
            .json(&message(QUESTION, None));
        async move {
            let response = request.send().await.unwrap();
            let status = response.status();
            let answer: Value = response.json().await.unwrap();
            assert_eq!(status, 200, "{answer:#}");
            answer
        }
    });
    let answers = futures::future::join_all(turns).await;
    for answer in &answers {
        assert_eq!(answer["outcome"], "answered", "{answer:#}");
        assert!(answer["text"].as_str().unwrap().contains("4.90"), "{answer:#}");
    }
    let mut by: BTreeMap<&str, i64> = BTreeMap::new();
    for brain in ["a", "extractive"] {
        by.insert(
            brain,
            app.count(&format!("SELECT count(*) FROM turns WHERE brain = '{brain}'"))
                .await,
        );
    }
    // Three calls of a turn cost 2080 millionths: the cap is enough for some of them.
    println!("answered: {by:?}");
    assert!(
        by["a"] > 0 && by["extractive"] > 0 && by["a"] + by["extractive"] == 200,
        "{by:?}"
    );
    assert!(by["a"] * 2_080 <= CAP, "{by:?}");
    let peak = app.count("SELECT micro FROM peak").await;
    println!("most that was ever set aside or spent: {peak} of {CAP}");
    assert!(peak <= CAP, "the cap was passed: {peak}");
    assert!(peak > CAP / 2, "the cap was never near: {peak}");
    assert_eq!(app.count(TOLD).await, 1, "staff are told once");
    let by_when = "SELECT count(*) FROM tickets WHERE reason = 'budget_spent' AND due_at > at";
    assert_eq!(app.count(by_when).await, 1, "and by when they have to look");
    assert_eq!(
        app.count(SPENT).await,
        app.count(COST).await,
        "what was set aside is settled"
    );

    // The next day begins anew.
    app.clock.advance(TimeDelta::days(1));
    let answer = app.ask(&app.token(VisitorId::new()), QUESTION, None).await;
    assert_eq!(last_brain(&app).await, "a", "{answer:#}");
    assert_eq!(app.count("SELECT count(*) FROM spend_daily").await, 2);
    assert_eq!(app.count("SELECT min(spent_micro) FROM spend_daily").await, 2_080);
    assert_eq!(app.count(TOLD).await, 1);
    other.stop().await;
    app.finish().await;
    fake.finish().await;
}

/// Of a request that has more bytes than the cap has money, the tokens are counted.
#[tokio::test]
async fn nobody_is_turned_away_for_money_that_would_not_be_spent() {
    let fake = FakeProvider::start().await;
    fake.always(honest(ANSWER));
    let app = TestApp::with(capped(&fake, 5_800)).await;
    app.know(&[RETURNS]).await;
    watch_peak(&app).await;
    let answer = app.ask(&app.token(VisitorId::new()), QUESTION, None).await;
    let peak = app.count("SELECT micro FROM peak").await;
    println!("most that was set aside: {peak}");
    assert_eq!(last_brain(&app).await, "a", "{answer:#}");
    assert_eq!(app.count(TOLD).await, 0);
    assert!(peak <= 5_800);
    app.finish().await;
    fake.finish().await;
}

#[tokio::test]
async fn a_free_provider_sets_nothing_aside() {
    let fake = FakeProvider::start().await;
    fake.always(honest(ANSWER));
    let free = brain_on(provider("a", &fake.base_url, Price::default()));
    let setup = Setup {
        brains: vec![free, Arc::new(Extractive)],
        ..capped(&fake, 0)
    };
    let app = TestApp::with(setup).await;
    app.know(&[RETURNS]).await;
    let answer = app.ask(&app.token(VisitorId::new()), QUESTION, None).await;
    assert_eq!(
        (answer["outcome"].as_str(), last_brain(&app).await.as_str()),
        (Some("answered"), "a"),
        "{answer:#}"
    );
    assert_eq!(app.count("SELECT count(*) FROM spend_daily").await, 0);
    assert_eq!(app.count(TOLD).await, 0);
    assert_eq!(
        app.count("SELECT count(*) FROM model_calls WHERE cost_micro = 0 AND tokens_in > 0")
            .await,
        3
    );
    app.finish().await;
    fake.finish().await;
}

#[tokio::test]
async fn a_call_that_the_visitor_stops_is_counted() {
    let fake = FakeProvider::start().await;
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    fake.always(move |request| {
        if request.has_tools() {
            honest(ANSWER)(request)
        } else {
            Reply::text(
                "A return label costs €4.90. [1] It is sent by e-mail. [1] That is all there is to say.",
            )
            .gated(&held)
        }
    });
    let app = TestApp::with(capped(&fake, 1_000_000)).await;
    app.know(&[RETURNS]).await;
    let token = app.token(VisitorId::new());
    let request = app
        .post("/api/agent/messages", &token)
        .header("accept", "text/event-stream");
    let stream = request.json(&message(QUESTION, None)).send().await.unwrap();
    gate.add_permits(9);
    let before = sse::read_until(stream, |e| e.name == "delta").await;
    let thread = first(&before, "turn")["thread_id"].as_str().unwrap();
    let cancel = format!("/api/agent/thread/{thread}/cancel");
    assert_eq!(app.post(&cancel, &token).send().await.unwrap().status(), 204);
    fake.wait_for_left(1).await;
    let url = format!(
        "/api/agent/thread/{thread}/events?after={}",
        before.last().unwrap().id
    );
    let after = sse::read_until(app.get(&url, &token).send().await.unwrap(), |e| e.name == "done").await;
    assert_eq!(first(&after, "final")["outcome"], "cancelled");
    let aborted = "SELECT count(*) FROM model_calls
                   WHERE phase = 'draft' AND outcome = 'aborted' AND tokens_in > 0 AND tokens_out > 0 AND cost_micro > 0";
    assert_eq!(app.count(aborted).await, 1, "the draft that was stopped");
    assert_eq!(app.count("SELECT count(*) FROM model_calls").await, 3);
    assert_eq!(app.count(SPENT).await, app.count(COST).await);
    app.finish().await;
    fake.finish().await;
}

#[tokio::test]
async fn what_is_set_aside_for_a_call_that_is_never_made_is_given_back() {
    use sqlx::{ConnectOptions, Executor};
    let fake = FakeProvider::start().await;
    let setup = Setup {
        limits: Limits {
            plan_ms: 300,
            ..patient()
        },
        ..capped(&fake, 1_000_000)
    };
    let app = TestApp::with(setup).await;
    app.know(&[RETURNS]).await;
    watch_peak(&app).await;
    // Another transaction holds the day's row, so that the turn's plan is out of time before
    // the money is set aside.
    let day = app.clock.now().date_naive();
    let site = app.site.id;
    app.bend(&format!(
        "INSERT INTO spend_daily (site_id, day, spent_micro) VALUES ('{site}', '{day}', 0)"
    ))
    .await;
    let options: sqlx::postgres::PgConnectOptions = app.urls.superuser.parse().unwrap();
    let mut holder = options.connect().await.unwrap();
    holder
        .execute("BEGIN; SELECT 1 FROM spend_daily FOR UPDATE")
        .await
        .unwrap();
    let answer = app.ask(&app.token(VisitorId::new()), QUESTION, None).await;
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    assert_eq!(last_brain(&app).await, "extractive");
    assert_eq!(
        app.count("SELECT micro FROM peak").await,
        0,
        "nothing can be set aside yet"
    );
    holder.execute("ROLLBACK").await.unwrap();
    app.agent.drain().await;
    assert!(
        app.count("SELECT micro FROM peak").await > 0,
        "it was set aside too late"
    );
    assert_eq!(app.count(SPENT).await, 0, "and given back");
    assert!(fake.requests().is_empty());
    app.finish().await;
    fake.finish().await;
}

#[tokio::test]
async fn usage_is_shown_by_day_provider_and_model() {
    let fake = FakeProvider::start().await;
    fake.always(|request| {
        assert!(!wants_search(request) || request.body["model"] == "planner");
        honest(ANSWER)(request)
    });
    let app = TestApp::with(capped(&fake, 1_000_000)).await;
    app.know(&[RETURNS]).await;
    for _ in 0..2 {
        app.ask(&app.token(VisitorId::new()), QUESTION, None).await;
    }
    // One of the day before, and one that is out of the window.
    let sent = |days: i32| {
        format!(
            "INSERT INTO model_calls SELECT site_id, gen_random_uuid(), NULL, at - make_interval(days => {days}), phase,
             'b', model, prompt, 1000, 100, 5000, NULL, ms, outcome FROM model_calls WHERE phase = 'draft' LIMIT 1"
        )
    };
    app.bend(&sent(40)).await;
    app.bend(&sent(1)).await;
    // A call whose end nobody saw.
    app.bend("UPDATE spend_daily SET spent_micro = spent_micro + 700")
        .await;
    let home = Home::new("usage");
    let run = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command
            .env("DATABASE_URL", &app.urls.app)
            .env("DESKHAND_MASTER_KEY", MASTER)
            .env("DESKHAND_AGENT_DAY_CAP", "0.01");
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let all: Value = serde_json::from_str(&run(&["usage", "--json"])).unwrap();
    let usage = &all[0];
    assert_eq!(usage["site"], "shop");
    let today = &usage["today"];
    assert_eq!(
        (&today["calls"], &today["cost_micro"]),
        (&6.into(), &4_160.into()),
        "{usage:#}"
    );
    assert_eq!(
        (&today["tokens_in"], &today["tokens_out"]),
        (&3_600.into(), &140.into()),
        "{usage:#}"
    );
    assert_eq!(today["spent_micro"], 4_860);
    assert_eq!(
        (&usage["cap_micro"], &usage["cap_left_micro"]),
        (&10_000.into(), &5_140.into())
    );
    assert_eq!(
        (&usage["period"]["calls"], &usage["period"]["cost_micro"]),
        (&7.into(), &9_160.into()),
        "{usage:#}"
    );
    assert_eq!(usage["days"].as_array().unwrap().len(), 2, "{usage:#}");
    let models: Vec<String> = usage["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| {
            format!(
                "{} {} {}",
                m["provider"].as_str().unwrap(),
                m["model"].as_str().unwrap(),
                m["calls"]
            )
        })
        .collect();
    assert_eq!(models, ["b writer 1", "a planner 4", "a writer 2"]);
    let long: Value =
        serde_json::from_str(&run(&["usage", "--json", "--days", "60", "--site", "shop"])).unwrap();
    assert_eq!(long[0]["period"]["calls"], 8);
    let shown = run(&["usage"]);
    for part in [
        "shop",
        "6 call(s)",
        "0.00514 of 0.01",
        "0.0007 set aside",
        "a planner: 4 call(s)",
    ] {
        assert!(shown.contains(part), "`{part}` in {shown}");
    }
    app.finish().await;
    fake.finish().await;
}
