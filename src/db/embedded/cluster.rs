//! The cluster: made by initdb beside its place and renamed into it, so that a half-made
//! one is never taken for a whole one; and checked against the programs that will run it.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::account::Account;
use super::child::{Child, OnOurDeath};
use super::folder::Folder;
use super::{EmbeddedError, EmbeddedSettings, memory, processes};

/// The bootstrap superuser.
pub(super) const SUPERUSER: &str = "postgres";

/// The builtin locale provider came with this one.
const OLDEST_VERSION: u32 = 17;

/// initdb writes 40 MB and flushes them; a slow disk needs a while.
const INITDB_LIMIT: Duration = Duration::from_secs(300);
const VERSION_LIMIT: Duration = Duration::from_secs(20);

/// Written into a new cluster's postgresql.conf, where an operator may change them; with
/// them goes what depends on the machine's memory.
const FIRST_SETTINGS: [&str; 6] = [
    "max_connections=100",
    "max_wal_size=512MB",
    // Compiling a search's statements takes longer than running them.
    "jit=off",
    // The data sits on an SSD or in memory; the default of 4 is a spinning disk's.
    "random_page_cost=1.1",
    "timezone=UTC",
    "log_timezone=UTC",
];

/// Makes the cluster, or checks that the one there fits the programs.
pub(super) async fn ensure(
    settings: &EmbeddedSettings,
    folder: &Folder,
    account: &Account,
) -> Result<(), EmbeddedError> {
    let binaries = version_of(settings, folder, account).await?;
    let path = folder.cluster();
    let not_a_cluster = |problem: String| {
        Err(EmbeddedError::NotACluster {
            path: path.clone(),
            problem,
        })
    };
    match fs::read_to_string(path.join("PG_VERSION")) {
        Ok(text) => match text.trim().parse() {
            Ok(cluster) if cluster == binaries => Ok(()),
            Ok(cluster) => Err(EmbeddedError::Version {
                path,
                cluster,
                pg_dir: settings.pg_dir.clone(),
                binaries,
            }),
            Err(_) => not_a_cluster("its PG_VERSION is no version number".to_owned()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match fs::read_dir(&path).map(|mut entries| entries.next().is_some()) {
                Ok(true) => not_a_cluster("no PG_VERSION".to_owned()),
                Err(error) if error.kind() != io::ErrorKind::NotFound => not_a_cluster(error.to_string()),
                // Missing, or empty: the rename replaces an empty folder.
                _ => make(settings, folder, account).await,
            }
        }
        Err(error) => not_a_cluster(format!("PG_VERSION: {error}")),
    }
}

/// The major version of the programs. Asked under the server's account and from the data
/// folder, which proves that it gets to both.
pub(super) async fn version_of(
    settings: &EmbeddedSettings,
    folder: &Folder,
    account: &Account,
) -> Result<u32, EmbeddedError> {
    let program = settings.pg_dir.join("bin/postgres");
    let mut command = Command::new(&program);
    account.apply(&mut command);
    command.arg("--version").current_dir(folder.data_dir());
    let (status, said) = match run(command, VERSION_LIMIT).await {
        Ok(ended) => ended,
        Err(source) => {
            let closed = [folder.data_dir(), &program]
                .into_iter()
                .find_map(|path| account.closed_folder(path));
            return Err(match closed {
                Some(dir) if source.kind() == io::ErrorKind::PermissionDenied => {
                    EmbeddedError::NotEnterable {
                        user: account.name(),
                        dir: dir.to_owned(),
                    }
                }
                _ => EmbeddedError::Spawn { program, source },
            });
        }
    };
    let bad = |problem: String| EmbeddedError::BadInstallation {
        dir: settings.pg_dir.clone(),
        problem,
    };
    // "postgres (PostgreSQL) 18.4", with whatever a distribution adds behind it.
    let number = said
        .split("(PostgreSQL) ")
        .nth(1)
        .and_then(|v| v.split(|c: char| !c.is_ascii_digit()).next());
    match number.filter(|_| status.success()).and_then(|n| n.parse().ok()) {
        Some(version) if version >= OLDEST_VERSION => Ok(version),
        Some(version) => Err(bad(format!("it is PostgreSQL {version}"))),
        None => Err(bad(format!("bin/postgres --version says ({status}) {said}"))),
    }
}

async fn make(settings: &EmbeddedSettings, folder: &Folder, account: &Account) -> Result<(), EmbeddedError> {
    let (place, unfinished) = (folder.cluster(), folder.unfinished_cluster());
    let failed = |doing| {
        let path = unfinished.clone();
        move |source| EmbeddedError::Folder { doing, path, source }
    };
    tracing::info!(folder = %place.display(), "making a new PostgreSQL cluster");
    remove_unfinished(&unfinished).await?;
    account.make_private_dir(&unfinished).map_err(failed("make"))?;

    let program = settings.pg_dir.join("bin/initdb");
    let mut command = Command::new(&program);
    account.apply(&mut command);
    command.args([
        "-U",
        SUPERUSER,
        "--auth-local=trust",
        "--auth-host=reject",
        "-E",
        "UTF8",
    ]);
    command.args([
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--no-instructions",
    ]);
    for setting in FIRST_SETTINGS {
        command.args(["--set", setting]);
    }
    let memory = memory_settings(if settings.durable { memory::megabytes() } else { 0 });
    for setting in memory {
        command.args(["--set", &setting]);
    }
    if !settings.durable {
        command.arg("--no-sync");
    }
    command.arg("-D").arg(&unfinished);
    match run(command, INITDB_LIMIT).await {
        Ok((status, _)) if status.success() => {}
        Ok((status, said)) => {
            // The half-made cluster may be what fills the disk.
            remove_unfinished(&unfinished).await?;
            return Err(EmbeddedError::Initdb {
                path: place,
                status,
                said,
            });
        }
        Err(source) if source.kind() == io::ErrorKind::TimedOut => {
            let (seconds, said) = (INITDB_LIMIT.as_secs(), "(still making the cluster)".to_owned());
            return Err(EmbeddedError::Slow {
                path: place,
                seconds,
                said,
            });
        }
        Err(source) => return Err(EmbeddedError::Spawn { program, source }),
    }
    fs::rename(&unfinished, &place).map_err(failed("put into place"))?;
    if settings.durable {
        // The rename itself must survive a power cut, too.
        fs::File::open(folder.data_dir())
            .and_then(|dir| dir.sync_all())
            .map_err(failed("flush"))?;
    }
    Ok(())
}

/// A quarter of the memory for PostgreSQL's own cache, within bounds; what else the system
/// caches is an assumption that only steers its plans.
fn memory_settings(megabytes: u64) -> [String; 2] {
    [
        format!("shared_buffers={}MB", (megabytes / 4).clamp(128, 4096)),
        format!("effective_cache_size={}MB", (megabytes / 2).max(256)),
    ]
}

async fn remove_unfinished(path: &Path) -> Result<(), EmbeddedError> {
    processes::kill_unfinished(path).await;
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(EmbeddedError::Folder {
            doing: "remove",
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Runs a program to its end and returns what it said last; past `limit`, or when the
/// caller gives up, it is told to end.
async fn run(command: Command, limit: Duration) -> io::Result<(ExitStatus, String)> {
    let child = Child::spawn(command, OnOurDeath(Signal::SIGKILL), None, || ()).await?;
    tokio::time::timeout(limit, child.ended())
        .await
        .map_err(|_| io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_a_quarter_of_the_memory_within_bounds() {
        for (megabytes, cache) in [(0, 128), (512, 128), (2048, 512), (1 << 20, 4096)] {
            let settings = memory_settings(megabytes);
            assert_eq!(settings[0], format!("shared_buffers={cache}MB"));
        }
    }
}
