//! Who may ask: tokens that are missing, expired, forged, of a wrong algorithm, replayed
//! or foreign; keys that rotate and end; origins and preflights.

use chrono::TimeDelta;
use deskhand::db::sites;
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::{SiteId, VisitorId};
use deskhand::domain::keys::{Alg, Purpose, RootSecret, owner_of};
use deskhand::http::auth::token::Claims;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::app::{ORIGIN, TestApp, message};

fn claims(app: &TestApp) -> Claims {
    Claims::new(
        app.site.id,
        VisitorId::new(),
        ORIGIN,
        app.clock.now() + TimeDelta::minutes(4),
    )
}

fn sign(app: &TestApp, alg: Algorithm, kid: &str, claims: &impl serde::Serialize, key: &[u8]) -> String {
    let _ = app;
    let header = Header {
        kid: Some(kid.to_owned()),
        ..Header::new(alg)
    };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(key)).unwrap()
}

async fn verdict(app: &TestApp, token: &str) -> (u16, String) {
    let sent = app
        .post("/api/agent/messages", token)
        .json(&message("hello", None))
        .send()
        .await
        .unwrap();
    let status = sent.status().as_u16();
    let body: Value = sent.json().await.unwrap();
    if status != 200 {
        assert_eq!(body["status"], status);
        assert!(
            body["request_id"].as_str().is_some_and(|id| id.len() >= 8),
            "{body}"
        );
        assert!(body["detail"].as_str().is_some_and(|d| !d.is_empty()), "{body}");
    }
    (status, body["code"].as_str().unwrap_or("").to_owned())
}

fn refused(code: &str) -> (u16, String) {
    (
        if code == "origin_not_allowed" { 403 } else { 401 },
        code.to_owned(),
    )
}

#[tokio::test]
async fn no_token_no_answer() {
    let app = TestApp::start().await;
    let url = format!("{}/api/agent/messages", app.base);
    for header in [None, Some("Basic eDp5"), Some("Bearer "), Some("Bearer")] {
        let mut request = app.client.post(&url).json(&message("hello", None));
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401, "{header:?}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(
            response.json::<Value>().await.unwrap()["code"],
            "token_missing",
            "{header:?}"
        );
    }
    app.finish().await;
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let app = TestApp::start().await;
    let key = *app.site.root.derive(app.site.id, Purpose::Token).expose();
    let good = claims(&app);
    assert_eq!(verdict(&app, &app.site.signed(&good)).await.0, 200);
    let kid = app.site.kid.clone();

    let with = |change: &dyn Fn(&mut Value)| {
        let mut value = serde_json::to_value(claims(&app)).unwrap();
        change(&mut value);
        sign(&app, Algorithm::HS256, &kid, &value, &key)
    };
    let bent = {
        let mut token = app.site.signed(&claims(&app));
        let last = if token.ends_with('A') { 'B' } else { 'A' };
        token.pop();
        token.push(last);
        token
    };
    let none = {
        use base64::Engine;
        let b64 = |v: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(v.to_string());
        format!(
            "{}.{}.",
            b64(json!({ "alg": "none", "kid": kid })),
            b64(serde_json::to_value(claims(&app)).unwrap())
        )
    };
    let long = (app.clock.now() + TimeDelta::minutes(10)).timestamp();
    for (what, token) in [
        ("garbage", "a.b.c".to_owned()),
        ("a bent signature", bent),
        ("no algorithm", none),
        (
            "another algorithm of the same key",
            sign(&app, Algorithm::HS512, &kid, &claims(&app), &key),
        ),
        (
            "another secret",
            sign(&app, Algorithm::HS256, &kid, &claims(&app), &[0; 32]),
        ),
        (
            "the root secret itself",
            sign(
                &app,
                Algorithm::HS256,
                &kid,
                &claims(&app),
                app.site.root.expose(),
            ),
        ),
        (
            "an unknown key",
            sign(&app, Algorithm::HS256, "dk_unknown_key", &claims(&app), &key),
        ),
        ("another site's id", with(&|v| v["iss"] = json!(SiteId::new()))),
        ("another audience", with(&|v| v["aud"] = json!("somebody"))),
        (
            "no expiry",
            with(&|v| v.as_object_mut().unwrap().remove("exp").map(drop).unwrap()),
        ),
        (
            "no visitor",
            with(&|v| v.as_object_mut().unwrap().remove("sub").map(drop).unwrap()),
        ),
        ("a visitor that is none", with(&|v| v["sub"] = json!("admin"))),
        ("no id", with(&|v| v["jti"] = json!(""))),
        ("a life of ten minutes", with(&|v| v["exp"] = json!(long))),
        ("an endless token", "e".repeat(5_000)),
    ] {
        assert_eq!(verdict(&app, &token).await, refused("token_invalid"), "{what}");
    }
    app.finish().await;
}

#[tokio::test]
async fn expired_tokens_say_so() {
    let app = TestApp::start().await;
    let token = app.token(VisitorId::new());
    assert_eq!(verdict(&app, &token).await.0, 200);
    app.clock.advance(TimeDelta::minutes(5));
    assert_eq!(verdict(&app, &token).await, refused("token_expired"));
    app.finish().await;
}

