//! `deskhand ingest`: takes files and folders into a site's knowledge base. The files are
//! stored and enqueued first, so that a stop in the middle loses nothing; then this
//! process works until its jobs are done, beside any server that runs.

mod files;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::files::{Found, Refused};
use super::jobs::count;
use super::print::{self, line, note};
use super::serve::asked_to_stop;
use super::session::Session;
use super::work::{Seen, work};
use crate::cli::display::Display;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::pool::DbResult;
use crate::db::{freshness, jobs};
use crate::domain::document::NewUpload;
use crate::domain::ids::{JobId, SiteId};
use crate::domain::job::{Job, Priority, Work};
use crate::knowledge::accept;

/// Files a transaction at most.
const BATCH_FILES: usize = 50;
/// Bytes a transaction at most, but for one file that is larger.
const BATCH_BYTES: usize = 16 << 20;
/// Tries of a batch whose rows another transaction is at.
const BATCH_TRIES: usize = 3;
/// What a shell says of a command that was ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// What to take in.
#[derive(clap::Args)]
pub struct Args {
    /// Files and folders.
    #[arg(required = true, num_args = 1..)]
    paths: Vec<PathBuf>,
    /// The site's slug or id (default: the only one, or the demo).
    #[arg(long)]
    site: Option<String>,
    /// What citations link to: this and the file's path without its ending, for example
    /// https://shop.example/help/ or /help/
    #[arg(long, value_parser = url_prefix)]
    url_prefix: Option<String>,
    /// For scripts.
    #[arg(long)]
    json: bool,
}

/// Checks that a text can be linked to.
pub(super) fn address(text: &str) -> Result<(), String> {
    let rooted = text.starts_with('/') && !text.starts_with("//");
    // A browser takes a backslash for a slash, and `/\\elsewhere.example` for another site.
    let odd = text.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control());
    if odd {
        return Err("an address has no backslashes, blanks or control characters".to_owned());
    }
    if rooted || text.starts_with("https://") || text.starts_with("http://") {
        Ok(())
    } else {
        Err("a web address, or a path that begins with /".to_owned())
    }
}

fn url_prefix(text: &str) -> Result<String, String> {
    address(text)?;
    let complete = text.ends_with(['/', '=', '#']);
    Ok(if complete {
        text.to_owned()
    } else {
        format!("{text}/")
    })
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
struct Summary {
    /// Taken in: the file is new, or not what it was.
    new: u64,
    /// Known already.
    unchanged: u64,
    /// Not taken in.
    failed: Vec<Refused>,
    /// Of no supported type.
    skipped: Vec<Refused>,
    /// Not yet taken in: a worker will.
    queued: u64,
}

/// Takes in what the arguments name: exit code 0 if all went in, 1 if some failed, 2 if there
/// was nothing, 130 if it was interrupted.
///
/// # Errors
/// When there is nothing that can be read, no such site, or the database is away.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let paths = args.paths.clone();
    // Before the database is opened: a wrong path needn't wait for it.
    let walked = tokio::task::spawn_blocking(move || files::walk(&paths)).await?;
    if walked.found.is_empty() {
        for refused in walked.failed.iter().chain(&walked.skipped) {
            note(&format!("{}: {}", refused.path, refused.reason));
        }
        anyhow::bail!("there is nothing to take in");
    }
    let session = Session::open(config, Access::Attach).await?;
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let interrupted = stop.clone();
    tasks.spawn(async move {
        if asked_to_stop().await.is_ok() {
            note("Stopping; files under way may end.");
            interrupted.cancel();
        }
    });
    let done = take(&session, &args, walked, &stop).await;
    session.close().await?;
    let (summary, site) = done?;
    if args.json {
        print::json(&summary)?;
    } else {
        say(&summary, &site);
    }
    Ok(match &summary {
        s if s.queued > 0 => ExitCode::from(INTERRUPTED),
        s if s.failed.is_empty() => ExitCode::SUCCESS,
        _ => ExitCode::from(1),
    })
}

