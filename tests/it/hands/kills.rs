//! The server is killed at each fail point of an effect: after its restart the refund happened
//! exactly once or a person knows, and the visitor gets an honest end.

use deskhand::domain::fail::FailPoint;
use deskhand::domain::ids::VisitorId;
use rstest::rstest;
use serde_json::Value;

use super::shop::{button, proposed};
use super::till::{Kind, Till};
use crate::support::app::Setup;
use crate::support::process::Home;

const MASTER: &str = "0707070707070707070707070707070707070707070707070707070707070707";

#[rstest]
#[case::demo(Kind::Demo)]
#[case::woocommerce(Kind::Woo)]
#[tokio::test]
async fn a_refund_survives_a_kill_at_every_point(#[case] kind: Kind) {
    for point in FailPoint::OF_AN_EFFECT {
        // No replica takes over: the server that is started again must.
        let setup = Setup {
            sweep: false,
            ..Setup::default()
        };
        let (app, till) = Till::open(kind, setup).await;
        let private = till.private();
        let token = app.token(VisitorId::new());
        let (thread, proposal) = proposed(&app, &token).await;
        let home = Home::new("hands");
        let environment = [
            ("DATABASE_URL", app.urls.app.as_str()),
            ("DESKHAND_MASTER_KEY", MASTER),
        ];
        let allowed = private
            .iter()
            .map(|p| ("DESKHAND_FETCH_ALLOW_PRIVATE", p.as_str()));
        let environment: Vec<(&str, &str)> = environment.into_iter().chain(allowed).collect();
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
        let back = till.paid_back(&app, "1004").await;
        let acts = till.acts(&app, "1004").await;
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
        // The one who died may have held the job that looks again; its lease ends by itself.
        app.bend("DELETE FROM jobs WHERE kind = 'settle_effect'").await;
        app.finish().await;
    }
}
