//! What the clock starts, it starts once.

use std::sync::Arc;
use std::time::Duration;

use deskhand::db::jobs::{self, Filter};
use deskhand::db::schedule;
use deskhand::domain::clock::SystemClock;
use deskhand::domain::job::{JobState, Schedule, Work};
use deskhand::jobs::handler::Handlers;
use deskhand::jobs::prune::Prune;

use super::support::{TestDb, Worker, eager};

fn prune(every: Duration) -> Vec<Schedule> {
    vec![Schedule {
        name: "prune",
        every,
        work: Work::Prune,
    }]
}

fn pruner() -> Prune {
    Prune {
        clock: Arc::new(SystemClock),
    }
}

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_workers_start_scheduled_work_once() {
    let t = TestDb::new().await;
    let workers: Vec<Worker> = (0..4)
        .map(|_| Worker::with(&t.db, Handlers::new().with(pruner()), prune(HOUR), eager()))
        .collect();
    t.until("SELECT EXISTS (SELECT FROM schedules)").await;
    for round in 1..=3i64 {
        t.sql("UPDATE schedules SET next_run = now() - interval '1 second'")
            .await;
        t.until("SELECT (SELECT next_run > now() FROM schedules) AND NOT EXISTS (SELECT FROM jobs WHERE state <> 'done')
                    AND EXISTS (SELECT FROM jobs WHERE finished_at >= (SELECT last_run FROM schedules))")
            .await;
        assert_eq!(jobs::counts(&t.db).await.unwrap()["done"], round);
    }
    for worker in workers {
        worker.stop().await;
    }
    // Whoever still held a connection has looked for the last time.
    assert_eq!(jobs::list(&t.db, &Filter::default(), 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn missed_runs_are_not_made_up_for_and_the_beat_is_kept() {
    let t = TestDb::new().await;
    let hourly = prune(HOUR);
    schedule::register(&t.db, &hourly).await.unwrap();
    assert!(
        schedule::fire(&t.db, &hourly).await.unwrap().is_empty(),
        "first after an hour"
    );
    t.sql("UPDATE schedules SET next_run = now() - interval '5 hours 20 minutes'")
        .await;
    assert_eq!(schedule::fire(&t.db, &hourly).await.unwrap(), ["prune"]);
    assert!(schedule::fire(&t.db, &hourly).await.unwrap().is_empty());
    t.until("SELECT next_run BETWEEN now() + interval '39 minutes' AND now() + interval '40 minutes' FROM schedules")
        .await;
    // The last run's job hasn't been done yet: no second one.
    t.sql("UPDATE schedules SET next_run = now()").await;
    assert_eq!(schedule::fire(&t.db, &hourly).await.unwrap(), ["prune"]);
    let all = jobs::list(&t.db, &Filter::default(), 10).await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(
        (all[0].state, all[0].site_id, all[0].kind.as_str()),
        (JobState::Waiting, None, Work::PRUNE)
    );
}

#[tokio::test]
async fn a_shorter_interval_holds_at_once_a_longer_one_from_the_next_run() {
    let t = TestDb::new().await;
    schedule::register(&t.db, &prune(HOUR)).await.unwrap();
    schedule::register(&t.db, &prune(Duration::from_mins(10)))
        .await
        .unwrap();
    t.until("SELECT next_run <= now() + interval '10 minutes' FROM schedules")
        .await;
    schedule::register(&t.db, &prune(HOUR)).await.unwrap();
    t.until("SELECT next_run <= now() + interval '10 minutes' FROM schedules")
        .await;
}
