//! A PostgreSQL of the benchmark's own, by the product's code, and what the kernel says of
//! its processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deskhand::db::embedded::{self, Access, Embedded, EmbeddedSettings};
use deskhand::db::pool::Db;
use deskhand::db::{migrate, models};
use sqlx::Row;

use crate::corpus::DIMENSIONS;
use crate::load;

pub struct Server {
    own: Embedded,
}

pub struct Database {
    pub superuser: String,
    pub db: Db,
}

impl Server {
    pub async fn start(folder: &Path) -> Self {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let (xdg, home) = (variable("XDG_CACHE_HOME"), variable("HOME"));
        let cache = embedded::cache_dir(xdg.as_deref(), home.as_deref()).unwrap_or_default();
        let pg_dir = embedded::find_pg_dir(variable("DESKHAND_PG_DIR").as_deref(), &cache)
            .unwrap_or_else(|e| panic!("{e}"));
        let settings = EmbeddedSettings {
            data_dir: folder.to_owned(),
            pg_dir,
            durable: true,
            wait_for_lock: Duration::from_secs(5),
        };
        let own = embedded::open(&settings, Access::Own).await;
        Self {
            own: own.unwrap_or_else(|e| panic!("{e}")),
        }
    }

    /// Opens a database; makes it when it isn't there.
    pub async fn database(&self, name: &str) -> Database {
        let superuser = self.own.url("postgres", name);
        migrate::bootstrap(&self.own.superuser_url(), &superuser, name)
            .await
            .unwrap();
        migrate::migrate(&self.own.url(migrate::OWNER, name), None)
            .await
            .unwrap();
        // One connection: one client.
        let db = Db::connect(&self.own.url(migrate::APP, name), 1).await.unwrap();
        Database { superuser, db }
    }

    pub async fn stop(self) {
        self.own.stop().await.unwrap();
    }

    /// What the server's processes take of the memory, shared pages counted once.
    pub fn memory(&self) -> u64 {
        let mut kilobytes = 0;
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let path = entry.path();
            let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
            let parent = stat
                .rsplit_once(") ")
                .and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
            if parent == Some(self.own.postmaster_pid()) {
                let rollup = fs::read_to_string(path.join("smaps_rollup")).unwrap_or_default();
                let pss = rollup.lines().find_map(|l| l.strip_prefix("Pss:"));
                let pss = pss.and_then(|l| l.trim().split(' ').next()?.parse::<u64>().ok());
                kilobytes += pss.unwrap_or(0);
            }
        }
        kilobytes << 10
    }
}

/// The model of the corpus's vectors, which is never opened: they are given.
pub const MODEL: &str = "bench";

impl Database {
    /// The model of the corpus's vectors.
    pub async fn model(&self) -> i32 {
        models::register(&self.db, MODEL, "local:bench", DIMENSIONS)
            .await
            .unwrap()
    }

    /// The process that serves the pool's connection.
    pub async fn backend(&self) -> i32 {
        self.db.ping().await.unwrap();
        let mut conn = load::connect(&self.superuser).await;
        let row = sqlx::query(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'deskhand' AND datname = current_database()",
        );
        row.fetch_one(&mut conn).await.unwrap().get(0)
    }

    pub async fn size(&self, relation: &str) -> i64 {
        let mut conn = load::connect(&self.superuser).await;
        let row = sqlx::query("SELECT coalesce(pg_total_relation_size(to_regclass($1)), 0)").bind(relation);
        row.fetch_one(&mut conn).await.unwrap().get(0)
    }
}

/// Seconds that a process was on a core.
pub fn cpu(pid: i32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    let nanoseconds: f64 = text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0.0);
    nanoseconds / 1e9
}
