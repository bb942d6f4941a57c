//! What is left of intake after a kill at every stage: of the server, of a worker, of
//! PostgreSQL, of everything. With the product's own binaries, data folder and webhooks:
//! each document ends right, once, and nothing belongs to no document.

use std::process::{Child, Stdio};
use std::time::Duration;

use deskhand::db::embedded::{self, Access, EmbeddedSettings};
use deskhand::domain::fail::FailPoint;
use deskhand::domain::ids::SiteId;
use deskhand::domain::keys::{Purpose, RootSecret};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use uuid::Uuid;

use crate::intake::ORPHANS;
use crate::support::fake_embedder::FakeEmbedder;
use crate::support::postgres;
use crate::support::process::{Home, Running};
use crate::support::wordpress::{WordPress, sign};

/// A deskhand with one site, and that site.
struct Shop {
    home: Home,
    wordpress: WordPress,
    embedder: FakeEmbedder,
    client: reqwest::Client,
    site: SiteId,
    root: RootSecret,
    api_key: String,
    documents: u64,
}

impl Shop {
    async fn new(name: &str) -> Self {
        let (wordpress, embedder) = (WordPress::start().await, FakeEmbedder::start().await);
        let home = Home::new(name);
        std::fs::create_dir(home.dir.join("tmp")).unwrap();
        let added = home.json(&["site", "add", &wordpress.origin, "--slug", "shop", "--json"]);
        let text = |key: &str| added[key].as_str().unwrap().to_owned();
        let secret = hex::decode(text("secret")).unwrap();
        let site = SiteId(text("site_id").parse().unwrap());
        let root = RootSecret::new(secret.try_into().unwrap());
        let key = root.derive(site, Purpose::Api);
        let api_key = format!("{}.{}", text("kid"), hex::encode(key.expose()));
        Self {
            home,
            wordpress,
            embedder,
            client: reqwest::Client::builder()
                .timeout(Duration::from_secs(20))
                .build()
                .unwrap(),
            site,
            root,
            api_key,
            documents: 0,
        }
    }

    fn environment(&self) -> Vec<(String, String)> {
        let pair = self.wordpress.origin.trim_start_matches("http://").to_owned();
        let of = |key: &str, value: String| (key.to_owned(), value);
        vec![
            of("DESKHAND_EMBEDDINGS_MODEL", "openai:fake".to_owned()),
            of("DESKHAND_EMBEDDINGS_BASE_URL", self.embedder.base_url.clone()),
            of("DESKHAND_FETCH_ALLOW_PRIVATE", pair),
            of("DESKHAND_SERVER_DEMO", "false".to_owned()),
            of("TMPDIR", self.home.dir.join("tmp").to_string_lossy().into_owned()),
        ]
    }

    fn serve(&self, fail_point: Option<&str>, arguments: &[&str]) -> Running {
        let own = self.environment();
        let mut environment: Vec<(&str, &str)> = own.iter().map(|(k, v)| (&**k, &**v)).collect();
        environment.extend(fail_point.map(|p| ("DESKHAND_FAIL_POINT", p)));
        self.home.serve_with(arguments, &environment)
    }

