//! TestApp: stands in for `support::postgres`, whose `database()` gives the same. A database
//! for each test on the development server that `DATABASE_URL` names.

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::sync::OnceCell;
use uuid::Uuid;

pub struct Urls {
    pub app: String,
    pub superuser: String,
}

fn url(name: &str, user: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "where the development database is")]
    let base = std::env::var("DATABASE_URL").expect("DATABASE_URL names the development database");
    let query = base.split_once('?').map_or("", |(_, q)| q);
    let query: Vec<&str> = query.split('&').filter(|p| !p.starts_with("user=")).collect();
    format!("postgres:///{name}?{}&user={user}", query.join("&"))
}

async fn admin(name: &str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(2)
        .connect(&url(name, "postgres"))
        .await
        .unwrap()
}

async fn template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let name = format!("tj_{}", std::process::id());
            let server = admin("postgres").await;
            let old: Vec<String> = sqlx::query_scalar(
                "SELECT datname FROM pg_database d WHERE datname LIKE 'tj\\_%'
                 AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname)",
            )
            .fetch_all(&server)
            .await
            .unwrap();
            for old in old {
                // Somebody else's run may clean up too.
                let _ = sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {old}"))).execute(&server).await;
            }
            sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name} OWNER deskhand_owner")))
                .execute(&server)
                .await
                .unwrap();
            let root = admin(&name).await;
            sqlx::raw_sql(
                "CREATE EXTENSION vector; GRANT USAGE, CREATE ON SCHEMA public TO deskhand_owner, deskhand_system;
                 GRANT USAGE ON SCHEMA public TO deskhand_app",
            )
            .execute(&root)
            .await
            .unwrap();
            root.close().await;
            let owner =
                PgPoolOptions::new().max_connections(1).connect(&url(&name, "deskhand_owner")).await.unwrap();
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
            let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
            files.sort();
            for file in files {
                let sql = std::fs::read_to_string(file).unwrap();
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&owner).await.unwrap();
            }
            owner.close().await;
            name
        })
        .await
}

/// A new database of this test's own.
pub async fn database() -> Urls {
    let template = template().await;
    let name = format!("{template}_{}", Uuid::now_v7().simple());
    let server = admin("postgres").await;
    // Only one at a time may copy a template.
    static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let one = ONE.lock().await;
    let copy = format!("CREATE DATABASE {name} TEMPLATE {template} OWNER deskhand_owner");
    sqlx::raw_sql(AssertSqlSafe(copy)).execute(&server).await.unwrap();
    drop(one);
    server.close().await;
    Urls {
        app: url(&name, "deskhand_app"),
        superuser: url(&name, "postgres"),
    }
}
