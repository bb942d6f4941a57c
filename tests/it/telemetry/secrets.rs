//! What visitors write is in no log, no trace and no log of the database: the real server,
//! logging all that it can.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::collector::Collector;
use crate::support::fake_provider::{FakeProvider, Reply};
use crate::support::model_brain::wants_search;
use crate::support::process::{Home, Running};

/// What must be nowhere.
const SECRETS: [&str; 7] = [
    "anna.huber@mail.example",
    "quokkastone",
    "+43 660 1234567",
    "6601234567",
    "4111 1111 1111 1111",
    "4111111111111111",
    "sk-live-0Zq8vT3nYp5LxK",
];
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn token(client: &reqwest::Client, server: &Running) -> String {
    let minted = client
        .post(format!("{}/demo/token", server.base))
        .header("origin", &server.base)
        .send()
        .await
        .unwrap();
    minted.json::<Value>().await.unwrap()["token"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// All files of a log in a folder, as text.
fn logs(folder: &Path) -> String {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten();
    files
        .filter(|f| f.file_name().to_string_lossy().starts_with("postgres.log"))
        .map(|f| std::fs::read_to_string(f.path()).unwrap())
        .collect()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|w| w == part)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_visitor_writes_is_logged_or_traced() {
    let collector = Collector::start().await;
    let fake = FakeProvider::start().await;
    // A model that repeats what it is told.
    fake.always(|request| {
        let told = request.last_text().to_owned();
        if wants_search(request) {
            Reply::call("kb_search", json!({ "query": told }))
        } else if request.has_tools() && request.body["messages"][0].to_string().contains("no such tool") {
            Reply::call("write_answer", json!({}))
        } else if request.has_tools() {
            Reply::call(
                &told.chars().take(64).collect::<String>(),
                json!({ "query": told }),
            )
        } else {
            Reply::text(&format!("A return label costs €4.90. [1] {told}"))
        }
    });
    let home = Home::new("secrets");
    let server = home.serve(&[
        ("DESKHAND_LOG_FILTER", "info,deskhand=trace"),
        ("DESKHAND_LOG_FORMAT", "json"),
        ("DESKHAND_PROVIDER_BASE_URL", &fake.base_url),
        ("DESKHAND_PROVIDER_MODEL", "fake-model"),
        ("DESKHAND_PROVIDER_API_KEY", SECRETS[6]),
        ("DESKHAND_PROVIDER_FREE", "true"),
        ("DESKHAND_TELEMETRY_OTLP_ENDPOINT", &collector.endpoint),
        ("DESKHAND_TELEMETRY_OTLP_HEADERS", "x-collector-key=abc"),
    ]);
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(40))
        .build()
        .unwrap();
    let token = token(&client, &server).await;
    let url = format!("{}/api/agent/messages", server.base);
    let mut request_ids = Vec::new();
    let mut send = async |body: Value, accept: &str| {
        let sent = client
            .post(&url)
            .bearer_auth(&token)
            .header("accept", accept.to_owned())
            .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
            .json(&body);
        let response = sent.send().await.unwrap();
        request_ids.push(response.headers()["x-request-id"].to_str().unwrap().to_owned());
        response.text().await.unwrap()
    };
    let all = SECRETS.join(" and ");
    let say = |text: &str| json!({ "message_id": Uuid::now_v7(), "user_msg": text });
    // Answered from the documents, and none found.
    let first = send(say(&format!("How much does a return label cost? {all}")), "*/*").await;
    let first: Value = serde_json::from_str(&first).unwrap();
    let (thread, turn) = (
        first["thread_id"].as_str().unwrap(),
        first["turn_id"].as_str().unwrap(),
    );
    send(say(&all), "text/event-stream").await;
    // In a second message of a thread, with an address left.
    let mut more = say(&format!("A person please: {all}"));
    more["thread_id"] = json!(thread);
    more["contact"] = json!({ "email": SECRETS[0] });
    send(more, "*/*").await;
    // Refused: too long, a field that isn't one, a body that is no JSON.
    send(say(&all.repeat(60)), "*/*").await;
    send(
        json!({ "message_id": Uuid::now_v7(), "user_msg": 1, SECRETS[1]: &all }),
        "*/*",
    )
    .await;
    send(json!(all), "*/*").await;

    let logged = server.stop_and_hear();
    let traced = collector.finish().await;
    assert!(fake.requests().len() > 2, "the model was asked");
    fake.finish().await;
    let database = logs(&home.dir);
    // The search below is worth nothing unless these are what they should be.
    let lines = logged
        .lines()
        .filter_map(|l| serde_json::from_str::<Value>(l).ok());
    let lines: Vec<String> = lines.map(|l| l.to_string()).collect();
    assert!(lines.len() > 10, "{logged}");
    for id in &request_ids {
        assert!(
            lines.iter().any(|l| l.contains(id)),
            "no line has the request {id}:\n{logged}"
        );
    }
    let hashed = thread
        .parse::<deskhand::domain::ids::ThreadId>()
        .unwrap()
        .hashed();
    let of_turn: Vec<&String> = lines.iter().filter(|l| l.contains(turn)).collect();
    assert!(!of_turn.is_empty(), "no line has the turn:\n{logged}");
    for line in of_turn {
        for part in [hashed.as_str(), "\"site\":", request_ids[0].as_str()] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }
    let names = [
        "chat fake-model",
        "invoke_agent deskhand",
        "execute_tool kb_search",
        "POST /api/agent/messages",
    ];
    for name in names {
        assert!(
            traced.iter().any(|(_, body)| contains(body, name.as_bytes())),
            "no trace has {name}"
        );
    }
    let trace_id = hex::decode(TRACE).unwrap();
    assert!(traced.iter().any(|(_, body)| contains(body, &trace_id)));
    assert!(
        traced
            .iter()
            .all(|(head, _)| head.starts_with("post /v1/traces "))
    );
    assert!(
        traced
            .iter()
            .all(|(head, _)| head.contains("x-collector-key: abc"))
    );
    assert!(!database.is_empty());

    for secret in SECRETS.iter().copied().chain([thread, token.as_str()]) {
        assert!(!logged.contains(secret), "{secret} is logged:\n{logged}");
        assert!(
            !database.contains(secret),
            "{secret} is in the database's log:\n{database}"
        );
        for (head, body) in &traced {
            assert!(
                !contains(body, secret.as_bytes()),
                "{secret} is in a trace: {head}"
            );
        }
    }
}
