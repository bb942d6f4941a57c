//! `deskhand doctor` calls each provider and says what is wrong and what helps, without
//! ever showing a key.

use serde_json::{Value, json};

use crate::support::fake_provider::{FakeProvider, Reply};
use crate::support::process::Home;

/// What it says of a part with a configuration.
async fn examine(name: &'static str, toml: String, part: &str) -> Vec<Value> {
    let ran = tokio::task::spawn_blocking(move || {
        let home = Home::new(name);
        std::fs::write(home.dir.join("deskhand.toml"), toml).unwrap();
        // Nobody listens there: the database isn't what this is about.
        let mut command = home.command(&["doctor", "--json"]);
        command
            .env("DATABASE_URL", "postgres://127.0.0.1:9/none")
            .output()
            .unwrap()
    });
    let ran = ran.await.unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(!said.contains("sk-test-secret"), "{said}");
    let checks: Vec<Value> = serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{said}"));
    let of_it = |c: &Value| c["part"].as_str().unwrap().starts_with(part);
    checks.into_iter().filter(of_it).collect()
}

fn provider(name: &str, base_url: &str, more: &str) -> String {
    format!(
        "[[providers]]\nname = '{name}'\nbase_url = '{base_url}'\napi_key = 'sk-test-secret'\nfree = true\n{more}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_provider_is_said_with_what_helps() {
    let fake = FakeProvider::start().await;
    let whole =
        json!({ "choices": [{ "message": { "content": "ready" }, "finish_reason": "stop" }] }).to_string();
    fake.always(move |request| match request.body["model"].as_str().unwrap() {
        "plans" => Reply::call("ready", json!({ "ready": true })),
        "writes" => Reply::text("ready"),
        "talks" => Reply::text("I am ready."),
        "whole" => Reply::raw("application/json", &[whole.as_bytes()]),
        "thinks" => Reply::text("").finish("length"),
        "locked" => Reply::status(401)
            .saying_json(json!({ "error": { "message": "Incorrect API key provided: sk-test-secret" } })),
        "empty-purse" => Reply::status(429),
        "page" => Reply::raw("text/html", &[b"<html>"]),
        _ => Reply::status(404),
    });
    let nowhere = "http://127.0.0.1:9/v1";
    let two = |plan: &str, draft: &str| format!("plan_model = '{plan}'\ndraft_model = '{draft}'");
    let url = &fake.base_url;
    let toml = [
        provider("fine", url, &two("plans", "writes")),
        provider("talker", url, "model = 'talks'"),
        provider("slow", url, &two("plans", "whole")),
        provider("thinker", url, &two("plans", "thinks")),
        provider("locked", url, "model = 'locked'"),
        provider("missing", url, "model = 'no-such'"),
        provider("limited", url, "model = 'empty-purse'"),
        provider("page", url, "model = 'page'"),
        provider("nowhere", nowhere, "model = 'm'"),
    ];
    let said = examine("doctor-providers", toml.concat(), "provider").await;
    for (name, model, state, detail, mend) in [
        ("fine", "plans", "ok", "calls tools", ""),
        ("fine", "writes", "ok", "streams", ""),
        ("talker", "talks", "broken", "calls no tool", "plan_model"),
        (
            "slow",
            "whole",
            "warning",
            "doesn't stream",
            "endpoint that streams",
        ),
        ("thinker", "thinks", "ok", "answers", ""),
        (
            "locked",
            "",
            "broken",
            "doesn't accept the key (401): Incorrect API key provided: …",
            "valid key",
        ),
        ("missing", "no-such", "broken", "404", "base_url"),
        ("limited", "", "warning", "429", "limits"),
        ("page", "", "broken", "doesn't speak", "base_url"),
        ("nowhere", "", "broken", "can't be reached", "base_url"),
    ] {
        let of_it = |c: &&Value| {
            c["part"] == format!("provider {name}") && c["detail"].as_str().unwrap().contains(model)
        };
        let check = said
            .iter()
            .find(of_it)
            .unwrap_or_else(|| panic!("{name} isn't in {said:#?}"));
        assert_eq!(check["state"], state, "{check:#}");
        assert!(check["detail"].as_str().unwrap().contains(detail), "{check:#}");
        assert!(check["mend"].as_str().unwrap_or("").contains(mend), "{check:#}");
    }
    assert_eq!(said.len(), 12, "{said:#?}");
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_moderation_endpoint_is_said_with_what_helps() {
    let fake = FakeProvider::start().await;
    let with = |url: &str, model: &str| {
        format!("[moderation]\nurl = '{url}'\nmodel = '{model}'\napi_key = 'sk-test-secret'\nms = 2000\n")
    };
    fake.always(|request| {
        let results = |flagged: bool| {
            json!({ "results": [{ "flagged": flagged, "categories": { "financial": flagged } }] }).to_string()
        };
        match request.body["model"].as_str().unwrap() {
            "fine" => Reply::raw("application/json", &[results(false).as_bytes()]),
            "nervous" => Reply::raw("application/json", &[results(true).as_bytes()]),
            "locked" => Reply::status(401),
            "slow" => Reply::never(),
            "page" => Reply::raw("text/html", &[b"<html>"]),
            _ => Reply::status(404),
        }
    });
    let nowhere = "http://127.0.0.1:9/v1";
    for (url, model, state, detail, mend) in [
        (fake.base_url.as_str(), "fine", "ok", "`fine` answers", ""),
        (
            &fake.base_url,
            "nervous",
            "warning",
            "financial",
            "moderation.ignore",
        ),
        (
            &fake.base_url,
            "locked",
            "broken",
            "doesn't accept the key",
            "moderation.api_key",
        ),
        (&fake.base_url, "slow", "broken", "2000 ms", "moderation.ms"),
        (
            &fake.base_url,
            "page",
            "broken",
            "doesn't speak",
            "moderation.url",
        ),
        (
            &fake.base_url,
            "other",
            "broken",
            "no model `other`",
            "moderation.model",
        ),
        (nowhere, "m", "broken", "no connection", "moderation.url"),
    ] {
        let said = examine("doctor-moderation", with(url, model), "moderation").await;
        assert_eq!(said.len(), 1, "{said:#?}");
        let check = &said[0];
        assert_eq!(check["state"], state, "{check:#}");
        assert!(check["detail"].as_str().unwrap().contains(detail), "{check:#}");
        assert!(check["mend"].as_str().unwrap_or("").contains(mend), "{check:#}");
        let alone = check["detail"]
            .as_str()
            .unwrap()
            .contains("the closed rules decide alone");
        assert_eq!(alone, state == "broken", "{check:#}");
    }
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_providers_it_says_what_answers() {
    let said = examine("doctor-none", String::new(), "provider").await;
    assert_eq!((said.len(), &said[0]["state"]), (1, &json!("ok")));
}

#[test]
fn what_reads_and_scans_files_is_looked_at() {
    let home = Home::new("doctor-reading");
    let checks = |environment: &[(&str, &str)]| -> Vec<Value> {
        let mut command = home.command(&["doctor", "--json"]);
        // Nobody listens there: the database isn't what this is about.
        command.env("DATABASE_URL", "postgres://127.0.0.1:9/none");
        let ran = command.envs(environment.iter().copied()).output().unwrap();
        serde_json::from_slice(&ran.stdout).unwrap()
    };
    let part = |checks: &[Value], name: &str| -> Value {
        let found = checks.iter().find(|c| c["part"] == name);
        found
            .unwrap_or_else(|| panic!("nothing is said of {name}: {checks:?}"))
            .clone()
    };
    let all = checks(&[]);
    assert_eq!(part(&all, "pdf")["state"], "ok", "{all:?}");
    assert_eq!(part(&all, "ocr")["state"], "ok", "{all:?}");
    assert!(part(&all, "ocr")["detail"].as_str().unwrap().contains("deu+eng"));
    assert_eq!(part(&all, "virus scanner")["state"], "ok");

    let bare = checks(&[("PATH", "/nowhere"), ("DESKHAND_SCAN_CLAMD", "127.0.0.1:9")]);
    assert_eq!(part(&bare, "pdf")["state"], "warning");
    assert!(
        part(&bare, "pdf")["mend"]
            .as_str()
            .unwrap()
            .contains("poppler-utils")
    );
    let ocr = part(&bare, "ocr");
    assert!(
        ocr["mend"].as_str().unwrap().contains("tesseract-ocr-deu"),
        "{ocr}"
    );
    assert_eq!(part(&bare, "virus scanner")["state"], "broken", "{bare:?}");

    let foreign = checks(&[("DESKHAND_KNOWLEDGE_OCR_LANGUAGES", "eng+tlh")]);
    let ocr = part(&foreign, "ocr");
    assert_eq!(ocr["state"], "warning");
    assert!(
        ocr["detail"].as_str().unwrap().contains("no data for tlh"),
        "{ocr}"
    );
}
