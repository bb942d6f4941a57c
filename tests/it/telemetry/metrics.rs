//! The metrics: the list in the documentation is the one that is recorded and exported.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use deskhand::telemetry::catalogue::{self, METRICS};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::process::{Home, Running};

#[test]
fn the_list_is_in_the_documentation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let (written, made) = (
        std::fs::read_to_string(&path).unwrap_or_default(),
        catalogue::reference(),
    );
    if written != made {
        let new = std::env::temp_dir().join("deskhand-metrics.md");
        std::fs::write(&new, &made).unwrap();
        panic!(
            "docs/metrics.md isn't the list; as it should be: {}",
            new.display()
        );
    }
}

/// Names of metrics as they stand in the source, each with its place.
#[test]
fn what_the_source_records_is_listed_and_the_other_way_round() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut recorded: BTreeMap<String, String> = BTreeMap::new();
    for file in walkdir::WalkDir::new(&src).into_iter().flatten() {
        let path = file.path().strip_prefix(&src).unwrap().display().to_string();
        if !path.ends_with(".rs") || path.starts_with("telemetry/catalogue") {
            continue;
        }
        let text = std::fs::read_to_string(file.path()).unwrap();
        for literal in text.split('"').filter(|l| l.starts_with("deskhand_")) {
            let metric = ["_total", "_seconds"].iter().any(|end| literal.ends_with(end))
                || METRICS.iter().any(|m| m.name == literal);
            if metric {
                recorded.insert(literal.to_owned(), path.clone());
            }
        }
    }
    let listed: BTreeSet<&str> = METRICS.iter().map(|m| m.name).collect();
    for (name, path) in &recorded {
        assert!(
            listed.contains(name.as_str()),
            "src/{path} records {name}, which isn't listed"
        );
    }
    for name in listed {
        assert!(recorded.contains_key(name), "{name} is listed and never recorded");
    }
}

/// Each exported name with the names of its labels.
fn series(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let (name, labels) = match line.split_once('{') {
            Some((name, rest)) => (name, rest.split_once('}').unwrap().0),
            None => (line.split(' ').next().unwrap(), ""),
        };
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|e| name.strip_suffix(e));
        let labels = labels
            .split("\",")
            .filter_map(|l| l.split_once('='))
            .map(|(l, _)| l.to_owned());
        out.entry(base.unwrap_or(name).to_owned())
            .or_default()
            .extend(labels.filter(|l| l != "le"));
    }
    out
}

async fn ask(client: &reqwest::Client, server: &Running, text: &str) -> Value {
    let minted = client
        .post(format!("{}/demo/token", server.base))
        .header("origin", &server.base);
    let minted: Value = minted.send().await.unwrap().json().await.unwrap();
    let sent = client
        .post(format!("{}/api/agent/messages", server.base))
        .bearer_auth(minted["token"].as_str().unwrap())
        .json(&json!({ "message_id": Uuid::now_v7(), "user_msg": text }));
    sent.send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_exports_what_is_listed_and_answers_without_its_collector() {
    let home = Home::new("metrics");
    // Nothing listens there.
    let server = home.serve(&[("DESKHAND_TELEMETRY_OTLP_ENDPOINT", "http://127.0.0.1:9")]);
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(40))
        .build()
        .unwrap();
    let answer = ask(&client, &server, "How much does a return label cost?").await;
    assert_eq!(answer["outcome"], "answered", "{answer:#}");
    ask(&client, &server, "How much does a return label cost?").await;
    let handed = ask(&client, &server, "I want to talk to a person, please.").await;
    assert_eq!(handed["outcome"], "handoff", "{handed:#}");
    let url = format!("{}/metrics", server.base);
    let read = async || client.get(&url).send().await.unwrap().text().await.unwrap();
    // Spans are given up in the background.
    let text = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let text = read().await;
            if text.contains("deskhand_spans_dropped_total{reason=\"collector\"}") {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    let exported = series(&text);
    for (name, labels) in &exported {
        let listed = METRICS.iter().find(|m| m.name == name);
        let listed = listed.unwrap_or_else(|| panic!("{name} is exported and not listed"));
        let wanted: BTreeSet<String> = listed.labels.iter().map(|l| (*l).to_owned()).collect();
        assert_eq!(*labels, wanted, "{name}");
    }
    for name in [
        "deskhand_turns_total",
        "deskhand_turn_seconds",
        "deskhand_turn_phase_seconds",
        "deskhand_first_sentence_seconds",
        "deskhand_turns_running",
        "deskhand_tool_seconds",
        "deskhand_sentences_total",
        "deskhand_handoffs_total",
        "deskhand_searches_total",
        "deskhand_search_seconds",
        "deskhand_cache_lookups_total",
        "deskhand_jobs_waiting",
        "deskhand_jobs_oldest_seconds",
        "deskhand_streams_open",
    ] {
        assert!(exported.contains_key(name), "{name} is missing:\n{text}");
    }
    for line in [
        "deskhand_turns_total{outcome=\"answered\",brain=\"extractive\"} 2",
        "deskhand_turns_total{outcome=\"handoff\",brain=\"extractive\"} 1",
        "deskhand_handoffs_total{reason=\"visitor_asked\"} 1",
        "deskhand_cache_lookups_total{cache=\"found\",result=\"hit\"} 1",
        "deskhand_turns_running 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    for phase in ["screen", "plan", "tool", "draft", "check", "close"] {
        assert!(text.contains(&format!("phase=\"{phase}\"")), "{phase} in\n{text}");
    }
    let proxied = client
        .get(&url)
        .header("x-forwarded-for", "192.0.2.7")
        .send()
        .await
        .unwrap();
    assert_eq!(proxied.status(), 404);
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_can_be_switched_off() {
    let home = Home::new("nometrics");
    let server = home.serve(&[("DESKHAND_TELEMETRY_METRICS", "off")]);
    let read = reqwest::get(format!("{}/metrics", server.base)).await.unwrap();
    assert_eq!(read.status(), 404);
    assert!(server.stop().success());
}
