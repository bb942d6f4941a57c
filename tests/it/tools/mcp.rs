//! A connected MCP server's tools, as the agent uses them.

use chrono::TimeDelta;
use deskhand::domain::ids::VisitorId;
use deskhand::domain::tool::ToolCode;
use deskhand::hands::registry::{CallError, Called};
use serde_json::{Value, json};

use super::frame::context;
use super::server::{Manner, McpServer, calls, connect, discover, hotel, put, settings, site};
use crate::support::app::TestApp;
use crate::support::fake_provider::Reply;

pub async fn call(app: &TestApp, name: &str, args: Value) -> Result<Called, CallError> {
    app.agent.registry.call(&context(app), name, &args).await
}

pub fn code(result: Result<Called, CallError>) -> (ToolCode, i32) {
    match result {
        Err(CallError::Failed { error, attempts }) => (error.code, attempts),
        other => panic!("{other:?}"),
    }
}

fn booking() -> Value {
    json!({ "number": 17, "nights": 3, "guest": "anna.huber@example.com" })
}

#[tokio::test]
async fn the_model_calls_a_connected_tool_and_tells_what_it_returned() {
    let server = McpServer::start(hotel()).await;
    server.manner(Manner::Gives(booking()));
    let rule = calls(
        "hotel_find_booking",
        json!({ "number": 17 }),
        "Your booking 17 is for 3 nights.",
    );
    let (app, fake) = site(&[&server.host], rule).await;
    connect(&app, settings(&server.url), Some("word")).await;

    let token = app.token(VisitorId::new());
    let answer = app.ask(&token, "How long is my booking 17?", None).await;
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    assert_eq!(answer["text"], "Your booking 17 is for 3 nights.");
    assert_eq!(answer["citations"], json!([]), "a tool's result is no source");

    let called = server.calls();
    assert_eq!(called.len(), 1);
    assert_eq!(
        (called[0].name.as_str(), &called[0].args),
        ("find_booking", &json!({ "number": 17 }))
    );
    assert_eq!(called[0].headers["authorization"], "Bearer word");
    // The model is told what the server says as a stranger's words, and sees no address.
    let requests = fake.requests();
    let plan = requests[0].body["tools"].to_string();
    assert!(
        plan.contains("hotel_find_booking") && plan.contains("«Finds a booking by its number.»"),
        "{plan}"
    );
    assert!(
        plan.contains("hotel_cancel_booking") && !plan.contains("wipe_all"),
        "{plan}"
    );
    let all: String = requests.iter().map(|r| r.body.to_string()).collect();
    assert!(all.contains("<result ") && all.contains("[EMAIL_1]"), "{all}");
    assert!(!all.contains("anna.huber@"), "{all}");
    // The call is on record, masked.
    let row = app
        .text("SELECT concat_ws(' ', tool, args, result, code, attempts) FROM tool_calls")
        .await;
    assert!(
        row.starts_with("hotel_find_booking") && row.contains("[EMAIL_1]"),
        "{row}"
    );
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}

#[tokio::test]
async fn results_come_as_json_as_a_stream_and_as_text() {
    let server = McpServer::start(hotel()).await;
    server
        .manner(Manner::Gives(json!({ "number": 1 })))
        .manner(Manner::Streams(json!({ "number": 2 })));
    let (app, fake) = site(&[&server.host], |_| Reply::status(500)).await;
    connect(&app, settings(&server.url), None).await;
    for n in [1, 2] {
        let called = call(&app, "hotel_find_booking", json!({ "number": n }))
            .await
            .unwrap();
        assert_eq!(called.reply.output, json!({ "number": n }));
    }
    assert_eq!(server.handshakes(), 1, "one session");
    // One that isn't promised any shape.
    let text = McpServer::start(vec![
        json!({ "name": "say", "inputSchema": { "type": "object" } }),
    ])
    .await;
    text.manner(Manner::Says("hello\u{202e}".to_owned()));
    let (other, fake_too) = site(&[&text.host], |_| Reply::status(500)).await;
    connect(
        &other,
        json!({ "url": text.url, "tools": ["say"], "reads": ["say"] }),
        None,
    )
    .await;
    let called = call(&other, "hotel_say", json!({})).await.unwrap();
    assert_eq!(called.reply.output, json!({ "text": "hello" }));
    for app in [app, other] {
        app.finish().await;
    }
    for fake in [fake, fake_too] {
        fake.finish().await;
    }
    server.finish().await;
    text.finish().await;
}

#[tokio::test]
async fn a_server_without_handshakes_is_spoken_to_as_well() {
    let server = McpServer::stateless(hotel()).await;
    server.manner(Manner::Gives(json!({ "number": 5 })));
    let (app, fake) = site(&[&server.host], |_| Reply::status(500)).await;
    connect(&app, settings(&server.url), None).await;
    let called = call(&app, "hotel_find_booking", json!({ "number": 5 }))
        .await
        .unwrap();
    assert_eq!(called.reply.output, json!({ "number": 5 }));
    assert_eq!(server.calls()[0].headers["mcp-name"], "find_booking");
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}