async fn take(
    session: &Session,
    args: &Args,
    walked: files::Walked,
    stop: &CancellationToken,
) -> anyhow::Result<(Summary, String)> {
    let site = session.site(args.site.as_deref()).await?;
    let mut intake = Intake::new(site.id, args.url_prefix.as_deref(), walked.found.len());
    intake.summary.failed = walked.failed;
    intake.summary.skipped = walked.skipped;
    let mut display = Display::new("files", "stored", walked.found.len());
    let mut left = walked.found.into_iter();
    while left.len() > 0 && !stop.is_cancelled() {
        let (batch, unread, rest) = tokio::task::spawn_blocking(move || {
            let (batch, unread) = read_batch(&mut left);
            (batch, unread, left)
        })
        .await?;
        left = rest;
        intake.summary.failed.extend(unread);
        intake.store(session, batch).await?;
        display.show(intake.all - left.len(), "");
    }
    drop(display);
    // Those that were never stored aren't in the queue either.
    let unread = left.len() as u64;
    let mut summary = intake.finish(session, stop).await?;
    if unread > 0 {
        note(&format!(
            "{} left out; run the same command again to take them in.",
            count(unread, "file")
        ));
        summary.queued += unread;
    }
    Ok((summary, site.slug))
}

/// Reads the next files, as many as a transaction takes.
fn read_batch(left: &mut impl Iterator<Item = Found>) -> (Vec<(Found, Vec<u8>)>, Vec<Refused>) {
    let (mut batch, mut unread, mut bytes) = (Vec::new(), Vec::new(), 0);
    while batch.len() < BATCH_FILES && bytes < BATCH_BYTES {
        let Some(found) = left.next() else { break };
        match files::read(&found.path) {
            Ok(content) => {
                bytes += content.len();
                batch.push((found, content));
            }
            Err(reason) => unread.push(Refused::new(&found.path, reason)),
        }
    }
    (batch, unread)
}

/// Files on their way in.
struct Intake<'a> {
    site: SiteId,
    url_prefix: Option<&'a str>,
    all: usize,
    priority: Priority,
    /// Which file a job is about.
    jobs: HashMap<JobId, String>,
    summary: Summary,
}

impl<'a> Intake<'a> {
    fn new(site: SiteId, url_prefix: Option<&'a str>, all: usize) -> Self {
        // Somebody waits for one file; a folder may take its time.
        let priority = if all == 1 { Priority::High } else { Priority::Batch };
        Self {
            site,
            url_prefix,
            all,
            priority,
            jobs: HashMap::new(),
            summary: Summary::default(),
        }
    }

    /// Stores files with their jobs, in one transaction.
    async fn store(&mut self, session: &Session, batch: Vec<(Found, Vec<u8>)>) -> DbResult<()> {
        let mut tries = 1;
        let stored = loop {
            match self.try_store(session, &batch).await {
                // Another command takes in the same files, in another order.
                Err(error) if error.is_transient() && tries < BATCH_TRIES => tries += 1,
                stored => break stored?,
            }
        };
        for (job, (found, _)) in stored.into_iter().zip(batch) {
            match job {
                Some(id) => {
                    self.jobs.insert(id, found.path.display().to_string());
                }
                None => self.summary.unchanged += 1,
            }
        }
        Ok(())
    }

    fn upload(&self, (found, bytes): &(Found, Vec<u8>)) -> NewUpload {
        NewUpload {
            source: "file".to_owned(),
            external_id: found.name.clone(),
            name: found.name.rsplit('/').next().unwrap_or(&found.name).to_owned(),
            bytes: bytes.clone(),
            url: self
                .url_prefix
                .map(|prefix| format!("{prefix}{}", files::slug(&found.name))),
            title: None,
        }
    }

    /// For each file its job, or none when it is known already.
    async fn try_store(&self, session: &Session, batch: &[(Found, Vec<u8>)]) -> DbResult<Vec<Option<JobId>>> {
        let new: Vec<NewUpload> = batch.iter().map(|file| self.upload(file)).collect();
        let limits = session.knowledge.limits;
        let mut tx = session.db.site(self.site).await?;
        let unchanged = accept::unchanged(&mut tx, &new, limits).await?;
        let mut stored = Vec::with_capacity(batch.len());
        for (place, new) in new.into_iter().enumerate() {
            if unchanged.contains(&place) {
                stored.push(None);
                continue;
            }
            let accepted = accept::accept(&mut tx, new, limits).await?;
            stored.push(match accepted.upload {
                None => None,
                Some(upload) => {
                    let work = Work::IngestDocument {
                        upload,
                        document: accepted.document,
                    };
                    // The upload is the input: a newer one has an id, and a job, of its own.
                    let job = Job {
                        work,
                        key: upload.to_string(),
                        priority: self.priority,
                    };
                    Some(jobs::enqueue(&mut tx, &job).await?.id)
                }
            });
        }
        tx.commit().await?;
        Ok(stored)
    }

