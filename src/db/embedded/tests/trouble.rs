//! What keeps the server from running is named, and nothing is lost by it.

use std::os::unix::process::CommandExt;

use nix::unistd::{User, geteuid};

use super::*;

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

#[tokio::test]
async fn a_disk_that_is_full_is_called_full_and_left_no_fuller() {
    let place = Place::new();
    // Its two ways of saying so.
    for said in [
        "could not write: No space left on device",
        "wrote only 4096 of 8192 bytes; Check free disk space.",
    ] {
        let initdb = format!("for last; do :; done; echo half >$last/PG_VERSION; echo '{said}' >&2; exit 1");
        let pg_dir = scripted(&place, "echo 'postgres (PostgreSQL) 18.4'", &initdb);
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
            message.contains("the disk is full") && message.contains(said),
            "{message}"
        );
        assert_eq!(leftovers(&place), ["postgres.lock"]);
    }
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
            "db::embedded::tests::running::data_outlives_a_restart_and_open_connections_do_not_hold_it_up",
        ])
        .args(["db::embedded::tests::trouble::a_folder_that_cannot_be_made_is_named"])
        .args(["db::embedded::tests::trouble::a_folder_closed_to_the_servers_account_is_named"])
        .args(["db::embedded::tests::recovery::a_killed_deskhand_takes_its_server_along_and_the_next_one_goes_on"])
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
