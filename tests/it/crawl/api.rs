//! Crawls over HTTP, for the site's own server, and their removal.

use deskhand::db::crawls;
use deskhand::knowledge::crawl;
use deskhand::knowledge::crawl::run::Slice;
use serde_json::{Value, json};

use super::site::{Bench, linked};

async fn call(b: &Bench, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = b
        .app
        .client
        .request(method, format!("{}{path}", b.app.base))
        .bearer_auth(b.api_key());
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_site_adds_runs_and_removes_crawls() {
    let b = Bench::start().await;
    b.put("/", linked("Home", &["/a", "/gone"]));
    b.put("/a", linked("A", &[]));
    let url = b.server.url("/");
    let wanted = json!({ "url": url, "delay_ms": 0, "at_minute": 90 });
    let (status, added) = call(&b, "POST", "/api/crawls", Some(wanted.clone())).await;
    assert_eq!(
        (status, added["state"].as_str()),
        (201, Some("running")),
        "{added}"
    );
    let id: deskhand::domain::ids::CrawlId = added["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        call(&b, "POST", "/api/crawls", Some(wanted)).await.1["pointer"],
        "/url"
    );
    while let Slice::Again(_) = b.slice(id).await {}

    let (_, list) = call(&b, "GET", "/api/crawls", None).await;
    assert_eq!(list["crawls"][0]["pages"]["taken"], 2, "{list}");
    let (_, one) = call(&b, "GET", &format!("/api/crawls/{id}"), None).await;
    assert_eq!(
        (one["outcome"].as_str(), one["problems"][0]["reason"].as_str()),
        (Some("done"), Some("gone")),
        "{one}"
    );
    let (status, run) = call(&b, "POST", &format!("/api/crawls/{id}/run"), None).await;
    assert_eq!(status, 202);
    let (status, job) = call(&b, "GET", run["status_url"].as_str().unwrap(), None).await;
    assert_eq!((status, job["kind"].as_str()), (200, Some("crawl")), "{job}");
    while let Slice::Again(_) = b.slice(id).await {}

    let (status, _) = call(&b, "DELETE", &format!("/api/crawls/{id}"), None).await;
    assert_eq!(status, 202);
    while let Slice::Again(_) = b.slice(id).await {}
    assert_eq!(call(&b, "GET", "/api/crawls", None).await.1["crawls"], json!([]));
    assert_eq!(call(&b, "GET", &format!("/api/crawls/{id}"), None).await.0, 404);
    let left = "SELECT count(*) FROM documents WHERE deleted_at IS NULL";
    assert_eq!(b.app.count(left).await, 0);
    assert_eq!(b.app.count("SELECT count(*) FROM crawl_pages").await, 0);
    b.app.finish().await;
}

#[tokio::test]
async fn what_can_not_be_crawled_is_refused_with_its_place() {
    let b = Bench::start().await;
    let url = b.server.url("/");
    for (wanted, pointer, says) in [
        (
            json!({ "url": "https://elsewhere.example/" }),
            "/url",
            "fetch_origins",
        ),
        (json!({ "url": "file:///etc/passwd" }), "/url", "can be crawled"),
        (json!({ "url": url, "max_pages": 0 }), "/max_pages", "1 to 50000"),
        (json!({ "url": url, "max_depth": 99 }), "/max_depth", "0 to 20"),
        (json!({ "url": url, "delay_ms": 99_999 }), "/delay_ms", "60000"),
        (
            json!({ "url": url, "exclude": ["x"] }),
            "/exclude",
            "begin with /",
        ),
        (json!({ "url": url, "at_minute": 1440 }), "/at_minute", "1439"),
    ] {
        let (status, problem) = call(&b, "POST", "/api/crawls", Some(wanted)).await;
        assert_eq!(
            (status, problem["pointer"].as_str()),
            (422, Some(pointer)),
            "{problem}"
        );
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
    let none = uuid::Uuid::now_v7();
    for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/run")] {
        let (status, _) = call(&b, method, &format!("/api/crawls/{none}{path}"), None).await;
        assert_eq!(status, 404, "{method} {path}");
    }
    let bare = b
        .app
        .client
        .get(format!("{}/api/crawls", b.app.base))
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), 401);
    b.app.finish().await;
}

#[tokio::test]
async fn a_page_of_two_crawls_goes_with_the_last() {
    let b = Bench::start().await;
    b.put("/", linked("Home", &["/a"]));
    b.put("/a", linked("A", &[]));
    let (first, second) = (b.add("/", |_| {}).await, b.add("/a", |_| {}).await);
    b.run(first).await;
    b.run(second).await;
    let remove = async |id| {
        let mut tx = b.app.db.site(b.app.site.id).await.unwrap();
        crawl::remove(&mut tx, id).await.unwrap();
        tx.commit().await.unwrap();
        while let Slice::Again(_) = b.slice(id).await {}
        let mut tx = b.app.db.site(b.app.site.id).await.unwrap();
        assert_eq!(crawls::get(&mut tx, id).await.unwrap(), None);
    };
    remove(first).await;
    assert_eq!(b.known().await, ["/a"]);
    remove(second).await;
    assert_eq!(b.known().await, Vec::<String>::new());
    b.app.finish().await;
}
