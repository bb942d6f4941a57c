//! Who comes first: by priority, sites in turn, and nobody starves.

use deskhand::db::jobs;
use deskhand::domain::ids::SiteId;
use deskhand::domain::job::Priority;
use uuid::Uuid;

use super::support::{INGEST, LEASE, TestDb};

/// Claims and finishes one job after the other, as a single worker does.
async fn work(t: &TestDb, n: usize) -> Vec<String> {
    let mut keys = Vec::new();
    for _ in 0..n {
        let held = t.claim_one().await.expect("jobs are left");
        jobs::finish(&t.db, &held.lease, None).await.unwrap();
        keys.push(t.key(held.id).await);
    }
    keys
}

/// Whose jobs one claim takes.
async fn sites_of_a_claim(t: &TestDb, limit: usize) -> Vec<SiteId> {
    let claimed = jobs::claim(&t.db, Uuid::now_v7(), &[INGEST], limit, LEASE)
        .await
        .unwrap();
    claimed.into_iter().map(|c| c.site.unwrap()).collect()
}

#[tokio::test]
async fn ten_thousand_jobs_of_a_site_hold_nobody_up() {
    let t = TestDb::new().await;
    let (big, small, other) = (t.site("big").await, t.site("small").await, t.site("other").await);
    t.flood(big, "big", 10_000, Priority::Standard).await;
    t.enqueue(small, "small", Priority::Standard).await;
    t.flood(other, "other", 3, Priority::Standard).await;
    // One worker, one job after the other: the sites take turns.
    let keys = work(&t, 9).await;
    assert_eq!(
        keys,
        [
            "big0", "small", "other0", "big1", "other1", "big2", "other2", "big3", "big4"
        ]
    );
}

#[tokio::test]
async fn a_claim_of_many_shares_the_hands_out() {
    let t = TestDb::new().await;
    let (big, small, late) = (t.site("big").await, t.site("small").await, t.site("late").await);
    t.flood(big, "big", 100, Priority::Standard).await;
    t.flood(small, "small", 2, Priority::Standard).await;
    let mut sites = sites_of_a_claim(&t, 8).await;
    sites.sort();
    assert_eq!(
        sites.iter().filter(|s| **s == small).count(),
        2,
        "both of its jobs"
    );
    assert_eq!(sites.len(), 8, "and no hand stays idle");
    // What runs counts: six of the big one's hold its next ones back.
    t.flood(late, "late", 7, Priority::Standard).await;
    let sites = sites_of_a_claim(&t, 8).await;
    assert!(sites.iter().filter(|s| **s == late).count() >= 6, "{sites:?}");
}

#[tokio::test]
async fn the_urgent_come_first_within_a_site_and_across() {
    let t = TestDb::new().await;
    let (a, b) = (t.site("a").await, t.site("b").await);
    t.enqueue(a, "a-batch", Priority::Batch).await;
    t.enqueue(a, "a-standard", Priority::Standard).await;
    t.enqueue(b, "b-batch", Priority::Batch).await;
    t.enqueue(a, "a-high", Priority::High).await;
    t.enqueue(b, "b-high", Priority::High).await;
    let keys = work(&t, 5).await;
    assert_eq!(keys[..3], ["a-high", "b-high", "a-standard"]);
}

#[tokio::test]
async fn a_flood_of_urgent_jobs_starves_nobody() {
    let t = TestDb::new().await;
    let (loud, quiet) = (t.site("loud").await, t.site("quiet").await);
    t.flood(quiet, "quiet", 2, Priority::Batch).await;
    t.flood(loud, "batch", 2, Priority::Batch).await;
    t.flood(loud, "loud", 50, Priority::High).await;
    assert!(work(&t, 5).await.iter().all(|k| k.starts_with("loud")), "not yet");
    t.sql("UPDATE jobs SET run_at = run_at - interval '2 minutes'")
        .await;
    // Each lane that has waited a minute gets one, then the urgent go on. The urgent lane itself
    // was served just now.
    let keys = work(&t, 6).await;
    let mut first: Vec<&str> = keys[..2].iter().map(String::as_str).collect();
    first.sort_unstable();
    assert_eq!(first, ["batch0", "quiet0"], "{keys:?}");
    assert!(keys[2..].iter().all(|k| k.starts_with("loud")), "{keys:?}");
    t.sql("UPDATE jobs SET claimed_at = claimed_at - interval '2 minutes'")
        .await;
    let keys = work(&t, 4).await;
    assert!(
        keys.contains(&"quiet1".to_owned()),
        "and a minute later one more: {keys:?}"
    );
}
