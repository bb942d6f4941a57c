//! What is lost, and what a visitor hears of it: a turn that its database forgot, and a search that a
//! turn taken over can't repeat.

use sqlx::{ConnectOptions, Connection, Executor, PgConnection, Row};

use super::*;

async fn superuser(app: &TestApp) -> PgConnection {
    let options: sqlx::postgres::PgConnectOptions = app.urls.superuser.parse().unwrap();
    options.connect().await.unwrap()
}

/// Whatever a turn stores after its opening waits until this connection gives up the lock.
async fn hold_stores(app: &TestApp) -> PgConnection {
    app.bend(
        "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN PERFORM pg_advisory_xact_lock(77); RETURN NULL; END $$;
         CREATE TRIGGER hold BEFORE UPDATE ON threads FOR EACH STATEMENT EXECUTE FUNCTION hold();
         CREATE TRIGGER hold BEFORE UPDATE ON turns FOR EACH STATEMENT EXECUTE FUNCTION hold()",
    )
    .await;
    let mut conn = superuser(app).await;
    conn.execute("SELECT pg_advisory_lock(77)").await.unwrap();
    conn
}

/// A turn whose opening isn't on disk yet goes with a database that breaks down; here, by hand.
#[tokio::test]
async fn a_turn_that_its_database_lost_is_said_to_be_lost() {
    let app = TestApp::with(with(Scripted::saying(SAYS))).await;
    app.know(&[RETURNS]).await;
    let mut holder = hold_stores(&app).await;
    let token = app.token(VisitorId::new());
    let body = message("How long can I send goods back?", None);
    let ask = || app.post("/api/agent/messages", &token).json(&body).send();
    let lose = async {
        while app.count("SELECT count(*) FROM turns").await == 0 {
            tokio::task::yield_now().await;
        }
        holder.execute("DELETE FROM threads").await.unwrap();
        holder.execute("SELECT pg_advisory_unlock(77)").await.unwrap();
    };
    let (answer, ()) = tokio::join!(ask(), lose);
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 503);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "not_ready", "{problem}");
    // Nothing is left of it, and the very same message is taken.
    let again: Value = ask().await.unwrap().json().await.unwrap();
    assert_eq!(again["outcome"], "answered", "{again}");
    app.finish().await;
}

/// Nobody is told of an opening that the next store makes durable, and of none else it is left to that.
#[tokio::test]
async fn only_an_opening_that_nobody_is_told_of_waits_for_the_next_store() {
    let app = TestApp::start().await;
    let mut conn = superuser(&app).await;
    for (opens, late, commit) in [(true, true, "off"), (true, false, "on"), (false, true, "on")] {
        let thread = if opens {
            "gen_random_uuid()"
        } else {
            "(SELECT id FROM threads LIMIT 1)"
        };
        let visitor = if opens {
            "gen_random_uuid()"
        } else {
            "(SELECT visitor_id FROM threads LIMIT 1)"
        };
        let open = format!(
            "SELECT (deskhand_open_turn(s.id, s.name, s.mode, s.locale, {visitor}, NULL, {thread}, {opens}, 'widget',
                 'en', gen_random_uuid(), '{{}}', gen_random_uuid(), 5, now(), gen_random_uuid(), gen_random_uuid(),
                 'x', 'x', '{{\"type\": \"turn\"}}', '{{}}', '{{}}', false, {late})).verdict FROM sites s"
        );
        conn.execute("BEGIN").await.unwrap();
        let verdict: String = conn.fetch_one(sqlx::AssertSqlSafe(open)).await.unwrap().get(0);
        assert_eq!(verdict, "opened");
        let row = conn
            .fetch_one("SELECT current_setting('synchronous_commit')")
            .await;
        assert_eq!(row.unwrap().get::<String, _>(0), commit, "{opens} {late}");
        conn.execute("COMMIT").await.unwrap();
        conn.execute("UPDATE turns SET finished_at = now(), outcome = 'fenced'")
            .await
            .unwrap();
    }
    conn.close().await.unwrap();
    app.finish().await;
}

/// On a stream the first event comes with the first store; where the client is told at once where to look,
/// it has to be there at once.
#[tokio::test]
async fn a_turns_first_event_is_told_when_it_is_durable() {
    let app = TestApp::with(with(Scripted::saying(SAYS))).await;
    app.know(&[RETURNS]).await;
    let mut holder = hold_stores(&app).await;
    let token = app.token(VisitorId::new());
    let request = app
        .post("/api/agent/messages", &token)
        .header("accept", "text/event-stream");
    let stream = request
        .json(&message("How long can I send goods back?", None))
        .send()
        .await
        .unwrap();
    // What tells of a turn at once is a statement of its own.
    let hurried = app
        .post("/api/agent/messages", &app.token(VisitorId::new()))
        .header("prefer", "respond-async");
    let hurried = hurried.json(&message("And a label?", None)).send().await.unwrap();
    assert_eq!(hurried.status(), 202);
    holder.execute("SELECT pg_advisory_unlock(77)").await.unwrap();
    let events = sse::read_until(stream, |e| e.name == "done").await;
    check_order(&events);
    assert_eq!(first(&events, "final")["outcome"], "answered", "{events:#?}");
    app.agent.drain().await;
    app.finish().await;
}

/// AGT-10: a search that found something can't be repeated, since the tool is off by now: the turn ends,
/// once, and isn't left to one driver after the other.
#[tokio::test]
async fn a_turn_whose_search_cannot_be_repeated_is_closed() {
    let (brain, permits) = Scripted::held(SAYS);
    let app = TestApp::with(Setup {
        sweep: false,
        ..with(brain)
    })
    .await;
    app.know(&[RETURNS]).await;
    let token = app.token(VisitorId::new());
    let request = app
        .post("/api/agent/messages", &token)
        .header("accept", "text/event-stream");
    let stream = request
        .json(&message("How long can I send goods back?", None))
        .send()
        .await
        .unwrap();
    permits.add_permits(1);
    let before = sse::read_until(stream, |e| e.name == "delta").await;
    app.agent.let_go().await;
    app.bend(r#"UPDATE sites SET settings = '{"tools_off": ["kb_search"]}'"#)
        .await;
    let other = app.replica(with(Scripted::saying(SAYS))).await;
    let thread = first(&before, "turn")["thread_id"].as_str().unwrap();
    let after = before.last().unwrap().id;
    let url = format!("/api/agent/thread/{thread}/events?after={after}");
    let rest = sse::read_until(other.get(&url, &token).send().await.unwrap(), |e| {
        e.name == "done"
    })
    .await;
    check_order(&[before, rest.clone()].concat());
    let last = first(&rest, "final");
    assert_ne!(last["outcome"], "answered", "{rest:#?}");
    assert_eq!(app.count("SELECT max(resumes)::bigint FROM turns").await, 1);
    other.stop().await;
    app.finish().await;
}
