//! A database of its own for each test, and jobs to fill it with.

use std::sync::Arc;
use std::time::Duration;

use deskhand::db::jobs::{self, Claimed, Enqueued};
use deskhand::db::pool::Db;
use deskhand::domain::ids::{DocumentId, JobId, SiteId, UploadId};
use deskhand::domain::job::{Job, JobError, JobState, Priority, Work};
use deskhand::jobs::handler::{Handler, Handlers, JobContext};
use deskhand::jobs::runner::{Runner, Settings};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::support::postgres::database;

pub const INGEST: &str = Work::INGEST_DOCUMENT;
pub const LEASE: Duration = Duration::from_secs(30);

/// A fresh database: `db` as the product sees it, `admin` for what only a test may do.
pub struct TestDb {
    pub db: Db,
    pub admin: PgPool,
    pub url: String,
}

impl TestDb {
    pub async fn new() -> Self {
        let urls = database().await;
        let admin = PgPoolOptions::new()
            .max_connections(2)
            .connect(&urls.superuser)
            .await
            .unwrap();
        Self {
            db: Db::connect(&urls.app, 12).await.unwrap(),
            admin,
            url: urls.app,
        }
    }

    /// A site with this slug.
    pub async fn site(&self, slug: &str) -> SiteId {
        let id = SiteId::new();
        sqlx::query("INSERT INTO sites (id, slug, name) VALUES ($1, $2, $2)")
            .bind(id.0)
            .bind(slug)
            .execute(&self.admin)
            .await
            .unwrap();
        id
    }

    /// Enqueues a job in a transaction of its own.
    pub async fn enqueue(&self, site: SiteId, key: &str, priority: Priority) -> Enqueued {
        let mut tx = self.db.site(site).await.unwrap();
        let enqueued = jobs::enqueue(&mut tx, &job(key, priority)).await.unwrap();
        tx.commit().await.unwrap();
        enqueued
    }

    /// Enqueues `n` jobs with the keys `prefix0`, `prefix1`, ….
    pub async fn flood(&self, site: SiteId, prefix: &str, n: usize, priority: Priority) {
        let mut tx = self.db.site(site).await.unwrap();
        for i in 0..n {
            jobs::enqueue(&mut tx, &job(&format!("{prefix}{i}"), priority))
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// Claims one job.
    pub async fn claim_one(&self) -> Option<Claimed> {
        let mut claimed = jobs::claim(&self.db, Uuid::now_v7(), &[INGEST], 1, LEASE)
            .await
            .unwrap();
        assert!(claimed.len() <= 1);
        claimed.pop()
    }

    pub async fn state(&self, id: JobId) -> JobState {
        jobs::get(&self.db, id).await.unwrap().state
    }

    /// The key of a job.
    pub async fn key(&self, id: JobId) -> String {
        jobs::get(&self.db, id).await.unwrap().key
    }

    /// Does what only time or an accident does.
    pub async fn sql(&self, statement: &'static str) -> u64 {
        sqlx::query(statement)
            .execute(&self.admin)
            .await
            .unwrap()
            .rows_affected()
    }

    /// Waits until a query gives true; null isn't.
    pub async fn until(&self, question: &'static str) {
        wait(question, async || {
            sqlx::query_scalar::<_, Option<bool>>(question)
                .fetch_one(&self.admin)
                .await
                .unwrap()
                == Some(true)
        })
        .await;
    }
}

/// Waits for the thing; gives up after half a minute, which only a defect takes.
pub async fn wait(what: &str, mut happened: impl AsyncFnMut() -> bool) {
    let look = async {
        while !happened().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), look)
        .await
        .unwrap_or_else(|_| panic!("never happened: {what}"));
}

/// The same for a future.
pub async fn soon<T>(what: &str, thing: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), thing)
        .await
        .unwrap_or_else(|_| panic!("never happened: {what}"))
}

pub fn job(key: &str, priority: Priority) -> Job {
    Job {
        work: Work::IngestDocument {
            upload: UploadId::new(),
            document: DocumentId::new(),
        },
        key: key.to_owned(),
        priority,
    }
}

type Does = dyn Fn(JobContext) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync;

/// A handler of ingestion jobs that does something else.
#[derive(Clone)]
pub struct Doing(Arc<Does>);

impl Doing {
    pub fn new<F>(what: impl Fn(JobContext) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        Self(Arc::new(move |ctx| what(ctx).boxed()))
    }
}

impl Handler for Doing {
    fn kind(&self) -> &'static str {
        INGEST
    }

    fn run<'a>(&'a self, ctx: JobContext, _: Work) -> BoxFuture<'a, Result<(), JobError>> {
        (self.0)(ctx)
    }
}

/// An hour where nothing but a word may wake the worker.
pub const NEVER: Duration = Duration::from_secs(3600);

/// A worker hears announcements.
pub const LISTENING: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle')";
/// It doesn't any more, since it stops.
pub const NOT_LISTENING: &str = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle')";

/// Polls eagerly, so that tests which move `run_at` needn't wait.
pub fn eager() -> Settings {
    Settings {
        poll: Duration::from_millis(10),
        sweep: Duration::from_millis(10),
        ..Settings::default()
    }
}

/// A worker of this process.
pub struct Worker {
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
    running: tokio::task::JoinHandle<()>,
}

impl Worker {
    pub fn start(db: &Db, handler: Doing, settings: Settings) -> Self {
        Self::with(db, Handlers::new().with(handler), vec![], settings)
    }

    pub fn with(
        db: &Db,
        handlers: Handlers,
        schedules: Vec<deskhand::domain::job::Schedule>,
        settings: Settings,
    ) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let runner = Runner::new(
            db.clone(),
            handlers,
            schedules,
            settings,
            tasks.clone(),
            stop.clone(),
        );
        let running = tasks.spawn(runner.run());
        Self { stop, tasks, running }
    }

    /// Stops it, and checks that it leaves no task behind.
    pub async fn stop(self) {
        self.stop.cancel();
        soon("the worker stops", self.running).await.unwrap();
        self.tasks.close();
        soon("the worker leaves no task", self.tasks.wait()).await;
    }
}
