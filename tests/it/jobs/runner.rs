//! The worker at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use deskhand::db::jobs;
use deskhand::domain::job::{JobError, JobState, Priority};
use deskhand::jobs::runner::Settings;
use tokio::sync::{Semaphore, mpsc};

use super::support::{Doing, LISTENING, NEVER, TestDb, Worker, eager, soon, wait};

const STANDARD: Priority = Priority::Standard;

/// Nothing but NOTIFY wakes it.
fn deaf() -> Settings {
    Settings {
        poll: NEVER,
        sweep: NEVER,
        ..Settings::default()
    }
}

#[tokio::test]
async fn an_idle_worker_wakes_when_a_job_is_committed() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let (ran, mut done) = mpsc::unbounded_channel();
    let handler = Doing::new(move |ctx| {
        ran.send((ctx.id, ctx.site, ctx.attempt)).unwrap();
        async { Ok(()) }
    });
    let worker = Worker::start(&t.db, handler, deaf());
    t.until(LISTENING).await;
    for key in ["one", "two", "three"] {
        let id = t.enqueue(site, key, STANDARD).await.id;
        assert_eq!(soon("the job runs", done.recv()).await, Some((id, Some(site), 1)));
        wait("it is done", async || t.state(id).await == JobState::Done).await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn it_listens_again_when_the_connection_was_cut() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let (ran, mut done) = mpsc::unbounded_channel();
    let handler = Doing::new(move |ctx| {
        ran.send(ctx.id).unwrap();
        async { Ok(()) }
    });
    let worker = Worker::start(&t.db, handler, deaf());
    for key in ["before", "after"] {
        t.until(LISTENING).await;
        let id = t.enqueue(site, key, STANDARD).await.id;
        assert_eq!(soon("the job runs", done.recv()).await, Some(id));
        wait("it is done", async || t.state(id).await == JobState::Done).await;
        t.sql(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
              WHERE datname = current_database() AND query LIKE 'LISTEN%'",
        )
        .await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn polling_finds_what_no_word_came_of() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "k", STANDARD).await.id;
    t.sql("UPDATE jobs SET run_at = now() + interval '1 hour'").await;
    let handler = Doing::new(|_| async { Ok(()) });
    let worker = Worker::start(
        &t.db,
        handler,
        Settings {
            sweep: NEVER,
            ..eager()
        },
    );
    t.until(LISTENING).await;
    assert_eq!(t.state(id).await, JobState::Waiting);
    t.sql("UPDATE jobs SET run_at = now()").await;
    wait("the job is done", async || t.state(id).await == JobState::Done).await;
    worker.stop().await;
}

#[tokio::test]
async fn it_has_as_many_hands_as_it_was_given() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    t.flood(site, "k", 20, STANDARD).await;
    let gate = Arc::new(Semaphore::new(0));
    let (now, most) = (Arc::new(AtomicI32::new(0)), Arc::new(AtomicI32::new(0)));
    let handler = Doing::new({
        let (gate, now, most) = (gate.clone(), now.clone(), most.clone());
        move |_| {
            let (gate, now, most) = (gate.clone(), now.clone(), most.clone());
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            }
        }
    });
    let worker = Worker::start(
        &t.db,
        handler,
        Settings {
            concurrency: 3,
            ..eager()
        },
    );
    for done in 0..20 {
        wait("all hands are busy", async || {
            now.load(Ordering::SeqCst) == 3.min(20 - done)
        })
        .await;
        assert_eq!(
            jobs::counts(&t.db).await.unwrap()["running"],
            3.min(20 - i64::from(done))
        );
        gate.add_permits(1);
        wait("one is done", async || {
            jobs::counts(&t.db).await.unwrap()["done"] == i64::from(done) + 1
        })
        .await;
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
    worker.stop().await;
}

