//! Against a real server, with real kills.

mod recovery;
mod running;
mod trouble;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, Executor, PgConnection};

use super::account::Account;
use super::*;

/// As long as anything may take on a busy machine; only a failing test waits for it.
const LONG: Duration = Duration::from_secs(60);

/// What a re-executed test reads its orders from.
const ORDERS: &str = "DESKHAND_TEST_ORDERS";

#[expect(
    clippy::disallowed_methods,
    reason = "a test has no configuration to read them from"
)]
fn env(name: &str) -> Option<PathBuf> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn pg_dir() -> PathBuf {
    let cache = cache_dir(env("XDG_CACHE_HOME").as_deref(), env("HOME").as_deref()).unwrap_or_default();
    match find_pg_dir(env("DESKHAND_PG_DIR").as_deref(), &cache) {
        Ok(dir) => dir,
        Err(error) => panic!("{error}"),
    }
}

/// A data folder of its own, which the server's account can reach.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o711)).unwrap();
        Self(dir)
    }

    fn data_dir(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn cluster(&self) -> PathBuf {
        self.data_dir().join("postgres")
    }

    fn settings(&self) -> EmbeddedSettings {
        settings(self.data_dir())
    }
}

fn settings(data_dir: PathBuf) -> EmbeddedSettings {
    EmbeddedSettings {
        data_dir,
        pg_dir: pg_dir(),
        durable: false,
        wait_for_lock: LONG,
    }
}

async fn connect(server: &Embedded) -> PgConnection {
    PgConnection::connect(&server.superuser_url()).await.unwrap()
}

async fn write_note(server: &Embedded, text: &str) {
    let mut conn = connect(server).await;
    conn.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        .await
        .unwrap();
    sqlx::query("INSERT INTO note VALUES ($1)")
        .bind(text)
        .execute(&mut conn)
        .await
        .unwrap();
}

async fn notes(server: &Embedded) -> Vec<String> {
    let mut conn = connect(server).await;
    sqlx::query_scalar("SELECT text FROM note ORDER BY text")
        .fetch_all(&mut conn)
        .await
        .unwrap()
}

/// What never happens fails the test instead of holding it up.
async fn in_time<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, event)
        .await
        .expect("it happens in time")
}

/// Looks again and again until `done`.
async fn until(mut done: impl FnMut() -> bool) {
    let looking = async {
        while !done() {
            tokio::time::sleep(TICK).await;
        }
    };
    in_time(looking).await;
}

fn kill_hard(pid: u32) {
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).unwrap();
}

fn is_signal_nine(error: &EmbeddedError) -> bool {
    use std::os::unix::process::ExitStatusExt;
    matches!(error, EmbeddedError::Died { status, .. } if status.signal() == Some(9))
}

async fn failure(settings: &EmbeddedSettings, access: Access) -> EmbeddedError {
    match open(settings, access).await {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

/// This test binary again, as another process: [`helper`] opens the folder, proves that it
/// answers and says so.
struct Helper {
    process: Child,
    said: BufReader<std::process::ChildStdout>,
    postmaster: u32,
}

impl Helper {
    fn start(data_dir: &Path, access: &str) -> Self {
        let mut orders = std::ffi::OsString::from(format!("{access} "));
        orders.push(data_dir);
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--ignored",
                "--nocapture",
                "db::embedded::tests::helper",
            ])
            .env(ORDERS, orders)
            // What a user's shell may hold must lead neither the server nor a client astray.
            .envs([
                ("PGPORT", "1"),
                ("PGSSLMODE", "require"),
                ("PGDATA", "/nowhere"),
                ("PGUSER", "nobody"),
            ])
            .env("SOME_API_KEY", "a-secret-of-ours")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        let mut helper = Self {
            process,
            said,
            postmaster: 0,
        };
        helper.postmaster = helper.wait_for_line("ready ").parse().unwrap();
        helper
    }

    fn wait_for_line(&mut self, start: &str) -> String {
        let mut line = String::new();
        while self.said.read_line(&mut line).unwrap() > 0 {
            if let Some(rest) = line.trim_end().strip_prefix(start) {
                return rest.to_owned();
            }
            line.clear();
        }
        panic!("the helper ended without saying {start:?}");
    }

    fn stop(mut self) {
        writeln!(self.process.stdin.take().unwrap(), "stop").unwrap();
        self.wait_for_line("stopped");
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A process of the test's own, ended with it however the test ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
#[ignore = "other tests run it as a process of its own"]
async fn helper() {
    use std::os::unix::ffi::OsStringExt;
    let orders = env(ORDERS)
        .expect("the orders of the test that starts this")
        .into_os_string()
        .into_vec();
    let (access, data_dir) = orders.split_at(orders.iter().position(|&b| b == b' ').unwrap());
    let access = if access == b"own" {
        Access::Own
    } else {
        Access::Attach
    };
    let data_dir = PathBuf::from(std::ffi::OsString::from_vec(data_dir[1..].to_vec()));
    let server = open(&settings(data_dir), access).await.unwrap();
    write_note(&server, "from the helper").await;
    // On a line of its own: the test harness has begun one.
    println!("\nready {}", server.postmaster_pid());
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    server.stop().await.unwrap();
    println!("stopped");
}

fn leftovers(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.data_dir()).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The test's account, as the module picks it.
fn account(place: &Place) -> Account {
    Account::choose(&place.cluster()).unwrap()
}

/// An installation whose programs are scripts, for what a real one does only on a machine
/// in trouble.
fn scripted(place: &Place, postgres: &str, initdb: &str) -> PathBuf {
    let dir = place.0.path().join("scripted");
    fs::create_dir_all(dir.join("bin")).unwrap();
    for (name, script) in [("postgres", postgres), ("initdb", initdb)] {
        let path = dir.join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    dir
}
