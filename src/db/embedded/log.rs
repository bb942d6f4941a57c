//! What PostgreSQL says: into `postgres.log` in the data folder, never more than two files
//! of a bounded size, and the last lines in memory for error messages. Memory, because a
//! full disk is one of the things it has to tell about.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::folder::hand_to_folders_owner;

/// The log becomes `postgres.log.1` when it is longer than this.
const MAX_LOG_BYTES: u64 = 10 * 1024 * 1024;
/// How much of the end is kept in memory.
const TAIL_BYTES: usize = 4096;
/// How many lines of it a message shows.
const TAIL_LINES: usize = 12;

/// The end of what one server said.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail(Arc<Mutex<Vec<u8>>>);

impl Tail {
    fn push(&self, bytes: &[u8]) {
        let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend_from_slice(bytes);
        let surplus = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..surplus);
    }

    /// The last lines, for a message.
    pub(super) fn text(&self) -> String {
        last_lines(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The last lines of a program's output, for a message.
fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    if lines.is_empty() {
        "(nothing)".to_owned()
    } else {
        lines[from..].join("\n")
    }
}

/// Says when the copying is done.
pub(super) struct Done(Receiver<()>);

impl Done {
    /// Waits until everything that was said is in the tail. Bounded, because processes
    /// that outlive a killed server keep the pipe open for a moment.
    pub(super) fn wait(&self, limit: Duration) {
        // Nothing is ever sent: the answer is that the other end is gone.
        let _ = self.0.recv_timeout(limit);
    }
}

/// Copies what a program writes to `output` into the tail and the log file, if any, on a
/// thread of its own, until its last process has closed it.
pub(super) fn follow(
    output: impl Read + Send + 'static,
    log: Option<PathBuf>,
    tail: Tail,
) -> std::io::Result<Done> {
    let (ended, done): (SyncSender<()>, Receiver<()>) = sync_channel(0);
    std::thread::Builder::new()
        .name("postgres-log".to_owned())
        .spawn(move || {
            // Held until the end of the thread, which is what `Done` waits for.
            let _ended = ended;
            copy(output, log.as_deref(), &tail, MAX_LOG_BYTES);
        })?;
    Ok(Done(done))
}

fn copy(mut output: impl Read, log: Option<&Path>, tail: &Tail, max_bytes: u64) {
    let mut file = log.and_then(open);
    let mut buffer = [0; 8192];
    loop {
        let bytes = match output.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => &buffer[..n],
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        tail.push(bytes);
        if let (Some((_, len)), Some(path)) = (&file, log)
            && *len >= max_bytes
        {
            // Where it can't be renamed it can't be kept within bounds: logging stops.
            let moved = fs::rename(path, path.with_extension("log.1"));
            file = moved.ok().and_then(|()| open(path));
        }
        // A log that can't be written must not stop the server.
        if let Some((file, len)) = &mut file
            && file.write_all(bytes).is_ok()
        {
            *len += bytes.len() as u64;
        }
    }
}

fn open(path: &Path) -> Option<(File, u64)> {
    let opened = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path);
    if opened.is_ok() {
        hand_to_folders_owner(path);
    }
    match opened.and_then(|file| file.metadata().map(|meta| (file, meta.len()))) {
        Ok(opened) => Some(opened),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "PostgreSQL's log can't be written");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_stays_within_two_files_of_its_bound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("postgres.log");
        let tail = Tail::default();
        for round in 0..50u8 {
            copy([b'a' + round % 26; 100].as_slice(), Some(&path), &tail, 1000);
        }
        let size = |name: &str| fs::metadata(dir.path().join(name)).unwrap().len();
        assert!(size("postgres.log") <= 1000);
        assert_eq!(size("postgres.log.1"), 1000);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_log_that_cannot_be_written_still_leaves_the_last_lines() {
        let tail = Tail::default();
        let said: String = (0..2000).map(|n| format!("line {n}\n")).collect();
        copy(said.as_bytes(), Some(Path::new("/dev/full")), &tail, 1000);
        let text = tail.text();
        assert!(text.ends_with("line 1999"), "{text}");
        assert_eq!(text.lines().count(), TAIL_LINES);
    }
}
