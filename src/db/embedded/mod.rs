//! deskhand's own PostgreSQL, for whoever brings no database: one server on one data
//! folder, reachable over a private Unix socket alone, that lives no longer than the
//! process that started it. Linux only (it reads `/proc`).

mod account;
pub mod backup;
mod child;
mod cluster;
mod error;
mod folder;
mod install;
mod log;
mod memory;
mod processes;
mod server;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use error::EmbeddedError;
pub use install::{cache_dir, find_pg_dir};

use folder::{Folder, Lock, Taken};
use server::Server;

/// The only port number that a socket without TCP needs: a part of its file name.
const PORT: u16 = 5432;

/// How often a wait looks again.
const TICK: Duration = Duration::from_millis(20);

/// Where the server lives and how careful it is.
#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    /// deskhand's data folder; the cluster is `postgres` in it. It is made when missing.
    pub data_dir: PathBuf,
    /// A PostgreSQL installation, 17 or newer, with `bin/postgres` and `bin/initdb`.
    pub pg_dir: PathBuf,
    /// `false` turns `fsync` off, which only a test may do: a power cut then loses data.
    pub durable: bool,
    /// How long to wait for another process to be done with the folder.
    pub wait_for_lock: Duration,
}

/// What a process wants of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To own it for a long time (`serve`, `worker`). A second owner is an error.
    Own,
    /// To use it for a while (command line tools): the running one, else its own.
    Attach,
}

/// A PostgreSQL that answers. Dropping it stops an owned server without waiting;
/// [`Embedded::stop`] waits.
#[derive(Debug)]
pub struct Embedded {
    socket_dir: PathBuf,
    postmaster: u32,
    server: Option<Server>,
}

/// Starts the server, or attaches to the one that another deskhand process started on
/// the same folder.
///
/// # Errors
/// Each says what to do about it. Another process that keeps the folder for longer than
/// `wait_for_lock` is [`EmbeddedError::InUse`]; an [`Access::Own`] that meets another
/// owner learns that at once.
pub async fn open(settings: &EmbeddedSettings, access: Access) -> Result<Embedded, EmbeddedError> {
    let folder = Folder::prepare(&settings.data_dir)?;
    let started = Instant::now();
    loop {
        match Lock::try_take(&folder, access)? {
            Taken::Free(lock) => {
                let server = Server::start(settings, &folder, lock).await?;
                return Ok(Embedded {
                    socket_dir: server.socket_dir().to_owned(),
                    postmaster: server.pid(),
                    server: Some(server),
                });
            }
            Taken::Held(holder) => {
                let in_use = || EmbeddedError::InUse {
                    folder: folder.data_dir().to_owned(),
                    pid: holder.map(|h| h.pid),
                };
                match access {
                    Access::Attach => {
                        if let Some(running) = processes::serving(&folder.cluster()) {
                            return Ok(Embedded {
                                socket_dir: running.socket_dir,
                                postmaster: running.pid,
                                server: None,
                            });
                        }
                    }
                    Access::Own if holder.is_some_and(|h| h.access == Access::Own) => return Err(in_use()),
                    Access::Own => {}
                }
                if started.elapsed() >= settings.wait_for_lock {
                    return Err(in_use());
                }
            }
        }
        tokio::time::sleep(TICK).await;
    }
}

impl Embedded {
    /// A URL for sqlx and libpq as the superuser; for bootstrapping alone.
    #[must_use]
    pub fn superuser_url(&self) -> String {
        self.url(cluster::SUPERUSER, cluster::SUPERUSER)
    }

    /// A URL for sqlx and libpq over the Unix socket. It needs no password: the socket's
    /// folder is closed to everybody but the server's account and root.
    #[must_use]
    pub fn url(&self, user: &str, database: &str) -> String {
        use std::os::unix::ffi::OsStrExt;
        format!(
            "postgres:///{}?host={}&port={PORT}&user={}&sslmode=disable",
            percent_encode(database.as_bytes()),
            percent_encode(self.socket_dir.as_os_str().as_bytes()),
            percent_encode(user.as_bytes()),
        )
    }

    /// Whether this process started the server and will stop it.
    #[must_use]
    pub fn owns_server(&self) -> bool {
        self.server.is_some()
    }

    /// The process id of the server's first process.
    #[must_use]
    pub fn postmaster_pid(&self) -> u32 {
        self.postmaster
    }

    /// Resolves when an owned server ends, with the reason; never for an attached one.
    /// After that, drop this and [`open`] again.
    pub fn exited(&self) -> impl Future<Output = EmbeddedError> + Send + 'static + use<> {
        let exit = self.server.as_ref().map(Server::exited);
        async move {
            match exit {
                Some(exit) => exit.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Stops an owned server and waits for its end; leaves an attached one alone.
    /// Connections still open are cut, committed work is kept.
    ///
    /// # Errors
    /// [`EmbeddedError::Stuck`] when it doesn't end even when told to drop everything.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        match self.server {
            Some(server) => server.stop().await,
            None => Ok(()),
        }
    }
}

/// Everything but RFC 3986's unreserved characters is escaped, so that both a URL parser
/// and a form decoder (for which `+` is a space) read the same bytes back.
fn percent_encode(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(bytes.len());
    for &b in bytes {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            // Writing to a String can't fail.
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}
