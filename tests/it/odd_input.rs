//! Every route of the API is sent what no text and no time can be: U+0000 in each text, path and
//! query, and years that no calendar has. Whatever it makes of that, it is no failure of the server.

use deskhand::domain::clock::Clock;
use deskhand::domain::ids::VisitorId;
use deskhand::domain::keys::Purpose;
use deskhand::domain::signature::{BRIDGE, Signed};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ai_jobs::sign as token;
use crate::support::app::TestApp;
use crate::support::wordpress::{post, sign};

/// What is put in the place of each text.
const ODD: [&str; 8] = [
    "\u{0}",
    "a\u{0}b@example.com",
    "+292278994-08-17T07:12:55Z",
    "-9999-01-01T00:00:00Z",
    "-262143-01-01",
    "9999-12-31T23:59:59-12:00",
    "99999999999999999999",
    "\u{fffd}\u{202e}",
];
/// The same for each number.
const NUMBERS: [i64; 4] = [i64::MAX, i64::MIN, 292_278_994_000, -1];
/// The same for a part of an address.
const WRITTEN: [&str; 6] = [
    "%00",
    "a%00b",
    "%2B292278994-08-17T07:12:55Z",
    "-9999-01-01T00:00:00Z",
    "-262143-01-01",
    "99999999999999999999",
];

/// One value of a schema, as full as it can be.
fn sample(api: &Value, schema: &Value, depth: u8) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return sample(api, &api["components"]["schemas"][name], depth);
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        if let Some(parts) = schema[several].as_array() {
            let mut all = parts.iter().filter(|p| p["type"] != "null");
            if several != "allOf" {
                return all.next().map_or(Value::Null, |p| sample(api, p, depth));
            }
            let mut whole = json!({});
            for part in all {
                if let Value::Object(fields) = sample(api, part, depth) {
                    whole.as_object_mut().unwrap().extend(fields);
                }
            }
            return whole;
        }
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|k| *k != "null").cloned().unwrap_or_default(),
        kind => kind.clone(),
    };
    match kind.as_str().unwrap_or("") {
        "string" if schema["format"] == "uuid" => json!(Uuid::now_v7()),
        "string" if schema["format"] == "date-time" => json!("2026-01-01T00:00:00Z"),
        "string" => json!("text"),
        "integer" | "number" => json!(1),
        "boolean" => json!(true),
        "array" if depth > 0 => json!([sample(api, &schema["items"], depth - 1)]),
        "array" => json!([]),
        _ => {
            let mut fields = json!({});
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                if depth > 0 {
                    fields[name] = sample(api, field, depth - 1);
                }
            }
            fields
        }
    }
}

/// A body with something odd in each of its places, one after the other.
fn oddities(body: &Value) -> Vec<Value> {
    let mut places = Vec::new();
    collect(body, String::new(), &mut places);
    let mut all = vec![
        body.clone(),
        json!({ "a\u{0}": 1 }),
        json!("\u{0}"),
        json!([[["\u{0}"]]]),
    ];
    for place in places {
        let now = body.pointer(&place).unwrap();
        let odd: Vec<Value> = match now {
            Value::Number(_) => NUMBERS.iter().map(|n| json!(n)).collect(),
            _ => ODD.iter().map(|t| json!(t)).collect(),
        };
        for value in odd {
            let mut changed = body.clone();
            *changed.pointer_mut(&place).unwrap() = value;
            all.push(changed);
        }
    }
    all
}

fn collect(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, field)| collect(field, format!("{at}/{name}"), places)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(n, item)| collect(item, format!("{at}/{n}"), places)),
        Value::String(_) | Value::Number(_) => places.push(at),
        Value::Null | Value::Bool(_) => {}
    }
}

/// What a route is asked with, so that it is the text that it stumbles over and not the asker.
fn asker(app: &TestApp, operation: &Value) -> String {
    let now = app.clock.now().timestamp();
    let claims = |audience: &str| json!({ "iss": app.site.id, "sub": "site", "aud": audience, "iat": now, "exp": now + 60, "jti": Uuid::now_v7() });
    let of = |claims: Value| token(&app.site.root, &app.site.kid, &claims);
    let schemes = operation["security"].to_string();
    if schemes.contains("api_key") {
        app.site.api_key()
    } else if schemes.contains("job_token") {
        of(claims("deskhand-jobs"))
    } else if schemes.contains("event_token") {
        of(claims("deskhand-events"))
    } else {
        app.token(VisitorId::new())
    }
}

