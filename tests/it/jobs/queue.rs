//! The queue's promises, one by one.

use std::collections::HashSet;
use std::time::Duration;

use deskhand::db::jobs::{self, QueueError, Reclaimed};
use deskhand::domain::job::{JobError, JobState, Priority, Progress, Retry, Work};
use futures::future::join_all;
use sqlx::postgres::PgListener;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::support::{INGEST, LEASE, TestDb, job};

const STANDARD: Priority = Priority::Standard;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_claimers_never_get_the_same_job() {
    let t = TestDb::new().await;
    for slug in ["a", "b", "c"] {
        let site = t.site(slug).await;
        t.flood(site, "high", 100, Priority::High).await;
        t.flood(site, "standard", 200, STANDARD).await;
    }
    let claimers = (1..=8).map(|limit| {
        let db = t.db.clone();
        async move {
            let mut mine = Vec::new();
            loop {
                let some = jobs::claim(&db, Uuid::now_v7(), &[INGEST], limit, LEASE)
                    .await
                    .unwrap();
                if some.is_empty() {
                    return mine;
                }
                assert!(some.len() <= limit);
                mine.extend(some.into_iter().map(|c| c.id));
            }
        }
    });
    let tasks = TaskTracker::new();
    let claimed: Vec<_> = join_all(claimers.map(|claimer| tasks.spawn(claimer)))
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect();
    assert_eq!(
        claimed.len(),
        900,
        "each job once, and none left while somebody still asked"
    );
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 900);
}

#[tokio::test]
async fn a_job_is_enqueued_with_its_transaction_or_not_at_all() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let mut tx = t.db.site(site).await.unwrap();
    assert!(jobs::enqueue(&mut tx, &job("k", STANDARD)).await.unwrap().new);
    assert!(t.claim_one().await.is_none(), "not committed yet");
    drop(tx);
    assert!(t.claim_one().await.is_none(), "rolled back");
    let kept = t.enqueue(site, "k", STANDARD).await;
    assert!(kept.new);
    let claimed = t.claim_one().await.unwrap();
    assert_eq!(
        (claimed.id, claimed.site, claimed.attempt),
        (kept.id, Some(site), 1)
    );
}

#[tokio::test]
async fn one_live_job_a_key() {
    let t = TestDb::new().await;
    let (a, b) = (t.site("a").await, t.site("b").await);
    let all = join_all((0..8).map(|_| t.enqueue(a, "k", STANDARD))).await;
    assert_eq!(
        all.iter().filter(|e| e.new).count(),
        1,
        "of eight at once, one is new"
    );
    assert_eq!(all.iter().map(|e| e.id).collect::<HashSet<_>>().len(), 1);
    assert!(
        t.enqueue(b, "k", STANDARD).await.new,
        "another site's key is another key"
    );
    let other = t.enqueue(a, "other", STANDARD).await;
    assert!(other.new);
    assert_eq!(t.enqueue(a, "other", STANDARD).await.id, other.id);

    let first = all[0].id;
    sqlx::query("UPDATE jobs SET run_at = now() - interval '1 hour' WHERE id = $1")
        .bind(first.0)
        .execute(&t.admin)
        .await
        .unwrap();
    let held = t.claim_one().await.unwrap();
    assert_eq!(held.id, first);
    assert_eq!(t.enqueue(a, "k", STANDARD).await.id, first, "running is live too");
    jobs::finish(&t.db, &held.lease, None).await.unwrap();
    assert!(t.enqueue(a, "k", STANDARD).await.new, "done isn't");
}

