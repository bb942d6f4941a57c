//! The server: started on a cluster that is known to be whole and unused, ready when it
//! says so, stopped in the order that loses nothing.

use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};

use super::account::Account;
use super::child::{Child, OnOurDeath};
use super::folder::{Folder, Lock};
use super::{EmbeddedError, EmbeddedSettings, PORT, TICK, cluster, processes};

/// Recovery after a crash replays about `max_wal_size` of WAL at most.
const START_LIMIT: Duration = Duration::from_secs(300);
/// A clean end writes the shared buffers back.
const STOP_LIMIT: Duration = Duration::from_secs(60);
const QUIT_LIMIT: Duration = Duration::from_secs(10);
/// A Unix socket's path may have 108 bytes here, with a zero at the end; some to spare.
const MAX_SOCKET_PATH: usize = 100;

/// What this code relies on, so not left to postgresql.conf.
const FIXED_SETTINGS: [&str; 5] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "cluster_name=deskhand",
    // A failed statement's error goes to its client. In the log it could show personal
    // data: keys of a violated constraint, a value that didn't parse.
    "log_min_messages=log",
    "log_checkpoints=off",
];

/// Still safe when processes are killed, which tests do; only the machine must stay up.
const NOT_DURABLE: [&str; 2] = ["fsync=off", "full_page_writes=off"];

/// A server that is our child. Dropping it stops it without waiting.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    socket_dir: PathBuf,
}

impl Server {
    /// Starts a server and waits until it answers. The lock stays taken until the server
    /// has ended, however this process forgets about it.
    pub(super) async fn start(
        settings: &EmbeddedSettings,
        folder: &Folder,
        lock: Lock,
    ) -> Result<Self, EmbeddedError> {
        let path = folder.cluster();
        let account = Account::choose(&path)?;
        processes::clear_orphans(&path).await?;
        cluster::ensure(settings, folder, &account).await?;
        let socket_dir = socket_dir(folder, &account)?;
        processes::clear_socket(&socket_dir, PORT)?;

        let program = settings.pg_dir.join("bin/postgres");
        let mut command = Command::new(&program);
        account.apply(&mut command);
        command.arg("-D").arg(&path);
        command
            .arg("-k")
            .arg(quoted(&socket_dir))
            .arg("-p")
            .arg(PORT.to_string());
        for setting in FIXED_SETTINGS
            .iter()
            .chain(if settings.durable { &[][..] } else { &NOT_DURABLE })
        {
            command.args(["-c", setting]);
        }
        // Not in the terminal's process group: Ctrl-C is for deskhand, which drains first.
        command.process_group(0);
        let after = {
            let socket_dir = socket_dir.clone();
            move || {
                // Only if it is empty; the next server makes it again.
                let _ = fs::remove_dir(socket_dir);
                drop(lock);
            }
        };
        let child = Child::spawn(command, OnOurDeath(Signal::SIGINT), Some(folder.log()), after)
            .await
            .map_err(|source| EmbeddedError::Spawn { program, source })?;
        let server = Self { child, socket_dir };
        server.wait_until_ready(path).await?;
        Ok(server)
    }

    async fn wait_until_ready(&self, path: PathBuf) -> Result<(), EmbeddedError> {
        let began = Instant::now();
        while !processes::is_ready(&path, self.child.pid()) {
            if began.elapsed() >= START_LIMIT {
                let (seconds, said) = (START_LIMIT.as_secs(), self.child.said());
                return Err(EmbeddedError::Slow { path, seconds, said });
            }
            if let Ok((status, said)) = tokio::time::timeout(TICK, self.child.ended()).await {
                return Err(EmbeddedError::Start { path, status, said });
            }
        }
        Ok(())
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.pid()
    }

    pub(super) fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    pub(super) fn exited(&self) -> impl Future<Output = EmbeddedError> + Send + 'static + use<> {
        let ended = self.child.ended();
        async move {
            let (status, said) = ended.await;
            EmbeddedError::Died { status, said }
        }
    }

    pub(super) async fn stop(self) -> Result<(), EmbeddedError> {
        for (signal, limit) in [(Signal::SIGINT, STOP_LIMIT), (Signal::SIGQUIT, QUIT_LIMIT)] {
            self.child.signal(signal);
            if tokio::time::timeout(limit, self.child.ended()).await.is_ok() {
                return Ok(());
            }
        }
        Err(EmbeddedError::Stuck {
            pid: self.child.pid(),
        })
    }
}

/// A folder for the socket that no other account can enter. In the data folder where the
/// path is short enough for a socket; else under `/tmp`, named after the data folder.
fn socket_dir(folder: &Folder, account: &Account) -> Result<PathBuf, EmbeddedError> {
    let inside = folder.socket();
    let length = inside.as_os_str().len() + format!("/.s.PGSQL.{PORT}").len();
    // sqlx reads the path from a URL, as text.
    let path = if length <= MAX_SOCKET_PATH && inside.to_str().is_some() {
        inside
    } else {
        let hash = hex::encode(Sha256::digest(folder.data_dir().as_os_str().as_bytes()));
        PathBuf::from(format!("/tmp/deskhand-{}", &hash[..16]))
    };
    match account.make_private_dir(&path) {
        Ok(()) => Ok(path),
        // Left by a killed server, or made by somebody who wants our connections.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if account.has_private_dir(&path) {
                Ok(path)
            } else {
                Err(EmbeddedError::SocketFolder {
                    path,
                    user: account.name(),
                })
            }
        }
        Err(source) => Err(EmbeddedError::Folder {
            doing: "make",
            path,
            source,
        }),
    }
}

/// PostgreSQL reads the option as a list; within quotes a comma is a comma.
fn quoted(path: &Path) -> std::ffi::OsString {
    let mut out = vec![b'"'];
    for &byte in path.as_os_str().as_bytes() {
        if byte == b'"' {
            out.push(byte);
        }
        out.push(byte);
    }
    out.push(b'"');
    std::ffi::OsString::from_vec(out)
}