/// Bodies that get as far as they can where the description doesn't say what is in them.
fn known(app: &TestApp, path: &str) -> Option<Value> {
    let now = app.clock.now();
    match path {
        "/webhook/wp-media" => Some(post(app, 1, 1, "Text.")),
        "/webhooks/order_updated" => Some(json!({
            "site_id": app.site.id, "timestamp": now.timestamp(), "order_id": "1", "email": "a@example.com",
        })),
        "/webhook/wp-ping" => {
            Some(json!({ "site_id": app.site.id, "timestamp": now.timestamp(), "nonce": "n" }))
        }
        "/ingest" => Some(json!({
            "event_type": "form.submitted", "object_ref": "form:1", "idempotency_key": "k", "occurred_at": now,
            "data": { "message": "Text", "fields": [{ "name": "n", "value": "v" }], "extra": { "deep": ["x"] } },
        })),
        _ => None,
    }
}

async fn send(app: &TestApp, method: &Method, path: &str, operation: &Value, body: Option<&Value>) -> u16 {
    let mut request = app
        .client
        .request(method.clone(), format!("{}{path}", app.base))
        .bearer_auth(asker(app, operation));
    if let Some(body) = body {
        let raw = serde_json::to_vec(body).unwrap();
        let key = app.site.root.derive(app.site.id, Purpose::Webhook);
        let signed = Signed {
            body: &raw,
            timestamp: "",
        };
        // A header can't hold what isn't visible; then it is another key than the body's.
        let idempotency = body["idempotency_key"].as_str().unwrap_or("k");
        let visible = idempotency.bytes().all(|b| b.is_ascii_graphic());
        request = request
            .header("x-site-id", app.site.id.to_string())
            .header("x-wp-signature", sign(&app.site.root, app.site.id, &raw))
            .header("x-signature", BRIDGE.sign(key.expose(), &signed))
            .header("x-idempotency-key", if visible { idempotency } else { "k" })
            .header("content-type", "application/json")
            .body(raw);
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn no_route_fails_for_what_no_text_and_no_time_can_be() {
    let app = TestApp::start().await;
    let api = serde_json::to_value(deskhand::http::router::openapi()).unwrap();
    let (mut sent, mut failures, mut taken) = (0, Vec::new(), 0);
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else {
                continue;
            };
            let id = Uuid::now_v7().to_string();
            let mut paths = vec![path.replace("{id}", &id)];
            if path.contains("{id}") {
                paths.extend(WRITTEN.iter().map(|odd| path.replace("{id}", odd)));
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] == "query" {
                    let name = parameter["name"].as_str().unwrap();
                    let odd = WRITTEN.iter().map(|odd| format!("{}?{name}={odd}", paths[0]));
                    paths.extend(odd.collect::<Vec<_>>());
                }
            }
            paths.push(format!("{}?un%00known=1", paths[0]));
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let body = known(&app, path).or_else(|| schema.is_object().then(|| sample(&api, schema, 4)));
            for path in &paths {
                let status = send(&app, &method, path, operation, body.as_ref()).await;
                sent += 1;
                if status >= 500 {
                    failures.push(format!("{status} {method} {path}"));
                }
            }
            for odd in body.iter().flat_map(oddities) {
                let status = send(&app, &method, &paths[0], operation, Some(&odd)).await;
                sent += 1;
                taken += usize::from(status < 400);
                if status >= 500 {
                    failures.push(format!("{status} {method} {} {odd}", paths[0]));
                }
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {sent}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    // They aren't all turned away at the door.
    assert!(sent > 500 && taken > 20, "{sent} sent, {taken} taken");
    app.finish().await;
}

#[tokio::test]
async fn what_a_token_says_is_no_text_either() {
    let app = TestApp::start().await;
    let now = app.clock.now().timestamp();
    let claims = json!({ "iss": app.site.id, "sub": "site", "aud": "deskhand-jobs", "iat": now, "exp": now + 60, "jti": "j" });
    let ask = async |shown: &str| {
        let sent = app
            .get("/jobs/00000000-0000-0000-0000-000000000000", shown)
            .send();
        sent.await.unwrap().status().as_u16()
    };
    // Anybody can write this one: its key is looked for before anything is known of it.
    assert_eq!(ask(&token(&app.site.root, "dk_\u{0}", &claims)).await, 401);
    for (field, value) in [
        ("jti", json!("a\u{0}b")),
        ("sub", json!("\u{0}")),
        ("exp", json!(i64::MAX)),
        ("exp", json!(8_210_266_876_799_i64)),
        ("iat", json!(i64::MIN)),
        ("iat", json!(-8_334_601_228_800_i64)),
    ] {
        let mut odd = claims.clone();
        odd[field] = value;
        assert_eq!(
            ask(&token(&app.site.root, &app.site.kid, &odd)).await,
            401,
            "{odd}"
        );
        odd["sub"] = json!(VisitorId::new());
        odd["aud"] = json!("deskhand");
        odd["origin"] = json!(crate::support::app::ORIGIN);
        let shown = token(&app.site.root, &app.site.kid, &odd);
        let sent = app.get("/api/agent/thread/00000000-0000-0000-0000-000000000000", &shown);
        let status = sent.send().await.unwrap().status().as_u16();
        assert!(status < 500, "{status} {odd}");
    }
    app.finish().await;
}
