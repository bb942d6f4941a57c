//! The connection test as the plugin makes it: signature both ways, the clock, the secret's
//! generations; and the stream by which buffering shows.

use chrono::TimeDelta;
use deskhand::db::sites;
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::VisitorId;
use deskhand::domain::keys::{Purpose, RootSecret, owner_of};
use deskhand::domain::signature::{Signed, WORDPRESS};
use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp};
use crate::support::site_server::SiteServer;

struct Pinged {
    status: u16,
    signature: String,
    raw: Vec<u8>,
}

impl Pinged {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap()
    }
}

/// Pings as the site with this secret would; `bend` changes what is sent after it is signed.
async fn ping(app: &TestApp, root: &RootSecret, body: &Value, headers: &[(&str, &str)]) -> Pinged {
    let raw = body.to_string();
    let signed = Signed {
        body: raw.as_bytes(),
        timestamp: "",
    };
    let signature = WORDPRESS.sign(root.derive(app.site.id, Purpose::Webhook).expose(), &signed);
    let mut request = app
        .client
        .post(format!("{}/webhook/wp-ping", app.base))
        .header("content-type", "application/json");
    let usual = [
        ("x-site-id", app.site.id.to_string()),
        ("x-wp-signature", signature),
    ];
    for (name, value) in &usual {
        let other = headers.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
        request = request.header(*name, other.unwrap_or(value));
    }
    if let Some((name, value)) = headers.iter().find(|(n, _)| *n == "x-key-id") {
        request = request.header(*name, *value);
    }
    let sent = request.body(raw).send().await.unwrap();
    let header = |name: &str| {
        sent.headers()
            .get(name)
            .map_or(String::new(), |v| v.to_str().unwrap().to_owned())
    };
    Pinged {
        status: sent.status().as_u16(),
        signature: header("x-deskhand-signature"),
        raw: sent.bytes().await.unwrap().to_vec(),
    }
}

fn question(app: &TestApp) -> Value {
    json!({ "site_id": app.site.id, "timestamp": app.clock.now().timestamp(), "nonce": "n-1" })
}

fn is_signed(app: &TestApp, root: &RootSecret, pinged: &Pinged) -> bool {
    let key = root.derive(app.site.id, Purpose::Callback);
    let signed = Signed {
        body: &pinged.raw,
        timestamp: "",
    };
    WORDPRESS
        .verify(&[key.expose()], &signed, &pinged.signature)
        .is_some()
}

