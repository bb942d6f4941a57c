//! What an operator sees and does by hand.

use deskhand::db::jobs::{self, Filter, QueueError};
use deskhand::db::prune;
use deskhand::domain::ids::JobId;
use deskhand::domain::job::{JobError, JobState, Priority, Work};
use std::time::Duration;

use super::support::{INGEST, TestDb};

async fn kill(t: &TestDb) -> JobId {
    let held = t.claim_one().await.unwrap();
    jobs::fail(
        &t.db,
        &held.lease,
        &JobError::permanent("broken", "It is broken."),
    )
    .await
    .unwrap();
    held.id
}

#[tokio::test]
async fn jobs_are_listed_by_state_kind_and_site() {
    let t = TestDb::new().await;
    let (a, b) = (t.site("a").await, t.site("b").await);
    let high = t.enqueue(a, "1", Priority::High).await.id;
    assert_eq!(kill(&t).await, high);
    let two = t.enqueue(a, "2", Priority::Standard).await.id;
    let three = t.enqueue(b, "3", Priority::Batch).await.id;
    let keys = async |filter: Filter| -> Vec<String> {
        jobs::list(&t.db, &filter, 10)
            .await
            .unwrap()
            .into_iter()
            .map(|j| j.key)
            .collect()
    };
    assert_eq!(keys(Filter::default()).await, ["3", "2", "1"], "newest first");
    assert_eq!(
        keys(Filter {
            state: Some(JobState::Dead),
            ..Filter::default()
        })
        .await,
        ["1"]
    );
    assert_eq!(
        keys(Filter {
            site: Some("b".into()),
            ..Filter::default()
        })
        .await,
        ["3"]
    );
    assert_eq!(
        keys(Filter {
            kind: Some(INGEST.into()),
            ..Filter::default()
        })
        .await
        .len(),
        3
    );
    assert!(
        keys(Filter {
            kind: Some(Work::PRUNE.into()),
            ..Filter::default()
        })
        .await
        .is_empty()
    );
    assert_eq!(
        jobs::list(&t.db, &Filter::default(), 1).await.unwrap()[0].id,
        three
    );
    let dead = jobs::get(&t.db, high).await.unwrap();
    assert_eq!(
        (dead.site.as_deref(), dead.site_id, dead.priority),
        (Some("a"), Some(a), Priority::High)
    );
    assert_eq!(
        jobs::outcomes(&t.db, &[high, two, JobId::new()])
            .await
            .unwrap()
            .len(),
        2
    );
    let counts = jobs::counts(&t.db).await.unwrap();
    assert_eq!(
        (
            counts["waiting"],
            counts["running"],
            counts["done"],
            counts["dead"]
        ),
        (2, 0, 0, 1)
    );
    assert!(matches!(
        jobs::get(&t.db, JobId::new()).await,
        Err(QueueError::Unknown(_))
    ));
}

#[tokio::test]
async fn the_dead_can_be_retried() {
    let t = TestDb::new().await;
    let a = t.site("a").await;
    let id = t.enqueue(a, "k", Priority::Standard).await.id;
    assert!(matches!(
        jobs::retry(&t.db, id).await,
        Err(QueueError::NotDead {
            state: JobState::Waiting,
            ..
        })
    ));
    assert_eq!(kill(&t).await, id);
    jobs::retry(&t.db, id).await.unwrap();
    let again = t.claim_one().await.unwrap();
    assert_eq!((again.id, again.attempt), (id, 1), "with all its tries");
    jobs::fail(&t.db, &again.lease, &JobError::permanent("broken", "Still."))
        .await
        .unwrap();
    assert!(matches!(
        jobs::retry(&t.db, JobId::new()).await,
        Err(QueueError::Unknown(_))
    ));

    let b = t.site("b").await;
    t.enqueue(b, "k", Priority::Standard).await;
    let other = kill(&t).await;
    assert_eq!(jobs::retry_all_dead(&t.db, Some("b")).await.unwrap(), 1);
    assert_eq!(
        (t.state(id).await, t.state(other).await),
        (JobState::Dead, JobState::Waiting)
    );
    assert_eq!(jobs::retry_all_dead(&t.db, None).await.unwrap(), 1);
    assert_eq!(t.state(id).await, JobState::Waiting);
}