#[tokio::test]
async fn a_panic_is_a_failure_like_another_and_the_worker_lives() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "k", STANDARD).await.id;
    let handler = Doing::new(|ctx| async move {
        assert!(ctx.attempt > 1, "the first try panics, on purpose");
        Ok(())
    });
    let worker = Worker::start(&t.db, handler, eager());
    t.until("SELECT error_code IS NOT NULL FROM jobs").await;
    let failed = jobs::get(&t.db, id).await.unwrap();
    assert_eq!(
        (failed.state, failed.error_code.as_deref()),
        (JobState::Waiting, Some("panicked"))
    );
    t.sql("UPDATE jobs SET run_at = now()").await;
    wait("the second try is done", async || {
        t.state(id).await == JobState::Done
    })
    .await;
    let done = jobs::get(&t.db, id).await.unwrap();
    assert_eq!((done.attempts, done.error), (2, None));
    worker.stop().await;
}

#[tokio::test]
async fn failures_are_stored_and_permanent_ones_kill() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "k", STANDARD).await.id;
    let handler = Doing::new(|ctx| async move {
        Err(match ctx.attempt {
            1 => JobError::transient("busy", "The other side is busy."),
            _ => JobError::permanent("gone", "The file is gone."),
        })
    });
    let worker = Worker::start(&t.db, handler, eager());
    t.until("SELECT error_code = 'busy' AND state = 'waiting' FROM jobs")
        .await;
    t.sql("UPDATE jobs SET run_at = now()").await;
    wait("the job is dead", async || t.state(id).await == JobState::Dead).await;
    assert_eq!(
        jobs::get(&t.db, id).await.unwrap().error.as_deref(),
        Some("The file is gone.")
    );
    worker.stop().await;
}

#[tokio::test]
async fn progress_is_stored_while_it_runs_and_stays_when_it_is_done() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "k", STANDARD).await.id;
    let gate = Arc::new(Semaphore::new(0));
    let handler = Doing::new({
        let gate = gate.clone();
        move |ctx| {
            let gate = gate.clone();
            async move {
                ctx.progress("extract", 0.25);
                gate.acquire().await.unwrap().forget();
                ctx.progress("indexed", 7.0);
                Ok(())
            }
        }
    });
    let worker = Worker::start(&t.db, handler, deaf());
    t.until("SELECT progress = '{\"stage\": \"extract\", \"share\": 0.25}' FROM jobs")
        .await;
    gate.add_permits(1);
    wait("it is done", async || t.state(id).await == JobState::Done).await;
    let progress = jobs::get(&t.db, id).await.unwrap().progress.unwrap();
    assert_eq!((progress.stage.as_ref(), progress.share), ("indexed", 1.0));
    worker.stop().await;
}

#[tokio::test]
async fn a_dead_workers_job_is_run_by_another() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "k", STANDARD).await.id;
    t.claim_one().await.unwrap();
    let tries = Arc::new(AtomicUsize::new(0));
    let handler = Doing::new({
        let tries = tries.clone();
        move |_| {
            tries.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        }
    });
    let workers = [0, 1].map(|_| Worker::start(&t.db, handler.clone(), eager()));
    t.sql("UPDATE jobs SET lease_until = now() - interval '1 second'")
        .await;
    wait("it is done", async || t.state(id).await == JobState::Done).await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(tries.load(Ordering::SeqCst), 1, "by one of the two");
    assert_eq!(jobs::get(&t.db, id).await.unwrap().attempts, 2);
}

#[tokio::test]
async fn a_long_job_keeps_its_lease() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "k", STANDARD).await.id;
    let gate = Arc::new(Semaphore::new(0));
    let handler = Doing::new({
        let gate = gate.clone();
        move |_| {
            let gate = gate.clone();
            async move {
                gate.acquire().await.unwrap().forget();
                Ok(())
            }
        }
    });
    let worker = Worker::start(
        &t.db,
        handler,
        Settings {
            lease: Duration::from_secs(2),
            ..eager()
        },
    );
    // Well past the end of the lease that the claim gave it, with sweepers looking.
    t.until("SELECT lease_until > claimed_at + interval '5 seconds' FROM jobs")
        .await;
    gate.add_permits(1);
    wait("it is done", async || t.state(id).await == JobState::Done).await;
    assert_eq!(
        jobs::get(&t.db, id).await.unwrap().attempts,
        1,
        "nobody took it over"
    );
    worker.stop().await;
}
