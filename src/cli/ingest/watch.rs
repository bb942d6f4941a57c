//! Works on jobs until those of one command have ended, whoever does them, and shows how
//! far they are.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cli::display::Display;
use crate::cli::session::Session;
use crate::cli::worker;
use crate::db::jobs::{self, Outcome};
use crate::domain::ids::JobId;
use crate::domain::job::{JobState, Work};
use crate::jobs::runner::{Runner, Settings};

/// How often to look where the jobs stand.
const LOOK: Duration = Duration::from_millis(200);
/// How long jobs under way may go on when the command is interrupted.
const DRAIN: Duration = Duration::from_secs(5);

/// What became of the jobs.
#[derive(Debug, Default)]
pub struct Ended {
    /// Those that ended, and how: none if they are done, else why not.
    pub ended: HashMap<JobId, Option<String>>,
    /// Those that are still in the queue, since the command was told to stop.
    pub queued: usize,
}

/// Works until `all` have ended or `stop` is cancelled.
///
/// # Errors
/// When the database is away for longer than a moment.
pub async fn work(session: &Session, all: &[JobId], stop: &CancellationToken) -> anyhow::Result<Ended> {
    let working = stop.child_token();
    let settings = worker::settings(&session.config);
    let runner = Runner::new(
        session.db.clone(),
        worker::handlers(session).only(&[Work::INGEST_DOCUMENT]),
        Vec::new(),
        Settings {
            drain: settings.drain.min(DRAIN),
            ..settings
        },
        TaskTracker::new(),
        working.clone(),
    );
    let tasks = TaskTracker::new();
    let running = tasks.spawn(runner.run());
    let watched = watch(session, all, stop).await;
    // Other commands' jobs that it has taken may end too.
    working.cancel();
    running.await?;
    let mut ended = watched?;
    if ended.queued > 0 {
        // Some may have ended while it drained.
        ended = Ended::default();
        let mut open: HashSet<JobId> = all.iter().copied().collect();
        look(session, &mut open, &mut ended).await?;
        ended.queued = open.len();
    }
    Ok(ended)
}

async fn watch(session: &Session, all: &[JobId], stop: &CancellationToken) -> anyhow::Result<Ended> {
    let mut open: HashSet<JobId> = all.iter().copied().collect();
    let mut ended = Ended::default();
    let mut display = Display::new("files", "read", all.len());
    let mut ticks = interval(LOOK);
    while !open.is_empty() {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
        }
        let again = look(session, &mut open, &mut ended).await?;
        let remark = if again == 0 {
            String::new()
        } else {
            format!(", {again} to be tried again")
        };
        display.show(all.len() - open.len(), &remark);
    }
    ended.queued = open.len();
    Ok(ended)
}

/// Looks where the open ones stand; gives how many wait for another try.
async fn look(session: &Session, open: &mut HashSet<JobId>, ended: &mut Ended) -> anyhow::Result<u64> {
    let ids: Vec<JobId> = open.iter().copied().collect();
    let found = jobs::outcomes(&session.db, &ids).await?;
    let mut gone = open.clone();
    let mut again = 0;
    for Outcome {
        id,
        state,
        attempts,
        error,
        ..
    } in found
    {
        gone.remove(&id);
        let end = match state {
            JobState::Done => None,
            JobState::Dead => Some(error.unwrap_or_default()),
            JobState::Waiting | JobState::Running => {
                again += u64::from(state == JobState::Waiting && attempts > 0);
                continue;
            }
        };
        open.remove(&id);
        ended.ended.insert(id, end);
    }
    for id in gone {
        open.remove(&id);
        ended.ended.insert(id, Some("Its job was dropped.".to_owned()));
    }
    Ok(again)
}
