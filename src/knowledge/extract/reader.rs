//! Reads foreign files in a process of their own: what panics, loops, eats memory or
//! overflows the stack in a parser ends there, and takes nothing else down.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::child::{Answer, Order, SUBCOMMAND};
use super::ocr::Programs;
use super::texts::{self, Texts, Told};
use super::{Extracted, Found, MOST_TEXT};
use crate::domain::document::MAX_UPLOAD_BYTES;
use crate::knowledge::sniff;
use crate::knowledge::unfit::Unfit;

/// An answer at most, in bytes: JSON may double a text, and the rest is small.
pub(super) const MOST_ANSWER: usize = 2 * MOST_TEXT + (1 << 20);
/// Its remarks at most, in bytes, for the log.
const REMARKS: u64 = 4 << 10;
/// Without these a second try has no time left.
const LEAST: Duration = Duration::from_secs(1);

/// How files are read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This program; it runs itself.
    pub program: PathBuf,
    /// poppler's `pdftotext`, where it is installed.
    pub pdftotext: Option<PathBuf>,
    /// What recognises text on pictures of pages, where it is installed.
    pub ocr: Option<Programs>,
    /// Time for one file, by the clock on the wall.
    pub time: Duration,
    /// Memory for one file, in MiB.
    pub memory_mb: u64,
    /// Files at once.
    pub at_once: usize,
}

impl Default for Settings {
    /// The program is the one that runs, even if another has taken its place on the disk.
    fn default() -> Self {
        Self {
            program: PathBuf::from("/proc/self/exe"),
            pdftotext: None,
            ocr: None,
            time: Duration::from_secs(30),
            memory_mb: 1024,
            at_once: std::thread::available_parallelism().map_or(2, |n| n.get().clamp(1, 4)),
        }
    }
}

/// Which program of those that read PDF is asked.
enum How {
    First,
    Second(PathBuf),
    Pictures(Programs),
}

/// Why a file wasn't read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It can't be.
    #[error("{0}")]
    Unfit(#[from] Unfit),
    /// The process couldn't be started, or was ended by somebody else; the next may do.
    #[error("The process that reads files couldn't do so: {0}.")]
    Process(String),
}

/// Reads files. One for the whole process, since it bounds how many are read at once.
#[derive(Debug)]
pub struct Reader {
    settings: Settings,
    places: Semaphore,
    texts: Texts,
}

