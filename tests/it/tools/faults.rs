//! What servers do wrong, and what comes of it: a code of the closed list, never more tries than
//! help, and a breaker that leaves a server alone.

use std::time::Duration;

use deskhand::domain::tool::ToolCode;
use serde_json::json;

use super::mcp::{call, code};
use super::server::{Manner, McpServer, connect, hotel, settings, site};
use crate::support::fake_provider::Reply;

#[tokio::test]
async fn every_fault_of_a_read_has_its_code() {
    let faults: Vec<(Manner, (ToolCode, i32))> = vec![
        (Manner::Status(500), (ToolCode::Upstream5xx, 3)),
        (Manner::ActsAndIsCut, (ToolCode::Timeout, 3)),
        (Manner::Status(429), (ToolCode::RateLimit, 3)),
        (Manner::Garbage, (ToolCode::Upstream5xx, 1)),
        (Manner::Huge(400_000), (ToolCode::Upstream5xx, 1)),
        (Manner::Huge(20_000), (ToolCode::Upstream5xx, 1)),
        // It promised a number.
        (
            Manner::Gives(json!({ "number": "17" })),
            (ToolCode::Upstream5xx, 1),
        ),
        (Manner::Says("17".to_owned()), (ToolCode::Upstream5xx, 1)),
        (Manner::Error(-32602), (ToolCode::InvalidInput, 1)),
        (Manner::Error(-32603), (ToolCode::Upstream5xx, 1)),
        (Manner::Status(401), (ToolCode::Disabled, 1)),
        (Manner::Status(302), (ToolCode::Disabled, 1)),
        (
            Manner::Result(json!({ "content": [], "isError": true })),
            (ToolCode::InvalidInput, 1),
        ),
        (
            Manner::Result(json!({ "resultType": "input_required" })),
            (ToolCode::Disabled, 1),
        ),
    ];
    for (manner, wants) in faults {
        let server = McpServer::start(hotel()).await;
        server.manner(manner.clone());
        let (app, fake) = site(&[&server.host], |_| Reply::status(500)).await;
        connect(&app, settings(&server.url), None).await;
        let got = code(call(&app, "hotel_find_booking", json!({ "number": 17 })).await);
        assert_eq!(got, wants, "{manner:?}");
        let tries = usize::try_from(wants.1).unwrap();
        assert_eq!(server.calls().len(), tries, "{manner:?}");
        app.finish().await;
        fake.finish().await;
        server.finish().await;
    }
}

#[tokio::test]
async fn a_slow_server_is_given_up_in_time_and_one_that_recovers_is_heard() {
    let server = McpServer::start(hotel()).await;
    server
        .manner(Manner::Slow(Duration::from_secs(60), json!({})))
        .manner(Manner::Gives(json!({ "number": 17 })));
    let (app, fake) = site(&[&server.host], |_| Reply::status(500)).await;
    let mut config = settings(&server.url);
    config["timeout_ms"] = json!(300);
    connect(&app, config, None).await;
    let called = call(&app, "hotel_find_booking", json!({ "number": 17 }))
        .await
        .unwrap();
    assert_eq!(called.attempts, 2);
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}

#[tokio::test]
async fn a_server_that_is_down_is_left_alone_with_all_its_tools() {
    let server = McpServer::start(hotel()).await;
    server.manner(Manner::Gives(json!({ "number": 17 })));
    let (app, fake) = site(&[&server.host], |_| Reply::status(500)).await;
    let mut config = settings(&server.url);
    config["reads"] = json!(["find_booking", "cancel_booking"]);
    connect(&app, config, None).await;
    server.down(Some(503));
    let find = || call(&app, "hotel_find_booking", json!({ "number": 17 }));
    for _ in 0..5 {
        assert_eq!(code(find().await).0, ToolCode::Upstream5xx);
    }
    server.down(None);
    assert_eq!(code(find().await), (ToolCode::Upstream5xx, 0));
    // The other tool of the same server never failed, and waits too.
    let other = call(&app, "hotel_cancel_booking", json!({ "number": 17 })).await;
    assert_eq!(code(other), (ToolCode::Upstream5xx, 0));
    assert_eq!(server.calls().len(), 0);
    app.clock.advance(chrono::TimeDelta::seconds(61));
    find().await.unwrap();
    call(&app, "hotel_cancel_booking", json!({ "number": 17 }))
        .await
        .unwrap();
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}

#[tokio::test]
async fn one_bad_tool_leaves_the_others_of_its_server_alone() {
    let server = McpServer::start(hotel()).await;
    server.manner(Manner::Gives(json!({ "number": "no" })));
    let (app, fake) = site(&[&server.host], |_| Reply::status(500)).await;
    let mut config = settings(&server.url);
    config["reads"] = json!(["find_booking", "cancel_booking"]);
    connect(&app, config, None).await;
    for _ in 0..5 {
        code(call(&app, "hotel_find_booking", json!({ "number": 17 })).await);
    }
    let (_, attempts) = code(call(&app, "hotel_find_booking", json!({ "number": 17 })).await);
    assert_eq!(attempts, 0);
    call(&app, "hotel_cancel_booking", json!({ "number": 17 }))
        .await
        .unwrap();
    app.finish().await;
    fake.finish().await;
    server.finish().await;
}