/// What the ping is told of the way back.
async fn way_back(app: &TestApp, url: &str) -> Value {
    let mut body = question(app);
    body["callback_url"] = json!(url);
    let pinged = ping(app, &app.site.root, &body, &[]).await;
    assert_eq!(pinged.status, 200);
    assert!(is_signed(app, &app.site.root, &pinged));
    pinged.json()["way_back"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_back_is_tried_as_callbacks_go() {
    let site = SiteServer::start().await;
    let app = TestApp::with(Setup {
        callbacks: vec![site.host.clone()],
        ..Setup::default()
    })
    .await;
    let pinged = ping(&app, &app.site.root, &question(&app), &[]).await;
    assert!(
        pinged.json().get("way_back").is_none(),
        "who doesn't ask for it isn't asked"
    );
    assert!(site.received().is_empty());

    // Not one of the site's addresses yet.
    let told = way_back(&app, &site.url()).await;
    assert_eq!(told["code"], "origin_not_allowed", "{told:#}");
    let mut tx = app.db.site(app.site.id).await.unwrap();
    sites::set_origins(&mut tx, &[site.origin()]).await.unwrap();
    tx.commit().await.unwrap();

    site.answer(200, r#"{"nonce":"n-1"}"#);
    let told = way_back(&app, &site.url()).await;
    assert_eq!(told, json!({ "open": true }));
    let received = site.received();
    assert!(received[0].is_signed(&app.site.root, app.site.id));
    assert_eq!(received[0].json(), json!({ "nonce": "n-1" }));

    for (status, body, code) in [
        (200, r#"{"nonce":"n-0"}"#, "not_the_plugin"),
        (200, "<html>Parked</html>", "not_the_plugin"),
        (401, "", "refused"),
        (302, "", "refused"),
    ] {
        site.answer(status, body);
        let told = way_back(&app, &site.url()).await;
        assert_eq!(
            (&told["open"], &told["code"]),
            (&json!(false), &json!(code)),
            "{told:#}"
        );
        assert!(told["detail"].as_str().unwrap().len() > 20);
    }
    let long = format!("{}?{}", site.url(), "x".repeat(2000));
    let mut body = question(&app);
    body["callback_url"] = json!(long);
    assert_eq!(ping(&app, &app.site.root, &body, &[]).await.status, 422);
    app.finish().await;
}

#[tokio::test]
async fn a_signed_question_gets_a_signed_answer() {
    let app = TestApp::start().await;
    app.know(&[("a.md", "# Lamps\n\nThe reading lamp Reed costs €199.")])
        .await;
    let pong = ping(&app, &app.site.root, &question(&app), &[]).await;
    assert_eq!(pong.status, 200, "{}", pong.json());
    assert!(is_signed(&app, &app.site.root, &pong), "{}", pong.signature);
    let told = pong.json();
    assert_eq!(told["nonce"], "n-1");
    assert_eq!(told["api"], 1);
    assert_eq!(told["site_id"], json!(app.site.id));
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&told["model"], &told["documents"]), (&json!(false), &json!(1)));
    assert_eq!(told["origins"], json!(["https://shop.example"]));
    assert!(chrono::DateTime::parse_from_rfc3339(told["time"].as_str().unwrap()).is_ok());
    // The time as text, too.
    let mut text = question(&app);
    text["timestamp"] = json!(app.clock.now().to_rfc3339());
    assert_eq!(ping(&app, &app.site.root, &text, &[]).await.status, 200);

    // A new secret beside the old one: each is answered with its own.
    let new = RootSecret::new([5; 32]);
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let sealed = app
        .master
        .seal(&owner_of(app.site.id, "dk_newer_key"), new.expose())
        .unwrap();
    deskhand::db::sites::add_root_key(&mut tx, "dk_newer_key", &sealed)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    // Keys are remembered for five seconds.
    let until = async {
        while ping(&app, &new, &question(&app), &[]).await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), until)
        .await
        .unwrap();
    for root in [&app.site.root, &new] {
        let pong = ping(&app, root, &question(&app), &[]).await;
        assert_eq!(pong.status, 200);
        assert!(is_signed(&app, root, &pong));
        assert!(pong.json().get("key_ends_at").is_none(), "{:#}", pong.json());
    }
    // Once the old one is to end, who still has it is told when.
    let end = app.clock.now() + TimeDelta::hours(24);
    let mut tx = app.db.site(app.site.id).await.unwrap();
    sites::retire_root_keys(&mut tx, "dk_newer_key", end)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let until = async {
        loop {
            let pong = ping(&app, &app.site.root, &question(&app), &[]).await.json();
            if let Some(told) = pong["key_ends_at"].as_str() {
                return chrono::DateTime::parse_from_rfc3339(told).unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let told = tokio::time::timeout(std::time::Duration::from_secs(30), until)
        .await
        .unwrap();
    assert_eq!(told.timestamp(), end.timestamp());
    let pong = ping(&app, &new, &question(&app), &[]).await.json();
    assert!(pong.get("key_ends_at").is_none(), "{pong:#}");
    let named = ping(&app, &new, &question(&app), &[("x-key-id", "dk_newer_key")]).await;
    assert_eq!(named.status, 200);
    let wrong = ping(&app, &new, &question(&app), &[("x-key-id", &app.site.kid)]).await;
    assert_eq!(wrong.status, 401);
    app.finish().await;
}

#[tokio::test]
async fn each_thing_that_is_wrong_is_told_apart_as_far_as_it_may_be() {
    let app = TestApp::start().await;
    let other = VisitorId::new().to_string();
    let wrong = RootSecret::new([9; 32]);
    let good = question(&app);
    for (what, pinged) in [
        ("a wrong secret", ping(&app, &wrong, &good, &[]).await),
        (
            "an unknown site",
            ping(&app, &app.site.root, &good, &[("x-site-id", &other)]).await,
        ),
        (
            "no site",
            ping(&app, &app.site.root, &good, &[("x-site-id", "shop")]).await,
        ),
        (
            "no signature",
            ping(&app, &app.site.root, &good, &[("x-wp-signature", "")]).await,
        ),
    ] {
        assert_eq!(
            (pinged.status, &pinged.json()["code"]),
            (401, &json!("bad_signature")),
            "{what}"
        );
        assert_eq!(
            pinged.signature, "",
            "{what}: an answer that isn't ours to give is not signed"
        );
    }
    for off in [-310, 310] {
        let mut stale = question(&app);
        stale["timestamp"] = json!((app.clock.now() + TimeDelta::seconds(off)).timestamp());
        let pinged = ping(&app, &app.site.root, &stale, &[]).await;
        let problem = pinged.json();
        assert_eq!(
            (pinged.status, &problem["code"]),
            (401, &json!("stale_timestamp"))
        );
        // So that the plugin can say whose clock is wrong, and by how much.
        assert!(chrono::DateTime::parse_from_rfc3339(problem["time"].as_str().unwrap()).is_ok());
        assert!(
            problem["detail"].as_str().unwrap().contains("seconds"),
            "{problem:#}"
        );
    }
    for (field, value, pointer) in [
        ("site_id", json!(other), "/site_id"),
        ("timestamp", json!("noon"), "/timestamp"),
        ("timestamp", json!(null), "/timestamp"),
        ("nonce", json!("n".repeat(201)), "/nonce"),
    ] {
        let mut body = question(&app);
        body[field] = value;
        let pinged = ping(&app, &app.site.root, &body, &[]).await;
        assert_eq!((pinged.status, &pinged.json()["pointer"]), (422, &json!(pointer)));
    }
    app.finish().await;
}

#[tokio::test]
async fn the_stream_ticks_and_ends() {
    let app = TestApp::start().await;
    for token in [app.token(VisitorId::new()), app.site.api_key()] {
        let stream = app.get("/api/stream-check", &token).send().await.unwrap();
        assert_eq!(stream.status(), 200);
        assert_eq!(stream.headers()["x-accel-buffering"], "no");
        assert_eq!(stream.headers()["cache-control"], "no-cache, no-transform");
        let text = stream.text().await.unwrap();
        let of = |field: &'static str| text.lines().filter_map(move |l| l.strip_prefix(field));
        let names: Vec<&str> = of("event: ").collect();
        assert_eq!(names, ["tick", "tick", "tick", "tick", "tick", "done"]);
        let ticks: Vec<Value> = of("data: ").map(|d| serde_json::from_str(d).unwrap()).collect();
        let at = |n: usize| ticks[n]["at_ms"].as_i64().unwrap();
        assert!((0..4).all(|n| at(n) < at(n + 1)), "{text}");
        assert!((0..5).all(|n| ticks[n]["n"] == n + 1), "{text}");
    }
    let stranger = app.get("/api/stream-check", "x").send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    app.finish().await;
}