#[tokio::test]
async fn failures_wait_longer_each_time_and_end_dead() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "k", STANDARD).await.id;
    let retry = Retry::of(INGEST);
    let mut waits = Vec::new();
    for attempt in 1..=retry.attempts {
        let held = t.claim_one().await.unwrap();
        assert_eq!(
            (held.attempt, held.last_attempt),
            (attempt, attempt == retry.attempts)
        );
        let failed = jobs::fail(
            &t.db,
            &held.lease,
            &JobError::transient("flaky", "It was unlucky."),
        )
        .await
        .unwrap();
        assert!(t.claim_one().await.is_none(), "it must wait");
        if attempt < retry.attempts {
            assert_eq!(failed.state, JobState::Waiting);
            let wait: f64 = sqlx::query_scalar("SELECT extract(epoch FROM run_at - now())::float8 FROM jobs")
                .fetch_one(&t.admin)
                .await
                .unwrap();
            waits.push(wait);
            t.sql("UPDATE jobs SET run_at = now()").await;
        } else {
            assert_eq!(failed.state, JobState::Dead);
        }
    }
    // A little is lost between the two looks at the clock.
    assert!(waits.is_sorted_by(|a, b| *b > a - 0.5), "{waits:?}");
    assert!(waits[3] > 4.0 * waits[0], "{waits:?}");
    assert!(
        waits.iter().all(|w| Duration::from_secs_f64(*w) <= retry.most),
        "{waits:?}"
    );
    let dead = jobs::get(&t.db, id).await.unwrap();
    assert_eq!((dead.state, dead.attempts), (JobState::Dead, retry.attempts));
    assert_eq!(dead.error_code.as_deref(), Some("flaky"));
    assert_eq!(dead.error.as_deref(), Some("It was unlucky."));
    assert!(dead.finished_at.is_some() && dead.owner.is_none());
}

#[tokio::test]
async fn a_permanent_failure_is_not_tried_again() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "k", STANDARD).await.id;
    let held = t.claim_one().await.unwrap();
    // A reason longer than the column is cut, at a character.
    let error = JobError::permanent("empty_document", "ß".repeat(3_000));
    jobs::fail(&t.db, &held.lease, &error).await.unwrap();
    let dead = jobs::get(&t.db, id).await.unwrap();
    assert_eq!((dead.state, dead.attempts), (JobState::Dead, 1));
    assert_eq!(dead.error.unwrap().chars().count(), JobError::MAX_DETAIL);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dead_workers_job_is_taken_over_once_and_the_zombie_is_refused() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "k", STANDARD).await.id;
    let zombie = t.claim_one().await.unwrap();
    assert_eq!(jobs::reclaim(&t.db, 10).await.unwrap(), [], "its lease holds");
    t.sql("UPDATE jobs SET lease_until = now() - interval '1 second'")
        .await;

    // All eight have seen that the lease is over before the first may do something about it.
    let mut held_up = t.admin.begin().await.unwrap();
    sqlx::query("SELECT FROM jobs FOR UPDATE")
        .execute(&mut *held_up)
        .await
        .unwrap();
    let look = join_all((0..8).map(|_| jobs::reclaim(&t.db, 10)));
    let let_go = async {
        t.until(
            "SELECT count(*) = 8 FROM pg_stat_activity
              WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .await;
        held_up.rollback().await.unwrap();
    };
    let (looked, ()) = tokio::join!(look, let_go);
    let taken: Vec<Reclaimed> = looked.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(
        taken,
        [Reclaimed {
            id,
            state: JobState::Waiting
        }],
        "by one of eight"
    );
    let error = JobError::transient("late", "Late.");
    let refused = async |when: &str| {
        let lost = |r: Result<(), QueueError>| assert!(matches!(r, Err(QueueError::Lost)), "{when}: {r:?}");
        lost(jobs::heartbeat(&t.db, &zombie.lease, LEASE, None).await);
        lost(jobs::finish(&t.db, &zombie.lease, None).await);
        lost(jobs::release(&t.db, &zombie.lease).await);
        lost(jobs::fail(&t.db, &zombie.lease, &error).await.map(|_| ()));
    };
    refused("while it waits").await;
    let second = t.claim_one().await.expect("it is due at once");
    assert_eq!((second.id, second.attempt), (id, 2), "the lost try counts");
    assert!(second.lease.epoch > zombie.lease.epoch);
    refused("while another runs it").await;
    jobs::finish(&t.db, &second.lease, None).await.unwrap();
    refused("when it is done").await;
    assert_eq!(t.state(id).await, JobState::Done);
}

#[tokio::test]
async fn a_late_heartbeat_saves_a_lease_that_nobody_has_taken() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    t.enqueue(site, "k", STANDARD).await;
    let held = t.claim_one().await.unwrap();
    t.sql("UPDATE jobs SET lease_until = now() - interval '1 second'")
        .await;
    let progress = Progress {
        stage: "chunk".into(),
        share: 0.5,
    };
    jobs::heartbeat(&t.db, &held.lease, LEASE, Some(&progress))
        .await
        .unwrap();
    assert_eq!(jobs::reclaim(&t.db, 10).await.unwrap(), []);
    jobs::heartbeat(&t.db, &held.lease, LEASE, None).await.unwrap();
    assert_eq!(
        jobs::outcomes(&t.db, &[held.id]).await.unwrap()[0].progress,
        Some(progress)
    );
    jobs::finish(&t.db, &held.lease, None).await.unwrap();
}

