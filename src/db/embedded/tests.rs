//! Against a real server, with real kills.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid, getpgid};
use sha2::{Digest, Sha256};
use sqlx::{Connection, Executor, PgConnection, Row};

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

/// Looks again and again until `done`; a condition that never comes fails the test.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let looking = async {
        while !done() {
            tokio::time::sleep(TICK).await;
        }
    };
    tokio::time::timeout(LONG, looking)
        .await
        .unwrap_or_else(|_| panic!("not within {LONG:?}: {what}"));
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

#[tokio::test]
async fn a_new_folder_becomes_a_private_utf8_cluster_with_pgvector() {
    let place = Place::new();
    let server = open(&place.settings(), Access::Own).await.unwrap();
    assert!(server.owns_server());

    let mut conn = connect(&server).await;
    let show = async |conn: &mut PgConnection, what: &str| -> String {
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SHOW {what}")))
            .fetch_one(conn)
            .await
            .unwrap()
    };
    assert_eq!(show(&mut conn, "listen_addresses").await, "");
    assert_eq!(show(&mut conn, "random_page_cost").await, "1.1");
    assert_eq!(show(&mut conn, "max_connections").await, "100");
    let row = conn
        .fetch_one(
            "SELECT pg_encoding_to_char(encoding), datlocprovider::text, datlocale
             FROM pg_database WHERE datname = 'template1'",
        )
        .await
        .unwrap();
    let locale = (
        row.get::<String, _>(0),
        row.get::<String, _>(1),
        row.get::<String, _>(2),
    );
    assert_eq!(locale, ("UTF8".into(), "b".into(), "C.UTF-8".into()));
    conn.execute("CREATE EXTENSION vector").await.unwrap();

    // Its own process group: a Ctrl-C in the terminal must not reach it before us.
    let pid = Pid::from_raw(server.postmaster_pid().cast_signed());
    assert_ne!(getpgid(Some(pid)).unwrap(), getpgid(None).unwrap());
    for private in [place.cluster(), server.socket_dir.clone()] {
        assert_eq!(fs::metadata(private).unwrap().mode() & 0o077, 0);
    }
    let run_by = fs::metadata(format!("/proc/{pid}")).unwrap().uid();
    assert_ne!(run_by, 0);
    assert_eq!(fs::metadata(place.cluster()).unwrap().uid(), run_by);

    server.stop().await.unwrap();
    assert!(processes::working_in(&place.cluster()).is_empty());
    assert_eq!(leftovers(&place), ["postgres", "postgres.lock", "postgres.log"]);
}

