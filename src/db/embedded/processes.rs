//! Which PostgreSQL processes there are on a folder. The kernel knows it better than
//! PostgreSQL's own files do: every one of its processes works in the data folder, while
//! a process id in a stale file may have gone to anybody since.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{EmbeddedError, TICK};

/// How long an orphaned server may take for a clean end: it writes its memory back.
const CLEAN_END: Duration = Duration::from_secs(60);
/// How long its processes may take when they are told to drop everything.
const QUICK_END: Duration = Duration::from_secs(10);

/// What `postmaster.pid` says.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) pid: u32,
    pub(super) socket_dir: PathBuf,
    ready: bool,
}

/// Reads `postmaster.pid`: process, data folder, start time, port, socket's folder, TCP
/// address, shared memory, status, a line each.
fn postmaster_file(cluster: &Path) -> Option<Running> {
    let text = fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    let lines: Vec<&str> = text.lines().collect();
    Some(Running {
        pid: lines.first()?.trim().parse().ok()?,
        socket_dir: PathBuf::from(lines.get(4).copied().unwrap_or_default()),
        ready: lines.get(7).is_some_and(|status| status.trim() == "ready"),
    })
}

/// Whether the server with this process id answers; a file left by an earlier one doesn't
/// count.
pub(super) fn is_ready(cluster: &Path, pid: u32) -> bool {
    postmaster_file(cluster).is_some_and(|file| file.pid == pid && file.ready)
}

/// The server that answers on this folder, whoever started it.
pub(super) fn serving(cluster: &Path) -> Option<Running> {
    postmaster_file(cluster).filter(|file| file.ready && works_in(file.pid, cluster))
}

pub(super) fn exists(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// Whether the process is PostgreSQL's and works in `folder`.
fn works_in(pid: u32, folder: &Path) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    let is_postgres =
        fs::read_to_string(process.join("comm")).is_ok_and(|name| name.trim_end() == "postgres");
    let inode = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    is_postgres && inode(folder).is_some_and(|it| inode(&process.join("cwd")) == Some(it))
}

/// The PostgreSQL processes on `folder`.
pub(super) fn working_in(folder: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|&pid| works_in(pid, folder)).collect()
}

/// Ends what a killed deskhand left running on `cluster`, and clears away the files that
/// would keep a new server from starting. Only for the holder of the folder's lock.
///
/// Stopped rather than adopted: the new owner couldn't wait for a server that isn't its
/// child, nor would that server end with it.
pub(super) async fn clear_orphans(cluster: &Path) -> Result<(), EmbeddedError> {
    let first = postmaster_file(cluster)
        .map(|file| file.pid)
        .filter(|&pid| works_in(pid, cluster));
    if let Some(pid) = first {
        tracing::info!(
            pid,
            "stopping the PostgreSQL that an earlier deskhand left behind"
        );
        signal(pid, Signal::SIGINT);
        if !all_gone(cluster, CLEAN_END).await {
            signal(pid, Signal::SIGQUIT);
        }
    }
    // Without their first process the others notice and end; one busy with a long query
    // notices late.
    if !all_gone(cluster, QUICK_END).await {
        for pid in working_in(cluster) {
            signal(pid, Signal::SIGKILL);
        }
        if !all_gone(cluster, QUICK_END).await {
            let pid = working_in(cluster).first().copied().unwrap_or_default();
            return Err(EmbeddedError::Stuck { pid });
        }
    }
    // PostgreSQL sees through a stale file unless its process id lives again, in somebody
    // else; with a fresh process table, as in a restarted container, that is likely.
    if let Some(stale) = postmaster_file(cluster)
        && exists(stale.pid)
    {
        remove(&cluster.join("postmaster.pid"))?;
    }
    Ok(())
}

/// Removes what a killed server left in its private socket folder; see [`clear_orphans`].
pub(super) fn clear_socket(socket_dir: &Path, port: u16) -> Result<(), EmbeddedError> {
    remove(&socket_dir.join(format!(".s.PGSQL.{port}")))?;
    remove(&socket_dir.join(format!(".s.PGSQL.{port}.lock")))
}

/// Ends at once what works on a cluster that isn't finished and never will be.
pub(super) async fn kill_unfinished(folder: &Path) {
    for pid in working_in(folder) {
        signal(pid, Signal::SIGKILL);
    }
    all_gone(folder, QUICK_END).await;
}

async fn all_gone(cluster: &Path, limit: Duration) -> bool {
    let started = Instant::now();
    loop {
        if working_in(cluster).is_empty() {
            return true;
        }
        if started.elapsed() >= limit {
            return false;
        }
        tokio::time::sleep(TICK).await;
    }
}

fn signal(pid: u32, signal: Signal) {
    // Process ids are positive and far below i32::MAX (the kernel's limit is 2^22). One
    // that ended meanwhile needs no signal.
    let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
}

fn remove(path: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(EmbeddedError::Folder {
            doing: "remove",
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}
