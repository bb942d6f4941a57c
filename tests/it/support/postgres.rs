//! One PostgreSQL for all tests of this process, and a database for each, copied from a
//! template that is migrated once.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use deskhand::db::embedded::{self, Access, EmbeddedSettings};
use deskhand::db::migrate;
use uuid::Uuid;

const TEMPLATE: &str = "deskhand_template";

pub struct Urls {
    pub app: String,
    pub owner: String,
    pub superuser: String,
    pub name: String,
}

struct Server {
    socket: PathBuf,
}

static SERVER: OnceLock<Server> = OnceLock::new();

/// The PostgreSQL installation that the tests use; fails with the command to run.
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration of their own"
)]
pub fn pg_dir() -> PathBuf {
    let configured = std::env::var_os("DESKHAND_PG_DIR").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let xdg = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = embedded::cache_dir(xdg.as_deref(), home.as_deref()).unwrap_or_default();
    embedded::find_pg_dir(configured.as_deref(), &cache).unwrap_or_else(|e| panic!("{e}"))
}

/// A new folder for a test that runs servers of its own; short, and open to the account
/// that runs PostgreSQL. What earlier, dead test runs left is removed.
pub fn folder(name: &str) -> PathBuf {
    let base = std::env::temp_dir();
    for old in std::fs::read_dir(&base).into_iter().flatten().flatten() {
        let file = old.file_name().to_string_lossy().into_owned();
        let pid = file
            .strip_prefix("deskhand-it-")
            .and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = std::fs::remove_dir_all(old.path());
        }
    }
    let path = base.join(format!(
        "deskhand-it-{}-{name}-{}",
        std::process::id(),
        Uuid::new_v4().simple()
    ));
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn start() -> Server {
    let (tell, told) = std::sync::mpsc::channel();
    // A thread of its own for as long as the process lives: the server dies with it.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let settings = EmbeddedSettings {
                data_dir: folder("pg"),
                pg_dir: pg_dir(),
                durable: false,
                wait_for_lock: Duration::from_secs(30),
            };
            let server = embedded::open(&settings, Access::Own)
                .await
                .unwrap_or_else(|e| panic!("{e}"));
            let url = |user: &str| server.url(user, TEMPLATE);
            migrate::bootstrap(&server.superuser_url(), &url("postgres"), TEMPLATE)
                .await
                .unwrap();
            migrate::migrate(&url(migrate::OWNER), None).await.unwrap();
            migrate::check(&url(migrate::APP)).await.unwrap();
            let socket = server.url("u", "d");
            let socket = socket
                .split("host=")
                .nth(1)
                .and_then(|h| h.split('&').next())
                .unwrap()
                .to_owned();
            tell.send(PathBuf::from(socket.replace("%2F", "/"))).unwrap();
            std::future::pending::<()>().await;
        });
    });
    Server {
        socket: told
            .recv()
            .expect("PostgreSQL for the tests doesn't start; its message stands above"),
    }
}

fn url(user: &str, database: &str) -> String {
    let server = SERVER.get_or_init(start);
    let host = server.socket.display().to_string().replace('/', "%2F");
    format!("postgres:///{database}?host={host}&user={user}")
}

/// A new database of this test's own.
pub async fn database() -> Urls {
    let name = format!("t_{}", Uuid::new_v4().simple());
    let superuser = tokio::task::spawn_blocking(|| url("postgres", "postgres"))
        .await
        .unwrap();
    admin(&superuser, &format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await;
    Urls {
        app: url(migrate::APP, &name),
        owner: url(migrate::OWNER, &name),
        superuser: url("postgres", &name),
        name,
    }
}

/// Runs one statement as whoever the URL says.
pub async fn admin(url: &str, statement: &str) {
    use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
    let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    let mut conn = options.connect().await.unwrap();
    conn.execute(AssertSqlSafe(statement))
        .await
        .unwrap_or_else(|e| panic!("{statement}: {e}"));
}
