//! How jobs end that can't go on: the process stops, or the job is somebody else's.

use std::sync::Arc;
use std::time::Duration;

use deskhand::db::jobs;
use deskhand::domain::job::{JobState, Priority};
use deskhand::jobs::runner::Settings;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::support::{Doing, LISTENING, NEVER, NOT_LISTENING, TestDb, Worker, eager, soon, wait};

const STANDARD: Priority = Priority::Standard;

/// Tells that the future that holds it was dropped before its end.
struct Dropped(Option<mpsc::UnboundedSender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            let _ = tell.send(());
        }
    }
}

/// A handler that never ends by itself, and what is heard of it: that it began, that it was dropped.
fn endless() -> (Doing, mpsc::UnboundedReceiver<()>, mpsc::UnboundedReceiver<()>) {
    let (began, begins) = mpsc::unbounded_channel();
    let (dropped, drops) = mpsc::unbounded_channel();
    let handler = Doing::new(move |ctx| {
        let guard = Dropped(Some(dropped.clone()));
        let began = began.clone();
        async move {
            let _guard = guard;
            began.send(()).unwrap();
            ctx.cancelled.cancelled().await;
            // Being told isn't being stopped.
            std::future::pending().await
        }
    });
    (handler, begins, drops)
}

#[tokio::test]
async fn a_worker_that_stops_ends_its_jobs_and_begins_none() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let (gate, (began, begins)) = (Arc::new(Semaphore::new(0)), oneshot::channel());
    let began = Arc::new(std::sync::Mutex::new(Some(began)));
    let handler = Doing::new({
        let gate = gate.clone();
        move |_| {
            let (gate, began) = (gate.clone(), began.clone());
            async move {
                began
                    .lock()
                    .unwrap()
                    .take()
                    .expect("only one job begins")
                    .send(())
                    .unwrap();
                gate.acquire().await.unwrap().forget();
                Ok(())
            }
        }
    });
    let first = t.enqueue(site, "first", STANDARD).await.id;
    let worker = Worker::start(
        &t.db,
        handler,
        Settings {
            concurrency: 1,
            ..eager()
        },
    );
    soon("the job begins", begins).await.unwrap();
    let second = t.enqueue(site, "second", STANDARD).await.id;
    t.until(LISTENING).await;
    worker.stop.cancel();
    t.until(NOT_LISTENING).await;
    gate.add_permits(1);
    worker.stop().await;
    assert_eq!(
        (t.state(first).await, t.state(second).await),
        (JobState::Done, JobState::Waiting)
    );
}

#[tokio::test]
async fn what_does_not_end_in_time_is_given_back_unharmed() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    t.flood(site, "k", 2, STANDARD).await;
    let (handler, mut begins, mut drops) = endless();
    let worker = Worker::start(
        &t.db,
        handler,
        Settings {
            drain: Duration::ZERO,
            ..eager()
        },
    );
    for _ in 0..2 {
        soon("the job begins", begins.recv()).await.unwrap();
    }
    worker.stop().await;
    for _ in 0..2 {
        soon("the job is dropped", drops.recv()).await.unwrap();
    }
    for job in jobs::list(&t.db, &jobs::Filter::default(), 10).await.unwrap() {
        assert_eq!(
            (job.state, job.attempts, job.error_code),
            (JobState::Waiting, 0, None)
        );
        assert!(job.run_at <= job.claimed_at.unwrap(), "due at once");
    }
}

/// A runner whose future is dropped must not leave its jobs running unattended.
#[tokio::test]
async fn a_runner_that_is_dropped_gives_its_jobs_back() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "k", STANDARD).await.id;
    let (handler, mut begins, mut drops) = endless();
    let tasks = tokio_util::task::TaskTracker::new();
    let runner = deskhand::jobs::runner::Runner::new(
        t.db.clone(),
        deskhand::jobs::handler::Handlers::new().with(handler),
        vec![],
        eager(),
        tasks.clone(),
        tokio_util::sync::CancellationToken::new(),
    );
    tokio::select! {
        () = runner.run() => panic!("nobody stopped it"),
        began = soon("the job begins", begins.recv()) => began.unwrap(),
    }
    soon("the job is dropped", drops.recv()).await.unwrap();
    tasks.close();
    soon("no task is left", tasks.wait()).await;
    assert_eq!(t.state(id).await, JobState::Waiting);
}

