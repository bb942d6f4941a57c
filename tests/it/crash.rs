//! What is left after a kill: of the server at every fail point of a turn and of an
//! ingestion, of PostgreSQL, of both. With the product's own binary and data folder.

use std::time::Duration;

use deskhand::domain::fail::FailPoint;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::fake_embedder::FakeEmbedder;
use crate::support::process::{Home, PATIENT, Running};
use crate::support::sse::{self, first};

struct Visitor {
    client: reqwest::Client,
    cookie: String,
}

impl Visitor {
    async fn token(&mut self, server: &Running) -> String {
        let mut request = self
            .client
            .post(format!("{}/demo/token", server.base))
            .header("origin", &server.base);
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
            "{cookie}"
        );
        self.cookie = cookie.split(';').next().unwrap().to_owned();
        response.json::<Value>().await.unwrap()["token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn new() -> Self {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(180))
            .build()
            .unwrap();
        Self {
            client,
            cookie: String::new(),
        }
    }

    async fn send(&mut self, server: &Running, body: &Value) -> reqwest::Result<reqwest::Response> {
        let token = self.token(server).await;
        let url = format!("{}/api/agent/messages", server.base);
        self.client
            .post(url)
            .bearer_auth(token)
            .header("accept", "text/event-stream")
            .json(body)
            .send()
            .await
    }
}