impl Reader {
    /// A reader.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let places = Semaphore::new(settings.at_once.max(1));
        Self {
            settings,
            places,
            texts: Texts::default(),
        }
    }

    /// Reads a file. `name` decides only between kinds of text.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read(&self, bytes: &[u8], name: &str) -> Result<Extracted, ReadError> {
        if bytes.len() > MAX_UPLOAD_BYTES {
            return Err(Unfit::TooLarge {
                limit_mb: MAX_UPLOAD_BYTES >> 20,
            }
            .into());
        }
        let _place = self
            .places
            .acquire()
            .await
            .map_err(|_| ReadError::Process("the reader is closed".to_owned()))?;
        let read = self.text(bytes, name).await;
        match (read, &self.settings.ocr) {
            (Err(ReadError::Unfit(Unfit::Scanned | Unfit::Picture)), Some(programs)) => {
                tracing::debug!("a picture of text is read by tesseract");
                let end = Instant::now() + programs.time;
                let how = How::Pictures(programs.clone());
                Ok(self.pass(bytes, name, how, end).await??.extracted)
            }
            (read, _) => read,
        }
    }

    /// Reads the text that a file has as text.
    async fn text(&self, bytes: &[u8], name: &str) -> Result<Extracted, ReadError> {
        let end = Instant::now() + self.settings.time;
        if texts::may_be(bytes)
            && let Told::Read(read) = self.texts.read(&self.settings, bytes, name, end).await
        {
            return Ok(read?.extracted);
        }
        let pdf = sniff::is_pdf(bytes);
        // What the first program hangs on the second shall still have time for.
        let first_end = match (pdf, &self.settings.pdftotext) {
            (true, Some(_)) => end - self.settings.time / 2,
            _ => end,
        };
        let first = self.pass(bytes, name, How::First, first_end).await?;
        if !pdf {
            return Ok(first?.extracted);
        }
        let reason = match &first {
            Ok(Found { doubt: None, .. }) => return Ok(first?.extracted),
            Ok(Found { doubt, .. }) => doubt.clone().unwrap_or_default(),
            Err(unfit) => unfit.code().to_owned(),
        };
        let left = end.saturating_duration_since(Instant::now());
        let Some(program) = self.settings.pdftotext.clone().filter(|_| left > LEAST) else {
            return match first {
                Ok(found) => {
                    let mut extracted = found.extracted;
                    if self.settings.pdftotext.is_none() {
                        extracted.warnings.push(NO_SECOND.to_owned());
                    }
                    Ok(extracted)
                }
                Err(unfit) => Err(unfit.into()),
            };
        };
        tracing::debug!(reason, "a PDF is read by pdftotext");
        let second = self.pass(bytes, name, How::Second(program), end).await?;
        Ok(better(first, second)?)
    }

    /// One process: its answer, or how it ended.
    async fn pass(
        &self,
        bytes: &[u8],
        name: &str,
        how: How,
        end: Instant,
    ) -> Result<Result<Found, Unfit>, ReadError> {
        let time = end.saturating_duration_since(Instant::now());
        let limit = match &how {
            How::Pictures(programs) => programs.time.as_secs(),
            _ => self.settings.time.as_secs(),
        };
        let (pdftotext, ocr) = match how {
            How::First => (None, None),
            How::Second(program) => (Some(program), None),
            How::Pictures(programs) => (None, Some(programs)),
        };
        let order = Order {
            name: name.chars().take(500).collect(),
            memory: self.settings.memory_mb << 20,
            seconds: time.as_secs() + 1,
            parent: i32::try_from(std::process::id()).unwrap_or(0),
            pdftotext,
            ocr,
        };
        let mut order = serde_json::to_vec(&order).map_err(|e| ReadError::Process(e.to_string()))?;
        order.push(b'\n');
        let mut command = Command::new(&self.settings.program);
        let mut child = piped(command.arg(SUBCOMMAND)).spawn().map_err(|e| {
            ReadError::Process(format!(
                "{} can't be started: {e}",
                self.settings.program.display()
            ))
        })?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut group = Group::of(child);
        let talk = async {
            let say = async {
                if let Some(mut pipe) = stdin {
                    // It may end before it has read everything; how it ended says why.
                    let _ = pipe.write_all(&order).await;
                    let _ = pipe.write_all(bytes).await;
                }
            };
            let (answer, remarks, ()) = tokio::join!(bounded(stdout, MOST_ANSWER), remarks_of(stderr), say);
            (answer, remarks, group.child.wait().await)
        };
        let Ok((answer, remarks, status)) = tokio::time::timeout_at(end, talk).await else {
            group.end().await;
            return Ok(Err(Unfit::TooSlow { seconds: limit }));
        };
        let status = status.map_err(|e| ReadError::Process(e.to_string()))?;
        group.ended = true;
        if answer.len() > MOST_ANSWER {
            return Ok(Err(Unfit::too_much_text()));
        }
        if status.success()
            && let Ok(answer) = serde_json::from_slice(&answer)
        {
            return Ok(match answer {
                Answer::Found(found) => Ok(*found),
                Answer::Unfit(unfit) => Err(unfit),
                Answer::Apart => return Err(ReadError::Process("it read nothing".to_owned())),
            });
        }
        let remarks = String::from_utf8_lossy(&remarks);
        self.how_it_ended(status, &remarks, limit)
    }

    /// The reason that a dead process leaves.
    fn how_it_ended(
        &self,
        status: ExitStatus,
        remarks: &str,
        seconds: u64,
    ) -> Result<Result<Found, Unfit>, ReadError> {
        let out_of_memory = remarks.contains("memory allocation of") || remarks.contains("Out of memory");
        match status.signal().and_then(|s| Signal::try_from(s).ok()) {
            _ if out_of_memory => Ok(Err(Unfit::TooMuchMemory {
                limit_mb: self.settings.memory_mb,
            })),
            Some(Signal::SIGXCPU) => Ok(Err(Unfit::TooSlow { seconds })),
            // The kernel's own choice when memory runs out for all.
            Some(Signal::SIGKILL) => Ok(Err(Unfit::TooMuchMemory {
                limit_mb: self.settings.memory_mb,
            })),
            Some(Signal::SIGSEGV | Signal::SIGABRT | Signal::SIGBUS | Signal::SIGILL | Signal::SIGFPE) => {
                Ok(Err(Unfit::Corrupt))
            }
            Some(other) => Err(ReadError::Process(format!("it was ended by {other}"))),
            None => {
                let last = remarks.lines().last().unwrap_or_default();
                Err(ReadError::Process(format!("{status}, {last}")))
            }
        }
    }
}

