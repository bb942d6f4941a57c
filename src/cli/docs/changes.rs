//! What `deskhand docs` does to documents: has them made anew, approves and deletes them.

use std::collections::HashMap;
use std::process::ExitCode;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::display::Display;
use super::super::jobs::count;
use super::super::print::{self, line, note};
use super::super::serve::asked_to_stop;
use super::super::session::Session;
use super::super::work::{self, Ended, work};
use crate::db::document_states::DocumentView;
use crate::db::documents::{self, Approval};
use crate::db::{jobs, removal};
use crate::domain::ids::{JobId, SiteId};
use crate::domain::job::{Job, Priority, Work};
use crate::knowledge::intake;

/// What a shell says of a command that was ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Has documents made anew.
pub(super) async fn reindex(
    session: &Session,
    site: SiteId,
    wanted: Vec<DocumentView>,
    wait: bool,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let priority = if wanted.len() == 1 {
        Priority::High
    } else {
        Priority::Batch
    };
    let mut enqueued: HashMap<JobId, DocumentView> = HashMap::new();
    let mut without = Vec::new();
    for document in wanted {
        let mut tx = session.db.site(site).await?;
        let Some(upload) = intake::again(&mut tx, document.id).await? else {
            without.push(document);
            continue;
        };
        let job = Job {
            work: Work::IngestDocument {
                upload,
                document: document.id,
            },
            key: upload.to_string(),
            priority,
        };
        let job = jobs::enqueue(&mut tx, &job).await?.id;
        tx.commit().await?;
        enqueued.insert(job, document);
    }
    for d in &without {
        note(&format!(
            "{} \"{}\": its content isn't kept here and can't be fetched; hand it in again (`deskhand ingest PATH`).",
            d.id, d.title
        ));
    }
    let ids: Vec<JobId> = enqueued.keys().copied().collect();
    let mut failed = Vec::new();
    let mut queued = ids.len();
    if wait && !ids.is_empty() {
        let ended = wait_for(session, &ids).await?;
        queued = ended.queued;
        for (job, why) in ended.ended {
            if let (Some(why), Some(d)) = (why, enqueued.get(&job)) {
                note(&format!("{} \"{}\": {why}", d.id, d.title));
                failed.push(d.id);
            }
        }
    }
    if as_json {
        let jobs: Vec<_> = enqueued
            .iter()
            .map(|(job, d)| json!({ "job_id": job, "document_id": d.id }))
            .collect();
        let without: Vec<_> = without.iter().map(|d| d.id).collect();
        print::json(&json!({ "jobs": jobs, "no_source": without, "failed": failed, "queued": queued }))?;
    } else if wait {
        line(&format!(
            "{} made anew, {} failed.",
            count((ids.len() - failed.len() - queued) as u64, "document"),
            failed.len()
        ));
    } else {
        line(&format!("{} enqueued.", count(ids.len() as u64, "job")));
    }
    Ok(if wait && queued > 0 {
        ExitCode::from(INTERRUPTED)
    } else if without.is_empty() && failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// Works until these jobs have ended, or Ctrl-C.
async fn wait_for(session: &Session, ids: &[JobId]) -> anyhow::Result<Ended> {
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let interrupted = stop.clone();
    tasks.spawn(async move {
        if asked_to_stop().await.is_ok() {
            note("Stopping; documents under way may end.");
            interrupted.cancel();
        }
    });
    let mut display = Display::new("documents", "made anew", ids.len());
    let mut show = |seen: work::Seen| {
        let remark = match seen.again {
            0 => String::new(),
            again => format!(", {again} to be tried again"),
        };
        display.show(seen.ended, &remark);
    };
    work(session, ids, &[Work::INGEST_DOCUMENT], &stop, &mut show).await
}

/// The fewest digits of a content's hash that tell it from others.
const DIGITS: usize = 8;

/// A document, and the content of it that somebody has seen.
pub(super) struct Seen {
    document: DocumentView,
    /// The beginning of its hash.
    content: String,
}

impl Seen {
    /// The one that was listed with it.
    pub(super) fn as_listed(document: DocumentView) -> Self {
        let content = document.content_hash.clone().unwrap_or_default();
        Self { document, content }
    }

    /// This one.
    pub(super) fn at(document: DocumentView, content: String) -> Self {
        Self { document, content }
    }
}

/// Reads ID@CONTENT.
pub(super) fn seen(text: &str) -> anyhow::Result<(String, String)> {
    let (id, content) = text.split_once('@').ok_or_else(|| {
        anyhow::anyhow!(
            "say which content of {text} you approve: ID@CONTENT, as `deskhand docs show {text}` prints it"
        )
    })?;
    let content = content.trim().to_lowercase();
    anyhow::ensure!(
        (DIGITS..=64).contains(&content.len()) && content.bytes().all(|b| b.is_ascii_hexdigit()),
        "what stands behind the @ must be {DIGITS} to 64 digits of the content's hash"
    );
    Ok((id.to_owned(), content))
}

/// Lets documents be searched as they were seen.
pub(super) async fn approve(
    session: &Session,
    site: SiteId,
    wanted: &[Seen],
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let mut approved = Vec::new();
    let mut tx = session.db.site(site).await?;
    for Seen { document: d, content } in wanted {
        // What it is now was read just before; the database looks once more.
        let given = match &d.content_hash {
            Some(now) if now.starts_with(content) => documents::approve(&mut tx, d.id, now).await?,
            Some(_) => Approval::Changed,
            None => Approval::Nothing,
        };
        let why = match given {
            Approval::Given => {
                approved.push(d.id);
                continue;
            }
            Approval::Changed => "it has another content by now; look at that first (`docs show`)",
            Approval::Nothing => "nothing of it is taken in yet",
        };
        note(&format!("{} \"{}\": {why}.", d.id, d.title));
    }
    tx.commit().await?;
    if as_json {
        print::json(&json!({ "approved": approved }))?;
    } else {
        line(&format!("{} approved.", count(approved.len() as u64, "document")));
    }
    Ok(if approved.len() == wanted.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// Deletes documents.
pub(super) async fn remove(
    session: &Session,
    site: SiteId,
    wanted: &[DocumentView],
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let mut receipts = Vec::new();
    for d in wanted {
        let mut tx = session.db.site(site).await?;
        let removed = removal::remove(&mut tx, session.clock.now(), d.id, None, None).await?;
        tx.commit().await?;
        let Some(removed) = removed else {
            note(&format!("{}: it is deleted already.", d.id));
            continue;
        };
        let c = removed.counts;
        if !as_json {
            line(&format!(
                "{} \"{}\" is deleted: {}, {}, {}. Receipt {}",
                d.id,
                d.title,
                count(c.chunks.unsigned_abs(), "passage"),
                count(c.vectors.unsigned_abs(), "vector"),
                count(c.jobs.unsigned_abs(), "job"),
                removed.receipt
            ));
        }
        receipts.push(json!({
            "document_id": d.id, "receipt_id": removed.receipt, "at": removed.at, "counts": c,
        }));
    }
    if as_json {
        print::json(&receipts)?;
    }
    Ok(if receipts.len() == wanted.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}
