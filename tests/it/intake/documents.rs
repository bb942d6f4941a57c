//! The documents' API: lists, look-ups, failures in words, having one made anew; and whose
//! documents and jobs they are.

use deskhand::domain::clock::Clock;
use deskhand::domain::ids::VisitorId;
use deskhand::knowledge::scan::{self, Scanner};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{found, shop};
use crate::support::app::{ORIGIN, TestApp, TestSite};
use crate::support::knowledge::settings;
use crate::support::wordpress::{WordPress, post};

fn media(app: &TestApp, id: u64, url: &str) -> Value {
    json!({ "site_id": app.site.id, "timestamp": app.clock.now().timestamp(), "attachment_id": id,
            "file_url": url, "title": "A file" })
}

#[tokio::test]
async fn failures_speak_and_are_tried_again_where_that_may_help() {
    let (wordpress, app) = shop().await;
    let gone = app
        .tell(&media(&app, 1, &format!("{}/gone.pdf", wordpress.origin)))
        .await;
    let broken = wordpress.serve("/broken.pdf", 200, b"%PDF-1.7\n%%EOF not really");
    let broken = app.tell(&media(&app, 2, &broken)).await;
    let elsewhere = app.tell(&media(&app, 3, "http://127.0.0.1:1/a.pdf")).await;
    let busy_url = wordpress.serve("/busy.md", 503, b"");
    let busy = app.tell(&media(&app, 4, &busy_url)).await;
    let mut picture = media(&app, 5, &format!("{}/a.jpg", wordpress.origin));
    picture["mime_type"] = json!("image/jpeg");
    let picture = app.tell(&picture).await;
    app.work().await;

    for (answer, code) in [
        (&gone, "gone"),
        (&broken, "corrupt"),
        (&elsewhere, "origin_not_allowed"),
        (&picture, "unsupported_type"),
    ] {
        let document = app.document(answer).await;
        assert_eq!(document["state"], "failed", "{document:#}");
        assert_eq!(document["failure"]["code"], code, "{document:#}");
        let said = document["failure"]["detail"].as_str().unwrap();
        assert!(
            said.ends_with('.') && said.contains(' ') && !said.contains("Error"),
            "{said}"
        );
    }
    assert_eq!(wordpress.asked("/a.jpg"), 0);
    let (_, job) = app.api("GET", gone["status_url"].as_str().unwrap(), None).await;
    assert_eq!(
        (&job["state"], &job["attempts"]),
        (&json!("failed"), &json!(1)),
        "{job:#}"
    );
    // A picture is no failure of the queue's.
    let (_, job) = app
        .api("GET", picture["status_url"].as_str().unwrap(), None)
        .await;
    assert_eq!(job["state"], "done", "{job:#}");
    let document = app.document(&busy).await;
    assert_eq!(
        (&document["state"], &document["failure"]["code"]),
        (&json!("waiting"), &json!("server_refused")),
        "{document:#}"
    );

    // The site is back; what waits for another try needn't wait on.
    wordpress.serve("/busy.md", 200, b"# Desks\n\nOak desks are heavy.");
    app.bend("UPDATE jobs SET run_at = now() WHERE state = 'waiting'")
        .await;
    app.work().await;
    assert_eq!(app.document(&busy).await["state"], "live");
    assert_eq!(found(&app, "oak").await.len(), 1);
    // The last of its tries: the owner is told, and what failed can be made again.
    wordpress.serve("/never.md", 503, b"");
    let never = app
        .tell(&media(&app, 6, &format!("{}/never.md", wordpress.origin)))
        .await;
    app.bend("UPDATE jobs SET attempts = max_attempts - 1 WHERE state = 'waiting'")
        .await;
    app.work().await;
    let document = app.document(&never).await;
    assert_eq!(
        (&document["state"], &document["failure"]["code"]),
        (&json!("failed"), &json!("server_refused"))
    );
    wordpress.serve("/never.md", 200, b"# Reeds\n\nReed lamps are light.");
    let path = format!(
        "/api/documents/{}/reindex",
        never["document_id"].as_str().unwrap()
    );
    let (status, job) = app.api("POST", &path, None).await;
    assert_eq!(status, 202, "{job:#}");
    app.work().await;
    let (_, job) = app.api("GET", job["status_url"].as_str().unwrap(), None).await;
    assert_eq!(job["state"], "done", "{job:#}");
    let document = app.document(&never).await;
    assert_eq!(
        (&document["state"], document.get("failure")),
        (&json!("live"), None)
    );
    let dead = "SELECT count(*) FROM jobs WHERE state = 'dead'";
    assert_eq!(
        app.count(dead).await,
        3,
        "what failed for good, and not what is live now"
    );
    app.finish().await;
}

