//! What is left of an AI job after a kill at every point: it is answered, and its result is
//! delivered at least once, the same each time. With the product's own binary.

use std::time::Duration;

use deskhand::domain::fail::FailPoint;
use deskhand::domain::ids::SiteId;
use deskhand::domain::keys::RootSecret;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{anybody, sign};
use crate::support::process::{Home, Running};
use crate::support::site_server::SiteServer;

struct Site {
    id: SiteId,
    kid: String,
    root: RootSecret,
}

async fn post(server: &Running, site: &Site, visitor: &str, jti: &str, body: &Value) -> Option<u16> {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let claims = json!({
        "iss": site.id, "sub": visitor, "aud": "deskhand-jobs", "iat": now, "exp": now + 60, "jti": jti,
    });
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(40))
        .build()
        .unwrap();
    let sent = client
        .post(format!("{}/jobs", server.base))
        .bearer_auth(sign(&site.root, &site.kid, &claims))
        .json(body)
        .send()
        .await;
    sent.ok().map(|r| r.status().as_u16())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_is_delivered_whatever_dies_in_between() {
    let home = Home::new("aijob");
    let wordpress = SiteServer::start().await;
    let added = home.json(&["site", "add", &wordpress.origin(), "--slug", "shop", "--json"]);
    let secret: [u8; 32] = hex::decode(added["secret"].as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap();
    let site = Site {
        id: added["site_id"].as_str().unwrap().parse().unwrap(),
        kid: added["kid"].as_str().unwrap().to_owned(),
        root: RootSecret::new(secret),
    };
    let file = home.dir.join("returns.md");
    std::fs::write(&file, "# Returns\n\nYou can send goods back within 30 days.\n").unwrap();
    let done = home.run(&["ingest", file.to_str().unwrap(), "--site", "shop"]);
    assert!(done.status.success());
    let allowed = ("DESKHAND_FETCH_ALLOW_PRIVATE", wordpress.host.as_str());
    let patient = ("DESKHAND_AGENT_FIRST_MS", "60000");

    for point in FailPoint::OF_AN_AI_JOB {
        let before = wordpress.received().len();
        let (visitor, jti) = (anybody(), point.name());
        let body = json!({
            "route": "chat", "message_id": Uuid::now_v7(), "user_msg": "How long can I send goods back?",
            "callback_url": wordpress.url(), "priority": "high",
        });
        let server = home.serve(&[("DESKHAND_FAIL_POINT", point.name()), allowed, patient]);
        // The answer may be lost with the process; the job isn't.
        let taken = post(&server, &site, &visitor, jti, &body).await;
        assert!(matches!(taken, None | Some(202)), "{point:?}: {taken:?}");
        assert!(!server.wait().success(), "{point:?} must kill the process");

        let server = home.serve(&[allowed, patient]);
        // Asked again, since its answer may have been lost: the same job.
        let again = post(&server, &site, &visitor, jti, &body).await;
        assert!(matches!(again, Some(200 | 202)), "{point:?}: {again:?}");
        // Delivered before it died, or not: the last word is the site's.
        let least = before + 1 + usize::from(point == FailPoint::CallbackSent);
        let received = wordpress.wait(least).await;
        let told = &received[before..];
        for one in told {
            assert!(one.is_signed(&site.root, site.id), "{point:?}");
            assert_eq!(one.raw, told[0].raw, "{point:?}: another result");
        }
        let result = told[0].json();
        assert_eq!(result["idempotency_key"], jti);
        assert_eq!(result["status"], "succeeded", "{point:?}: {result:#}");
        let text = result["result_json"]["text"].as_str().unwrap();
        assert_eq!(text.matches("30 days").count(), 1, "{point:?}: {text}");
        assert!(server.stop().success());
        let jobs = home.json(&["jobs", "list", "--site", "shop", "--json"]);
        let open: Vec<&Value> = jobs
            .as_array()
            .unwrap()
            .iter()
            // One that was killed while it ran is leased to the dead; the next worker takes it back.
            .filter(|j| j["state"] != "done" && !(j["kind"] == "ai_job" && j["state"] == "running"))
            .collect();
        assert!(open.is_empty(), "{point:?}: {open:#?}");
    }
}