#[tokio::test]
async fn work_that_is_enqueued_again_takes_the_dead_ones_place() {
    let t = TestDb::new().await;
    let (a, b) = (t.site("a").await, t.site("b").await);
    for site in [a, b] {
        t.enqueue(site, "k", Priority::Standard).await;
        kill(&t).await;
    }
    let again = t.enqueue(a, "k", Priority::Standard).await;
    assert!(again.new);
    let dead = Filter {
        state: Some(JobState::Dead),
        ..Filter::default()
    };
    let left = jobs::list(&t.db, &dead, 10).await.unwrap();
    assert_eq!(
        left.iter().map(|j| j.site_id).collect::<Vec<_>>(),
        [Some(b)],
        "the other site's stays"
    );
    // While that isn't committed, the operator's retry waits and finds the job gone.
    let mut tx = t.db.site(b).await.unwrap();
    jobs::enqueue(&mut tx, &super::support::job("k", Priority::Standard))
        .await
        .unwrap();
    let (retried, ()) = tokio::join!(jobs::retry(&t.db, left[0].id), async {
        t.until("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())").await;
        tx.commit().await.unwrap();
    });
    assert!(matches!(retried, Err(QueueError::Unknown(_))), "{retried:?}");
}

#[tokio::test]
async fn a_dropped_job_is_gone_for_its_worker_too() {
    let t = TestDb::new().await;
    let a = t.site("a").await;
    let id = t.enqueue(a, "k", Priority::Standard).await.id;
    let held = t.claim_one().await.unwrap();
    assert_eq!(jobs::drop_job(&t.db, id).await.unwrap(), JobState::Running);
    assert!(matches!(
        jobs::finish(&t.db, &held.lease, None).await,
        Err(QueueError::Lost)
    ));
    let error = JobError::transient("late", "Late.");
    assert!(matches!(
        jobs::fail(&t.db, &held.lease, &error).await,
        Err(QueueError::Lost)
    ));
    assert!(matches!(
        jobs::drop_job(&t.db, id).await,
        Err(QueueError::Unknown(_))
    ));
    assert!(t.enqueue(a, "k", Priority::Standard).await.new);
}

#[tokio::test]
async fn pruning_takes_what_is_long_done_and_spent_nonces_only() {
    let t = TestDb::new().await;
    let a = t.site("a").await;
    t.flood(a, "k", 4, Priority::Standard).await;
    for _ in 0..2 {
        let held = t.claim_one().await.unwrap();
        jobs::finish(&t.db, &held.lease, None).await.unwrap();
    }
    kill(&t).await;
    t.sql("UPDATE jobs SET created_at = now() - interval '30 days', run_at = now() - interval '30 days'")
        .await;
    t.sql("UPDATE jobs SET finished_at = now() - interval '30 days' WHERE state = 'dead' OR key = 'k0'")
        .await;
    t.sql("INSERT INTO nonces (site_id, kid, nonce, digest, expires_at)
           SELECT id, 'abcdefgh', i, '', now() + (i || ' hours')::interval FROM sites, unnest('{-1,1}'::text[]) i")
        .await;
    assert_eq!(
        prune::done_jobs(&t.db, Duration::from_hours(7 * 24))
            .await
            .unwrap(),
        1
    );
    assert_eq!(prune::nonces(&t.db).await.unwrap(), 1);
    let left: Vec<String> = jobs::list(&t.db, &Filter::default(), 10)
        .await
        .unwrap()
        .into_iter()
        .map(|j| j.key)
        .collect();
    assert_eq!(
        left,
        ["k3", "k2", "k1"],
        "the dead, the waiting and the freshly done stay"
    );
}
