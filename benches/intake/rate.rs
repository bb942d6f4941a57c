//! Webhooks a second beside bare inserts a second, in turn; and what a kill leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::events;
use crate::product::{self, Home};

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Has this process run on these cores from now on: off the server's, or on all that it has.
pub fn run_on(cores: &str) {
    let pid = std::process::id().to_string();
    let moved = std::process::Command::new("taskset")
        .args(["-a", "-c", "-p", cores, &pid])
        .output()
        .unwrap();
    assert!(moved.status.success(), "two cores are needed");
}

/// Server and database on one core, clients on another; rounds in turn, medians.
pub async fn measure(home: &Home, rounds: usize, seconds: u64, clients: usize) {
    let site = Arc::new(home.site());
    run_on("1");
    let server = home.serve();
    let url = home.url("deskhand_app").await;
    let script = home.path("insert.sql");
    // The same row, of the same size, under the same row security; one statement, no server between.
    let raw = events::body(&site, 0);
    let row = format!(
        "INSERT INTO inbound_events (site_id, id, source, external_id, kind, body_sha256, raw, headers, \
         signature_valid, kid, event_at, received_at, document_id, job_id) \
         VALUES ('{}', gen_random_uuid(), 'wordpress', gen_random_uuid()::text, 'media.added', \
         sha256(gen_random_uuid()::text::bytea), '\\x{}'::bytea, \
         '{{\"content-type\": \"application/json\", \"idempotency-key\": \"event-0\", \"source_address\": \"127.0.0.1\"}}', \
         true, 'dk_0123456789abcdef01', now(), now(), gen_random_uuid(), gen_random_uuid());\n",
        site.id,
        hex::encode(&raw)
    );
    std::fs::write(&script, row).unwrap();
    println!(
        "a row of {} bytes and its headers; {clients} clients; server and database on core 0, clients on core 1",
        raw.len()
    );
    let (mut bare, mut ours, mut ratios, mut from) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let (mut insert, mut event, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let start = server.cpu();
        let inserts = product::pgbench(home, &url, site.id, &script, clients, seconds);
        let between = server.cpu();
        let (events, next) = events::rate(&server.base, &site, from, clients, seconds).await;
        let end = server.cpu();
        let count = next - from;
        from = next;
        // The first round fills caches.
        if round == 0 {
            continue;
        }
        // Where other work has the core too, the CPU time that one takes says more than the wall's clock.
        let an_insert = 1e6 * between.since(start).all() / (inserts * seconds as f64);
        let used = end.since(between);
        let micros = |cpu: f64| 1e6 * cpu / count as f64;
        println!(
            "  {inserts:.0} inserts/s of {an_insert:.0} µs, {events:.0} webhooks/s of {:.0} µs ({:.0} server, {:.0} database): {:.2} by the clock, {:.2} by CPU",
            micros(used.all()),
            micros(used.own),
            micros(used.others),
            events / inserts,
            an_insert / micros(used.all()),
        );
        bare.push(inserts);
        ours.push(events);
        ratios.push(events / inserts);
        insert.push(an_insert);
        event.push(micros(used.all()));
        shares.push(an_insert / micros(used.all()));
    }
    println!(
        "median: {:.0} bare inserts/s, {:.0} webhooks/s, ratio {:.2}; {:.0} and {:.0} µs of CPU, ratio {:.2} (wanted: 0.50)",
        median(bare),
        median(ours),
        median(ratios),
        median(insert),
        median(event),
        median(shares),
    );
    server.stop();
}

/// Sends so many events, kills server and database in the middle, and counts what is there.
pub async fn kill(home: &Home, count: usize, clients: usize) {
    let site = Arc::new(home.site());
    let server = home.serve();
    let base = server.base.clone();
    let half = count / 2;
    let answered = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&answered);
    let sent_to = Arc::clone(&site);
    let sending = tokio::spawn(async move {
        events::send_all(&base, &sent_to, 0..count, clients, move |n| {
            seen.store(n, Ordering::Relaxed);
            // The senders give up with the server; what is left is sent to the next one.
            false
        })
        .await
    });
    while answered.load(Ordering::Relaxed) < half {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    server.kill();
    let before = sending.await.unwrap();
    let server = home.serve();
    // All of them again: the answered ones get the same answer, the others are new.
    let after = events::send_all(&server.base, &site, 0..count, clients, |_| false).await;
    let mut database = home.superuser().await;
    let stored: Vec<(String, String)> =
        sqlx::query_as("SELECT external_id, job_id::text FROM inbound_events ORDER BY external_id")
            .fetch_all(&mut database)
            .await
            .unwrap();
    let jobs: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs WHERE kind = 'take_event'")
        .fetch_one(&mut database)
        .await
        .unwrap();
    let of: std::collections::HashMap<_, _> = stored.iter().cloned().collect();
    let lost = before
        .iter()
        .filter(|(n, job)| of.get(&format!("event-{n}")) != Some(job))
        .count();
    let moved = after
        .iter()
        .filter(|(n, job)| of.get(&format!("event-{n}")) != Some(job))
        .count();
    println!(
        "{count} events, killed after {} answers: {} answered before, {lost} of them lost or answered otherwise; \
         {} answered after, {moved} otherwise; {} rows, {} jobs",
        half,
        before.len(),
        after.len(),
        stored.len(),
        jobs
    );
    assert_eq!((lost, moved, stored.len(), of.len()), (0, 0, count, count));
    assert_eq!(usize::try_from(jobs).unwrap(), count, "a job each, and once");
    drop(database);
    server.stop();
}
