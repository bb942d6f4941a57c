//! Processes that read plain text, one file after the other: starting one costs more than reading
//! a page. They have the limits of the others. What one of them says is taken; when it says nothing
//! (it was ended, or the text ended it), a process for this file alone is asked, and that counts.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::Instant;

use super::Found;
use super::child::{Answer, Next, SUBCOMMAND, TEXTS, Terms};
use super::reader::{Group, MOST_ANSWER, Settings, piped};
use crate::knowledge::unfit::Unfit;

/// Larger files are read by a process of their own, in bytes.
const LARGEST: usize = 1 << 20;
/// So many files are read by one of them at most.
const FILES: usize = 200;
/// One that had nothing to do for longer isn't asked any more; it ends by itself soon after.
const IDLE: Duration = Duration::from_secs(20);
/// How much of a file is looked at for what plain text doesn't have, in bytes.
const LOOKED_AT: usize = 4 << 10;

/// What came of asking.
pub(super) enum Told {
    /// This is it.
    Read(Result<Found, Unfit>),
    /// Somebody else must be asked.
    Nothing,
}

/// Processes that wait for a text.
#[derive(Debug, Default)]
pub(super) struct Texts(Mutex<Vec<Process>>);

#[derive(Debug)]
struct Process {
    group: Group,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    stderr: ChildStderr,
    files: usize,
    since: Instant,
}

/// Whether the bytes may be plain text; the process looks closer.
pub(super) fn may_be(bytes: &[u8]) -> bool {
    let shown = &bytes[..bytes.len().min(LOOKED_AT)];
    let mark = |mark: &[u8]| shown.starts_with(mark);
    (1..=LARGEST).contains(&bytes.len()) && !shown.contains(&0) && !mark(b"PK\x03\x04") && !mark(b"%PDF")
}

impl Texts {
    /// Has a text read until then.
    pub(super) async fn read(&self, settings: &Settings, bytes: &[u8], name: &str, end: Instant) -> Told {
        let Some(mut process) = self.take().or_else(|| Process::start(settings)) else {
            return Told::Nothing;
        };
        // Dropped on the way, it ends with all that it started.
        let asked = tokio::time::timeout_at(end, process.ask(settings, bytes, name)).await;
        let Ok(answer) = asked else {
            process.group.end().await;
            let seconds = settings.time.as_secs();
            return Told::Read(Err(Unfit::TooSlow { seconds }));
        };
        let read = match answer {
            Some(Answer::Found(found)) => Told::Read(Ok(*found)),
            Some(Answer::Unfit(unfit)) => Told::Read(Err(unfit)),
            Some(Answer::Apart) => Told::Nothing,
            None => {
                process.group.end().await;
                return Told::Nothing;
            }
        };
        process.files += 1;
        if process.files < FILES {
            process.since = Instant::now();
            self.lock().push(process);
        }
        read
    }

    fn take(&self) -> Option<Process> {
        let mut all = self.lock();
        all.retain(|process| process.since.elapsed() < IDLE);
        all.pop()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Process>> {
        // Nothing panics in between.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// None when it can't be started: who is asked next says why.
    fn start(settings: &Settings) -> Option<Self> {
        let mut command = Command::new(&settings.program);
        let mut child = piped(command.arg(SUBCOMMAND).arg(TEXTS)).spawn().ok()?;
        let (stdin, stdout, stderr) = (child.stdin.take()?, child.stdout.take()?, child.stderr.take()?);
        Some(Self {
            group: Group::of(child),
            stdin,
            stdout: BufReader::new(stdout),
            stderr,
            files: 0,
            since: Instant::now(),
        })
    }

    /// None when it gives no answer.
    async fn ask(&mut self, settings: &Settings, bytes: &[u8], name: &str) -> Option<Answer> {
        let mut order = Vec::with_capacity(bytes.len() + 256);
        if self.files == 0 {
            let terms = Terms {
                memory: settings.memory_mb << 20,
                seconds: settings.time.as_secs() + 1,
                parent: i32::try_from(std::process::id()).unwrap_or(0),
            };
            serde_json::to_writer(&mut order, &terms).ok()?;
            order.push(b'\n');
        }
        let next = Next {
            name: name.chars().take(500).collect(),
            length: bytes.len(),
        };
        serde_json::to_writer(&mut order, &next).ok()?;
        order.push(b'\n');
        order.extend_from_slice(bytes);
        let (stdin, stdout, stderr) = (&mut self.stdin, &mut self.stdout, &mut self.stderr);
        let talk = async {
            let mut answer = Vec::new();
            let say = stdin.write_all(&order);
            let mut bounded = stdout.take(MOST_ANSWER as u64 + 1);
            // It may end before it has read everything; that it gives no answer says so.
            let (_, heard) = tokio::join!(say, bounded.read_until(b'\n', &mut answer));
            heard.ok()?;
            serde_json::from_slice(&answer).ok()
        };
        // What parsers remark must pass, or a full pipe would hold them up.
        let remarks = async {
            let mut passed = [0; 4 << 10];
            while stderr.read(&mut passed).await.is_ok_and(|n| n > 0) {}
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = talk => answer,
            () = remarks => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_surely_no_text_is_not_asked_about() {
        assert!(may_be(b"# Lamps") && may_be(b"<p>Lamps</p>") && may_be("Lämpchen".as_bytes()));
        assert!(!may_be(b"") && !may_be(b"%PDF-1.7") && !may_be(b"PK\x03\x04") && !may_be(b"a\0b"));
        assert!(!may_be(&vec![b'a'; LARGEST + 1]));
    }
}