fn leftovers(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.data_dir()).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn data_outlives_a_restart_and_open_connections_do_not_hold_it_up() {
    let place = Place::new();
    let server = open(&place.settings(), Access::Own).await.unwrap();
    write_note(&server, "kept").await;
    let mut idle = connect(&server).await;
    server.stop().await.unwrap();
    assert!(idle.execute("SELECT 1").await.is_err());

    // Durable this time: what only tests turn off is an option of the start, not the cluster's.
    let server = open(
        &EmbeddedSettings {
            durable: true,
            ..place.settings()
        },
        Access::Own,
    )
    .await
    .unwrap();
    assert_eq!(notes(&server).await, ["kept"]);
    let fsync: String = sqlx::query_scalar("SHOW fsync")
        .fetch_one(&mut connect(&server).await)
        .await
        .unwrap();
    assert_eq!(fsync, "on");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_failed_statement_leaves_no_data_in_the_log() {
    let place = Place::new();
    let server = open(&place.settings(), Access::Own).await.unwrap();
    let mut conn = connect(&server).await;
    conn.execute("CREATE TABLE person (email text PRIMARY KEY)")
        .await
        .unwrap();
    for _ in 0..2 {
        let _ = sqlx::query("INSERT INTO person VALUES ($1)")
            .bind("eve@example.com")
            .execute(&mut conn)
            .await;
    }
    assert!(conn.execute("SELECT 'eve@example.com'::int").await.is_err());
    server.stop().await.unwrap();
    let log = fs::read_to_string(place.data_dir().join("postgres.log")).unwrap();
    assert!(log.contains("database system is ready"), "{log}");
    assert!(!log.contains("eve@"), "{log}");
}

#[tokio::test]
async fn a_second_owner_is_refused_at_once_and_told_the_process() {
    let place = Place::new();
    let helper = Helper::start(&place.data_dir(), "own");
    let settings = EmbeddedSettings {
        wait_for_lock: Duration::MAX,
        ..place.settings()
    };
    let error = tokio::time::timeout(LONG, failure(&settings, Access::Own))
        .await
        .expect("an answer at once");
    let pid = helper.process.id();
    assert!(
        matches!(error, EmbeddedError::InUse { pid: Some(p), .. } if p == pid),
        "{error}"
    );
    assert!(error.to_string().contains(&format!("process {pid}")), "{error}");
    helper.stop();
}

#[tokio::test]
async fn a_tool_attaches_to_the_running_server_and_leaves_it_running() {
    let place = Place::new();
    let helper = Helper::start(&place.data_dir(), "own");
    let tool = open(&place.settings(), Access::Attach).await.unwrap();
    assert!(!tool.owns_server());
    assert_eq!(tool.postmaster_pid(), helper.postmaster);
    assert_eq!(notes(&tool).await, ["from the helper"]);

    let environ = fs::read(format!("/proc/{}/environ", helper.postmaster)).unwrap();
    assert!(!String::from_utf8_lossy(&environ).contains("a-secret-of-ours"));

    let never = tool.exited();
    tool.stop().await.unwrap();
    assert!(processes::serving(&place.cluster()).is_some());
    helper.stop();
    assert!(futures::FutureExt::now_or_never(never).is_none());
}

#[tokio::test]
async fn of_two_tools_at_once_one_starts_the_server_for_both() {
    let place = Place::new();
    let settings = place.settings();
    let (a, b) = tokio::join!(open(&settings, Access::Attach), open(&settings, Access::Attach));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_ne!(a.owns_server(), b.owns_server());
    assert_eq!(a.postmaster_pid(), b.postmaster_pid());
    write_note(&a, "seen by both").await;
    assert_eq!(notes(&b).await, ["seen by both"]);
    let (attached, owner) = if a.owns_server() { (b, a) } else { (a, b) };
    attached.stop().await.unwrap();
    assert_eq!(notes(&owner).await, ["seen by both"]);
    owner.stop().await.unwrap();
    assert!(processes::working_in(&place.cluster()).is_empty());
}

#[tokio::test]
async fn an_owner_waits_for_a_tool_to_finish_but_not_for_ever() {
    let place = Place::new();
    let tool = open(&place.settings(), Access::Attach).await.unwrap();
    assert!(tool.owns_server());
    let impatient = EmbeddedSettings {
        wait_for_lock: Duration::ZERO,
        ..place.settings()
    };
    let error = failure(&impatient, Access::Own).await;
    let us = std::process::id();
    assert!(
        matches!(error, EmbeddedError::InUse { pid: Some(p), .. } if p == us),
        "{error}"
    );

    let patient = place.settings();
    let (owner, stopped) = tokio::join!(open(&patient, Access::Own), tool.stop());
    stopped.unwrap();
    let owner = owner.unwrap();
    assert!(owner.owns_server());
    owner.stop().await.unwrap();
}

#[tokio::test]
async fn a_dropped_server_stops_and_frees_the_folder() {
    let place = Place::new();
    let server = open(&place.settings(), Access::Attach).await.unwrap();
    write_note(&server, "kept").await;
    let exited = server.exited();
    drop(server);
    exited.await;
    let server = open(&place.settings(), Access::Own).await.unwrap();
    assert_eq!(notes(&server).await, ["kept"]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_server_is_noticed_and_committed_data_recovered() {
    let place = Place::new();
    let server = open(&place.settings(), Access::Own).await.unwrap();
    write_note(&server, "committed").await;
    let mut busy = connect(&server).await;
    let long_query = busy.execute("SELECT pg_sleep(1000)");
    let exited = server.exited();
    kill_hard(server.postmaster_pid());
    let error = exited.await;
    assert!(is_signal_nine(&error), "{error}");
    assert!(long_query.await.is_err());
    drop(server);

    let server = open(&place.settings(), Access::Own).await.unwrap();
    assert_eq!(notes(&server).await, ["committed"]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_backend_does_not_end_the_server() {
    let place = Place::new();
    let server = open(&place.settings(), Access::Own).await.unwrap();
    write_note(&server, "committed").await;
    let mut conn = connect(&server).await;
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    kill_hard(pid.cast_unsigned());
    assert!(conn.execute("SELECT 1").await.is_err());
    // It restarts itself; until then it cuts connections or turns them away.
    let count = async || -> Result<i64, sqlx::Error> {
        let mut conn = PgConnection::connect(&server.superuser_url()).await?;
        sqlx::query_scalar("SELECT count(*) FROM note")
            .fetch_one(&mut conn)
            .await
    };
    let again = async {
        loop {
            match count().await {
                Ok(count) => break count,
                Err(_) => tokio::time::sleep(TICK).await,
            }
        }
    };
    assert_eq!(tokio::time::timeout(LONG, again).await, Ok(1));
    assert!(futures::FutureExt::now_or_never(server.exited()).is_none());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_deskhand_takes_its_server_along_and_the_next_one_goes_on() {
    let place = Place::new();
    let mut helper = Helper::start(&place.data_dir(), "own");
    kill_hard(helper.process.id());
    helper.process.wait().unwrap();
    until("the server's end", || {
        processes::working_in(&place.cluster()).is_empty()
    })
    .await;
    // The kernel told it to end; nobody had to come and clean up.
    assert!(!place.cluster().join("postmaster.pid").exists());
    let server = open(&place.settings(), Access::Own).await.unwrap();
    assert_eq!(notes(&server).await, ["from the helper"]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn killing_both_loses_nothing_even_if_the_next_start_comes_at_once() {
    let place = Place::new();
    let mut helper = Helper::start(&place.data_dir(), "own");
    // Stopped first, so that it can't react to its server's end.
    kill(Pid::from_raw(helper.process.id().cast_signed()), Signal::SIGSTOP).unwrap();
    kill_hard(helper.postmaster);
    kill_hard(helper.process.id());
    helper.process.wait().unwrap();
    let server = open(&place.settings(), Access::Own).await.unwrap();
    assert_eq!(notes(&server).await, ["from the helper"]);
    server.stop().await.unwrap();
}

/// The test's account, as the module picks it.
fn account(place: &Place) -> Account {
    Account::choose(&place.cluster()).unwrap()
}

#[tokio::test]
async fn a_server_that_outlived_its_deskhand_is_stopped_cleanly() {
    let place = Place::new();
    let server = open(&place.settings(), Access::Own).await.unwrap();
    write_note(&server, "kept").await;
    server.stop().await.unwrap();

    let mut command = Command::new(pg_dir().join("bin/postgres"));
    account(&place).apply(&mut command);
    let socket_dir = place.0.path().join("elsewhere");
    account(&place).make_private_dir(&socket_dir).unwrap();
    command.arg("-D").arg(place.cluster()).arg("-k").arg(socket_dir);
    let mut orphan = command.stderr(Stdio::null()).spawn().unwrap();
    until("the orphan's start", || {
        processes::is_ready(&place.cluster(), orphan.id())
    })
    .await;

    let server = open(&place.settings(), Access::Own).await.unwrap();
    assert_ne!(server.postmaster_pid(), orphan.id());
    assert!(orphan.wait().unwrap().success());
    assert_eq!(notes(&server).await, ["kept"]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_stale_process_id_that_lives_again_in_a_stranger_is_no_obstacle() {
    let place = Place::new();
    let server = open(&place.settings(), Access::Own).await.unwrap();
    let (pid, socket_dir) = (server.postmaster_pid(), server.socket_dir.clone());
    let stale = fs::read_to_string(place.cluster().join("postmaster.pid")).unwrap();
    server.stop().await.unwrap();

    let mut command = Command::new("sleep");
    account(&place).apply(&mut command);
    let mut stranger = command.arg("1000").spawn().unwrap();
    let stale = stale.replacen(&pid.to_string(), &stranger.id().to_string(), 1);
    fs::write(place.cluster().join("postmaster.pid"), stale).unwrap();
    account(&place).make_private_dir(&socket_dir).unwrap();
    fs::write(
        socket_dir.join(".s.PGSQL.5432.lock"),
        format!("{}\n", stranger.id()),
    )
    .unwrap();
    // Nor is it taken for a server that answers.
    assert!(processes::serving(&place.cluster()).is_none());

    let opened = open(&place.settings(), Access::Attach).await;
    let still_there = stranger.try_wait().unwrap().is_none();
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert!(still_there, "a process that is none of ours was ended");
    opened.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn paths_may_hold_anything_and_be_long() {
    let place = Place::new();
    let odd = place.0.path().join("it's \"odd\", a+b 100%?#ä");
    let long = place.0.path().join("a folder, with a long name ".repeat(8));
    for data_dir in [odd, long.clone()] {
        let server = open(&settings(data_dir.clone()), Access::Own).await.unwrap();
        write_note(&server, "here").await;
        let tool = open(&settings(data_dir.clone()), Access::Attach).await.unwrap();
        assert_eq!(notes(&tool).await, ["here"]);
        let inside = server.socket_dir.starts_with(place.0.path());
        assert_eq!(
            inside,
            !server.socket_dir.to_str().unwrap().starts_with("/tmp/deskhand-")
        );
        assert_eq!(inside, data_dir != long);
        let socket_dir = server.socket_dir.clone();
        server.stop().await.unwrap();
        assert!(!socket_dir.exists());
    }

    // Somebody laid a trap where the long one's socket goes.
    let hash = hex::encode(Sha256::digest(
        long.canonicalize().unwrap().as_os_str().as_bytes(),
    ));
    let trap = PathBuf::from(format!("/tmp/deskhand-{}", &hash[..16]));
    symlink(place.0.path(), &trap).unwrap();
    let error = failure(&settings(long), Access::Own).await;
    fs::remove_file(&trap).unwrap();
    assert!(
        matches!(&error, EmbeddedError::SocketFolder { path, .. } if *path == trap),
        "{error}"
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let place = Place::new();
    let file = place.0.path().join("file");
    fs::write(&file, "").unwrap();
    let mut impossible = vec![file.join("data")];
    if !geteuid().is_root() {
        let closed = place.0.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o500)).unwrap();
        impossible.extend([closed.join("data"), closed]);
    }
    for data_dir in impossible {
        let error = failure(&settings(data_dir.clone()), Access::Own).await;
        assert!(matches!(&error, EmbeddedError::Folder { .. }), "{error:?}");
        assert!(error.to_string().contains(data_dir.to_str().unwrap()), "{error}");
    }
}

#[tokio::test]
async fn a_folder_closed_to_the_servers_account_is_named() {
    let place = Place::new();
    let closed = place.0.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let settings = settings(closed.join("data"));
    if geteuid().is_root() {
        let error = failure(&settings, Access::Own).await;
        let named = closed.canonicalize().unwrap();
        assert!(
            matches!(&error, EmbeddedError::NotEnterable { dir, .. } if *dir == named),
            "{error}"
        );
    } else {
        // Our own account is the server's, and it may.
        open(&settings, Access::Own).await.unwrap().stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_cluster_of_another_version_is_left_alone_and_the_way_out_named() {
    let place = Place::new();
    open(&place.settings(), Access::Own)
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
    fs::write(place.cluster().join("PG_VERSION"), "16\n").unwrap();
    let error = failure(&place.settings(), Access::Own).await;
    assert!(
        matches!(error, EmbeddedError::Version { cluster: 16, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("DESKHAND_PG_DIR"), "{error}");
    fs::write(place.cluster().join("PG_VERSION"), "garbage").unwrap();
    let error = failure(&place.settings(), Access::Own).await;
    assert!(matches!(error, EmbeddedError::NotACluster { .. }), "{error}");
    assert!(place.cluster().join("base").is_dir());
}

#[tokio::test]
async fn a_folder_that_is_no_cluster_is_never_overwritten() {
    let place = Place::new();
    fs::create_dir_all(place.cluster()).unwrap();
    if geteuid().is_root() {
        let owner = User::from_name("nobody").unwrap().unwrap();
        std::os::unix::fs::chown(place.cluster(), Some(owner.uid.as_raw()), None).unwrap();
    }
    let file = place.cluster().join("thesis.txt");
    fs::write(&file, "years of work").unwrap();
    let error = failure(&place.settings(), Access::Own).await;
    assert!(matches!(error, EmbeddedError::NotACluster { .. }), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "years of work");

    // An empty one is as good as none.
    fs::remove_file(&file).unwrap();
    open(&place.settings(), Access::Own)
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_cluster_that_was_never_finished_is_made_anew() {
    let place = Place::new();
    let unfinished = place.data_dir().join("postgres.new");
    fs::create_dir_all(unfinished.join("base")).unwrap();
    fs::write(unfinished.join("PG_VERSION"), "18\n").unwrap();
    open(&place.settings(), Access::Own)
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn a_server_that_does_not_start_says_why() {
    let place = Place::new();
    open(&place.settings(), Access::Own)
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
    let conf = place.cluster().join("postgresql.conf");
    fs::write(&conf, "shared_buffers = a lot\n").unwrap();
    let error = failure(&place.settings(), Access::Own).await;
    assert!(matches!(error, EmbeddedError::Start { .. }), "{error}");
    assert!(error.to_string().contains("postgresql.conf"), "{error}");
    // The failure keeps nothing locked.
    fs::write(&conf, "").unwrap();
    open(&place.settings(), Access::Own)
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
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

#[tokio::test]
async fn a_disk_that_is_full_is_called_full_and_left_no_fuller() {
    let place = Place::new();
    let pg_dir = scripted(
        &place,
        "echo 'postgres (PostgreSQL) 18.4'",
        "for last; do :; done; echo half >$last/PG_VERSION
         echo 'could not write to file \"x\": No space left on device' >&2; exit 1",
    );
    let error = failure(
        &EmbeddedSettings {
            pg_dir,
            ..place.settings()
        },
        Access::Own,
    )
    .await;
    assert!(matches!(error, EmbeddedError::Initdb { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.contains("the disk is full") && message.contains("could not write"),
        "{message}"
    );
    assert_eq!(leftovers(&place), ["postgres.lock"]);
}

#[tokio::test]
async fn an_installation_that_is_too_old_or_broken_is_refused() {
    let place = Place::new();
    for (postgres, expected) in [
        (
            "echo 'postgres (PostgreSQL) 16.9 (Debian 16.9-1)'",
            "PostgreSQL 16",
        ),
        (
            "echo 'error while loading shared libraries: libz.so.1' >&2; exit 127",
            "libz.so.1",
        ),
    ] {
        let pg_dir = scripted(&place, postgres, "exit 1");
        let error = failure(
            &EmbeddedSettings {
                pg_dir,
                ..place.settings()
            },
            Access::Own,
        )
        .await;
        assert!(matches!(error, EmbeddedError::BadInstallation { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn the_newest_installation_in_the_cache_is_found() {
    let place = Place::new();
    let cache = place.0.path().join("cache");
    let error = find_pg_dir(None, &cache).unwrap_err();
    assert!(error.to_string().contains("./dev setup"), "{error}");

    let made = scripted(&place, "", "");
    let install = |path: &str| {
        let dir = cache.join(path);
        fs::create_dir_all(dir.parent().unwrap()).unwrap();
        assert!(
            Command::new("cp")
                .arg("-r")
                .arg(&made)
                .arg(&dir)
                .status()
                .unwrap()
                .success()
        );
        dir
    };
    install("postgresql-18.4-pgvector-0.8.5/package/pginstall18");
    let newest = install("postgresql-18.10-pgvector-0.8.5/package/pginstall18");
    install("postgresql-9.6");
    fs::create_dir_all(cache.join("postgresql-99.0/empty")).unwrap();
    assert_eq!(find_pg_dir(None, &cache).unwrap(), newest);

    assert_eq!(find_pg_dir(Some(&made), &cache).unwrap(), made);
    fs::remove_file(made.join("bin/initdb")).unwrap();
    let error = find_pg_dir(Some(&made), &cache).unwrap_err();
    assert!(error.to_string().contains("bin/initdb"), "{error}");
}

/// As root, the tests above ran the server under another account. Here the whole of
/// deskhand is an ordinary user; who runs the tests as one has had that already.
#[test]
fn root_sees_that_an_ordinary_user_can_do_the_same() {
    if !geteuid().is_root() {
        return;
    }
    let nobody = User::from_name("nobody").unwrap().unwrap();
    let place = Place::new();
    // The build's folder may be closed to that user.
    let binary = place.0.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    let home = place.0.path().join("home");
    fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(nobody.uid.as_raw()), Some(nobody.gid.as_raw())).unwrap();
    let run = Command::new(&binary)
        .args([
            "--exact",
            "db::embedded::tests::data_outlives_a_restart_and_open_connections_do_not_hold_it_up",
        ])
        .args(["db::embedded::tests::a_folder_that_cannot_be_made_is_named"])
        .args(["db::embedded::tests::a_folder_closed_to_the_servers_account_is_named"])
        .args(["db::embedded::tests::a_killed_deskhand_takes_its_server_along_and_the_next_one_goes_on"])
        .uid(nobody.uid.as_raw())
        .gid(nobody.gid.as_raw())
        .env("DESKHAND_PG_DIR", pg_dir())
        .env("TMPDIR", &home)
        .current_dir(&home)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("4 passed"), "{said}");
}

#[test]
fn a_cluster_of_somebody_else_is_refused() {
    // Root's, which is neither an ordinary user's nor that of the account root picks.
    let error = Account::choose(Path::new("/etc")).unwrap_err();
    assert!(
        matches!(&error, EmbeddedError::ForeignOwner { owner, .. } if owner == "root"),
        "{error}"
    );
}