/// Every heartbeat asks whether the job is still the worker's, also the one that carries progress.
#[tokio::test]
async fn a_job_that_was_taken_over_is_stopped_and_says_nothing() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "k", STANDARD).await.id;
    let (go_on, began) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (dropped, mut drops) = mpsc::unbounded_channel();
    let handler = Doing::new({
        let (go_on, began) = (go_on.clone(), began.clone());
        move |ctx| {
            let guard = Dropped(Some(dropped.clone()));
            let (go_on, began) = (go_on.clone(), began.clone());
            async move {
                let _guard = guard;
                began.add_permits(1);
                go_on.acquire().await.unwrap().forget();
                ctx.progress("half", 0.5);
                std::future::pending().await
            }
        }
    });
    let settings = Settings {
        lease: NEVER,
        sweep: NEVER,
        ..eager()
    };
    let worker = Worker::start(&t.db, handler, settings);
    soon("the job begins", began.acquire()).await.unwrap().forget();
    t.sql("UPDATE jobs SET epoch = epoch + 1, owner = gen_random_uuid()")
        .await;
    go_on.add_permits(1);
    soon("the job is dropped", drops.recv()).await.unwrap();
    worker.stop().await;
    let job = jobs::get(&t.db, id).await.unwrap();
    assert_eq!((job.state, job.attempts), (JobState::Running, 1), "the other's");
    assert_eq!((job.progress, job.error_code), (None, None));
}

#[tokio::test]
async fn a_dropped_job_is_stopped() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "k", STANDARD).await.id;
    let (handler, mut begins, mut drops) = endless();
    let worker = Worker::start(
        &t.db,
        handler,
        Settings {
            lease: Duration::from_millis(600),
            ..eager()
        },
    );
    soon("the job begins", begins.recv()).await.unwrap();
    jobs::drop_job(&t.db, id).await.unwrap();
    soon("the job is dropped", drops.recv()).await.unwrap();
    worker.stop().await;
}

/// Without an answer to its heartbeats a worker must assume that another has the job.
#[tokio::test]
async fn a_job_is_stopped_when_the_database_is_away_for_longer_than_its_lease() {
    let t = TestDb::new().await;
    let site = t.site("a").await;
    let id = t.enqueue(site, "k", STANDARD).await.id;
    let (handler, mut begins, mut drops) = endless();
    let worker = Worker::start(
        &t.db,
        handler,
        Settings {
            lease: Duration::from_secs(1),
            sweep: NEVER,
            ..eager()
        },
    );
    soon("the job begins", begins.recv()).await.unwrap();
    let mut tx = t.admin.begin().await.unwrap();
    sqlx::query("LOCK TABLE jobs").execute(&mut *tx).await.unwrap();
    soon("the job is dropped", drops.recv()).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(t.state(id).await, JobState::Running, "as far as the queue knows");
    worker.stop().await;
}

#[tokio::test]
async fn the_end_of_a_job_is_told_when_the_database_is_back() {
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
    let worker = Worker::start(&t.db, handler, eager());
    wait("it runs", async || t.state(id).await == JobState::Running).await;
    // Every statement of the worker's fails from here on, as with a server that is being stopped.
    t.sql("REVOKE UPDATE ON jobs FROM deskhand_app").await;
    t.sql(
        "CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'away' USING ERRCODE = '57P01'; END $$",
    )
    .await;
    t.sql("CREATE TRIGGER away BEFORE UPDATE ON jobs EXECUTE FUNCTION away()")
        .await;
    t.sql("GRANT UPDATE ON jobs TO deskhand_app").await;
    gate.add_permits(1);
    t.until("SELECT xact_rollback > 0 FROM pg_stat_database WHERE datname = current_database()")
        .await;
    t.sql("DROP TRIGGER away ON jobs").await;
    wait("it is done", async || t.state(id).await == JobState::Done).await;
    worker.stop().await;
}
