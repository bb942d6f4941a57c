//! The server after kills: of itself, of deskhand, of both, at any moment.

use super::*;

#[tokio::test]
async fn a_killed_server_is_noticed_and_committed_data_recovered() {
    let place = Place::new();
    let server = open(&place.settings(), Access::Own).await.unwrap();
    write_note(&server, "committed").await;
    let mut busy = connect(&server).await;
    let long_query = busy.execute("SELECT pg_sleep(1000)");
    let exited = server.exited();
    kill_hard(server.postmaster_pid());
    let error = in_time(exited).await;
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
    assert_eq!(in_time(again).await, 1);
    assert!(futures::FutureExt::now_or_never(server.exited()).is_none());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_deskhand_takes_its_server_along_and_the_next_one_goes_on() {
    let place = Place::new();
    let mut helper = Helper::start(&place.data_dir(), "own");
    kill_hard(helper.process.id());
    helper.process.wait().unwrap();
    until(|| processes::working_in(&place.cluster()).is_empty()).await;
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
    let mut orphan = Ended(command.stderr(Stdio::null()).spawn().unwrap());
    until(|| processes::is_ready(&place.cluster(), orphan.0.id())).await;

    let server = open(&place.settings(), Access::Own).await.unwrap();
    assert_ne!(server.postmaster_pid(), orphan.0.id());
    assert!(orphan.0.wait().unwrap().success());
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
    let mut stranger = Ended(command.arg("1000").spawn().unwrap());
    let stale = stale.replacen(&pid.to_string(), &stranger.0.id().to_string(), 1);
    fs::write(place.cluster().join("postmaster.pid"), stale).unwrap();
    account(&place).make_private_dir(&socket_dir).unwrap();
    fs::write(
        socket_dir.join(".s.PGSQL.5432.lock"),
        format!("{}\n", stranger.0.id()),
    )
    .unwrap();
    // Nor is it taken for a server that answers.
    assert!(processes::serving(&place.cluster()).is_none());

    open(&place.settings(), Access::Attach)
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
    assert!(
        stranger.0.try_wait().unwrap().is_none(),
        "a process that is none of ours was ended"
    );
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