    fn worker(&self, fail_point: Option<&str>) -> Child {
        let mut command = self.home.command(&["worker"]);
        command.envs(self.environment());
        command.envs(fail_point.map(|p| ("DESKHAND_FAIL_POINT", p)));
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// A new file of the site's, and the event that tells of it.
    fn file(&mut self) -> (String, Value) {
        self.documents += 1;
        let n = self.documents;
        let text = format!("# Lamp {n}\n\nThe lamp called marker{n} weighs 17 kilograms.");
        let url = self.wordpress.serve(&format!("/{n}.md"), 200, text.as_bytes());
        let event = json!({ "site_id": self.site, "attachment_id": n, "file_url": url, "title": format!("Lamp {n}") });
        (format!("marker{n}"), event)
    }

    /// Sends an event until it is answered, as a plugin does; gives the answer.
    async fn tell(&self, server: &Running, event: &Value, key: &str) -> Option<Value> {
        let mut event = event.clone();
        let now = std::process::Command::new("date").arg("+%s").output().unwrap();
        let now: i64 = String::from_utf8(now.stdout).unwrap().trim().parse().unwrap();
        event["timestamp"] = json!(now);
        let raw = serde_json::to_vec(&event).unwrap();
        let request = self
            .client
            .post(format!("{}/webhook/wp-media", server.base))
            .header("x-site-id", self.site.to_string())
            .header("x-wp-signature", sign(&self.root, self.site, &raw))
            .header("idempotency-key", key)
            .body(raw);
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let answer: Value = response.json().await.ok()?;
        matches!(status, 200 | 202).then_some(answer)
    }

    async fn told(&self, server: &Running, event: &Value, key: &str) -> Value {
        let asked = async {
            loop {
                match self.tell(server, event, key).await {
                    Some(answer) => return answer,
                    None => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), asked)
            .await
            .expect("an answer to a webhook")
    }

    /// Waits until the document of an answer is in this state.
    async fn becomes(&self, server: &Running, answer: &Value, state: &str, what: &str) -> Value {
        let url = format!(
            "{}/api/documents/{}",
            server.base,
            answer["document_id"].as_str().unwrap()
        );
        let mut last = Value::Null;
        let waited = async {
            loop {
                let asked = self.client.get(&url).bearer_auth(&self.api_key).send().await;
                if let Ok(response) = asked {
                    last = response.json().await.unwrap_or_default();
                    if last["state"] == state {
                        return;
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let done = tokio::time::timeout(Duration::from_secs(60), waited).await;
        assert!(done.is_ok(), "{what}: not {state}: {last:#}");
        last
    }

    /// The leases of what has died are over at once; as if a quarter of a minute had passed.
    async fn dead_leases_are_over(&self) {
        self.query("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE state = 'running' RETURNING 0::bigint")
            .await;
    }

    async fn query(&self, query: &str) -> Option<i64> {
        let settings = EmbeddedSettings {
            data_dir: self.home.dir.join("data"),
            pg_dir: postgres::pg_dir(),
            durable: true,
            wait_for_lock: Duration::from_secs(30),
        };
        let server = embedded::open(&settings, Access::Attach).await.unwrap();
        let options: PgConnectOptions = server.url("postgres", "deskhand").parse().unwrap();
        let mut database = options.connect().await.unwrap();
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_optional(&mut database)
            .await
            .unwrap()
    }

    /// The document is there once and whole, and is found.
    async fn is_right(&self, server: &Running, answer: &Value, marker: &str, what: &str) {
        let document = self.becomes(server, answer, "live", what).await;
        assert_eq!(
            (&document["version"], &document["chunks"]),
            (&json!(1), &json!(1)),
            "{what}"
        );
        let question = json!({ "site_id": self.site, "question": format!("What does {marker} weigh?") });
        let asked = self
            .client
            .post(format!("{}/rag/query", server.base))
            .bearer_auth(&self.api_key)
            .json(&question);
        let answer: Value = asked.send().await.unwrap().json().await.unwrap();
        let hits = answer["hits"]
            .as_array()
            .unwrap_or_else(|| panic!("{what}: {answer:#}"));
        let fits = hits
            .iter()
            .filter(|h| h["text"].as_str().unwrap().contains(marker))
            .count();
        assert_eq!(fits, 1, "{what}: {answer:#}");
    }

    /// Nothing is left over, of rows and of files.
    async fn is_clean(&self) {
        let open = "SELECT count(*) FROM inbound_events WHERE state IN ('queued', 'failed')";
        let live = "SELECT count(*) FROM jobs WHERE state = 'dead' OR state IN ('waiting', 'running') AND kind = 'take_event'";
        for query in [
            open,
            live,
            ORPHANS,
            "SELECT count(*) FROM embedding_cache",
            "SELECT count(*) FROM uploads",
        ] {
            let waited = async {
                while self.query(query).await != Some(0) {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            let done = tokio::time::timeout(Duration::from_secs(40), waited).await;
            assert!(done.is_ok(), "left over: {query}");
        }
        let files = std::fs::read_dir(self.home.dir.join("tmp")).unwrap().count();
        assert_eq!(files, 0, "files are left in the temporary folder");
    }
}

/// What intake passes for a file that is told of.
fn points() -> Vec<FailPoint> {
    [
        FailPoint::OF_AN_EVENT.as_slice(),
        FailPoint::OF_INGESTION.as_slice(),
    ]
    .concat()
}

fn stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| rest.trim_start().starts_with('T'))
}

async fn holds(pid: u32, what: &str) {
    let waited = async {
        while !stopped(pid) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(60), waited).await;
    assert!(done.is_ok(), "{what}: it never came there");
}

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_at_any_stage_of_intake_loses_nothing() {
    let mut shop = Shop::new("killserver").await;
    for point in points() {
        let what = format!("{point:?}");
        let (marker, event) = shop.file();
        let key = Uuid::now_v7().to_string();
        let server = shop.serve(Some(point.name()), &[]);
        // The answer may be lost with the server.
        shop.tell(&server, &event, &key).await;
        assert!(!server.wait().success(), "{what} must kill the process");
        let server = shop.serve(None, &[]);
        shop.dead_leases_are_over().await;
        let answer = shop.told(&server, &event, &key).await;
        shop.is_right(&server, &answer, &marker, &what).await;
        assert!(server.stop().success());
    }
    for point in FailPoint::OF_A_REMOVAL {
        let what = format!("{point:?}");
        let (marker, event) = shop.file();
        let server = shop.serve(Some(point.name()), &[]);
        let answer = shop.told(&server, &event, &Uuid::now_v7().to_string()).await;
        shop.is_right(&server, &answer, &marker, &what).await;
        let end = json!({ "site_id": shop.site, "event": "media.deleted", "attachment_id": event["attachment_id"] });
        shop.tell(&server, &end, &Uuid::now_v7().to_string()).await;
        assert!(!server.wait().success(), "{what} must kill the process");
        let server = shop.serve(None, &[]);
        shop.dead_leases_are_over().await;
        shop.becomes(&server, &answer, "removed", &what).await;
        // It is so from the answer on; its job comes after.
        shop.is_clean().await;
        assert!(server.stop().success());
    }
    let server = shop.serve(None, &[]);
    shop.is_clean().await;
    let receipts = shop.query("SELECT count(*) FROM deletion_receipts").await;
    assert_eq!(receipts, Some(2), "one receipt a removal");
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_at_any_stage_of_intake_loses_nothing() {
    let mut shop = Shop::new("killworker").await;
    let server = shop.serve(None, &["--no-worker"]);
    for point in points().into_iter().filter(|p| *p != FailPoint::EventStored) {
        let what = format!("{point:?}");
        let (marker, event) = shop.file();
        let answer = shop.told(&server, &event, &Uuid::now_v7().to_string()).await;
        let mut killed = shop.worker(Some(point.name()));
        assert!(!killed.wait().unwrap().success(), "{what} must kill the worker");
        shop.dead_leases_are_over().await;
        let mut worker = shop.worker(None);
        shop.is_right(&server, &answer, &marker, &what).await;
        signal(worker.id(), Signal::SIGTERM);
        assert!(worker.wait().unwrap().success(), "{what}");
    }
    let mut worker = shop.worker(None);
    shop.is_clean().await;
    signal(worker.id(), Signal::SIGTERM);
    worker.wait().unwrap();
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_killed_at_any_stage_of_intake_loses_nothing() {
    let mut shop = Shop::new("killpg").await;
    for point in points() {
        let what = format!("{point:?}");
        let (marker, event) = shop.file();
        let key = Uuid::now_v7().to_string();
        let server = shop.serve(Some(&format!("hold:{}", point.name())), &[]);
        let pid = server.child.id();
        let postmaster = shop.home.postmaster().expect("a postmaster.pid");
        let killed = async {
            holds(pid, &what).await;
            kill(Pid::from_raw(postmaster), Signal::SIGKILL).unwrap();
            signal(pid, Signal::SIGCONT);
        };
        let told = shop.tell(&server, &event, &key);
        tokio::join!(killed, told);
        let answer = shop.told(&server, &event, &key).await;
        shop.is_right(&server, &answer, &marker, &what).await;
        assert_ne!(
            shop.home.postmaster(),
            Some(postmaster),
            "{what}: it must be another one"
        );
        assert!(server.stop().success());
    }
    let server = shop.serve(None, &[]);
    shop.is_clean().await;
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_killed_at_any_stage_of_intake_loses_nothing() {
    let mut shop = Shop::new("killall").await;
    for point in points() {
        let what = format!("{point:?}");
        let (marker, event) = shop.file();
        let key = Uuid::now_v7().to_string();
        let server = shop.serve(Some(&format!("hold:{}", point.name())), &[]);
        let pid = server.child.id();
        let postmaster = shop.home.postmaster().expect("a postmaster.pid");
        let killed = async {
            holds(pid, &what).await;
            kill(Pid::from_raw(postmaster), Signal::SIGKILL).unwrap();
            signal(pid, Signal::SIGKILL);
        };
        let told = shop.tell(&server, &event, &key);
        tokio::join!(killed, told);
        server.wait();
        let server = shop.serve(None, &[]);
        shop.dead_leases_are_over().await;
        let answer = shop.told(&server, &event, &key).await;
        shop.is_right(&server, &answer, &marker, &what).await;
        assert!(server.stop().success());
    }
    let server = shop.serve(None, &[]);
    shop.is_clean().await;
    assert!(server.stop().success());
}