#[tokio::test]
async fn a_tokens_id_belongs_to_it_alone() {
    let app = TestApp::start().await;
    let other = app.replica(crate::support::app::Setup::default()).await;
    let first = claims(&app);
    let token = app.site.signed(&first);
    assert_eq!(verdict(&app, &token).await.0, 200);
    assert_eq!(
        verdict(&app, &token).await.0,
        200,
        "a token may be used for as long as it lives"
    );
    let thief = Claims {
        sub: VisitorId::new(),
        ..first
    };
    let replayed = app.site.signed(&thief);
    assert_eq!(verdict(&app, &replayed).await, refused("token_invalid"));
    assert_eq!(
        verdict(&other, &replayed).await,
        refused("token_invalid"),
        "on the other replica too"
    );
    other.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn only_the_sites_own_pages_may_ask() {
    let app = TestApp::start().await;
    let token = app.token(VisitorId::new());
    let from = |origin: &'static str| {
        app.post("/api/agent/messages", &token)
            .header("origin", origin)
            .json(&message("hello", None))
            .send()
    };
    let own = from(ORIGIN).await.unwrap();
    assert_eq!(own.status(), 200);
    assert_eq!(own.headers()["access-control-allow-origin"], ORIGIN);
    assert_eq!(own.headers()["vary"], "origin");
    let foreign = from("https://evil.example").await.unwrap();
    assert_eq!(foreign.status(), 403);
    assert!(!foreign.headers().contains_key("access-control-allow-origin"));
    assert_eq!(
        foreign.json::<Value>().await.unwrap()["code"],
        "origin_not_allowed"
    );
    let elsewhere = Claims {
        origin: "https://evil.example".into(),
        ..claims(&app)
    };
    assert_eq!(
        verdict(&app, &app.site.signed(&elsewhere)).await,
        refused("origin_not_allowed")
    );

    let preflight = |origin: &'static str| {
        app.client
            .request(
                reqwest::Method::OPTIONS,
                format!("{}/api/agent/messages", app.base),
            )
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
            .send()
    };
    let allowed = preflight(ORIGIN).await.unwrap();
    assert_eq!(allowed.status(), 204);
    assert_eq!(allowed.headers()["access-control-allow-origin"], ORIGIN);
    let headers = allowed.headers()["access-control-allow-headers"]
        .to_str()
        .unwrap();
    assert!(
        headers.contains("authorization") && headers.contains("last-event-id"),
        "{headers}"
    );
    assert!(!allowed.headers().contains_key("access-control-allow-credentials"));
    let denied = preflight("https://evil.example").await.unwrap();
    assert_eq!(denied.status(), 403);
    assert!(!denied.headers().contains_key("access-control-allow-origin"));
    app.finish().await;
}

#[tokio::test]
async fn two_generations_are_valid_while_rotating_and_a_revoked_key_is_not() {
    let app = TestApp::start().await;
    let new = RootSecret::new([9; 32]);
    let kid = "dk_second_generation";
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let sealed = app
        .master
        .seal(&owner_of(app.site.id, kid), new.expose())
        .unwrap();
    sites::add_root_key(&mut tx, kid, &sealed).await.unwrap();
    sites::retire_root_keys(&mut tx, kid, app.clock.now() + TimeDelta::hours(24))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let key = *new.derive(app.site.id, Purpose::Token).expose();
    let by_new = || sign(&app, Algorithm::HS256, kid, &claims(&app), &key);
    assert_eq!(verdict(&app, &by_new()).await.0, 200);
    assert_eq!(
        verdict(&app, &app.token(VisitorId::new())).await.0,
        200,
        "the old generation, for a day"
    );
    app.clock.advance(TimeDelta::hours(25));
    assert_eq!(
        verdict(&app, &app.token(VisitorId::new())).await,
        refused("token_invalid")
    );
    assert_eq!(verdict(&app, &by_new()).await.0, 200);

    let other = app.replica(crate::support::app::Setup::default()).await;
    let mut tx = app.db.site(app.site.id).await.unwrap();
    assert!(sites::revoke_key(&mut tx, kid, app.clock.now()).await.unwrap());
    tx.commit().await.unwrap();
    // A server that hasn't seen the key yet; one that has forgets it within seconds.
    assert_eq!(verdict(&other, &by_new()).await, refused("token_invalid"));
    other.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_registered_public_key_pins_its_algorithm() {
    let app = TestApp::start().await;
    let (private, public) = es256();
    let kid = "es_registered_key";
    let mut tx = app.db.site(app.site.id).await.unwrap();
    sites::add_token_key(&mut tx, kid, Alg::ES256, &public)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let header = Header {
        kid: Some(kid.to_owned()),
        ..Header::new(Algorithm::ES256)
    };
    let token = jsonwebtoken::encode(
        &header,
        &claims(&app),
        &EncodingKey::from_ec_pem(private.as_bytes()).unwrap(),
    )
    .unwrap();
    assert_eq!(verdict(&app, &token).await.0, 200);
    // The classic: an HMAC made with the public key's own text.
    let confused = sign(&app, Algorithm::HS256, kid, &claims(&app), public.as_bytes());
    assert_eq!(verdict(&app, &confused).await, refused("token_invalid"));
    app.finish().await;
}

/// A new key pair, as PEM.
fn es256() -> (String, String) {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use base64::Engine;
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let pem = |label: &str, der: &[u8]| {
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let lines: Vec<_> = text
            .as_bytes()
            .chunks(64)
            .map(|c| std::str::from_utf8(c).unwrap())
            .collect();
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            lines.join("\n")
        )
    };
    let private = pair.to_pkcs8v1().unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    (
        pem("PRIVATE KEY", private.as_ref()),
        pem("PUBLIC KEY", public.as_ref()),
    )
}