fn question() -> Value {
    json!({ "message_id": Uuid::now_v7(), "user_msg": "How much does a return label cost?" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_survives_a_kill_at_every_point() {
    let home = Home::new("turn");
    home.json(&["search", "returns", "--json"]);
    for point in FailPoint::OF_A_TURN {
        let (mut visitor, body) = (Visitor::new(), question());
        let server = home.serve(&[&PATIENT[..], &[("DESKHAND_FAIL_POINT", point.name())]].concat());
        if let Ok(stream) = visitor.send(&server, &body).await {
            sse::read_all(stream).await;
        }
        assert!(!server.wait().success(), "{point:?} must kill the process");
        let server = home.serve(&PATIENT);
        // The same message again: the same turn, carried on and ended.
        let again = visitor.send(&server, &body).await.unwrap();
        assert_eq!(again.status(), 200, "{point:?}");
        let ended = tokio::time::timeout(Duration::from_secs(120), sse::read_all(again)).await;
        let events = ended.unwrap_or_else(|_| panic!("{point:?}: it never ended"));
        assert!(events.windows(2).all(|w| w[0].id < w[1].id));
        for once in ["turn", "final", "done"] {
            assert_eq!(
                events.iter().filter(|e| e.name == once).count(),
                1,
                "{point:?}: {events:#?}"
            );
        }
        let last = first(&events, "final");
        assert_eq!(last["outcome"], "answered", "{point:?}: {last}");
        assert!(
            last["text"].as_str().unwrap().contains("4.90"),
            "{point:?}: {last}"
        );
        assert_eq!(
            last["text"].as_str().unwrap().matches("4.90").count(),
            1,
            "said twice, {point:?}: {last}"
        );
        assert!(server.stop().success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ingestion_survives_a_kill_at_every_point() {
    let home = Home::new("ingest");
    let embedder = FakeEmbedder::start().await;
    let model = [
        ("DESKHAND_EMBEDDINGS_MODEL", "openai:fake"),
        ("DESKHAND_EMBEDDINGS_BASE_URL", embedder.base_url.as_str()),
    ];
    home.json(&["site", "add", "https://shop.example", "--slug", "shop", "--json"]);
    for point in FailPoint::OF_INGESTION {
        let file = home.dir.join(format!("{}.md", point.name()));
        let word = point.name().replace('_', "");
        std::fs::write(&file, format!("# {word}\n\nThe {word} weighs 17 kilograms.\n")).unwrap();
        let path = file.to_str().unwrap();
        let mut killed = home.command(&["ingest", path, "--site", "shop"]);
        let killed = killed
            .envs(model)
            .env("DESKHAND_FAIL_POINT", point.name())
            .output()
            .unwrap();
        assert!(!killed.status.success(), "{point:?} must kill the process");
        let again = home
            .command(&["ingest", path, "--site", "shop"])
            .envs(model)
            .output()
            .unwrap();
        assert!(
            again.status.success(),
            "{point:?}: {}",
            String::from_utf8_lossy(&again.stderr)
        );
        let found = home
            .command(&["search", &word, "--site", "shop", "--json", "-k", "10"])
            .envs(model)
            .output()
            .unwrap();
        let found: Value = serde_json::from_slice(&found.stdout).unwrap();
        let hits = found["passages"].as_array().unwrap();
        let of_it = hits
            .iter()
            .filter(|h| h["text"].as_str().unwrap().contains(&word))
            .count();
        assert_eq!(of_it, 1, "{point:?}: once, and whole: {found:#}");
        assert!(hits[0]["text"].as_str().unwrap().contains("17 kilograms"));
    }
    // One killed after its swap is still leased to the dead; the next worker takes it back.
    let live = home.json(&["jobs", "list", "--json"]);
    let jobs = live.as_array().unwrap();
    assert!(
        jobs.iter()
            .all(|j| j["state"] == "done" || j["state"] == "running"),
        "{live:#}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_killed_under_a_server_comes_back() {
    let home = Home::new("pgkill");
    let server = home.serve(&PATIENT);
    let mut visitor = Visitor::new();
    let before = sse::read_all(visitor.send(&server, &question()).await.unwrap()).await;
    assert_eq!(first(&before, "final")["outcome"], "answered");
    let postmaster = home.postmaster().expect("a postmaster.pid");
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(postmaster),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    let ready = format!("{}/readyz", server.base);
    let back = async {
        loop {
            let ok = visitor
                .client
                .get(&ready)
                .send()
                .await
                .is_ok_and(|r| r.status() == 200);
            if ok && home.postmaster().is_some_and(|p| p != postmaster) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), back)
        .await
        .expect("the server must start PostgreSQL again");
    let after = sse::read_all(visitor.send(&server, &question()).await.unwrap()).await;
    assert_eq!(first(&after, "final")["outcome"], "answered");
    // What was said before is still there.
    let thread = first(&before, "turn")["thread_id"].as_str().unwrap().to_owned();
    let token = visitor.token(&server).await;
    let url = format!("{}/api/agent/thread/{thread}", server.base);
    assert_eq!(
        visitor
            .client
            .get(url)
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_killed_at_once_lose_nothing() {
    let home = Home::new("both");
    let server = home.serve(&PATIENT);
    let (mut visitor, body) = (Visitor::new(), question());
    let before = sse::read_all(visitor.send(&server, &body).await.unwrap()).await;
    let postmaster = home.postmaster().expect("a postmaster.pid");
    server.kill();
    // It may have died of its parent's death already.
    let _ = nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(postmaster),
        nix::sys::signal::Signal::SIGKILL,
    );
    let server = home.serve(&PATIENT);
    let after = sse::read_all(visitor.send(&server, &body).await.unwrap()).await;
    assert_eq!(before, after);
    assert!(server.stop().success());
    assert!(home.postmaster().is_none(), "a stop leaves no PostgreSQL behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_the_same_folder_is_refused_and_tools_join() {
    let home = Home::new("second");
    let server = home.serve(&[]);
    let refused = home
        .try_serve(&[])
        .err()
        .expect("a second server on the same data folder");
    assert!(
        refused.contains(&server.child.id().to_string()),
        "it must name the first one's process: {refused}"
    );
    let mut ask = home.command(&["ask", "How much does a return label cost?", "--json"]);
    let asked = ask.envs(PATIENT).output().unwrap();
    let answer: Value = serde_json::from_slice(&asked.stdout).unwrap();
    assert!(answer["answer"].as_str().unwrap().contains("4.90"), "{answer:#}");
    assert!(server.stop().success());
}

#[test]
fn a_full_disk_is_named() {
    let home = Home::new("full");
    // No file may grow past 1 MiB: what a full disk looks like to initdb.
    let binary = env!("CARGO_BIN_EXE_deskhand");
    let mut command = home.command(&[]);
    let line = format!("trap '' XFSZ; ulimit -f 1024; exec '{binary}' serve --listen 127.0.0.1:0");
    let mut shell = std::process::Command::new("bash");
    shell
        .args(["-c", &line])
        .env_clear()
        .envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let output = shell
        .current_dir(&home.dir)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("File too large") || said.contains("No space"),
        "{said}"
    );
    // With space again it starts: nothing half-made is in the way.
    command.args(["search", "returns", "--json"]);
    let after = command.output().unwrap();
    assert!(
        after.status.success(),
        "{}",
        String::from_utf8_lossy(&after.stderr)
    );
}