/// Says of every file what clamd says of one that it knows.
async fn clamd(listener: tokio::net::TcpListener) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut seen = Vec::new();
        while !seen.ends_with(&[0; 4]) {
            let mut piece = [0; 4096];
            match stream.read(&mut piece).await {
                Ok(n) if n > 0 => seen.extend_from_slice(&piece[..n]),
                _ => break,
            }
        }
        let bad = seen.windows(6).any(|w| w == b"wicked");
        let word: &[u8] = if bad {
            b"stream: Test.Wicked FOUND\0"
        } else {
            b"stream: OK\0"
        };
        let _ = stream.write_all(word).await;
    }
}

#[tokio::test]
async fn nothing_is_read_that_the_scanner_has_not_called_clean() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let wordpress = WordPress::start().await;
    let scanner = Scanner::new(scan::Settings {
        clamd: address.to_string().parse().unwrap(),
        time: std::time::Duration::from_secs(10),
    });
    let app = wordpress
        .scanned_app(settings(None, "http://127.0.0.1:9"), Some(scanner))
        .await;
    #[expect(clippy::disallowed_methods, reason = "ends with the test")]
    let server = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(clamd(listener)));
    let clean = wordpress.serve("/clean.md", 200, b"# Lamps\n\nLamps are harmless.");
    let clean = app.tell(&media(&app, 1, &clean)).await;
    let bad = wordpress.serve("/bad.md", 200, b"# Lamps\n\nLamps are wicked.");
    let bad = app.tell(&media(&app, 2, &bad)).await;
    app.work().await;
    assert_eq!(app.document(&clean).await["state"], "live");
    let document = app.document(&bad).await;
    assert_eq!(
        (&document["state"], &document["failure"]["code"]),
        (&json!("failed"), &json!("infected")),
        "{document:#}"
    );
    assert_eq!(found(&app, "lamps").await.len(), 1);
    // Closed while it is away: the job waits for it.
    drop(server);
    let late = app.tell(&post(&app, 3, 1, "Lamps again.")).await;
    app.work().await;
    let document = app.document(&late).await;
    assert_eq!(
        (&document["state"], &document["failure"]["code"]),
        (&json!("waiting"), &json!("scanner_away")),
        "{document:#}"
    );
    assert_eq!(found(&app, "lamps").await.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn lists_have_pages_and_names_are_looked_up() {
    let (_wordpress, app) = shop().await;
    for n in 1..=7 {
        app.tell(&post(&app, n, 1, &format!("Page number {n}."))).await;
    }
    app.work().await;
    app.know(&[("file.md", "# A file\n\nText.")]).await;
    let mut seen = Vec::new();
    let mut path = "/api/documents?source=wp_post&limit=3".to_owned();
    loop {
        let (status, page) = app.api("GET", &path, None).await;
        assert_eq!(status, 200, "{page:#}");
        let documents = page["documents"].as_array().unwrap();
        assert!(documents.len() <= 3);
        seen.extend(
            documents
                .iter()
                .map(|d| d["external_id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => path = format!("/api/documents?source=wp_post&limit=3&after={next}"),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, ["1", "2", "3", "4", "5", "6", "7"]);
    let wanted = json!({ "source": "wp_post", "external_ids": ["3", "5", "99"] });
    let (_, looked) = app.api("POST", "/api/documents/lookup", Some(wanted)).await;
    assert_eq!(looked["documents"].as_array().unwrap().len(), 2, "{looked:#}");
    let many: Vec<String> = (0..201).map(|n| n.to_string()).collect();
    let wanted = json!({ "source": "wp_post", "external_ids": many });
    assert_eq!(
        app.api("POST", "/api/documents/lookup", Some(wanted)).await.0,
        422
    );
    for query in [
        "state=sleeping",
        "limit=0",
        "limit=201",
        "limit=x",
        "after=x",
        "colour=red",
    ] {
        let (status, problem) = app.api("GET", &format!("/api/documents?{query}"), None).await;
        assert_eq!(
            (status, &problem["code"]),
            (422, &json!("invalid_field")),
            "{query}"
        );
    }
    app.finish().await;
}

#[tokio::test]
async fn documents_are_made_anew_of_what_their_origin_has() {
    let (wordpress, app) = shop().await;
    let url = wordpress.serve("/care.md", 200, b"# Care\n\nWipe lamps dry.");
    let fetched = app.tell(&media(&app, 1, &url)).await;
    let told = app.tell(&post(&app, 2, 1, "Desks are oiled.")).await;
    app.work().await;
    wordpress.serve("/care.md", 200, b"# Care\n\nWipe lamps with microfibre.");
    for answer in [&fetched, &told] {
        let path = format!(
            "/api/documents/{}/reindex",
            answer["document_id"].as_str().unwrap()
        );
        assert_eq!(app.api("POST", &path, None).await.0, 202);
    }
    app.work().await;
    assert_eq!(found(&app, "microfibre").await.len(), 1);
    assert_eq!(found(&app, "oiled").await.len(), 1);
    for answer in [&fetched, &told] {
        assert_eq!(app.document(answer).await["version"], 2);
    }
    // A file that was handed in isn't kept.
    app.know(&[("file.md", "# A file\n\nText.")]).await;
    let (_, list) = app.api("GET", "/api/documents?source=file", None).await;
    let id = list["documents"][0]["id"].as_str().unwrap();
    let (status, problem) = app
        .api("POST", &format!("/api/documents/{id}/reindex"), None)
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("no_source")),
        "{problem:#}"
    );
    app.finish().await;
}

#[tokio::test]
async fn another_sites_documents_and_jobs_are_not_there() {
    let (_wordpress, app) = shop().await;
    let answer = app.tell(&post(&app, 1, 1, "Lamps.")).await;
    app.work().await;
    let stranger = TestSite::add(&app.db, &app.master, "stranger", &[ORIGIN], app.clock.now()).await;
    let root = &stranger.root;
    let key = root.derive(stranger.id, deskhand::domain::keys::Purpose::Api);
    let theirs = format!("{}.{}", stranger.kid, hex::encode(key.expose()));
    let document = format!("/api/documents/{}", answer["document_id"].as_str().unwrap());
    let job = answer["status_url"].as_str().unwrap().to_owned();
    for (method, path) in [
        ("GET", document.clone()),
        ("DELETE", document.clone()),
        ("GET", format!("{document}/chunks")),
        ("POST", format!("{document}/reindex")),
        ("POST", format!("{document}/approve")),
        ("GET", job),
        ("GET", format!("/api/jobs/{}", Uuid::now_v7())),
        ("GET", "/api/documents/no-id".to_owned()),
    ] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = |token: &str| {
            app.client
                .request(method.clone(), format!("{}{path}", app.base))
                .bearer_auth(token)
                // What an approval needs; the others don't look at it.
                .json(&json!({ "content_hash": "0".repeat(64) }))
        };
        let response = request(&theirs).send().await.unwrap();
        assert_eq!(response.status(), 404, "{method} {path}");
        // A visitor's token isn't the site's key.
        let response = request(&app.token(VisitorId::new())).send().await.unwrap();
        assert_eq!(response.status(), 401, "{method} {path}");
    }
    let (_, still) = app.api("GET", &document, None).await;
    assert_eq!(still["state"], "live");
    app.finish().await;
}
