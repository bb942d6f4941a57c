//! Webhooks as a plugin sends them, from the second core.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use deskhand::domain::signature::{Signed, WORDPRESS};
use serde_json::{Value, json};

use crate::product::Site;

/// The same event for the same number, but for the time of sending.
pub fn body(site: &Site, n: usize) -> Vec<u8> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let event = json!({
        "site_id": site.id, "timestamp": now.as_secs(), "event": "media.added", "attachment_id": n + 1,
        "file_url": format!("https://shop.example/wp-content/uploads/2026/03/price-list-{n}.pdf"),
        "title": format!("Price list number {n}"), "mime_type": "application/pdf",
        "url": format!("https://shop.example/price-list-{n}/"), "modified_at": "2026-03-01T10:00:00Z",
        "tags": ["prices"], "lang": "en",
    });
    serde_json::to_vec(&event).unwrap()
}

/// What a sender knows of its event: the job that it was answered.
pub type Answers = HashMap<usize, String>;

/// Sends one; none when it wasn't answered.
async fn send(client: &reqwest::Client, base: &str, site: &Site, n: usize, key: &str) -> Option<String> {
    let raw = body(site, n);
    let signed = Signed {
        body: &raw,
        timestamp: "",
    };
    let request = client
        .post(format!("{base}/webhook/wp-media"))
        .header("x-site-id", site.id.to_string())
        .header("x-wp-signature", WORDPRESS.sign(site.key.expose(), &signed))
        .header("idempotency-key", key)
        .header("content-type", "application/json")
        .body(raw);
    let response = request.send().await.ok()?;
    if !matches!(response.status().as_u16(), 200 | 202) {
        return None;
    }
    let answer: Value = response.json().await.ok()?;
    Some(answer["job_id"].as_str()?.to_owned())
}

/// Sends those events once each, so many at once, until `stop` says so; gives what was answered.
pub async fn send_all(
    base: &str,
    site: &Arc<Site>,
    events: std::ops::Range<usize>,
    clients: usize,
    stop: impl Fn(usize) -> bool + Send + Sync + 'static,
) -> Answers {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(20))
        .pool_max_idle_per_host(clients)
        .tcp_nodelay(true)
        .build()
        .unwrap();
    let next = Arc::new(AtomicUsize::new(events.start));
    let answered = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(stop);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (client, base, site) = (client.clone(), base.to_owned(), Arc::clone(site));
        let (next, answered, stop, end) = (
            Arc::clone(&next),
            Arc::clone(&answered),
            Arc::clone(&stop),
            events.end,
        );
        tasks.spawn(async move {
            let mut answers = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= end || stop(answered.load(Ordering::Relaxed)) {
                    return answers;
                }
                if let Some(job) = send(&client, &base, &site, n, &format!("event-{n}")).await {
                    answered.fetch_add(1, Ordering::Relaxed);
                    answers.push((n, job));
                }
            }
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

/// Events a second, for so long.
pub async fn rate(base: &str, site: &Arc<Site>, from: usize, clients: usize, seconds: u64) -> (f64, usize) {
    let began = Instant::now();
    let until = began + Duration::from_secs(seconds);
    let answers = send_all(base, site, from..usize::MAX, clients, move |_| {
        Instant::now() >= until
    })
    .await;
    let took = began.elapsed().as_secs_f64();
    (
        answers.len() as f64 / took,
        answers.keys().max().map_or(from, |n| n + 1),
    )
}
