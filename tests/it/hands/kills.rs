//! The server is killed at each fail point of an effect: after its restart the refund happened
//! exactly once or a person knows, and the visitor gets an honest end.

use deskhand::domain::fail::FailPoint;
use deskhand::domain::ids::VisitorId;
use serde_json::Value;

use super::shop::{button, paid_back, proposed, stock};
use crate::support::app::{Setup, TestApp};
use crate::support::process::Home;

const MASTER: &str = "0707070707070707070707070707070707070707070707070707070707070707";

#[tokio::test]
async fn a_refund_survives_a_kill_at_every_point() {
    for point in FailPoint::OF_AN_EFFECT {
        // No replica takes over: the server that is started again must.
        let app = TestApp::with(Setup {
            sweep: false,
            ..Setup::default()
        })
        .await;
        stock(&app).await;
        let token = app.token(VisitorId::new());
        let (thread, proposal) = proposed(&app, &token).await;
        let home = Home::new("hands");
        let environment = [
            ("DATABASE_URL", app.urls.app.as_str()),
            ("DESKHAND_MASTER_KEY", MASTER),
        ];
        let dying = home.serve(&[&environment[..], &[("DESKHAND_FAIL_POINT", point.name())]].concat());
        let body = button(&thread, &proposal, true);
        let url = format!("{}/api/agent/messages", dying.base);
        let sent = app.client.post(&url).bearer_auth(&token).json(&body).send().await;
        assert!(
            sent.is_err() || !sent.unwrap().status().is_success(),
            "{point:?}: it should have died"
        );
        dying.wait();
        let server = home.serve(&environment);
        let url = format!("{}/api/agent/messages", server.base);
        let answer: Value = app
            .client
            .post(&url)
            .bearer_auth(&token)
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let back = paid_back(&app, "1004").await;
        let acts = app.count("SELECT count(*) FROM demo_acts").await;
        let state = app.text("SELECT state FROM effects").await;
        match answer["outcome"].as_str().unwrap() {
            "answered" => assert_eq!(
                (back, acts, state.as_str()),
                (3_870, 1, "done"),
                "{point:?} {answer:#}"
            ),
            // Begun and nowhere to be found: a person looks.
            "handoff" => {
                assert_eq!(
                    (back, acts, state.as_str()),
                    (0, 0, "unknown"),
                    "{point:?} {answer:#}"
                );
                assert_eq!(answer["handoff"]["reason"], "unknown_effect");
            }
            other => panic!("{point:?}: {other} {answer:#}"),
        }
        assert!(server.stop().success());
        app.finish().await;
    }
}