    /// Works until its jobs have ended.
    async fn finish(mut self, session: &Session, stop: &CancellationToken) -> anyhow::Result<Summary> {
        if self.summary.unchanged > 0 {
            // Files that are as they were make no new version, but they are up to date.
            let mut tx = session.db.site(self.site).await?;
            freshness::synced(&mut tx, session.clock.now()).await?;
            tx.commit().await?;
        }
        if self.jobs.is_empty() {
            return Ok(self.summary);
        }
        let ids: Vec<JobId> = self.jobs.keys().copied().collect();
        let mut display = Display::new("files", "read", ids.len());
        let mut show = |seen: Seen| {
            let remark = match seen.again {
                0 => String::new(),
                again => format!(", {again} to be tried again"),
            };
            display.show(seen.ended, &remark);
        };
        // Measuring the model's trust, where that is due, is left to the server: nobody waits for it.
        let kinds = [Work::INGEST_DOCUMENT];
        let ended = work(session, &ids, &kinds, stop, &mut show).await?;
        drop(display);
        for (id, failure) in ended.ended {
            match failure {
                None => self.summary.new += 1,
                Some(reason) => {
                    let path = self.jobs.remove(&id).unwrap_or_default();
                    self.summary.failed.push(Refused { path, reason });
                }
            }
        }
        self.summary.queued = ended.queued as u64;
        self.summary.failed.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(self.summary)
    }
}

/// Takes in files that the program brings along, under `url_prefix`; each has a name and its
/// content.
///
/// # Errors
/// When one can't be taken in, or the database is away.
pub(super) async fn take_in(
    session: &Session,
    site: SiteId,
    url_prefix: &str,
    files: Vec<(String, Vec<u8>)>,
) -> anyhow::Result<()> {
    let mut intake = Intake::new(site, Some(url_prefix), files.len());
    let batch = files
        .into_iter()
        .map(|(name, bytes)| {
            (
                Found {
                    path: PathBuf::from(&name),
                    name,
                },
                bytes,
            )
        })
        .collect();
    intake.store(session, batch).await?;
    let summary = intake.finish(session, &CancellationToken::new()).await?;
    if let Some(failed) = summary.failed.first() {
        anyhow::bail!("{} can't be taken in: {}", failed.path, failed.reason);
    }
    Ok(())
}

fn say(summary: &Summary, site: &str) {
    for refused in &summary.skipped {
        note(&format!("left out  {}: {}", refused.path, refused.reason));
    }
    for refused in &summary.failed {
        note(&format!("failed    {}: {}", refused.path, refused.reason));
    }
    line(&format!(
        "{site}: {} new, {} unchanged, {} failed.",
        summary.new,
        summary.unchanged,
        summary.failed.len()
    ));
    if summary.queued > 0 {
        note(&format!(
            "{} not taken in yet; what is queued goes in when `deskhand serve` or `deskhand worker` runs.",
            count(summary.queued, "file")
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_prefix_is_an_address_or_a_path_and_ends_where_a_name_can_follow() {
        for (given, want) in [
            ("https://shop.example/help", Some("https://shop.example/help/")),
            ("https://shop.example/?p=", Some("https://shop.example/?p=")),
            ("/kb/", Some("/kb/")),
            ("//elsewhere.example/", None),
            ("javascript:alert(1)", None),
            ("kb", None),
            ("/\\elsewhere.example", None),
            ("https://shop.example/a b", None),
        ] {
            assert_eq!(url_prefix(given).ok().as_deref(), want, "{given}");
        }
    }

    #[test]
    fn a_batch_ends_at_its_number_of_files_or_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: usize| {
            let path = dir.path().join(name);
            std::fs::write(&path, vec![b'x'; bytes]).unwrap();
            Found {
                path,
                name: name.to_owned(),
            }
        };
        let mut many = (0..=BATCH_FILES)
            .map(|n| file(&format!("{n}.md"), 1))
            .collect::<Vec<_>>()
            .into_iter();
        assert_eq!(read_batch(&mut many).0.len(), BATCH_FILES);
        assert_eq!(read_batch(&mut many).0.len(), 1);
        let missing = Found {
            path: dir.path().join("missing.md"),
            name: "missing.md".to_owned(),
        };
        let mut large = vec![
            file("a", BATCH_BYTES),
            missing,
            file("b", BATCH_BYTES),
            file("c", 1),
        ]
        .into_iter();
        assert_eq!(read_batch(&mut large).0.len(), 1);
        let (batch, unread) = read_batch(&mut large);
        assert_eq!(
            (batch.len(), unread.len()),
            (1, 1),
            "an unreadable one ends no batch"
        );
        assert_eq!(read_batch(&mut large).0.len(), 1);
    }
}