/// What is said where the second program isn't there.
const NO_SECOND: &str =
    "pdftotext (poppler-utils) isn't installed; it may read this document more completely.";

/// The better of two readings.
fn better(first: Result<Found, Unfit>, second: Result<Found, Unfit>) -> Result<Extracted, Unfit> {
    match (first, second) {
        (_, Ok(second)) => Ok(second.extracted),
        (Ok(first), Err(_)) => Ok(first.extracted),
        // Of two reasons the one that says more.
        (Err(first), Err(second)) => {
            let rank = |unfit: &Unfit| match unfit {
                Unfit::Encrypted => 0,
                Unfit::TooManyPages { .. } | Unfit::TooMuchText { .. } => 1,
                Unfit::Scanned => 2,
                Unfit::TooMuchMemory { .. } => 3,
                Unfit::TooSlow { .. } => 4,
                _ => 5,
            };
            Err(if rank(&second) < rank(&first) {
                second
            } else {
                first
            })
        }
    }
}

/// Without the environment, talked to by pipes, and at the head of a group of its own.
pub(super) fn piped(command: &mut Command) -> &mut Command {
    command
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
}

/// A process and all that it started.
#[derive(Debug)]
pub(super) struct Group {
    child: Child,
    id: Option<Pid>,
    ended: bool,
}

impl Group {
    pub(super) fn of(child: Child) -> Self {
        let id = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .map(Pid::from_raw);
        Self {
            child,
            id,
            ended: false,
        }
    }

    /// Ends all of it, and waits for its end.
    pub(super) async fn end(&mut self) {
        self.kill();
        let _ = self.child.wait().await;
    }

    /// Ends all of it. Only before the process is waited for: then its number is still its own.
    fn kill(&mut self) {
        if let Some(id) = self.id.filter(|_| !self.ended) {
            let _ = killpg(id, Signal::SIGKILL);
        }
        self.ended = true;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads up to one byte more than `most`, and stops there: who writes more is ended by it.
async fn bounded(pipe: Option<impl AsyncRead + Unpin>, most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read before an error says what it can.
        let _ = pipe.take(most as u64 + 1).read_to_end(&mut bytes).await;
    }
    bytes
}

/// Keeps the first remarks, and lets the rest pass: a program that can't write them may end.
async fn remarks_of(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = (&mut pipe).take(REMARKS).read_to_end(&mut bytes).await;
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_readings_the_better_is_taken() {
        let found = |markdown: &str| {
            Ok(Found {
                extracted: Extracted {
                    markdown: markdown.to_owned(),
                    ..Extracted::default()
                },
                doubt: None,
            })
        };
        let text = |r: Result<Extracted, Unfit>| r.map(|e| e.markdown);
        assert_eq!(text(better(found("a"), found("b"))), Ok("b".to_owned()));
        assert_eq!(text(better(found("a"), Err(Unfit::Corrupt))), Ok("a".to_owned()));
        assert_eq!(
            text(better(Err(Unfit::Corrupt), Err(Unfit::Scanned))),
            Err(Unfit::Scanned)
        );
        assert_eq!(
            text(better(Err(Unfit::Encrypted), Err(Unfit::Corrupt))),
            Err(Unfit::Encrypted)
        );
    }
}
