//! The claim must stay fast however many jobs wait.

use deskhand::db::jobs;
use deskhand::db::pool::Db;
use uuid::Uuid;

use super::support::{INGEST, LEASE, TestDb};

async fn fill(t: &TestDb, sites: i32, each: i32) {
    sqlx::query("INSERT INTO sites (id, slug, name) SELECT gen_random_uuid(), 'site-' || i, 'x' FROM generate_series(1, $1) i")
        .bind(sites)
        .execute(&t.admin)
        .await
        .unwrap();
    sqlx::query(
        r#"INSERT INTO jobs (id, site_id, kind, key, args, priority, max_attempts, run_at)
           SELECT uuidv7(), s.id, 'ingest_document', i::text,
                  jsonb_build_object('upload', gen_random_uuid(), 'document', gen_random_uuid()),
                  i % 3, 5, now() - i * interval '1 ms'
             FROM generate_series(1, $1) i, sites s"#,
    )
    .bind(each)
    .execute(&t.admin)
    .await
    .unwrap();
}

/// A connection that has claimed from an empty queue for long has plans for an empty queue.
#[tokio::test]
async fn a_claim_reads_no_whole_table_even_by_a_plan_from_when_it_was_empty() {
    let t = TestDb::new().await;
    t.sql("VACUUM ANALYZE jobs").await;
    let db = Db::connect(&t.url, 1).await.unwrap();
    let worker = Uuid::now_v7();
    // After five times the planner settles for one plan for all.
    for _ in 0..10 {
        assert_eq!(jobs::claim(&db, worker, &[INGEST], 4, LEASE).await.unwrap(), []);
    }
    fill(&t, 10, 1000).await;
    for _ in 0..3 {
        assert_eq!(
            jobs::claim(&db, worker, &[INGEST], 4, LEASE).await.unwrap().len(),
            4
        );
    }
    // A session's counters are told when it ends.
    db.close().await;
    t.db.close().await;
    t.until(
        "SELECT NOT EXISTS (SELECT FROM pg_stat_activity
              WHERE datname = current_database() AND application_name = 'deskhand')",
    )
    .await;
    let (read, probes): (i64, i64) =
        sqlx::query_as("SELECT seq_tup_read, idx_scan FROM pg_stat_user_tables WHERE relname = 'jobs'")
            .fetch_one(&t.admin)
            .await
            .unwrap();
    assert_eq!(read, 0, "rows read by sequential scans");
    assert!(probes > 0, "the counters count");
}

/// Prints claims a second and the plan: `cargo test --test it claims_a_second -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn claims_a_second() {
    let t = TestDb::new().await;
    fill(&t, 50, 2000).await;
    let tasks = tokio_util::task::TaskTracker::new();
    for limit in [1, 4, 16] {
        for claimers in [1, 4] {
            let start = std::time::Instant::now();
            let turns = 400 / claimers;
            let all = (0..claimers).map(|_| {
                let db = t.db.clone();
                tasks.spawn(async move {
                    let mut n = 0;
                    for _ in 0..turns {
                        let claimed = jobs::claim(&db, Uuid::now_v7(), &[INGEST], limit, LEASE)
                            .await
                            .unwrap();
                        n += claimed.len();
                        for c in claimed {
                            jobs::finish(&db, &c.lease, None).await.unwrap();
                        }
                    }
                    n
                })
            });
            let n: usize = futures::future::join_all(all)
                .await
                .into_iter()
                .map(Result::unwrap)
                .sum();
            let s = start.elapsed().as_secs_f64();
            println!(
                "{claimers} claimers, {limit} at once: {:.0} jobs/s claimed and finished",
                n as f64 / s
            );
        }
    }
    let mut tx = t.admin.begin().await.unwrap();
    sqlx::raw_sql("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL plan_cache_mode = force_generic_plan")
        .execute(&mut *tx)
        .await
        .unwrap();
    let prepare = concat!(
        "PREPARE claim (text[], int, uuid, float8) AS ",
        include_str!("../../../src/db/jobs/claim.sql")
    );
    sqlx::raw_sql(prepare).execute(&mut *tx).await.unwrap();
    let plan: Vec<String> = sqlx::query_scalar(
        "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) EXECUTE claim('{ingest_document,prune}', 4, gen_random_uuid(), 30)",
    )
    .persistent(false)
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    println!("{}", plan.join("\n"));
}