#[tokio::test]
async fn a_forgotten_session_is_begun_anew() {
    let server = McpServer::start(hotel()).await;
    server.manner(Manner::Gives(json!({ "number": 1 })));
    let (app, fake) = site(&[&server.host], |_| Reply::status(500)).await;
    connect(&app, settings(&server.url), None).await;
    call(&app, "hotel_find_booking", json!({ "number": 1 }))
        .await
        .unwrap();
    server.forget_sessions();
    let called = call(&app, "hotel_find_booking", json!({ "number": 1 }))
        .await
        .unwrap();
    assert_eq!((called.attempts, server.handshakes()), (1, 2));
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}

#[tokio::test]
async fn a_list_that_changes_is_learned_and_widens_nothing() {
    let server = McpServer::start(hotel()).await;
    server.manner(Manner::Gives(json!({ "number": 1 })));
    let (app, fake) = site(&[&server.host], |_| Reply::status(500)).await;
    connect(&app, settings(&server.url), None).await;
    let outside = app.agent.registry.outside().unwrap();
    let names = || async {
        let tools = outside.of(app.site.id).await;
        tools.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["hotel_cancel_booking", "hotel_find_booking"]);

    let mut changed = hotel();
    changed.remove(0);
    changed.push(json!({ "name": "grab_all", "inputSchema": { "type": "object" } }));
    server.tools(changed);
    // Until the list is old the one that is known counts, and nobody asks.
    let lists = server.lists();
    outside.forget(app.site.id);
    names().await;
    outside.drain().await;
    assert_eq!(server.lists(), lists);
    app.clock.advance(TimeDelta::minutes(6));
    outside.forget(app.site.id);
    names().await;
    outside.drain().await;
    assert_eq!(names().await, ["hotel_cancel_booking"]);
    let problems = outside.of(app.site.id).await.problems.clone();
    assert!(
        problems.iter().any(|p| p.tool.as_deref() == Some("find_booking")),
        "{problems:?}"
    );
    assert!(matches!(
        call(&app, "hotel_find_booking", json!({ "number": 1 })).await,
        Err(CallError::Unknown)
    ));

    // A server that is away takes no tool with it.
    server.down(Some(503));
    app.clock.advance(TimeDelta::minutes(6));
    assert!(discover(&app).await.is_err());
    assert_eq!(names().await, ["hotel_cancel_booking"]);
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}

#[tokio::test]
async fn switches_and_modes_hold_for_connected_tools() {
    let server = McpServer::start(hotel()).await;
    server.manner(Manner::Gives(json!({ "number": 1 })));
    let rule = calls(
        "hotel_cancel_booking",
        json!({ "number": 17 }),
        "I can't do that here.",
    );
    let (app, fake) = site(&[&server.host], rule).await;
    connect(&app, settings(&server.url), None).await;
    let off = json!({ "tools_off": ["hotel_find_booking"] });
    let mut tx = app.db.site(app.site.id).await.unwrap();
    deskhand::db::sites::merge_settings(&mut tx, &off).await.unwrap();
    deskhand::db::sites::set_mode(&mut tx, deskhand::domain::site::Mode::Assist)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        code(call(&app, "hotel_find_booking", json!({ "number": 1 })).await),
        (ToolCode::Disabled, 0)
    );
    let token = app.token(VisitorId::new());
    app.ask(&token, "Cancel my booking 17", None).await;
    assert_eq!(server.calls().len(), 0);
    assert_eq!(app.count("SELECT count(*) FROM proposals").await, 0);
    assert_eq!(app.text("SELECT code FROM tool_calls").await, "DISABLED");
    let plan = fake.requests()[0].body["tools"].to_string();
    assert!(!plan.contains("hotel_"), "what is off isn't shown: {plan}");
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}

#[tokio::test]
async fn a_site_sees_its_own_connections_only() {
    let server = McpServer::start(hotel()).await;
    server.manner(Manner::Gives(json!({ "number": 1 })));
    let (app, fake) = site(&[&server.host], |_| Reply::status(500)).await;
    connect(&app, settings(&server.url), None).await;
    let other = crate::support::app::TestSite::add(
        &app.db,
        &app.master,
        "stranger",
        &["https://other.example"],
        deskhand::domain::clock::Clock::now(app.clock.as_ref()),
    )
    .await;
    let ctx = deskhand::hands::ToolContext {
        site: other.id,
        ..context(&app)
    };
    let called = app
        .agent
        .registry
        .call(&ctx, "hotel_find_booking", &json!({ "number": 1 }))
        .await;
    assert!(matches!(called, Err(CallError::Unknown)));
    assert_eq!(server.calls().len(), 0);
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}

#[tokio::test]
async fn addresses_of_the_own_network_are_the_operators_to_allow() {
    let server = McpServer::start(hotel()).await;
    let (app, fake) = site(&[], |_| Reply::status(500)).await;
    put(&app, "mcp", "hotel", settings(&server.url), None).await;
    let error = discover(&app).await.unwrap_err();
    assert!(error.contains("public internet"), "{error}");
    assert_eq!(server.handshakes(), 0);
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}