#[tokio::test]
async fn a_job_that_kills_its_workers_dies_itself() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "poison", STANDARD).await.id;
    for attempt in 1..=Retry::of(INGEST).attempts {
        assert_eq!(t.claim_one().await.unwrap().attempt, attempt);
        t.sql("UPDATE jobs SET lease_until = now() - interval '1 second'")
            .await;
        assert_eq!(jobs::reclaim(&t.db, 10).await.unwrap().len(), 1);
        if attempt > 1 {
            assert!(
                t.claim_one().await.is_none(),
                "only the first time it is due at once"
            );
        }
        t.sql("UPDATE jobs SET run_at = now()").await;
    }
    let dead = jobs::get(&t.db, id).await.unwrap();
    assert_eq!(
        (dead.state, dead.error_code.as_deref()),
        (JobState::Dead, Some("worker_lost"))
    );
    assert!(t.claim_one().await.is_none());
}

#[tokio::test]
async fn a_job_given_back_has_lost_no_try() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "k", STANDARD).await.id;
    for _ in 0..2 * Retry::of(INGEST).attempts {
        let held = t.claim_one().await.expect("it is due at once");
        assert_eq!(held.attempt, 1);
        jobs::release(&t.db, &held.lease).await.unwrap();
    }
    assert_eq!(t.state(id).await, JobState::Waiting);
}

#[tokio::test]
async fn other_kinds_and_unreadable_arguments_are_left_for_other_versions() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    t.flood(site, "newer", 3, Priority::High).await;
    t.sql("UPDATE jobs SET kind = 'of_a_newer_version'").await;
    let odd = t.enqueue(site, "odd", STANDARD).await.id;
    t.sql("UPDATE jobs SET args = '{\"path\": \"x\"}' WHERE key = 'odd'")
        .await;
    let fine = t.enqueue(site, "fine", STANDARD).await.id;

    let claimed = jobs::claim(&t.db, Uuid::now_v7(), &[INGEST, Work::PRUNE], 64, LEASE)
        .await
        .unwrap();
    assert_eq!(claimed.iter().map(|c| c.id).collect::<Vec<_>>(), [fine]);
    let odd = jobs::get(&t.db, odd).await.unwrap();
    assert_eq!(
        (odd.state, odd.error_code.as_deref()),
        (JobState::Waiting, Some("unreadable_arguments"))
    );
    assert!(odd.run_at > odd.created_at, "later");
    assert_eq!(jobs::counts(&t.db).await.unwrap()["waiting"], 4);
}

#[tokio::test]
async fn only_the_first_job_of_an_empty_lane_is_announced() {
    let t = TestDb::new().await;
    let (a, b) = (t.site("a").await, t.site("b").await);
    let mut heard = PgListener::connect_with(&t.admin).await.unwrap();
    heard.listen("deskhand_jobs").await.unwrap();
    let mut announced = async || {
        t.sql("SELECT pg_notify('deskhand_jobs', 'end')").await;
        let mut n = 0;
        while heard.recv().await.unwrap().payload() != "end" {
            n += 1;
        }
        n
    };
    t.flood(a, "one transaction", 5, STANDARD).await;
    assert_eq!(announced().await, 1);
    t.enqueue(a, "behind them", STANDARD).await;
    assert_eq!(announced().await, 0, "whoever takes the others looks again");
    t.enqueue(b, "another site", STANDARD).await;
    t.enqueue(a, "more urgent", Priority::High).await;
    assert_eq!(announced().await, 2);
    while t.claim_one().await.is_some() {}
    t.enqueue(a, "one transaction0", STANDARD).await;
    assert_eq!(announced().await, 0, "a twin runs");
    t.enqueue(a, "new", STANDARD).await;
    assert_eq!(announced().await, 1, "nothing waited");
    let held = t.claim_one().await.unwrap();
    jobs::release(&t.db, &held.lease).await.unwrap();
    assert_eq!(announced().await, 1, "another worker may be idle");
}
