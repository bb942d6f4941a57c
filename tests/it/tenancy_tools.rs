//! What `db/` keeps of tools, called under the wrong site: it finds nothing, changes nothing, or
//! is refused.

use chrono::TimeDelta;
use deskhand::db::{connections, tool_breakers, tool_calls, tool_catalogues};
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::VisitorId;
use serde_json::json;

use crate::support::app::{ORIGIN, TestApp, TestSite};

async fn state(app: &TestApp) -> String {
    let id = app.site.id;
    app.text(&format!(
        "SELECT concat_ws('|',
            (SELECT string_agg(b::text, ',') FROM tool_breakers b WHERE site_id = '{id}'),
            (SELECT string_agg(c::text, ',') FROM tool_catalogues c WHERE site_id = '{id}'),
            (SELECT count(*) FROM tool_calls WHERE site_id = '{id}'))"
    ))
    .await
}

#[tokio::test]
async fn the_tools_of_one_site_are_nothing_to_another() {
    let app = TestApp::start().await;
    let now = app.clock.now();
    app.know(&[("a.md", "# Returns\n\nWithin 30 days.")]).await;
    app.ask(&app.token(VisitorId::new()), "How long can I return?", None)
        .await;
    let fresh = json!({ "theirs": true });
    {
        let mut own = app.db.site(app.site.id).await.unwrap();
        let new = connections::NewConnection {
            kind: "mcp",
            name: "hotel",
            config: &json!({}),
            secret_sealed: None,
            at: now,
        };
        connections::put(&mut own, &new).await.unwrap();
        assert!(
            tool_catalogues::claim(&mut own, "mcp", "hotel", now, now)
                .await
                .unwrap()
        );
        tool_catalogues::told(&mut own, "mcp", "hotel", &json!([1]), now)
            .await
            .unwrap();
        tool_breakers::lock(&mut own, "issue_refund", &fresh, now)
            .await
            .unwrap();
        assert!(
            !tool_calls::since(&mut own, now - TimeDelta::days(1))
                .await
                .unwrap()
                .is_empty()
        );
        own.commit().await.unwrap();
    }
    let before = state(&app).await;
    let s = TestSite::add(&app.db, &app.master, "stranger", &[ORIGIN], now).await;

    let mut transaction = app.db.site(s.id).await.unwrap();
    let tx = &mut transaction;
    let names = ["issue_refund".to_owned()];
    assert_eq!(tool_breakers::of(tx, &names).await.unwrap(), []);
    assert_eq!(tool_breakers::all(tx).await.unwrap(), []);
    // One of its own is made: theirs isn't seen.
    let made = tool_breakers::lock(tx, "issue_refund", &json!({}), now)
        .await
        .unwrap();
    assert_eq!(made, json!({}));
    tool_breakers::keep(tx, "issue_refund", Some(&json!({ "mine": true })))
        .await
        .unwrap();
    tool_breakers::keep(tx, "issue_refund", None).await.unwrap();
    assert_eq!(tool_catalogues::all(tx).await.unwrap(), []);
    tool_catalogues::told(tx, "mcp", "hotel", &json!([2]), now)
        .await
        .unwrap();
    tool_catalogues::failed(tx, "mcp", "hotel", "no").await.unwrap();
    let since = now - TimeDelta::days(1);
    assert_eq!(tool_calls::since(tx, since).await.unwrap(), []);
    transaction.commit().await.unwrap();
    // A catalogue belongs to a connection of the same site.
    let mut transaction = app.db.site(s.id).await.unwrap();
    let tx = &mut transaction;
    assert!(
        tool_catalogues::claim(tx, "mcp", "hotel", now, now)
            .await
            .is_err()
    );
    drop(transaction);
    assert_eq!(state(&app).await, before);
    app.finish().await;
}
