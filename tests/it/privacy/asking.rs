//! Who may ask, and what becomes of a turn that is under way meanwhile.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_under_way_ends_with_its_conversation() {
    let (brain, _held) = Scripted::held(&["One sentence."]);
    let setup = Setup {
        brains: vec![Arc::new(brain)],
        ..Setup::default()
    };
    let app = TestApp::with(setup).await;
    // Without knowledge the question would go to people, and the turn would end by itself.
    app.know(&[(
        "returns.md",
        "# Returns\n\nYou can send goods back within 30 days.",
    )])
    .await;
    let visitor = VisitorId::new();
    let token = app.token(visitor);
    let begun: Value = app
        .post("/api/agent/messages", &token)
        .header("prefer", "respond-async")
        .json(&message(
            "I am anna.huber@example.com. How long can I send goods back?",
            None,
        ))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let thread = begun["thread_id"].as_str().unwrap();
    assert_eq!(app.agent.running(), 1);
    let listening = app
        .get(&format!("/api/agent/thread/{thread}/events"), &token)
        .send()
        .await
        .unwrap();
    let (status, receipt) = privacy(&app, "erase", &json!({ "email": ADDRESS })).await;
    assert_eq!((status, &receipt["counts"]["turns"]), (200, &json!(1)));
    while app.agent.running() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // Who listens isn't left waiting until the token ends.
    let heard = crate::support::sse::read_all(listening).await;
    assert!(heard.iter().all(|e| e.name != "done"), "{heard:#?}");
    assert_eq!(rows(&app, "turns").await + rows(&app, "thread_events").await, 0);
    for path in [
        format!("/api/agent/thread/{thread}"),
        format!("/api/agent/thread/{thread}/events"),
    ] {
        let gone = app.get(&path, &token).send().await.unwrap();
        assert_eq!(gone.status(), 410, "{path}");
        assert_eq!(gone.json::<Value>().await.unwrap()["code"], "thread_erased");
        // To anybody else it never was.
        let stranger = app.get(&path, &app.token(VisitorId::new())).send().await.unwrap();
        assert_eq!(stranger.status(), 404);
    }
    let on = app
        .post("/api/agent/messages", &token)
        .json(&message("Are you there?", Some(thread)))
        .send()
        .await
        .unwrap();
    assert_eq!(on.status(), 410);
    app.finish().await;
}

#[tokio::test]
async fn only_the_sites_own_server_may_ask() {
    let app = shop().await;
    let visitor = VisitorId::new();
    live(&app, visitor).await;
    let body = json!({ "email": ADDRESS });
    let other = TestSite::add(&app.db, &app.master, "other", &[ORIGIN], chrono_now(&app)).await;
    for act in ["export", "erase"] {
        let path = format!("/api/privacy/{act}");
        let by = async |token: &str| {
            let sent = app.post(&path, token).json(&body).send().await.unwrap();
            (sent.status().as_u16(), sent.json::<Value>().await.unwrap())
        };
        assert_eq!(by(&app.token(visitor)).await.0, 401, "a visitor's token");
        assert_eq!(by("nothing").await.0, 401);
        let bent = format!("{}00", &app.site.api_key()[..app.site.api_key().len() - 2]);
        assert_eq!(by(&bent).await.0, 401);
        // Another site's key finds nobody there.
        let (status, answer) = by(&other.api_key()).await;
        assert_eq!(status, 200);
        if act == "export" {
            assert_eq!(answer["threads"], json!([]));
        } else {
            assert!(
                answer["counts"].as_object().unwrap().values().all(|n| n == 0),
                "{answer:#}"
            );
        }
        for (body, pointer) in [
            (json!({}), "/email"),
            (json!({ "email": "anna" }), "/email"),
            (json!({ "email": "" }), "/email"),
            (json!({ "visitor_ids": ["x"] }), "/visitor_ids/0"),
            (json!({ "visitor_ids": vec![Uuid::nil(); 101] }), "/visitor_ids"),
        ] {
            let (status, problem) = privacy(&app, act, &body).await;
            assert_eq!(status, 422, "{body}");
            assert_eq!(problem["pointer"], pointer, "{problem:#}");
        }
    }
    assert!(rows(&app, "messages").await > 0, "all of it is still there");
    app.finish().await;
}

fn chrono_now(app: &TestApp) -> chrono::DateTime<chrono::Utc> {
    deskhand::domain::clock::Clock::now(app.clock.as_ref())
}
