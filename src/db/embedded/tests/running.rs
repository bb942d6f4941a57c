//! The server in good days: made, restarted, shared, stopped.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};

use nix::unistd::getpgid;
use sha2::{Digest, Sha256};
use sqlx::Row;

use super::*;

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
    let error = in_time(failure(&settings, Access::Own)).await;
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
    in_time(exited).await;
    let server = open(&place.settings(), Access::Own).await.unwrap();
    assert_eq!(notes(&server).await, ["kept"]);
    server.stop().await.unwrap();
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
