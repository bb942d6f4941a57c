//! When a turn doesn't go as it should: staff take the thread over, the brain says what it
//! may not or nothing at all, the process is lost.

use super::*;

#[tokio::test]
async fn while_staff_hold_the_thread_the_agent_is_silent() {
    let app = TestApp::start().await;
    let token = app.token(VisitorId::new());
    let thread = app.ask(&token, "hello", None).await["thread_id"]
        .as_str()
        .unwrap()
        .to_owned();
    app.bend("UPDATE threads SET fence = 'staff'").await;
    let events = app
        .stream(&token, &message("Are you there?", Some(&thread)))
        .await;
    assert_eq!(names(&events), ["turn", "done"]);
    assert_eq!(events[0].data["by"], "staff");
    let json = app
        .post("/api/agent/messages", &token)
        .json(&message("Hm?", Some(&thread)))
        .send()
        .await
        .unwrap();
    assert_eq!(json.status(), 202);
    assert_eq!(
        app.count("SELECT count(*) FROM messages WHERE author = 'visitor'")
            .await,
        3
    );
    app.finish().await;
}

#[tokio::test]
async fn when_staff_take_over_in_the_middle_the_agent_says_no_more() {
    let (brain, permits) = Scripted::held(SAYS);
    let app = TestApp::with(with(brain)).await;
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
    sse::read_until(stream, |e| e.name == "delta").await;
    app.bend("UPDATE threads SET fence = 'staff'").await;
    let before = app.count("SELECT max(seq) FROM thread_events").await;
    permits.add_permits(9);
    tokio::time::timeout(Duration::from_secs(20), async {
        while app.agent.running() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the driver must give up");
    assert_eq!(app.count("SELECT max(seq) FROM thread_events").await, before);
    // Staff's claim closes the turn; here, by hand.
    app.bend("UPDATE turns SET finished_at = now(), outcome = 'fenced' WHERE finished_at IS NULL")
        .await;
    app.finish().await;
}

#[tokio::test]
async fn a_sentence_that_its_source_does_not_support_is_never_sent() {
    let lies = Scripted::saying(&["You can send goods back within 90 days."]);
    let app = TestApp::with(with(lies)).await;
    app.know(&[RETURNS]).await;
    let events = app
        .stream(
            &app.token(VisitorId::new()),
            &message("How long can I send goods back?", None),
        )
        .await;
    check_order(&events);
    for event in &events {
        for field in ["md", "text"] {
            assert!(
                !event.data[field].as_str().unwrap_or("").contains("90"),
                "{event:#?}"
            );
        }
    }
    assert_eq!(first(&events, "final")["outcome"], "handoff");
    assert_eq!(
        app.count("SELECT count(*) FROM handoffs WHERE state = 'open'")
            .await,
        1
    );
    app.finish().await;
}

#[tokio::test]
async fn what_was_released_of_a_draft_that_fails_is_withdrawn() {
    let half = Scripted::saying(&["You can send goods back within 30 days.", "A label costs €99."]);
    let app = TestApp::with(with(half)).await;
    app.know(&[RETURNS]).await;
    let events = app
        .stream(
            &app.token(VisitorId::new()),
            &message("How long can I send goods back?", None),
        )
        .await;
    check_order(&events);
    assert!(names(&events).contains(&"replace"), "{events:#?}");
    let last = first(&events, "final");
    assert!(!last["text"].as_str().unwrap().contains("30 days"), "{last}");
    assert_eq!(last["text"], json!(text_of(&events)));
    app.finish().await;
}

#[tokio::test]
async fn a_wild_brain_ends_with_a_person_and_no_tool_ran() {
    let app = TestApp::with(Setup {
        brains: vec![Arc::new(Wild)],
        ..Setup::default()
    })
    .await;
    let answer = app.ask(&app.token(VisitorId::new()), "hello", None).await;
    assert_eq!(answer["outcome"], "handoff");
    assert_eq!(answer["handoff"]["needs_contact"], true);
    assert_eq!(
        app.count("SELECT count(*) FROM tool_calls WHERE result IS NOT NULL")
            .await,
        0
    );
    assert_eq!(
        app.count("SELECT count(*) FROM tool_calls WHERE tool LIKE '%drop%'")
            .await,
        0
    );
    app.finish().await;
}

#[tokio::test]
async fn a_brain_that_never_answers_ends_in_an_honest_word() {
    let (brain, _permits) = Scripted::held(SAYS);
    let limits = Limits {
        first_ms: 500,
        plan_ms: 300,
        ..patient()
    };
    let app = TestApp::with(Setup {
        limits,
        ..with(brain)
    })
    .await;
    app.know(&[RETURNS]).await;
    let events = app
        .stream(
            &app.token(VisitorId::new()),
            &message("How long can I send goods back?", None),
        )
        .await;
    check_order(&events);
    let last = first(&events, "final");
    assert_eq!(last["outcome"], "degraded");
    assert!(last["text"].as_str().unwrap().contains("follow up"), "{last}");
    assert!(
        last["text"].as_str().unwrap().contains("e-mail address"),
        "an address is asked for: {last}"
    );
    assert_eq!(app.count("SELECT count(*) FROM tickets").await, 1);
    app.finish().await;
}

#[tokio::test]
async fn a_turn_that_loses_its_process_is_carried_on_by_another() {
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
    let other = app.replica(with(Scripted::saying(SAYS))).await;
    let thread = first(&before, "turn")["thread_id"].as_str().unwrap();
    let url = format!(
        "/api/agent/thread/{thread}/events?after={}",
        before.last().unwrap().id
    );
    let after = sse::read_until(other.get(&url, &token).send().await.unwrap(), |e| {
        e.name == "done"
    })
    .await;
    let all = [before, after].concat();
    check_order(&all);
    let last = first(&all, "final");
    assert_eq!(last["outcome"], "answered", "{all:#?}");
    assert_eq!(last["text"], json!(text_of(&all)));
    assert_eq!(
        last["text"].as_str().unwrap().matches("30 days").count(),
        1,
        "{last}"
    );
    other.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_turn_that_cannot_be_driven_is_given_up_and_keeps_nobody_waiting() {
    let (brain, _permits) = Scripted::held(SAYS);
    let app = TestApp::with(Setup {
        sweep: false,
        ..with(brain)
    })
    .await;
    app.know(&[RETURNS]).await;
    let token = app.token(VisitorId::new());
    let hurried = app
        .post("/api/agent/messages", &token)
        .header("prefer", "respond-async");
    let accepted = hurried
        .json(&message("How long can I send goods back?", None))
        .send()
        .await
        .unwrap();
    let accepted: Value = accepted.json().await.unwrap();
    app.agent.let_go().await;
    // What another version might have left.
    app.bend("UPDATE turns SET start = '{\"unknown\": 1}'").await;
    app.bend("DELETE FROM steps").await;
    let other = app.replica(with(Scripted::saying(SAYS))).await;
    let url = format!(
        "{}/api/agent/thread/{}/events",
        other.base,
        accepted["thread_id"].as_str().unwrap()
    );
    let stream = app.client.get(url).bearer_auth(&token).send().await.unwrap();
    let events = sse::read_until(stream, |e| e.name == "done").await;
    assert_eq!(first(&events, "error")["retryable"], true, "{events:#?}");
    assert_eq!(app.count("SELECT count(*) FROM tickets").await, 1);
    let next = other
        .ask(
            &token,
            "How long can I send goods back?",
            accepted["thread_id"].as_str(),
        )
        .await;
    assert_eq!(next["outcome"], "answered");
    other.stop().await;
    app.finish().await;
}
